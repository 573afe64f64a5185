# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Controller side of the module podwright.fleet.rollout_host: adds events, and watches in slices.

A long watch is cut into calls of a few seconds, so that no connection is silent for long and
trouble is known soon. A host that is not reached is an event like any other failure.
"""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.action import ActionBase
from ansible_collections.podwright.fleet.plugins.plugin_utils import live_watch
from ansible_collections.podwright.fleet.plugins.plugin_utils import rollout_events as events

MODULE = "podwright.fleet.rollout_host"
SLICE = 20.0
"""Seconds of a watch that one call of the module takes at most."""

NOT_TOLD = ("ansible_facts", "podwright_event", "podwright_events", "run")
"""What a host does not say: variables of the play, how the rollout goes, and what it has answered to."""

SILENT = ("finish",)
"""Phases after which a host that did well is not told of: more is to come, or nobody asks."""

FETCHING = ("stage", "switch", "rollback")
"""Phases in which a host may download something."""


class ActionModule(ActionBase):
    """Run one step, and tell about it."""

    TRANSFERS_FILES = False
    _supports_async = False

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """See the module's documentation."""
        super().run(tmp, task_vars)
        arguments = dict(self._task.args)
        known = task_vars or {}
        try:
            if arguments.get("phase") in ("switch", "settle", "confirm"):
                answer = self._watch(arguments, known)
            else:
                answer = self._ask(arguments, known)
        except AnsibleConnectionFailure as error:
            answer = {"unreachable": True, "msg": str(error)}
        run = dict(arguments.get("context") or {}).get("run")
        if run:
            answer["run"] = str(run)
        return events.attach(answer, *self._events(dict(self._task.args), answer, known))

    def _ask(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        with live_watch.watching(self, task_vars, arguments.get("phase") in FETCHING):
            answer: dict[str, Any] = self._execute_module(MODULE, arguments, task_vars=task_vars)
        return {name: answer[name] for name in answer if name not in NOT_TOLD}

    def _watch(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        left = float(arguments.get("seconds") or 0)
        first: dict[str, Any] = {}
        while True:
            now = min(left, SLICE)
            left -= now
            part = {**arguments, "seconds": now, "final": left <= 0}
            answer = self._ask(part, task_vars)
            first = first or answer
            if answer.get("failed") or answer.get("unreachable") or left <= 0:
                return _joined(first, answer)
            # The first look of all stays what the pods are compared with.
            arguments["baseline"] = _told(first).get("known")
            if arguments["phase"] == "switch":
                arguments["phase"] = "settle"

    def _events(
        self, arguments: dict[str, Any], answer: dict[str, Any], task_vars: dict[str, Any]
    ) -> list[dict[str, Any]]:
        phase = str(arguments.get("phase"))
        context = dict(arguments.get("context") or {})
        if not context.get("run"):
            return []  # not called by the role
        if phase in ("look", "stage", "rollback", "confirm"):
            context.update(phase=phase)
        host = str(task_vars.get("inventory_hostname", ""))
        about = {"host": host, "actions": _actions(answer)}
        if answer.get("failed") or answer.get("unreachable"):
            return [events.event("host-failed", context, **about, **events.failure(answer))]
        if phase in SILENT:
            return []
        kind = "host-rolled-back" if phase == "rollback" else "host-ok"
        return [events.event(kind, context, **about)]


def _actions(answer: dict[str, Any]) -> dict[str, Any]:
    """What was done, by pod."""
    found = _told(answer).get("actions")
    return dict(found) if isinstance(found, dict) else {}


def _told(answer: dict[str, Any]) -> dict[str, Any]:
    """What the host says that it has found; nothing if that makes no sense."""
    found = answer.get("podwright")
    return found if isinstance(found, dict) else {}


def _joined(first: dict[str, Any], last: dict[str, Any]) -> dict[str, Any]:
    """The last answer, with what the first one has done."""
    if first is last or not isinstance(last.get("podwright", {}), dict):
        return last
    told = {**_told(first), **_told(last)}
    changed = bool(first.get("changed") or last.get("changed"))
    return {**first, **last, "changed": changed, "podwright": told}
