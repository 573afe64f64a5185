#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module podwright.fleet.rollout_host."""

from __future__ import annotations

DOCUMENTATION = r"""
module: rollout_host
short_description: One step of a rollout, on one host
version_added: 0.1.0
description:
  - What the role P(podwright.fleet.rollout#role) does on each host, one call for each phase, whatever the number
    of pods. Use the role, or the playbook C(podwright.fleet.rollout), which know when to do what.
  - Leases and records are kept in C(rollouts/state.json) of the agent's data directory.
author:
  - The podwright authors (@podwright)
extends_documentation_fragment:
  - podwright.fleet.agent
  - podwright.fleet.agent.attributes
  - podwright.fleet.common_options
attributes:
  check_mode:
    description: Can run without changing anything and tell what it would change.
    support: partial
    details:
      - O(phase=look) and O(phase=rollback) answer the agent's plan. The others do nothing.
  diff_mode:
    description: Tells what is different, before and after.
    support: partial
    details:
      - With O(phase=look) in check mode, and with O(phase=switch).
  idempotent:
    description: A second run with the same options changes nothing.
    support: full
seealso:
  - module: podwright.fleet.rollout
  - module: podwright.fleet.pod
options:
  phase:
    description:
      - V(look), tell what is there, who holds a lease, what the last rollout left, and what would change.
      - V(stage), take the lease, fetch and verify images, and find whatever would be refused later.
      - V(switch), bring the pods to what is desired.
      - V(settle), watch them for O(seconds), and make O(checks).
      - V(rollback), bring them back to what they were before O(phase=switch).
      - V(confirm), see that they are what O(phase=switch) has made of them, and do well.
      - V(finish), give back the lease, and with O(complete) record that this is what the fleet is to have.
    type: str
    choices: [look, stage, switch, settle, rollback, confirm, finish]
    required: true
  pods:
    description:
      - The pods, each with the options of the module M(podwright.fleet.pod). Their C(state) is V(started), V(stopped)
        or V(absent).
    type: list
    elements: dict
    required: true
  registry_auth:
    description:
      - Log-ins to fetch images with, as O(podwright.fleet.pod#module:registry_auth).
    type: list
    elements: dict
  context:
    description:
      - What the role says about the rollout, for events and leases, C(rollout), C(run), C(owner), C(phase),
        C(batch), C(batches), C(check), C(takes_over).
    type: dict
    default: {}
  lease:
    description:
      - Seconds that the lease is good for without being renewed. Each step renews it.
    type: int
    default: 3600
  force_unlock:
    description:
      - Take the lease also if somebody else holds it.
    type: bool
    default: false
  seconds:
    description:
      - How long to watch.
    type: float
    default: 0
  interval:
    description:
      - Seconds between two looks.
    type: float
    default: 2
  checks:
    description:
      - What must succeed besides the probes of the pods, on the host. It is tried again until its C(timeout) is over.
    type: list
    elements: dict
    default: []
    suboptions:
      command:
        description: Program and arguments; must end with 0.
        type: list
        elements: str
      url:
        description: A URL that is asked for.
        type: str
      status:
        description: Which statuses are good.
        type: list
        elements: int
        default: [200]
      timeout:
        description: For how many seconds it is tried again.
        type: float
        default: 30
  baseline:
    description:
      - For O(phase=settle), an earlier look that the pods are compared with.
    type: dict
  final:
    description:
      - For O(phase=settle), whether the host has got through its gate when this succeeds.
    type: bool
    default: true
  complete:
    description:
      - For O(phase=finish), whether the whole fleet has got what it was to get.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: See what a rollout would find
  podwright.fleet.rollout_host:
    phase: look
    pods: "{{ podwright_rollout_pods }}"
  register: found
"""

RETURN = r"""
podwright:
  description: What was found.
  returned: always
  type: dict
  contains:
    known:
      description: Of each pod that is there, its C(state), C(ready), C(uuid), C(revision), C(images), C(restarts).
      type: dict
      returned: always
    left:
      description: What the last rollout left, by pod.
      type: dict
      returned: always
    lease:
      description: The lease of somebody else on one of the pods, if there is one.
      type: dict
      returned: with O(phase=look)
    actions:
      description: What is to be done, or was done, by pod.
      type: dict
      returned: with O(phase=look), O(phase=stage), O(phase=switch) and O(phase=rollback)
podwright_event:
  description: What is told to callbacks, see the collection's C(docs/rollout.md).
  returned: by the role
  type: dict
reason:
  description: One stable word for why it failed.
  returned: on failure
  type: str
  sample: not-ready
stage:
  description: The step that failed.
  returned: on failure
  type: str
  sample: settle
object:
  description: The pod, image, or check that it failed for.
  returned: on failure
  type: str
hint:
  description: What to do about it.
  returned: on failure
  type: str
"""

