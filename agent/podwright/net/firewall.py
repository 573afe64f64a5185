# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Our nftables tables in the kernel: `inet podwright`, and `bridge podwright` for pods on bridges.

Fixed rules, and elements of sets and maps for each pod (`net/tables/` says which and why). Adding or
removing a pod adds or removes elements, in one transaction, and chains only for pods that have
rules of their own; no other table is ever touched. Should somebody flush the ruleset
(nftables.service does when it restarts), or one of the tables, the next pod that starts or ends
builds them again for all.
"""

from __future__ import annotations

from podwright.errors import NetworkError
from podwright.kernel.nft import KERNEL
from podwright.net import ends
from podwright.net.tables import BRIDGE, INET, commands, inet, uses, without

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
    nft.run(replace + whole(holdings, unrouted), KERNEL)


def restore(nft: Nft, holdings: tuple[Holding, ...], unrouted: Mapping[int, list[str]]) -> None:
    """Make again all that pods have in nftables: somebody has deleted or flushed tables."""
    build(nft, holdings, unrouted)
    if any(ends.wanted(link) for one in holdings for link in one.attachments):
        from podwright.net import limits

        limits.rebuild(nft, holdings)


def stands(holdings: tuple[Holding, ...]) -> bool:
    """Whether the fixed rules are there that these pods, which have been admitted, need.

    Elements can be added to a table whose chains were flushed, and would mean nothing.
    """
    from podwright.kernel import nftuse

    wanted = {INET: inet.CHAINS}
    if any(map(_is_bridged, holdings)):
        from podwright.net.tables import ethernet

        wanted[BRIDGE] = ethernet.TABLE
    for table, text in wanted.items():
        found = nftuse.chains(table)
        if any(found.get(name, 0) < least for name, least in uses(text).items()):
            return False
    if any(ends.wanted(link) for one in holdings for link in one.attachments):
        from podwright.net import limits

        return limits.stand(holdings)
    return True


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


def dismiss(nft: Nft, gone: tuple[Holding, ...], left: tuple[Holding, ...]) -> bool:
    """Remove the elements of `gone` that are not those of others, too; False when not all were there."""
    try:
        nft.run(_dismissal(gone, left))
    except NetworkError:
        return False
    return True


def exchange(nft: Nft, before: tuple[Holding, ...], after: tuple[Holding, ...]) -> bool:
    """Turn what published ports these pods have into others, in one transaction; False when that fails."""
    old, new = inet.elements(before), inet.elements(after)
    text = commands("delete", INET, without(old, new)) + commands("add", INET, without(new, old))
    try:
        if text:
            nft.run(text)
    except NetworkError:
        return False
    return True


def forget_datagrams(holding: Holding) -> None:
    """Forget where datagrams for a pod's ports led: they have no connection that would end."""
    from podwright.kernel import conntrack

    ports = {(one.proto, one.host_port) for one in holding.ports if one.proto == "udp"}
    if ports:
        conntrack.forget(ports, ())


def forget(holdings: Iterable[Holding], *, listing: bool) -> None:
    """Forget connections of these pods' addresses, and datagrams for their published ports.

    What was allowed to those who had the addresses before, or to others with them, is over.
    listing  whether it may take the time to list all connections, where the kernel is old
    """
    from podwright.kernel import conntrack

    holdings = tuple(holdings)
    ports = {(one.proto, one.host_port) for holding in holdings for one in holding.ports}
    links = [one for holding in holdings for one in holding.attachments]
    addresses = {address.ip for one in links for address in one.addresses}
    conntrack.forget({one for one in ports if one[0] != "tcp"}, addresses, listing=listing)


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


def keep_apart(nft: Nft, unrouted: Mapping[int, list[str]]) -> None:
    """Have of our tables only what keeps links of the host apart: no pod is left."""
    replace = "".join(f"delete table {name}\n" for name in (INET, BRIDGE) if exists(nft, name))
    nft.run(replace + inet.without_pods(unrouted), KERNEL)


def missing(nft: Nft, holdings: Iterable[Holding]) -> list[str]:
    """What the kernel's tables lack of what these holdings mean, a sentence for each; [] for nothing."""
    from podwright.net.tables import missing as look

    return look.find(nft, tuple(holdings))
