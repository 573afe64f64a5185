# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Drift: how pods differ from their own revision, from other hosts, and from what a play wants. Pure."""

from __future__ import annotations

from collections import Counter
from typing import Any

from ansible_collections.podwright.fleet.plugins.plugin_utils.status_values import (
    items,
    mapping,
    text,
    texts,
)


def of_revision(pod: dict[str, Any]) -> list[dict[str, str]]:
    """How a pod differs from the revision that its name means, or that was wanted last."""
    known = pod["history"]
    current = next((one for one in known if one["current"]), None)
    if current is None:
        return []
    out = []
    wanted = {one["id"] for one in current["images"] if one["id"]}
    runs = {one["image_id"] for one in pod["apps"] if one["image_id"]}
    if wanted and runs and wanted != runs:
        number = current["revision"]
        out.append(_drift("revision", f"does not run the images of its revision {number}"))
    later = max(known, key=lambda one: int(one["revision"]))
    if later is not current:
        why = f": {later['why']}" if later["why"] else ""
        number, back = later["revision"], current["revision"]
        out.append(_drift("rolled-back", f"revision {number} was taken back to {back}{why}"))
    elif current["by"] == "rollback":
        out.append(_drift("rolled-back", "was rolled back to an earlier revision"))
    return out


def not_compared(desired: Any) -> dict[str, Any] | None:
    """Why a host could not be compared with what a play wants; None if it was, or was not to be."""
    found = mapping(desired)
    wrong = found.get("failed") is True or found.get("unreachable") is True
    return found if wrong and not items(found.get("pods")) else None


def of_desired(desired: Any) -> dict[str, list[dict[str, str]]]:
    """By pod, what the module podwright.fleet.pod would change, of its result in check mode."""
    found = mapping(desired)
    out: dict[str, list[dict[str, str]]] = {}
    for one in items(found.get("pods")):
        name = text(one.get("name"), 200)
        error = mapping(one.get("error"))
        if error:
            said = f"cannot become what is wanted: {text(error.get('message'))}"
            out[name] = [_drift("desired", said)]
        elif one.get("changed") is True:
            actions = ", ".join(texts(one.get("actions"), 10)) or "change"
            out[name] = [_drift("desired", f"is not what is wanted: a play would {actions}")]
    return out


def across(pods: list[dict[str, Any]]) -> None:
    """Add to each pod with a name how it differs from what most hosts run under that name."""
    by_name: dict[str, list[dict[str, Any]]] = {}
    for pod in pods:
        if pod["name"] and pod["apps"] and pod["state"] == "running":
            by_name.setdefault(pod["name"], []).append(pod)
    for same in by_name.values():
        # A host has one vote for what it runs, however many of them it runs.
        counts = Counter(shown for _host, shown in {(pod["host"], _print(pod)) for pod in same})
        hosts = len({pod["host"] for pod in same})
        if len(counts) < 2:
            continue
        newest = {_print(pod): pod["created_at"] for pod in sorted(same, key=_created)}
        usual = max(counts, key=lambda one: (counts[one], newest[one]))
        model = next(pod for pod in same if _print(pod) == usual)
        for pod in same:
            if _print(pod) != usual:
                ours, theirs = _differs(model, pod)
                said = f"{ours}; {counts[usual]} of {hosts} hosts run {theirs}"
                pod["drift"].append(_drift("fleet", said))


def _created(pod: dict[str, Any]) -> str:
    return str(pod["created_at"])


def _print(pod: dict[str, Any]) -> tuple[Any, ...]:
    """What is to be the same wherever a pod of this name runs."""
    apps = tuple(sorted((one["name"], one["image"], one["digest"]) for one in pod["apps"]))
    return (pod["isolation"]["stage1"], apps)


def _differs(model: dict[str, Any], pod: dict[str, Any]) -> tuple[str, str]:
    """What this one does, and what the others run, in the words in which they differ."""
    theirs, ours = versions(model), versions(pod)
    if theirs != ours:
        return f"runs {ours}", theirs
    modes = [one["isolation"]["stage1"] or "something else" for one in (pod, model)]
    if modes[0] != modes[1]:
        return f"runs as {modes[0]}", f"it as {modes[1]}"
    digests = [short(one["apps"][0]["digest"]) for one in (pod, model)]
    return f"runs {digests[0]} as {ours}", f"other bytes, {digests[1]}"


def versions(pod: dict[str, Any]) -> str:
    """The versions of a pod's images, in one line."""
    words = [one["version"] or short(one["digest"]) or "?" for one in pod["apps"]]
    return ", ".join(dict.fromkeys(words))


def short(digest: str) -> str:
    """`sha256:0d17b565` of a digest."""
    kind, between, rest = digest.replace("-", ":", 1).partition(":")
    return f"{kind}{between}{rest[:8]}"


def _drift(kind: str, said: str) -> dict[str, str]:
    return {"kind": kind, "text": said}
