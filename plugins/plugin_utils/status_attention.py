# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What somebody should look at, the worst first. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from shlex import quote
from typing import Any

RANK = {"signed": 0, "accepted": 1, "unknown": 2, "insecure": 3}
"""Verdicts, from what one wants to see to what one does not."""

ORDER = (
    *("unreachable", "failed", "part", "failed-pod", "unready", "unknown", "wanted"),
    *("insecure", "unverified", "drift", "starting", "restarts", "accepted"),
)
ERRORS = frozenset(("unreachable", "failed", "failed-pod", "unready", "wanted"))
MANY_RESTARTS = 3

Item = dict[str, str]


def found(hosts: list[dict[str, Any]], pods: list[dict[str, Any]]) -> list[Item]:
    """Everything that is worth a look; `severity` is error or warning, `kind` one of ORDER."""
    items = [item for one in hosts for item in _of_host(one)]
    items += [item for one in pods for item in _of_pod(one)]
    return sorted(items, key=lambda item: ORDER.index(item["kind"]))


def _item(kind: str, host: str, pod: str, text: str, hint: str = "", uuid: str = "") -> Item:
    severity = "error" if kind in ERRORS else "warning"
    return {"severity": severity, "kind": kind, "host": host, "pod": pod, "uuid": uuid,
            "text": text, "hint": hint}  # fmt: skip


def _of_host(host: dict[str, Any]) -> Iterator[Item]:
    failure = host["failure"]
    if failure is not None:
        yield _item(host["state"], host["name"], "", *_words(failure))
    for problem in host["problems"]:
        said, hint = _words(problem)
        yield _item("part", host["name"], "", f"{problem['part']} could not be told: {said}", hint)
    for one in host["wanted"]:
        yield _item("wanted", host["name"], one["pod"], one["text"])


def _words(failure: dict[str, str]) -> tuple[str, str]:
    """What failed, and what to do: the modules' messages end with the hint already."""
    said, hint = failure["msg"], failure["hint"]
    if hint and said.endswith(hint):
        said = said[: -len(hint)].rstrip("; ")
    return said or failure["reason"], hint


def _of_pod(pod: dict[str, Any]) -> Iterator[Item]:
    name = pod["name"] or pod["uuid"][:8]
    kinds = {
        "failed": "failed-pod",
        "unready": "unready",
        "unknown": "unknown",
        "starting": "starting",
    }
    words = {"failed": "has failed", "unready": "runs and does not serve",
             "unknown": "cannot be read", "starting": "is starting"}  # fmt: skip

    def item(kind: str, text: str, hint: str = "") -> Item:
        return _item(kind, pod["host"], name, text, hint, pod["uuid"])

    if pod["health"] in kinds:
        why = f": {pod['why']}" if pod["why"] else ""
        yield item(
            kinds[pod["health"]], words[pod["health"]] + why, f"podwright logs {quote(name)}"
        )
    for drift in pod["drift"]:
        yield item("drift", drift["text"])
    verdict = pod["verdict"]
    if verdict["lifted"]:
        yield item("insecure", f"runs with lifted checks: {', '.join(verdict['lifted'])}")
    elif verdict["kind"] == "accepted":
        yield item("accepted", "runs an image without a signature, as the policy allows")
    elif verdict["kind"] == "unknown" and pod["apps"]:
        yield item("unverified", "runs an image whose verdict is not known: it is not in the store")
    if pod["restarts"] >= MANY_RESTARTS:
        yield item("restarts", f"its apps were restarted {pod['restarts']} times")
