# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The text of a pod's hosts file: what it says of the pod itself, and what was asked for (hosts(5)). Pure."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    Entry = tuple[str, tuple[str, ...]]

FILE = "hosts"
"""The file in the pod's directory that its apps have at /etc/hosts. No pod can reach the directory."""
MARK = b"# Other pods on its networks, kept up to date by podwright.\n"
LONGEST = 900
"""Some C libraries read lines of up to a thousand characters."""


def label(uuid: str, name: str) -> str:
    """What other pods call a pod."""
    return name or f"rkt-{uuid}"


def own_names(uuid: str, name: str, apps: Sequence[str]) -> tuple[str, ...]:
    """Names that lead a pod to itself, besides its host name."""
    pod = label(uuid, name)
    return (pod, *apps, *(f"{app}.{pod}" for app in apps))


def own(hostname: str, others: Iterable[str], entries: tuple[Entry, ...], peers: bool) -> bytes:
    """What a pod's file says of itself, and what was asked for.

    others  names that lead to the pod itself, too
    peers   other pods come after it
    """
    given = {name.lower() for _, names in entries for name in names}
    mine = [name for name in dict.fromkeys((hostname, *others)) if name.lower() not in given]
    names = tuple(dict.fromkeys(("localhost", *mine)))
    six = ("localhost", hostname) if hostname in mine else ("localhost",)
    lines = list(lines_of((("127.0.0.1", names), ("::1", six), *entries)))
    return b"".join(line + b"\n" for line in lines) + (MARK if peers else b"")


def lines_of(entries: Iterable[Entry]) -> Iterable[bytes]:
    """The lines for addresses and their names, none too long."""
    for address, names in entries:
        line = address
        for name in names:
            if len(line) + len(name) >= LONGEST and line != address:
                yield line.encode()
                line = address
            line += f" {name}"
        if line != address:
            yield line.encode()
