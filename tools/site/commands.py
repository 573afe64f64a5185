# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Commands of the agent as one page in Markdown, from the agent's own help."""

from __future__ import annotations

import subprocess

from tests.support.paths import AGENT

PYTHON = ("/usr/bin/python3", "-IS")


def said(*arguments: str) -> str:
    """Return what the agent prints."""
    done = subprocess.run(
        [*PYTHON, str(AGENT), *arguments], stdout=subprocess.PIPE, check=True, text=True
    )
    return done.stdout


def groups(overview: str) -> dict[str, list[tuple[str, str]]]:
    """Return commands and what they do, by the titles under which `podwright help` shows them."""
    found: dict[str, list[tuple[str, str]]] = {}
    title = ""
    for line in overview.splitlines():
        if line.endswith(":") and not line.startswith(" "):
            title = line[:-1]
        elif line.startswith("  ") and title and not line.startswith("  --"):
            name, _, summary = line.strip().partition(" ")
            found.setdefault(title, []).append((name, summary.strip()))
    found.pop("A first pod", None)
    return {title: rows for title, rows in found.items() if rows}


def inner(help_text: str) -> list[str]:
    """Return the sub-commands that a command's help names."""
    _, _, after = help_text.partition("\nSub-commands:\n")
    lines = after.partition("\n\n")[0].splitlines()
    return [line.split()[0] for line in lines if line.startswith("  ")]


def page() -> str:
    """Return the page of all commands."""
    parts = [
        "# Commands\n",
        "What `podwright help COMMAND` says. For what holds for all of them see [the command line](../cli.md).\n",
    ]
    for title, rows in groups(said("help")).items():
        parts.append(f"## {title}\n")
        for name, _ in rows:
            text = said("help", name)
            parts += _command(name, text)
            for sub in inner(text):
                parts += _command(f"{name} {sub}", said("help", name, sub))
    return "\n".join(parts)


def _command(name: str, text: str) -> list[str]:
    first, _, rest = text.partition("\n")
    summary = first.partition(": ")[2]
    rest = rest.replace("\nGlobal options: see 'podwright help'.\n", "").strip("\n")
    return [f"### {name}\n", f"{summary}.\n", f"```text\n{rest}\n```\n"]
