# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the live view knows: hosts, what each does, and how far a rollout is. No terminal, no Ansible."""

from __future__ import annotations

from typing import Any

from ansible_collections.podwright.fleet.plugins.plugin_utils import live_fetch
from ansible_collections.podwright.fleet.plugins.plugin_utils.status_values import (
    mapping,
    text,
    texts,
)

PHASES = ("look", "stage", "canary", "batch", "rollback", "confirm")
"""Of a rollout, see docs/rollout.md; a host is in one batch only, so all batches are one column."""

TELLERS = ("podwright.fleet.rollout", "podwright.fleet.rollout_host")
"""Whose events are made on the controller."""

RUNNING, OK, CHANGED = "running", "ok", "changed"
FAILED, UNREACHABLE, BACK = "failed", "unreachable", "back"
WORST = (UNREACHABLE, FAILED, BACK, RUNNING, CHANGED, OK, "")


class Row:
    """A host: `task` is how it is with the current task, `phases` with those of a rollout; `since` when it began.

    `fetch` is how far it is with what it downloads now, and `log` what was said of that.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.task = ""
        self.doing = ""
        self.since = 0.0
        self.note = ""
        self.bad = ""
        self.phases: dict[str, str] = {}
        self.fetch: live_fetch.Fetch | None = None
        self.log: live_fetch.Log | None = None

    @property
    def rank(self) -> int:
        """0 for the worst."""
        return WORST.index(self.bad or self.task)

    def with_phase(self, phase: str) -> str:
        """How it is with a phase: what waits for its turn in one is running when it does anything."""
        how = self.phases.get(phase, "")
        return RUNNING if phase in self.phases and not how and self.task == RUNNING else how


class Fleet:
    """See the module. Times are of a clock that only goes forward.

    `going` is the name of a rollout that has begun and not ended, which may change hosts.
    """

    def __init__(self) -> None:
        self.title = ""
        self.task = ""
        self.check = False
        self.began = 0.0
        self.rows: dict[str, Row] = {}
        self.rollout: dict[str, Any] = {}
        self.phase = ""
        self.going = ""

    def play(self, title: str, hosts: list[str], check: bool, now: float) -> None:
        """A play begins. What went wrong with a host before stays with it."""
        self.title, self.check, self.task = title, check, ""
        self.began = self.began or now
        for name in hosts:
            self.row(name).task = ""

    def row(self, name: str) -> Row:
        """The host, which may be new."""
        return self.rows.setdefault(name, Row(name))

    def next_task(self, name: str) -> None:
        """A task begins."""
        self.task = name
        for row in self.rows.values():
            row.task = ""
            row.fetch = None

    def start(self, host: str, task: str, now: float) -> None:
        """A host begins with a task."""
        row = self.row(host)
        row.task, row.doing, row.since = RUNNING, task, now
        row.fetch = row.log = None

    def fetching(self, host: str, fetch: live_fetch.Fetch, patience: float, now: float) -> str:
        """How far a host is; what a log says of that, where it takes longer than `patience` seconds."""
        row = self.rows.get(host)
        if row is None or row.task != RUNNING:
            return ""  # it has come late
        row.fetch = fetch
        row.log = row.log or live_fetch.Log(patience, now)
        said = row.log.line(fetch, now)
        where = next((phase for phase in PHASES if row.with_phase(phase) == RUNNING), "")
        return f"{host}  {where + ': ' if where else ''}{said}" if said else ""

    def end(self, host: str, how: str, note: str = "") -> None:
        """A host has done a task, `how` as in WORST."""
        row = self.row(host)
        row.task, row.doing, row.fetch = how, "", None
        if how in (FAILED, UNREACHABLE):
            row.bad, row.note = how, note
        elif note:
            row.note = note

    def event(self, event: dict[str, Any]) -> None:
        """What a rollout tells."""
        kind, phase = text(event.get("event"), 40), text(event.get("phase"), 40)
        host = text(event.get("host"), 300)
        if kind in ("rollout-finished", "rollout-refused"):
            self.going = ""
        if kind == "rollout-started":
            self.going = "" if event.get("check") is True else text(event.get("rollout"), 100)
            self.rollout = {"name": text(event.get("rollout"), 100)}
            self.title = f"Rollout {self.rollout['name']}".strip()
            for name in texts(event.get("hosts"), 100000):
                self.row(name)
        for key in ("batch", "batches"):
            if isinstance(event.get(key), int):
                self.rollout[key] = event[key]
        if kind == "phase-started" and phase in PHASES:
            self.phase = phase
            for name in texts(event.get("hosts"), 100000):
                self.row(name).phases.setdefault(phase, "")
        elif host and phase:
            self._of_host(self.row(host), kind, phase, event)

    def _of_host(self, row: Row, kind: str, phase: str, event: dict[str, Any]) -> None:
        if kind == "host-ok":
            done = acted(event) if phase in ("canary", "batch") else ""
            row.phases[phase] = CHANGED if done else OK
            row.note = done or row.note
        elif kind == "host-failed":
            row.bad = UNREACHABLE if event.get("reason") == "unreachable" else FAILED
            row.phases[phase], row.note = row.bad, refusal(event)
        elif kind == "host-rolled-back":
            row.phases[phase], row.bad = BACK, BACK

    def worst(self) -> list[Row]:
        """The hosts, the worst first, then those that have been busy for longest."""
        return sorted(self.rows.values(), key=lambda row: (row.rank, row.since, row.name))

    def counts(self) -> dict[str, int]:
        """How many hosts are how with the current task; hosts that were lost before count as that."""
        found = dict.fromkeys((RUNNING, OK, CHANGED, FAILED, UNREACHABLE, BACK, ""), 0)
        for row in list(self.rows.values()):
            found[row.bad or row.task] += 1
        return found

    def fetched(self) -> tuple[int, int, int]:
        """How many hosts fetch what has a known size, and the bytes of that: done, and in all."""
        found = [row.fetch for row in list(self.rows.values()) if row.fetch and row.fetch.total]
        return len(found), sum(one.done for one in found), sum(one.total or 0 for one in found)

    def of_phase(self, phase: str) -> dict[str, int]:
        """How many hosts are how with a phase."""
        found: dict[str, int] = {}
        for row in list(self.rows.values()):
            if phase in row.phases:
                how = row.with_phase(phase)
                found[how] = found.get(how, 0) + 1
        return found


def events(result: dict[str, Any], action: str) -> list[dict[str, Any]]:
    """The rollout's events in the result of a task of that action; what other modules answer is the word of a host."""
    if action not in TELLERS:
        return []
    found = result.get("podwright_events") or [result.get("podwright_event")]
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def acted(said: dict[str, Any]) -> str:
    """`web: prepare, stop, start` of a result of the module pod or of an event."""
    done = mapping(said.get("actions"))
    found = {text(name, 100): texts(actions, 20) for name, actions in done.items()}
    pods = said.get("pods")
    for one in pods if isinstance(pods, list) else ():
        if isinstance(one, dict) and one.get("changed") is True:
            found[text(one.get("name"), 100)] = texts(one.get("actions"), 20)
    return "; ".join(f"{name}: {', '.join(acts)}" for name, acts in found.items() if acts)


def refusal(said: dict[str, Any]) -> str:
    """A failure in one line: reason, stage, object, what happened, and what to do."""
    message = text(said.get("msg") or said.get("message"), 1000)
    hint, reason = text(said.get("hint"), 500), text(said.get("reason"), 80)
    stage, about = text(said.get("stage"), 80), text(said.get("object"), 300)
    if hint and message.endswith(hint):
        message = message[: -len(hint)].rstrip("; ")
    head = " ".join(part for part in (stage, about if about not in message else "") if part)
    words = [f"[{reason}]" if reason else "", f"{head}:" if head else "", message]
    line = " ".join(part for part in words if part) or "failed, and did not say why"
    return f"{line} -> {hint}" if hint else line
