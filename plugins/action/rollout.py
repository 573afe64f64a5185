# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The controller's part of a rollout: reads what tasks have answered, decides, keeps the journal.

It connects to nobody. What it decides is in `plugin_utils/rollout_steps.py`, and pure; here are
the journal, the clock, and Ansible's variables.
"""

from __future__ import annotations

import json
import os
import time
import uuid
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.module_utils.common.text.converters import to_text
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible.utils.unsafe_proxy import wrap_var
from ansible_collections.podwright.fleet.plugins.plugin_utils import (
    rollout_answer,
    rollout_events,
    rollout_journal,
    rollout_options,
    rollout_plan,
    rollout_state,
    rollout_steps,
    rollout_table,
    status_write,
)

Answer = dict[str, Any]
OPTIONS = (
    *("canary", "batches", "max_failures", "rollback", "pause", "pause_for", "accept_drift"),
    *("force_unlock", "lease", "single", "direction"),
)
ROLE = os.path.realpath(
    os.path.join(os.path.dirname(__file__), "../../roles/rollout/meta/argument_specs.yml")
)
"""Where the role's variables are described."""


class ActionModule(ActionBase):
    """One decision of a rollout."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """See the module's documentation."""
        result = super().run(tmp, task_vars)
        self._vars = task_vars or {}
        self._args = dict(self._task.args)
        self._state: dict[str, Any] = plain(self._args.get("state") or {})
        result["changed"] = False
        step = getattr(self, f"_step_{self._args.get('step')}", None)
        if step is None:
            raise AnsibleActionFail(f"there is no step {self._args.get('step')!r}")
        try:
            result.update(step())
        except rollout_steps.Refused as refused:
            result.update(self._refused(refused.told))
        except rollout_journal.Busy as busy:
            told = {"message": str(busy), "reason": "locked", "stage": "journal", "hint": busy.hint}
            result.update(self._refused(told))
        except (rollout_plan.PlanError, rollout_journal.JournalError) as error:
            text, _semicolon, hint = str(error).partition("; ")
            named = text.partition(":")[0]
            told = {
                "message": text,
                "reason": "bad-input",
                "stage": "input",
                "object": named if named.startswith("podwright_") else "",
                "hint": hint or "docs/rollout.md says what the variables mean",
            }
            result.update(self._refused(told))
        return dict(wrap_var(result))

    def _refused(self, told: dict[str, str]) -> Answer:
        context = rollout_state.context(self._state, "") if self._state.get("run") else {}
        text = told["message"]
        if told["hint"] and told["hint"] not in text:
            text = f"{text}; {told['hint']}"
        answer = {"failed": True, "msg": text, **told}
        return rollout_events.attach(
            answer, rollout_events.event("rollout-refused", context, **told)
        )

    def _answer(self, state: Answer, events: list[Answer], **more: Any) -> Answer:
        at, batches = state["at"], state["batches"] or []
        now = batches[at] if 0 <= at < len(batches) else []
        answer = {"state": state, "now": now, "lost": rollout_state.lost_hosts(state), **more}
        return rollout_events.attach(answer, *events)

    def _result(self, host: str, name: str) -> Any:
        """What a task has answered for a host."""
        raw = self._vars["hostvars"].raw_get(host)
        found = plain(raw.get(f"podwright_rollout_{name}")) if isinstance(raw, dict) else None
        return rollout_answer.checked(name, found, self._state["run"])

    @property
    def _journal(self) -> rollout_journal.Journal:
        directory = str(self._args.get("journal") or rollout_journal.default_directory())
        directory = os.path.realpath(os.path.expanduser(directory))
        name = self._state.get("name") or str(self._args.get("name"))
        return rollout_journal.Journal(directory, name)

    def _note(self, **changes: Any) -> None:
        """Keep the journal. What cannot be written stops no rollout in its middle: hosts know how far they are."""
        if self._state["check"]:
            return
        content = {**journaled(self._state), **changes}
        process = rollout_journal.Process.of(os.getppid())
        try:
            self._journal.note(self._state["run"], content, process)
        except rollout_journal.JournalError as error:
            Display().warning(f"{error}; it goes on without")

    # -- steps, in order

    def _step_open(self) -> Answer:
        options = self._options()
        options["check"] = bool(self._task.check_mode)
        options["direction"] = options["direction"] or rollout_steps.FORTH
        journal = self._journal
        journal.refuse_second(force=options["force_unlock"])
        last = journal.read()
        goes_on = last.get("state") != "done" and last.get("direction") == options["direction"]
        self._state = rollout_steps.opened(
            journal.name,
            str(uuid.uuid4()),
            rollout_journal.owner(os.getppid()),
            journal.ended(),
            options,
            last.get("accepted", []) if goes_on else [],
            [last["run"], *last["earlier"]] if last else [],
        )
        return {"state": self._state, "context": rollout_state.context(self._state, "look")}

    def _options(self) -> Answer:
        """The task's options, in the place of which the role's variables are judged. Raises PlanError."""
        spec = plain(self._loader.load_from_file(ROLE))["argument_specs"]["main"]["options"]
        prefix = rollout_options.PREFIX
        rollout_options.refuse_strangers(list(map(str, self._vars)), spec)
        if prefix + "pods" not in self._vars:
            rollout_options.missing_pods()
        options = {name: plain(self._args.get(name)) for name in OPTIONS}
        given = {prefix + name: one for name, one in options.items() if one is not None}
        mine = {name: one for name, one in spec.items() if name.removeprefix(prefix) in OPTIONS}
        found = rollout_options.validated(
            mine, {name: given[name] for name in mine if name in given}
        )
        options.update({name.removeprefix(prefix): one for name, one in found.items()})
        options["accept_drift"] = rollout_options.hosts(options["accept_drift"])
        return options

    def _step_plan(self) -> Answer:
        hosts = [to_text(host) for host in self._vars["ansible_play_batch"]]
        groups = {name: list(found) for name, found in self._vars["groups"].items()}
        state, events = rollout_steps.planned(self._state, hosts, self._result, groups)
        journal = self._journal
        if not state["check"] and state["batches"]:
            state["since"] = events[0]["time"]
            process = rollout_journal.Process.of(os.getppid())
            force = state["options"]["force_unlock"]
            journal.begin(state["run"], journaled(state), process, force=force)
        lines = rollout_table.plan(state)
        more = {"todo": [host for batch in state["batches"] for host in batch]}
        state["journal"] = bool(state["batches"]) and not state["check"]
        return self._answer(
            state,
            events,
            lines=lines,
            pause_file=journal.pause,
            context=rollout_state.context(state, "stage"),
            **more,
        )

    def _step_staged(self) -> Answer:
        state, events = rollout_steps.staged(self._state, self._result)
        batches = state["batches"]
        if batches:
            self._note(at=rollout_state.label(state))
        return self._answer(
            state,
            events,
            context=rollout_state.context(state, "batch"),
            serial=[len(batch) for batch in batches] or [1],
            order=[host for batch in batches for host in batch],
            play_hosts=f"podwright_rollout_{state['run'].replace('-', '')}"
            if batches
            else "all:!all",
        )

    def _step_judge(self) -> Answer:
        state, events = rollout_steps.judged(self._state, self._result)
        return self._answer(state, events, context=rollout_state.context(state, "rollback"))

    def _step_end(self) -> Answer:
        asked = os.path.exists(self._journal.pause)
        state, events = rollout_steps.ended(self._state, self._result, asked)
        self._note(at=rollout_state.label(state), pause=state["pause"])
        return self._answer(state, events, context=rollout_state.context(state, "batch"))

    def _step_resume(self) -> Answer:
        """Wait, as long as it takes, or see what was answered."""
        kind = self._state["pause"]
        go_on = True
        if kind == "prompt":
            go_on = str(self._args.get("answer") or "").strip().lower() in ("go", "yes", "y")
        elif kind == "seconds":
            time.sleep(float(self._state["options"]["pause_for"]))
        while go_on and os.path.exists(self._journal.pause):
            go_on = not _says_stop(self._journal.pause)
            time.sleep(0.5)
        state, events = rollout_steps.resumed(self._state, go_on)
        self._note(at=rollout_state.label(state), pause="")
        return self._answer(state, events, context=rollout_state.context(state, "batch"))

    def _step_close(self) -> Answer:
        state, events = rollout_steps.closing(self._state, self._result)
        return self._answer(state, events, context=rollout_state.context(state, "confirm"))

    def _step_confirm(self) -> Answer:
        state, events = rollout_steps.confirmed(self._state, self._result)
        return self._answer(state, events, context=rollout_state.context(state, "rollback"))

    def _step_finish(self) -> Answer:
        state, events = rollout_steps.closed(self._state, self._result)
        report = {
            "rollout": state["name"],
            "run": state["run"],
            "direction": state["direction"],
            "check": state["check"],
            "outcome": state["outcome"],
            "stop": state["stop"],
            "paused": state["paused"],
            "pods": state["pods"],
            "hosts": {
                host: {
                    name: known[name] for name in known if name not in ("looked", "earlier", "held")
                }
                for host, known in state["hosts"].items()
            },
        }
        if state.get("journal"):
            self._note(state=state["outcome"])
        if self._args.get("report") and not state["check"]:
            _write_report(str(self._args["report"]), report)
        return self._answer(state, events, report=report, lines=rollout_table.summary(state))


def journaled(state: Answer) -> Answer:
    """What the journal says of a rollout: see `rollout_journal.Journal.note`."""
    return {
        "rollout": state["name"],
        "direction": state["direction"],
        "accepted": state["accepted"],
        "owner": state["owner"],
        "since": state["since"],
        "lease": state["options"]["lease"],
        "pods": state["pods"],
        "batches": state["batches"],
        "results": {host: known["result"] for host, known in state["hosts"].items()},
        "at": "",
    }


def _write_report(path: str, report: Answer) -> None:
    """Replace the report in one step. What cannot be written ends no rollout that is over: it is a warning."""
    try:
        status_write.write(status_write.check(path), json.dumps(report, indent=1, sort_keys=True))
    except status_write.WriteError as error:
        Display().warning(f"podwright_rollout_report: {error}; {error.hint}")


def _says_stop(path: str) -> bool:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read(64).strip() == "stop"
    except OSError:
        return False


def plain(given: Any) -> Any:
    """The same without what Ansible has put around values."""
    if isinstance(given, dict):
        return {str(name): plain(content) for name, content in given.items()}
    if isinstance(given, (list, tuple)):
        return [plain(item) for item in given]
    return str(given) if isinstance(given, str) else given
