# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Playbooks as one page in Markdown: the comment that each begins with."""

from __future__ import annotations

from pathlib import Path


def page(checkout: Path) -> str:
    """Return the page of all playbooks that users run."""
    parts = [
        "# Playbooks\n",
        "Run one as `ansible-playbook podwright.fleet.NAME`. The hosts are those of `target`, or all.\n",
    ]
    for path in sorted(checkout.glob("playbooks/*.yml")):
        parts += [f"## {path.stem}\n", comment(path.read_text("utf-8")), ""]
    return "\n".join(parts)


def comment(playbook: str) -> str:
    """Return the comment at a playbook's beginning; lines that are indented in it are shown as they are."""
    lines = []
    for line in playbook.splitlines():
        if not line.startswith("#"):
            break
        if "SPDX-" not in line:
            lines.append(line[2:] if line.startswith("# ") else line[1:])
    shown = [f"    {line}" if line.startswith("  ") else line for line in lines]
    text: list[str] = []
    for before, line in zip(["", *shown], shown):
        if line.startswith("    ") != before.startswith("    "):
            text.append("")
        text.append(line)
    return "\n".join(text).strip("\n")
