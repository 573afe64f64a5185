# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the live view writes for good, of results of tasks: one line for each change or failure. Pure."""

from __future__ import annotations

from typing import Any

from ansible_collections.podwright.fleet.plugins.plugin_utils import live_model
from ansible_collections.podwright.fleet.plugins.plugin_utils.status_values import (
    mapping,
    text,
    texts,
)

LONGEST = 2000
"""Characters of a line."""
TAIL = 8
"""Lines of what a failed program has said."""
SWITCHING = ("canary", "batch")
"""Phases of a rollout in which what hosts run changes; actions of others are what is planned."""
GOOD, CHANGED, BAD, SOFT = "ok", "changed", "bad", "soft"

Line = tuple[str, str]
"""A line, and what it is: one of GOOD, CHANGED, BAD, SOFT."""


def failed(host: str, result: dict[str, Any], how: str = "FAILED") -> list[Line]:
    """A failure: one line, and the end of what a program has said, where the module is not one of ours."""
    if result.get("censored"):
        return [(f"{host}  {how}  {text(result['censored'])}", BAD)]
    out = [(f"{host}  {how}  {live_model.refusal(result)}"[:LONGEST], BAD)]
    if "reason" in result and "stage" in result:
        return out
    for name in ("module_stderr", "stderr", "module_stdout", "stdout"):
        said = result.get(name)
        if (
            isinstance(said, str)
            and said.strip()
            and said.strip() not in text(result.get("msg"), 10**6)
        ):
            lines = said.strip().splitlines()[-TAIL:]
            out += [(f"{host}    {name}: {text(line, LONGEST)}", SOFT) for line in lines]
            break
    return out


def changed(host: str, result: dict[str, Any], task: str) -> list[Line]:
    """A change: what was done to pods, else by which task."""
    return [(f"{host}  changed  {live_model.acted(result) or task}"[:LONGEST], CHANGED)]


def counted(hosts: int) -> str:
    """`1 host`, `2 hosts`."""
    return f"{hosts} host{'' if hosts == 1 else 's'}"


def shown(host: str, result: dict[str, Any]) -> list[Line]:
    """What a task wants to be shown, such as debug's message; with the host's name unless that is empty."""
    found: Any = next(
        (content for name, content in result.items()
         if not name.startswith("_") and name not in ("changed", "failed", "skipped")), "",
    )  # fmt: skip
    lines = found if isinstance(found, list) else str(found).splitlines() or [""]
    head = f"{host}  " if host else ""
    return [(f"{head}{line}"[:LONGEST], GOOD) for line in lines]


def event(said: dict[str, Any]) -> list[Line]:
    """An event of a rollout; most hosts that get through a phase are only counted."""
    kind, phase = text(said.get("event"), 40), phase_name(said)
    hosts, host = texts(said.get("hosts"), 100000), text(said.get("host"), 300)
    dry = " (check mode, nothing is changed)" if said.get("check") is True else ""
    if kind == "host-failed":
        how = "UNREACHABLE" if said.get("reason") == "unreachable" else "FAILED"
        return [(f"{host}  {phase}: {how}  {live_model.refusal(said)}"[:LONGEST], BAD)]
    if kind == "host-rolled-back":
        return [(f"{host}  {phase}: rolled back  {_pods(said)}".rstrip()[:LONGEST], BAD)]
    if kind == "host-ok":
        done = live_model.acted(said) if phase_of(said) in SWITCHING else ""
        would = "would " if dry else ""
        return [(f"{host}  {phase}: {would}{done}"[:LONGEST], CHANGED)] if done else []
    name = text(said.get("rollout"), 100)
    fleet = {
        "rollout-started": (f"rollout {name}: {counted(len(hosts))}{dry}", GOOD),
        "rollout-refused": (f"{f'rollout {name}'.rstrip()}: REFUSED  {live_model.refusal(said)}", BAD),
        "rollout-paused": (f"rollout {name}: {_halted(said)}", CHANGED),
        "rollout-resumed": (f"rollout {name}: goes on", GOOD),
        "phase-started": (f"{phase}: {counted(len(hosts))}", GOOD),
        "rollout-finished": (f"rollout {name}: {_ended(said)}", GOOD if said.get("reason") == "done" else BAD),
    }  # fmt: skip
    return [fleet[kind]] if kind in fleet else []


def _halted(said: dict[str, Any]) -> str:
    """Where it pauses, and how it goes on."""
    where, hint = text(said.get("message")) or "paused", text(said.get("hint"))
    return f"{where}; {hint}" if hint else where


def phase_of(said: dict[str, Any]) -> str:
    """The phase that an event is about."""
    return text(said.get("phase"), 40)


def phase_name(said: dict[str, Any]) -> str:
    """The phase that an event is about, with the batch's number, for people."""
    phase, number, of = text(said.get("phase"), 40), said.get("batch"), said.get("batches")
    if phase == "batch" and isinstance(number, int):
        return f"batch {number}{f' of {of}' if isinstance(of, int) else ''}"
    return phase


def _pods(said: dict[str, Any]) -> str:
    return ", ".join(texts(said.get("pods")))


def _ended(said: dict[str, Any]) -> str:
    """How a rollout has ended, with the number of hosts for each result."""
    numbers = _numbers(said)
    return f"{text(said.get('reason'), 40)}{f': {numbers}' if numbers else ''}"


def _numbers(said: dict[str, Any]) -> str:
    """The number of hosts for each result, of the end of a rollout."""
    counts: dict[str, int] = {}
    resumed = set(texts(said.get("resumed"), 100000))
    for host, result in mapping(said.get("results")).items():
        how = "done before" if host in resumed else text(result, 40)
        counts[how] = counts.get(how, 0) + 1
    return ", ".join(f"{count} {how}" for how, count in sorted(counts.items()))


def interrupted(name: str, phase: str) -> list[Line]:
    """What to do after a rollout that has neither ended nor paused, as after Ctrl-C."""
    where = f" in {phase}" if phase else ""
    hint = "to go on, give the same command again: hosts that are done are left alone"
    return [
        (
            f"rollout {name}: INTERRUPTED{where}; nothing is brought back, its locks stay for now",
            BAD,
        ),
        (f"{hint}, those that were switched are judged first", SOFT),
    ]


def summary(
    stats: dict[str, dict[str, int]], notes: dict[str, str], seconds: str, ended: dict[str, Any]
) -> list[Line]:
    """The end of a run: a line for each host with trouble, and one for all.

    notes  what the trouble was, by host; empty for what has been told already
    ended  the event of the end of a rollout of all these hosts, whose results count then; {} for none
    """

    def total(name: str) -> int:
        return sum(one.get(name, 0) > 0 for one in stats.values())

    bad = [
        name for name, one in sorted(stats.items()) if one.get("failures") or one.get("unreachable")
    ]
    lines: list[Line] = []
    for host in (name for name in bad if notes.get(name, "?")):
        how = "unreachable" if stats[host].get("unreachable") else "failed"
        lines.append((f"{host}  {how}  {notes.get(host, '')}".rstrip()[:LONGEST], BAD))
    hosts = counted(len(stats))
    words = [f"{total(name)} {word}" for name, word in (
        ("changed", "changed"), ("failures", "failed"), ("unreachable", "unreachable"), ("rescued", "rescued"),
        ("ignored", "with failures that were ignored")) if total(name)]  # fmt: skip
    if ended and set(stats) <= {"localhost", *mapping(ended.get("results"))}:
        words = [_numbers(ended)]
    out = f"{hosts}: {', '.join(words) or 'nothing changed'} in {seconds}"
    return [*lines, (out, BAD if bad else GOOD)]
