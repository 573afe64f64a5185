# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The plan and the end of a rollout as tables for people. Pure."""

from __future__ import annotations

from typing import Any

WIDEST = 100
"""Columns of the last cell of a row."""


def table(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
    """Lines with aligned columns."""
    every = [header, *rows]
    widths = [max(len(row[at]) for row in every) for at in range(len(header) - 1)]
    return [
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths)), cut(row[-1])]).rstrip()
        for row in every
    ]


def cut(text: str) -> str:
    """A text of bounded length."""
    return text if len(text) <= WIDEST else text[: WIDEST - 1] + "…"


def actions(done: dict[str, list[str]]) -> str:
    """Actions by pod."""
    return "; ".join(f"{pod}: {', '.join(some)}" for pod, some in sorted(done.items()) if some)


def plan(state: dict[str, Any]) -> list[str]:
    """Who is to do what, and when."""
    rows: list[tuple[str, ...]] = []
    for number, hosts in enumerate(state["batches"]):
        label = "canary" if number == 0 and state["canary"] else f"batch {number + state['offset']}"
        for host in hosts:
            todo = actions(state["hosts"][host]["actions"]) or "see that it does well"
            rows.append((host, label, todo))
    for host, known in state["hosts"].items():
        if known["result"] in ("failed", "unreachable"):
            rows.append((host, "-", f"{known['result']}: {known['message']}"))
    same = sum(1 for known in state["hosts"].values() if known["result"] == "unchanged")
    head = [f"{kind(state)} {state['name']} of {', '.join(state['pods'])}: {count(state, same)}"]
    return head + (table(("HOST", "WHEN", "WHAT"), rows) if rows else [])


def kind(state: dict[str, Any]) -> str:
    """What it is called."""
    return "rollback" if state["direction"] == "back" else "rollout"


def images(shown: str) -> str:
    """The names of images as people want to read them: of one that is a file, its name."""
    names = (one.rpartition("/")[2] if is_file(one) else one for one in shown.split(", "))
    return ", ".join(name for name in names if name)


def is_file(image: str) -> bool:
    """Whether an image's name is a path."""
    return image.startswith(("/", "./", "../", "file:"))


def outcome(known: dict[str, Any]) -> str:
    """The result of a host; `done before` says that an unfinished run has brought it there."""
    resumed = known["result"] == "unchanged" and known.get("earlier")
    return "done before" if resumed else str(known["result"])


def count(state: dict[str, Any], same: int) -> str:
    """How much there is to do."""
    todo = sum(len(hosts) for hosts in state["batches"])
    steps = len(state["batches"])
    parts = "1 step" if steps == 1 else f"{steps} steps"
    return f"{todo} of {len(state['hosts'])} hosts in {parts}, {same} as desired"


def summary(state: dict[str, Any]) -> list[str]:
    """Host by host, what has become of it."""
    rows: list[tuple[str, ...]] = []
    for host, known in state["hosts"].items():
        what = known["message"] if known["reason"] else actions(known["actions"])
        if known["result"] in ("unchanged", "not-tried") and not known["reason"]:
            what = ""
        versions = "; ".join(f"{pod} {images(text)}" for pod, text in sorted(known["runs"].items()))
        rows.append((host, outcome(known), known["when"], versions, what))
    told = f": {state['stop']}" if state["stop"] else ""
    head = f"{kind(state)} {state['name']} {state['outcome']}{told}"
    return [head, *table(("HOST", "RESULT", "WHEN", "RUNS", "WHAT"), rows)]
