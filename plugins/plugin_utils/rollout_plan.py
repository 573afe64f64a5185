# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who comes when in a rollout, and whether it goes on. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

PERCENT = re.compile(r"(\d{1,3}(?:\.\d+)?)\s*%")
SECONDS = re.compile(r"\d{1,7}(?:\.\d+)?")
UNSETTLED = ("pending", "switched", "failed")
"""Stages of a record of a pod that was changed and not found to be well since."""

UPDATED, UNCHANGED, FAILED, UNREACHABLE, ROLLED_BACK, ROLLBACK_FAILED, NOT_TRIED = (
    *("updated", "unchanged", "failed", "unreachable", "rolled-back"),
    *("rollback-failed", "not-tried"),
)
BAD = (FAILED, UNREACHABLE, ROLLED_BACK, ROLLBACK_FAILED)
"""Results of hosts that have not got what they were to get, and were tried."""


class PlanError(ValueError):
    """An option that cannot be understood: `name: what is wrong; what to write`."""


class Look(NamedTuple):
    """What was found on a host.

    known, left, actions, wants   as the module rollout_host answers them, by pod
    """

    known: dict[str, dict[str, Any]]
    left: dict[str, dict[str, Any]]
    actions: dict[str, list[str]]
    wants: Mapping[str, str] = MappingProxyType({})

    @property
    def changes(self) -> bool:
        """Whether there is anything to do."""
        return any(self.actions.values())

    @property
    def unsettled(self) -> bool:
        """Whether somebody has changed it and not seen whether it does well."""
        return any(record["stage"] in UNSETTLED for record in self.left.values())

    @property
    def done(self) -> bool:
        """Whether an unfinished rollout has got this host through its gate, as it is wanted now."""
        records = [self.left.get(name) for name in self.actions]
        good = all(
            record is not None and record["stage"] == "good" and not record["complete"]
            for record in records
        )
        return good and not self.changes and bool(records)

    def done_by(self, runs: Collection[str]) -> bool:
        """Whether that was one of these runs, and not only what the host says of itself."""
        return self.done and all(self.left[name]["run"] in runs for name in self.actions)

    @property
    def complete(self) -> bool:
        """Whether its record says that nothing is left to do."""
        records = [self.left.get(name) for name in self.actions]
        return all(record is not None and record["complete"] for record in records)


def amount(given: Any, total: int, name: str, *, least: int = 0) -> int:
    """A number, or a percentage of `total`, rounded down but not below `least`. Raises PlanError."""
    text = str(given).strip()
    percent = PERCENT.fullmatch(text)
    if percent and float(percent[1]) <= 100:
        return max(least, int(total * float(percent[1]) / 100))
    if text.isascii() and text.isdigit() and not isinstance(given, bool):
        return max(least, int(text))
    raise PlanError(f"{name}: {text!r} is neither a number nor a percentage; write 2 or '10%'")


def pause_for(given: Any) -> str:
    """How to pause: `stop`, `prompt`, or a number of seconds. Raises PlanError."""
    text = str(given).strip()
    if text in ("stop", "prompt") or (SECONDS.fullmatch(text) and text.isascii()):
        return text
    raise PlanError(
        f"podwright_rollout_pause_for: {text!r} is not stop, prompt or a number of seconds; write 600"
    )


def _is_amount(given: Any) -> bool:
    """Whether it is written as a number or percentage, and does not name hosts."""
    text = str(given).strip()
    return text.isdigit() or PERCENT.fullmatch(text) is not None


def chosen(given: Any, todo: list[str], groups: dict[str, list[str]]) -> list[str]:
    """The canary hosts: the first ones, or those that are named, also by group. Raises PlanError."""
    name = "podwright_rollout_canary"
    if isinstance(given, str) and not _is_amount(given):
        given = [one.strip() for one in given.split(",") if one.strip()]
    if not isinstance(given, (list, tuple)):
        zero = str(given).strip() in ("0", "0%")
        return todo[: 0 if zero else amount(given, len(todo), name, least=1)]
    wanted: list[str] = []
    for one in map(str, given):
        if one not in groups and one not in groups.get("all", ()):
            raise PlanError(
                f"{name}: {one!r} is no host and no group of the inventory, no number and no percentage"
            )
        wanted += groups.get(one, [one])
    return [host for host in todo if host in wanted]


def batches(given: Any, todo: list[str], total: int) -> list[list[str]]:
    """Cut hosts into batches; the last size is used again and again, as Ansible's `serial` is. Raises PlanError.

    total  what percentages are of
    """
    sizes = list(given) if isinstance(given, (list, tuple)) else [given]
    if not sizes:
        raise PlanError("podwright_rollout_batches: is empty; write [1, '25%'], or '100%'")
    out: list[list[str]] = []
    left, at = list(todo), 0
    while left:
        size = amount(sizes[min(at, len(sizes) - 1)], total, "podwright_rollout_batches", least=1)
        out, left, at = [*out, left[:size]], left[size:], at + 1
    return out


def split(
    todo: list[str], canary: Any, sizes: Any, groups: dict[str, list[str]], done: int = 0
) -> tuple[list[str], list[list[str]]]:
    """Canary hosts, and batches of the others. Raises PlanError.

    done  hosts that an unfinished rollout has already got through; they count as canaries
    """
    first = chosen(canary, todo, groups)
    if done and _is_amount(canary):
        first = first[: max(0, len(chosen(canary, [*todo, *["?"] * done], {})) - done)]
    rest = [host for host in todo if host not in first]
    return first, batches(sizes, rest, len(todo) + done)


