# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kernel's tables lack of what holdings mean. Reads `nft --json list table`; changes nothing."""

from __future__ import annotations

from podwright import jsonio
from podwright.errors import NetworkError
from podwright.net.tables import BRIDGE, INET, ethernet, inet, rules

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from podwright.kernel.nft import Nft
    from podwright.net.tables import Elements
    from podwright.net.values import Holding

    Parts = tuple[str, ...]

MOST = 64 << 20
"""Bytes of a listing: some hundred for each element."""
NUMBERS = {"tcp": "6", "udp": "17", "sctp": "132"}
"""Protocols, by name or by number: which of them a listing has depends on the host and its nft."""


def find(nft: Nft, holdings: tuple[Holding, ...]) -> list[str]:
    """A sentence for each thing that is missing; [] when all is there."""
    out: list[str] = []
    for table, wanted, chains in _wanted(holdings):
        try:
            listed = nft.listing(table)
        except NetworkError:
            out.append(f"table {table} is not there")
            continue
        out += compare(table, wanted, chains, jsonio.loads(listed, f"table {table}", limit=MOST))
    return out


def _wanted(holdings: tuple[Holding, ...]) -> list[tuple[str, Elements, set[str]]]:
    """Table, elements and the names of its chains that have rules."""
    owners = tuple(one for one in holdings if one.allow)
    zones = {inet.zone_of(one).chain for holding in holdings for one in inet.guarded(holding)}
    fixed = {line.split()[1] for line in inet.CHAINS.splitlines() if line.startswith("  chain ")}
    found = [(INET, {**inet.elements(holdings), **_of_rules(owners, INET)}, zones | fixed)]
    if not any(one.zone for holding in holdings for one in holding.attachments):
        found = []
    if any(ethernet.on_bridge(one) for one in holdings):
        fixed = {
            line.split()[1] for line in ethernet.TABLE.splitlines() if line.startswith("  chain ")
        }
        elements = {**ethernet.elements(holdings), **_of_rules(owners, BRIDGE)}
        found.append((BRIDGE, elements, fixed))
    for table, _, chains in found:
        chains |= {
            line.split()[-1]
            for one in owners
            if table in rules.tables(one)
            for line in rules.chains(one, table).splitlines()
            if line.startswith("add chain ")
        }
    return found


def _of_rules(owners: tuple[Holding, ...], table: str) -> Elements:
    return rules.verdicts_in(table, tuple(one for one in owners if table in rules.tables(one)))


def compare(table: str, wanted: Elements, chains: set[str], listed: dict[str, Any]) -> list[str]:
    """What is wanted and not in the listing."""
    there: dict[str, set[tuple[Parts, Parts]]] = {}
    ruled: set[str] = set()
    for item in listed["nftables"]:
        for kind, found in item.items():
            if kind in ("set", "map"):
                there[found["name"]] = {_element(one) for one in found.get("elem", ())}
            elif kind == "rule":
                ruled.add(found["chain"])
    out = [f"table {table}: chain {name} has no rules" for name in sorted(chains - ruled)]
    for name, items in wanted.items():
        if name not in there:
            out.append(f"table {table}: {name} is not there")
            continue
        out += [
            f"table {table}: {name} lacks {item}"
            for item in items
            if _text_element(item) not in there[name]
        ]
    return out


def _element(raw: Any) -> tuple[Parts, Parts]:
    """An element of a listing: key and value, each as its parts."""
    if isinstance(raw, list):
        return _parts(raw[0]), _parts(raw[1])
    return _parts(raw), ()


def _parts(raw: Any) -> Parts:
    if isinstance(raw, dict) and "elem" in raw:
        raw = raw["elem"]["val"]
    if isinstance(raw, dict) and "concat" in raw:
        return tuple(_part(one) for one in raw["concat"])
    if isinstance(raw, dict) and "jump" in raw:
        return (f"jump {raw['jump']['target']}",)
    return (_part(raw),)


def _part(raw: Any) -> str:
    return _plain(str(raw))


def _text_element(text: str) -> tuple[Parts, Parts]:
    """The same of an element as we write it."""
    key, colon, found = text.partition(" : ")
    parts = tuple(_plain(part) for part in key.split(" . "))
    return parts, tuple(_plain(part) for part in found.split(" . ")) if colon else ()


def _plain(part: str) -> str:
    part = str(int(part, 16)) if part.startswith("0x") else part.strip('"')
    return NUMBERS.get(part, part)