from typing import Any, Optional

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.podwright.fleet.plugins.module_utils import rollout_gate, rollout_state
from ansible_collections.podwright.fleet.plugins.module_utils.agent import (
    COMMON_SPEC,
    Agent,
    AgentError,
    warn,
)
from ansible_collections.podwright.fleet.plugins.module_utils.module import Module
from ansible_collections.podwright.fleet.plugins.module_utils.objects import Kind, objects
from ansible_collections.podwright.fleet.plugins.module_utils.options import (
    OptionError,
    argument_spec,
    desired,
)
from ansible_collections.podwright.fleet.plugins.module_utils.spec import LOGINS
from ansible_collections.podwright.fleet.plugins.module_utils.spec_pod import POD

STATES = ("started", "stopped", "absent")
CHECK = {
    "command": {"type": "list", "elements": "str"},
    "url": {"type": "str"},
    "status": {"type": "list", "elements": "int", "default": [200]},
    "timeout": {"type": "float", "default": 30},
}
SPEC: dict[str, Any] = {
    "phase": {
        "type": "str",
        "choices": ["look", "stage", "switch", "settle", "rollback", "confirm", "finish"],
        "required": True,
    },
    "pods": {"type": "list", "elements": "dict", "required": True},
    "registry_auth": {"type": "list", "elements": "dict", "no_log": False},
    "context": {"type": "dict", "default": {}},
    "lease": {"type": "int", "default": 3600},
    "force_unlock": {"type": "bool", "default": False},
    "seconds": {"type": "float", "default": 0},
    "interval": {"type": "float", "default": 2},
    "checks": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": CHECK,
        "required_one_of": [("command", "url")],
        "mutually_exclusive": [("command", "url")],
    },
    "baseline": {"type": "dict"},
    "final": {"type": "bool", "default": True},
    "complete": {"type": "bool", "default": False},
}


