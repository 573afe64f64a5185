# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What our nftables tables hold, as text for libnftables. Pure; `net/firewall.py` hands it over.

    inet.py      `table inet podwright`: fixed rules, and elements for each pod
    ethernet.py  `table bridge podwright`, while a pod is a port of a bridge
    rules.py     the pods' own rules, in both
    missing.py   what of it the kernel does not have

Names in nftables are a prefix, `_`, and the name of a network or pod or a UUID, which have only
characters that nftables takes in a name.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Elements = dict[str, list[str]]
    Put = Callable[[str, str], None]

INET = "inet podwright"
BRIDGE = "bridge podwright"
METADATA = {
    4: ("169.254.0.0/16", "100.100.100.200/32", "192.0.0.192/32", "168.63.129.16/32"),
    6: (
        *("fd00:ec2::23/128", "fd00:ec2::254/128", "fd20:ce::254/128", "fd00:c1::a9fe:a9fe/128"),
        *("fd00:a9fe:a9fe::1/128", "fd00:42::42/128"),
        *("64:ff9b::a9fe:0/112", "64:ff9b::6464:64c8/128", "64:ff9b::c000:c0/128"),
        *("64:ff9b::a83f:8110/128", "64:ff9b:1::a9fe:0/112"),
        *("::ffff:a9fe:0/112", "::a9fe:0/112", "2002:a9fe::/32"),
    ),
}
"""Where clouds serve metadata and keys of the machine (threats.md T74)."""


def putter(out: Elements) -> Put:
    """What adds an element to a set or map, once."""

    def put(name: str, element: str) -> None:
        found = out.setdefault(name, [])
        if element not in found:
            found.append(element)

    return put


def commands(verb: str, table: str, found: Elements) -> str:
    """Commands that add or delete elements."""
    return "".join(
        f"{verb} element {table} {name} {{ {', '.join(items)} }}\n"
        for name, items in found.items()
        if items
    )


def uses(text: str) -> dict[str, int]:
    """Chain of a table's text -> how often it is used at least: by rules in it, and jumps to it."""
    out: dict[str, int] = {}
    chain = ""
    for line in text.splitlines():
        words = line.split()
        if words[:1] == ["chain"]:
            chain = words[1]
            out.setdefault(chain, 0)
        elif line == "  }":
            chain = ""
        elif chain and words[0] != "type":
            out[chain] += 1
            if words[-2:-1] in (["jump"], ["goto"]):
                out[words[-1]] = out.get(words[-1], 0) + 1
    return out


def without(found: Elements, kept: Elements) -> Elements:
    """The elements that are not also in `kept`."""
    return {
        name: [item for item in items if item not in kept.get(name, ())]
        for name, items in found.items()
    }