class Drift(NamedTuple):
    """Something that is not as the last rollout left it.

    marks  what it is exactly: of the same kind, host and pod, more or other marks are another drift
    """

    host: str
    pod: str
    kind: str
    text: str
    marks: tuple[str, ...] = ()

    def kept(self, wants: Mapping[str, str]) -> dict[str, Any]:
        """For the journal: this was accepted by somebody who wanted that."""
        found: dict[str, Any] = {"host": self.host, "pod": self.pod, "kind": self.kind}
        return {**found, "marks": list(self.marks), "wants": wants.get(self.pod, "")}

    def is_in(self, kept: list[dict[str, Any]], wants: Mapping[str, str]) -> bool:
        """Whether it is one that was accepted, or what is left of one."""
        mine = self.kept(wants)
        same = (
            ("pod", "kind", "wants")
            if self.kind == "disagree"
            else ("host", "pod", "kind", "wants")
        )
        return any(
            all(one.get(name) == mine[name] for name in same)
            and set(self.marks) <= set(one.get("marks", ()))
            for one in kept
        )


def drift(host: str, look: Look, *, back: bool = False) -> list[Drift]:
    """What somebody else has changed on a host, of the pods that this rollout would change.

    back  it brings back what was before: then a pod that has ended or is gone is no reason to refuse
    """
    found = []
    for pod, record in look.left.items():
        if look.actions.get(pod) and record["stage"] != "pending":
            found += _drift(host, pod, record, look.known.get(pod))
    return [one for one in found if one.kind == "changed"] if back else found


def _drift(host: str, pod: str, record: dict[str, Any], now: dict[str, Any] | None) -> list[Drift]:
    was = f"rollout {record['rollout']} left revision {record['revision']}"
    if now is None:
        text = f"pod {pod} is gone, and {was}"
        return [Drift(host, pod, "gone", text, ())] if record["revision"] else []
    if (now["revision"], now["created_at"]) != (record["revision"], record["created_at"]):
        images = ", ".join(now["images"])
        text = f"pod {pod} was changed: it has revision {now['revision']} ({images}), and {was}"
        marks = (f"{now['revision']} {now['created_at']}",)
        return [Drift(host, pod, "changed", text, marks)]
    if record["running"] and now["state"] != "running":
        text = f"pod {pod} was stopped or has ended, and {was} running"
        marks = (f"{now['revision']} {now['created_at']}",)
        return [Drift(host, pod, "stopped", text, marks)]
    return []


def disagreements(looks: dict[str, Look]) -> list[Drift]:
    """Pods of which hosts have different versions that no unfinished rollout explains."""
    pods = sorted({pod for look in looks.values() for pod in look.actions})
    return [one for pod in pods for one in _disagreement(pod, looks)]


def _disagreement(pod: str, looks: dict[str, Look]) -> list[Drift]:
    versions: dict[str, list[str]] = {}
    runs = set()
    for host, look in looks.items():
        now, record = look.known.get(pod), look.left.get(pod)
        settled = record is None or record["complete"]
        if now is None or not settled or not look.actions.get(pod):
            continue
        versions.setdefault(", ".join(now["images"]), []).append(host)
        runs.add(record["run"] if record else "")
    if len(versions) < 2 or (len(runs) == 1 and "" not in runs):
        return []  # what one rollout has left is as its operator wanted it
    shown = "; ".join(f"{version} on {some(hosts)}" for version, hosts in sorted(versions.items()))
    rarest = min(versions.values(), key=len)
    marks = tuple(f"{host} {version}" for version in sorted(versions) for host in versions[version])
    text = f"hosts disagree on pod {pod}: {shown}"
    return [Drift(rarest[0], pod, "disagree", text, marks)]


def accepted(found: list[Drift], accept: Any) -> list[Drift]:
    """The drift that the operator has not accepted: nothing with true, that of other hosts with a list."""
    if accept is True or str(accept).lower() in ("true", "yes"):
        return []
    hosts = accept if isinstance(accept, (list, tuple)) else []
    return [one for one in found if one.host not in hosts]


EVERYWHERE = ("bad-input",)
"""Reasons that are about what was asked for, and not about a host."""


def alike(hosts: Iterable[dict[str, Any]]) -> bool:
    """Whether all hosts have the same to say."""
    return len({host["message"] for host in hosts}) == 1


def some(hosts: list[str], most: int = 4) -> str:
    """The first few names."""
    more = f" and {len(hosts) - most} more" if len(hosts) > most else ""
    return ", ".join(hosts[:most]) + more


class Verdict(NamedTuple):
    """What to do after a batch.

    stop      why it does not go on, or ""
    rollback  hosts to bring back now; those of earlier batches are in `everywhere`
    """

    stop: str
    rollback: list[str]
    everywhere: bool


def judge(
    batch: list[str],
    failed: list[str],
    failures: int,
    allowed: int,
    policy: str,
    *,
    canary: bool,
) -> Verdict:
    """Whether to go on after a batch.

    failed    of this batch
    failures  of the whole rollout, with these
    allowed   how many may fail; no canary may
    policy    host, batch, all, none
    """
    stop = ""
    if failed and canary:
        stop = f"{some(failed)} of the canary failed"
    elif failures > allowed:
        stop = f"{failures} host{'s' * (failures != 1)} failed, and {allowed} may"
    if policy == "none":
        return Verdict(stop, [], False)
    whole = bool(stop and failed) and policy in ("batch", "all")
    return Verdict(stop, list(batch if whole else failed), bool(stop) and policy == "all")