class Host:
    """The host's pods of a rollout."""

    def __init__(self, module: Module) -> None:
        self.module = module
        self.params = module.params
        self.agent = Agent(module)
        self.state = rollout_state.State(self.params["data_dir"])
        self.desired = wanted_pods(self.params)
        self.names = [pod["name"] for pod in self.desired["pods"]]
        self.wanted = {pod["name"]: pod["state"] for pod in self.desired["pods"]}
        self.claim = claim_of(self.params)

    def known(self) -> dict[str, dict[str, Any]]:
        """What is there of the pods."""
        found = rollout_gate.snapshot(self.agent.read("list"), self.names)
        for name in self.names:
            if name not in found:
                found.update(self._stopped(name))
        return found

    def _stopped(self, name: str) -> dict[str, dict[str, Any]]:
        """A pod that the host knows and that has nothing to be listed; none if it does not know it."""
        try:
            history = self.agent.read("history", name)
        except AgentError:
            return {}
        pod = {"pod_name": name, "state": "stopped", "history": history}
        return rollout_gate.snapshot([pod], [name])

    # -- phases

    def look(self) -> dict[str, Any]:
        """Change nothing."""
        import time

        found = self.state.read()
        lease = rollout_state.holder(found["leases"], self.names, self.claim, time.time())
        told: dict[str, Any] = {
            "lease": lease and lease_shown(lease),
            "left": {name: found["pods"][name] for name in self.names if name in found["pods"]},
        }
        told["known"] = self.known()
        answer = self.agent.apply(self.desired, "--check")
        told["actions"] = actions_of(answer)
        out: dict[str, Any] = {"podwright": told}
        if self.module.check_mode:
            out.update(changed=answer.get("changed") is True)
            out.update({"diff": answer["diff"]} if self.module._diff else {})
        return out

    def stage(self) -> dict[str, Any]:
        """Take the lease, and bring everything here that can be brought before the switch."""
        self._hold("locked")
        answer = self.agent.apply(self.desired, "--stage")
        actions = actions_of(answer)
        fetched = any("fetch" in done for done in actions.values())
        return {"changed": fetched, "podwright": {"actions": actions}}

    def switch(self) -> dict[str, Any]:
        """Bring the pods to what is desired, and remember what they were."""
        self._hold("lock-lost")
        before = self.known()
        with self.state.changing() as found:
            for name in self.names:
                found["pods"][name] = self._pending(found["pods"].get(name), before.get(name))
        try:
            answer = self.agent.apply(self.desired)
        except AgentError as error:
            self._record(rollout_state.FAILED)
            parts = error.failure.get("pods")
            error.failure["podwright"] = {"actions": actions_of({"pods": parts or []})}
            raise
        known = self._record(rollout_state.SWITCHED)
        warn(self.module, answer)
        out: dict[str, Any] = {"changed": answer.get("changed") is True}
        out["podwright"] = {"actions": actions_of(answer), "known": known}
        return {**out, "diff": answer["diff"]} if self.module._diff else out

    def _pending(
        self, record: Optional[dict[str, Any]], now: Optional[dict[str, Any]]
    ) -> dict[str, Any]:
        """A record of a pod that is about to be changed. What an interrupted run has noted stays."""
        unsettled = record is not None and record["stage"] in rollout_state.UNSETTLED
        before = record["before"] if record is not None and unsettled else view(now)
        return {
            "rollout": self.claim.rollout,
            "run": self.claim.run,
            "stage": rollout_state.PENDING,
            "complete": False,
            "before": before,
            **view(now),
        }

    def _record(self, stage: str) -> dict[str, dict[str, Any]]:
        """Record what the pods are now."""
        known = self.known()
        with self.state.changing() as found:
            for name in self.names:
                mine = {"rollout": self.claim.rollout, "run": self.claim.run}
                record = found["pods"].get(name, {"before": view(None), "complete": False})
                record.update(mine, stage=stage, **view(known.get(name)))
                found["pods"][name] = record
        return known

    def settle(self) -> dict[str, Any]:
        """Watch for a while."""
        self._hold("lock-lost")
        before = self.params["baseline"] or self.known()
        found = rollout_gate.trouble(self.wanted, {}, before)
        found = found or rollout_gate.check(self.params["checks"])
        found = found or rollout_gate.watch(
            self.known, self.wanted, before, self.params["seconds"], self.params["interval"]
        )
        if found is not None:
            self._record(rollout_state.FAILED)
            fail(found, "settle")
        if self.params["final"]:
            self._record(rollout_state.GOOD)
        return {"podwright": {"known": before}}

    def rollback(self) -> dict[str, Any]:
        """Bring the pods back."""
        acts = not self.module.check_mode
        if acts:
            self._hold("lock-lost")
        records, known = self.state.read()["pods"], self.known()
        wanted = []
        for name in self.names:
            if name in records and records[name]["stage"] != rollout_state.ROLLED_BACK:
                wanted += going_back(name, records[name]["before"], known.get(name))
        lost = [pod["name"] for pod in wanted if pod.get("revision") == 0]
        if lost:
            raise AgentError(
                f"pod {lost[0]} was removed, and what it was is not kept",
                reason="rollback-impossible",
                stage="rollback",
                object=lost[0],
                hint="roll out what it was",
            )
        answer = self.agent.apply({"pods": wanted}) if wanted else {}
        known = self._record(rollout_state.ROLLED_BACK) if acts else known
        changed = answer.get("changed") is True
        return {"changed": changed, "podwright": {"actions": actions_of(answer), "known": known}}

    def confirm(self) -> dict[str, Any]:
        """See that all is as it was left, and well."""
        records, before = self.state.read()["pods"], self.known()
        for name in self.names:
            left = records.get(name)
            if left is not None and left["revision"] != view(before.get(name))["revision"]:
                raise AgentError(
                    f"pod {name} has revision {view(before.get(name))['revision']}, and the rollout"
                    f" left {left['revision']}",
                    reason="changed",
                    stage="confirm",
                    object=name,
                    hint="see who has changed it: podwright history " + name,
                )
        found = rollout_gate.watch(
            self.known, self.wanted, before, self.params["seconds"], self.params["interval"]
        )
        if found is not None:
            fail(found, "confirm")
        return {"podwright": {"known": before}}

    def finish(self) -> dict[str, Any]:
        """Give back the lease."""
        if self.params["complete"]:
            known = self.known()
            with self.state.changing() as found:
                for name in self.names:
                    record = found["pods"].get(name) or self._pending(None, known.get(name))
                    record.update(stage=rollout_state.GOOD, complete=True, **view(known.get(name)))
                    found["pods"][name] = record
        self.state.release(self.claim)
        return {"podwright": {}}

    def _hold(self, reason: str) -> None:
        """Take the lease, or renew it. Raises AgentError when somebody else has it."""
        other = self.state.claim(self.names, self.claim)
        if other is not None:
            text = lease_shown(other)
            raise AgentError(
                f"{text['message']}; {text['hint']}",
                reason=reason,
                stage="lock",
                object=other["pod"],
                hint=text["hint"],
            )


