# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Our nftables tables in the kernel: `inet podwright`, and `bridge podwright` for pods on bridges.

Fixed rules, and elements of sets and maps for each pod (`net/tables/` says which and why). Adding or
removing a pod adds or removes elements, in one transaction, and chains only for pods that have
rules of their own; no other table is ever touched. Should somebody flush the ruleset
(nftables.service does when it restarts), the next pod that starts builds the tables again for all.
"""

from __future__ import annotations

from podwright.errors import NetworkError
from podwright.net.tables import BRIDGE, INET, commands, inet, without

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from podwright.kernel.nft import Nft
    from podwright.net.values import Holding


def add_elements(holding: Holding) -> str:
    """The commands that add the elements of a pod, but for those of rules."""
    out = commands("add", INET, inet.elements((holding,)))
    if _is_bridged(holding):
        from podwright.net.tables import ethernet

        out += commands("add", BRIDGE, ethernet.elements((holding,)))
    return out


def _is_bridged(holding: Holding) -> bool:
    return any(one.bridge for one in holding.attachments)


def whole(holdings: Iterable[Holding], unrouted: Mapping[int, list[str]]) -> str:
    """The commands that make our tables for these holdings, where there are none."""
    holdings = tuple(holdings)
    out = inet.whole(holdings, unrouted)
    if any(map(_is_bridged, holdings)):
        from podwright.net.tables import ethernet

        out += ethernet.whole(holdings)
    if any(one.allow for one in holdings):
        from podwright.net.tables import rules

        out += rules.all_of(holdings)
    return out


def build(nft: Nft, holdings: Iterable[Holding], unrouted: Mapping[int, list[str]]) -> None:
    """Make our tables, or replace whatever they hold, in one transaction."""
    replace = "".join(f"delete table {name}\n" for name in (INET, BRIDGE) if exists(nft, name))
    nft.run(replace + whole(holdings, unrouted))


def prepare(
    nft: Nft, holding: Holding, others: tuple[Holding, ...], unrouted: Mapping[int, list[str]]
) -> None:
    """Bring the pods' rules up to date for one that is to come. The caller holds the lock."""
    from podwright.net.tables import rules

    if not rules.concerns(holding, others):
        return
    try:
        nft.run(rules.joining(holding, others))
    except NetworkError:
        build(nft, (*others, holding), unrouted)


def refuse(nft: Nft, holding: Holding, others: Iterable[Holding]) -> None:
    """Raise NetworkError for what the tables cannot say, above all rules that nothing would enforce."""
    if _is_bridged(holding):
        other = inet.conflict(holding, others)
        if other:
            raise NetworkError(
                f"network {other}: has the same bridge, and another reach or port isolation",
                "give both networks the same, or bridges of their own",
                object=other,
                reason="bridge-differs",
            )
    if not holding.allow:
        return
    from podwright.net.tables import rules

    rules.refuse_unenforceable(holding)
    if _is_bridged(holding):
        probe_bridge(nft, next(one.net for one in holding.attachments if one.bridge))


def probe_bridge(nft: Nft, net: str) -> None:
    """Raise NetworkError when rules cannot be enforced between the ports of a bridge."""
    from podwright.net.tables import rules

    try:
        nft.run(rules.PROBE)
    except NetworkError:
        raise NetworkError(
            f"network {net}: rules of a pod cannot be enforced on it, since this kernel does"
            " not follow connections on bridges",
            "leave the rules out, use a network of type ptp, or a kernel with nf_conntrack_bridge",
            object=net,
            reason="no-rules",
        ) from None


def admit(nft: Nft, holding: Holding) -> bool:
    """Add a pod's elements; False when a table is not there, not ours any more, or lacks its zone."""
    text = add_elements(holding)
    if not text:
        return True
    try:
        nft.run(text)
    except NetworkError:
        return False
    return True


def dismiss(nft: Nft, gone: tuple[Holding, ...], left: Iterable[Holding]) -> None:
    """Remove the elements of `gone` that are not those of others, too; what is not there is fine."""
    left = tuple(left)
    text = _dismissal(gone, left)
    try:
        nft.run(text)
    except NetworkError:
        if not exists(nft):
            return
        # Adding first makes the removal of something that is not there succeed.
        nft.run(_addition(gone, left) + text)


def forget(holdings: Iterable[Holding]) -> None:
    """Where datagrams for these pods' ports led before, or lead no more, is not remembered."""
    ports = {(one.proto, one.host_port) for holding in holdings for one in holding.ports}
    ports = {one for one in ports if one[0] != "tcp"}
    if ports:
        from podwright.kernel import conntrack

        conntrack.forget(ports)


def _dismissal(gone: tuple[Holding, ...], left: tuple[Holding, ...]) -> str:
    bridged = any(map(_is_bridged, gone))
    stays = any(map(_is_bridged, left))
    found = inet.elements(gone)
    out = commands("delete", INET, without(found, inet.elements(left)) if bridged else found)
    if bridged and stays:
        from podwright.net.tables import ethernet

        out += commands("delete", BRIDGE, ethernet.elements(gone))
    elif bridged:
        out += f"add table {BRIDGE}\ndelete table {BRIDGE}\n"
    if any(one.allow for one in (*gone, *left)):
        from podwright.net.tables import rules

        out += rules.leaving(gone, left, (INET, BRIDGE) if stays else (INET,))
    return out


def _addition(gone: tuple[Holding, ...], left: tuple[Holding, ...]) -> str:
    out = inet.zones(gone)
    for holding in gone:
        bridged = _is_bridged(holding) and any(map(_is_bridged, left))
        out += (
            add_elements(holding) if bridged else commands("add", INET, inet.elements((holding,)))
        )
    if any(one.allow for one in (*gone, *left)):
        from podwright.net.tables import rules

        for holding in gone:
            out += rules.joining(holding, left)
    return out


def exists(nft: Nft, table: str = INET) -> bool:
    """Whether a table of ours is there."""
    try:
        nft.query(f"list table {table}")
    except NetworkError:
        return False
    return True


def remove(nft: Nft) -> None:
    """Remove our tables; what is not there is fine."""
    text = f"add table {INET}\ndelete table {INET}\n"
    nft.run(text + (f"delete table {BRIDGE}\n" if exists(nft, BRIDGE) else ""))


def missing(nft: Nft, holdings: Iterable[Holding]) -> list[str]:
    """What the kernel's tables lack of what these holdings mean, a sentence for each; [] for nothing."""
    from podwright.net.tables import missing as look

    return look.find(nft, tuple(holdings))
