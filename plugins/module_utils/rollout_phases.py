# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The steps of a rollout on one host, as the module rollout_host offers them."""

from __future__ import annotations

import time
from typing import Any, Optional

from ansible_collections.podwright.fleet.plugins.module_utils import (
    rollout_gate,
    rollout_pods,
    rollout_state,
)
from ansible_collections.podwright.fleet.plugins.module_utils.agent import (
    Agent,
    AgentError,
    warn,
)
from ansible_collections.podwright.fleet.plugins.module_utils.module import Module

Answer = dict[str, Any]
Known = dict[str, dict[str, Any]]
"""What is there, by pod: `rollout_gate.snapshot`."""


class Host:
    """The host's pods of a rollout; `back` when they are to be what they were before the last one."""

    def __init__(self, module: Module) -> None:
        self.module = module
        self.params = module.params
        self.agent = Agent(module)
        self.state = rollout_state.State(self.params["data_dir"])
        self.desired = rollout_pods.wanted_pods(self.params)
        self.names = [pod["name"] for pod in self.desired["pods"]]
        self.claim = rollout_pods.claim_of(self.params)
        self.back = self.params["context"].get("direction") == "back"

    def known(self) -> Known:
        """What is there of the pods."""
        found = rollout_gate.snapshot(self.agent.read("list"), self.names)
        for name in self.names:
            if name not in found:
                found.update(self._stopped(name))
        return found

    def _stopped(self, name: str) -> Known:
        """A pod that the host knows and that has nothing to be listed; none if it does not know it."""
        try:
            history = self.agent.read("history", name)
        except AgentError:
            return {}
        pod = {"pod_name": name, "state": "stopped", "history": history}
        return rollout_gate.snapshot([pod], [name])

    # -- phases

    def look(self) -> Answer:
        """Change nothing."""
        found, known = self.state.read(), self.known()
        lease = rollout_state.holder(found["leases"], self.names, self.claim, time.time())
        answer = self._ask(self._wanted(found["pods"], known), "--check")
        told = {
            "lease": lease and rollout_pods.lease_shown(lease),
            "held": any(
                found["leases"][name]["run"] in self.claim.takes_over
                for name in self.names
                if name in found["leases"]
            ),
            "left": {name: found["pods"][name] for name in self.names if name in found["pods"]},
            "known": known,
            "actions": {**{name: [] for name in self.names}, **rollout_pods.actions_of(answer)},
            "wants": {} if self.back else rollout_pods.wishes(self.desired["pods"]),
        }
        out: Answer = {"podwright": told}
        if self.module.check_mode:
            out.update(changed=answer.get("changed") is True)
            out.update(self._diff(answer))
        return out

    def _diff(self, answer: Answer) -> Answer:
        wanted = self.module._diff and "diff" in answer
        return {"diff": rollout_pods.headed(answer["diff"])} if wanted else {}

    def stage(self) -> Answer:
        """Take the lease, and bring everything here that can be brought before the switch."""
        self._hold("locked")
        answer = self._ask(self._wanted_now(), "--stage")
        actions = rollout_pods.actions_of(answer)
        fetched = any("fetch" in done for done in actions.values())
        return {"changed": fetched, "podwright": {"actions": actions}}

    def switch(self) -> Answer:
        """Bring the pods to what is desired, remember what they were, and see that they do well."""
        self._hold("lock-lost")
        try:
            answer = self._go_back() if self.back else self._go_forth()
        except AgentError as error:
            self._record(rollout_state.FAILED)
            parts = error.failure.get("pods")
            done = rollout_pods.actions_of({"pods": parts or []})
            error.failure["podwright"] = {"actions": done}
            raise
        known = self._record(rollout_state.SWITCHED)
        warn(self.module, answer)
        told = {"actions": rollout_pods.actions_of(answer), "known": known}
        out = {"changed": answer.get("changed") is True, "podwright": told, **self._diff(answer)}
        try:
            self._judge(known)
        except AgentError as error:
            error.failure.update(out)
            raise
        return out

    def settle(self) -> Answer:
        """Watch on."""
        self._hold("lock-lost")
        before = self.params["baseline"] or self.known()
        self._judge(before)
        return {"podwright": {"known": before}}

    def rollback(self) -> Answer:
        """Bring the pods back."""
        acts = not self.module.check_mode
        if acts:
            self._hold("lock-lost")
        answer = self._go_back()
        known = self._record(rollout_state.ROLLED_BACK) if acts else self.known()
        told = {"actions": rollout_pods.actions_of(answer), "known": known}
        return {"changed": answer.get("changed") is True, "podwright": told}

    def confirm(self) -> Answer:
        """See that all is as this run has left it, and well; what it left alone need only be well."""
        records, before = self.state.read()["pods"], self.known()
        for name in self.names:
            left = records.get(name)
            now = rollout_pods.view(before.get(name))
            mine = left is not None and left["run"] == self.claim.run
            if mine and left["revision"] != now["revision"]:
                raise AgentError(
                    f"pod {name} has revision {now['revision']}, and the rollout"
                    f" left {left['revision']}",
                    reason="changed",
                    stage="confirm",
                    object=name,
                    hint="see who has changed it: podwright history " + name,
                )
        found = self._trouble(before)
        if found is not None:
            rollout_pods.fail(found, "confirm")
        return {"podwright": {"known": before}}

    def finish(self) -> Answer:
        """Give back the lease."""
        if self.params["complete"] and not self.back:
            records = self.state.read()["pods"]
            mine = [
                name for name in self.names if records.get(name, {}).get("run") == self.claim.run
            ]
            # What this run has recorded was confirmed; what runs elsewhere is looked at.
            known = None if mine == self.names else self.known()
            with self.state.changing() as found:
                for name in self.names:
                    # What was as desired already goes back to what it is: a rollback leaves it alone.
                    now = known.get(name) if known is not None else None
                    record = found["pods"].get(name) or self._pending(None, now)
                    record.update(stage=rollout_state.GOOD, complete=True)
                    record.update(rollout_pods.view(known.get(name)) if known is not None else {})
                    found["pods"][name] = record
        self.state.release(self.claim)
        return {"podwright": {}}

    # -- what phases have in common

    def _wanted(self, records: dict[str, Any], known: Known) -> Answer:
        """What to ask the agent for; no pods if there is nothing to go back to."""
        if not self.back:
            return self.desired
        return {"pods": rollout_pods.all_back(self.names, records, known)}

    def _wanted_now(self) -> Answer:
        return self._wanted(self.state.read()["pods"], self.known()) if self.back else self.desired

    def _ask(self, wanted: Answer, *flags: str) -> Answer:
        return self.agent.apply(wanted, *flags) if wanted["pods"] else {}

    def _go_forth(self) -> Answer:
        before = self.known()
        with self.state.changing() as found:
            for name in self.names:
                found["pods"][name] = self._pending(found["pods"].get(name), before.get(name))
        return self.agent.apply(self.desired)

    def _go_back(self) -> Answer:
        """Whoever is interrupted here goes on: what is pending is no drift, and what was before stays."""
        wanted = rollout_pods.all_back(self.names, self.state.read()["pods"], self.known())
        if wanted and not self.module.check_mode:
            with self.state.changing() as found:
                for pod in wanted:
                    found["pods"][pod["name"]].update(stage=rollout_state.PENDING)
        return self._ask({"pods": wanted})

    def _pending(self, record: Optional[Answer], now: Optional[Answer]) -> Answer:
        """A record of a pod that is about to be changed. What an interrupted run has noted stays."""
        unsettled = record is not None and record["stage"] in rollout_state.UNSETTLED
        view = rollout_pods.view(now)
        before = record["before"] if record is not None and unsettled else view
        return {
            "rollout": self.claim.rollout,
            "run": self.claim.run,
            "stage": rollout_state.PENDING,
            "complete": False,
            "before": before,
            **view,
        }

    def _record(self, stage: str) -> Known:
        """Record what the pods are now. Going back, a pod that no rollout has touched gets no record."""
        known = self.known()
        nothing = rollout_pods.view(None)
        with self.state.changing() as found:
            for name in self.names:
                if self.back and name not in found["pods"]:
                    continue
                mine = {"rollout": self.claim.rollout, "run": self.claim.run}
                record = found["pods"].get(name, {"before": nothing})
                record.update(mine, stage=stage, complete=False)
                record.update(rollout_pods.view(known.get(name)))
                found["pods"][name] = record
        return known

    def _states(self) -> dict[str, str]:
        if self.back:
            return rollout_pods.states_before(self.names, self.state.read()["pods"])
        return {pod["name"]: pod["state"] for pod in self.desired["pods"]}

    def _judge(self, before: Known) -> None:
        """Watch for a while, and make the checks; record how it went. Raises AgentError."""
        found = self._trouble(before, self.params["checks"])
        if found is not None:
            self._record(rollout_state.FAILED)
            rollout_pods.fail(found, "settle")
        if self.params["final"]:
            self._passed()

    def _passed(self) -> None:
        stage = rollout_state.ROLLED_BACK if self.back else rollout_state.GOOD
        with self.state.changing() as found:
            for name in self.names:
                if name in found["pods"]:
                    found["pods"][name].update(stage=stage)

    def _trouble(
        self, before: Known, checks: Optional[list[Answer]] = None
    ) -> Optional[rollout_gate.Trouble]:
        """What is wrong now, or becomes so in the time that is to be watched."""
        wanted, seconds = self._states(), self.params["seconds"]
        found = rollout_gate.trouble(wanted, {}, before) or rollout_gate.check(checks or [])
        if found is not None or not (seconds or checks or self.params["baseline"]):
            return found
        return rollout_gate.watch(self.known, wanted, before, seconds, self.params["interval"])

    def _hold(self, reason: str) -> None:
        """Take the lease, or renew it. Raises AgentError when somebody else has it."""
        other = self.state.claim(self.names, self.claim)
        if other is not None:
            text = rollout_pods.lease_shown(other)
            raise AgentError(
                f"{text['message']}; {text['hint']}",
                reason=reason,
                stage="lock",
                object=other["pod"],
                hint=text["hint"],
            )