def view(now: Optional[dict[str, Any]]) -> dict[str, Any]:
    """What a record says of a pod."""
    if now is None:
        return {"revision": 0, "created_at": "", "running": False}
    return {
        "revision": now["revision"],
        "created_at": now["created_at"],
        "running": now["state"] == "running",
    }


def going_back(
    name: str, before: dict[str, Any], now: Optional[dict[str, Any]]
) -> list[dict[str, Any]]:
    """What to ask for so that a pod is again what it was; nothing if it is. `revision` 0: cannot be done."""
    current = view(now)
    if current == before:
        return []
    if not before["revision"]:
        return [{"name": name, "state": "absent"}] if now is not None else []
    state = "started" if before["running"] else "stopped"
    if now is None:
        return [{"name": name, "revision": 0}]
    return [{"name": name, "state": state, "revision": before["revision"]}]


def lease_shown(lease: dict[str, Any]) -> dict[str, Any]:
    """A lease, and a sentence about it."""
    since, until = (rollout_state.shown(lease[at]) for at in ("since", "expires"))
    return {
        "pod": lease["pod"],
        "rollout": lease["rollout"],
        "owner": lease["owner"],
        "since": since,
        "expires": until,
        "message": f"pod {lease['pod']} is being rolled out by {lease['owner']} since {since}"
        f" (rollout {lease['rollout']}, locked until {until})",
        "hint": "wait for it; if it is certain that it has ended, podwright_rollout_force_unlock=true",
    }


def actions_of(answer: dict[str, Any]) -> dict[str, list[str]]:
    """The actions of the agent's answer by pod."""
    parts = answer.get("pods") or []
    return {part["name"]: list(part.get("actions") or ()) for part in parts}


def fail(trouble: rollout_gate.Trouble, stage: str) -> None:
    """Raise what was found as the module's failure."""
    text = f"{trouble.message}; {trouble.hint}" if trouble.hint else trouble.message
    raise AgentError(
        text, reason=trouble.reason, stage=stage, object=trouble.object, hint=trouble.hint
    )


def claim_of(params: dict[str, Any]) -> rollout_state.Claim:
    """Who asks, of the options."""
    context = params["context"]
    return rollout_state.Claim(
        str(context.get("rollout") or "by hand"),
        str(context.get("run") or "by hand"),
        str(context.get("owner") or "somebody"),
        params["lease"],
        tuple(map(str, context.get("takes_over") or ())),
        params["force_unlock"],
    )


def wanted_pods(params: dict[str, Any]) -> dict[str, Any]:
    """The desired state for the agent. Raises OptionError."""
    kind = Kind("pods", "name", STATES, POD, shared=LOGINS)
    table = kind.module_table()
    known = {name: table[name] for name in ("pods", "registry_auth", "state")}
    given = {"pods": params["pods"]}
    given.update({"registry_auth": params["registry_auth"]} if params["registry_auth"] else {})
    checked = ArgumentSpecValidator(argument_spec(known)).validate(given)
    if checked.error_messages:
        raise OptionError(f"pods: {'; '.join(checked.error_messages)}")
    validated = checked.validated_parameters
    out = desired(LOGINS, validated)
    out["pods"] = objects(kind, validated)
    twice = {pod["name"] for pod in out["pods"]}
    if len(twice) != len(out["pods"]):
        raise OptionError("pods: two of them have the same name")
    return out


def main() -> None:
    """Do one step."""
    module = Module(argument_spec={**COMMON_SPEC, **SPEC}, supports_check_mode=True)
    phase = module.params["phase"]
    if module.check_mode and phase not in ("look", "rollback"):
        module.exit_json(changed=False, podwright={})
    try:
        done = getattr(Host(module), phase)()
    except OptionError as error:
        module.fail_json(msg=str(error), object=error.path, hint=error.hint)
    except AgentError as error:
        module.fail_json(**error.failure)
    except (rollout_state.StateError, OSError) as error:
        module.fail_json(msg=str(error), reason="bad-state", stage="host", object="rollouts")
    module.exit_json(**{"changed": False, **done})


if __name__ == "__main__":
    main()
