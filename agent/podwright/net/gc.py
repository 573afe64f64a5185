# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Take back what pods had: at a pod's end, and what pods left behind that ended badly.

Order, so that a kill at any point leaves something for the next run to find: firewall
elements, link, and the lease last. Nothing here imports pyroute2.
"""

from __future__ import annotations

import os
from _socket import if_nameindex

from podwright.host.clock import boot_id
from podwright.host.lock import HostLock
from podwright.kernel import fs
from podwright.kernel.nft import Nft
from podwright.kernel.rtnl import delete_link
from podwright.net import ends, firewall, forwarding, ipam, ledger, names, place

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

    from podwright.net.values import Holding


def release(net_dir: str, uuid: str, *, links: bool = True, netns: str = "") -> Optional[Holding]:
    """Give back what one pod has, and return that; nothing to give back is fine.

    links  False: leave the links alone; their removal takes some 20 ms
    netns  path of the pod's network namespace, when it is still there
    """
    if not os.path.lexists(net_dir):
        return None
    known = ledger.read(net_dir, uuid)
    if known is not None and netns and any(map(ipam.is_leased, known.attachments)):
        from podwright.net.dhcp import lease

        lease.give_back(known, netns)
    try:
        if known is not None and any(one.external for one in known.attachments):
            from podwright.net import external

            external.remove(known, netns)  # without the lock, since it may take its time
    finally:
        holding = _release(net_dir, uuid, links, netns)
    return holding


def _release(net_dir: str, uuid: str, links: bool, netns: str) -> Optional[Holding]:
    with ledger.lock(net_dir, "network teardown"):
        _adopt(net_dir)
        found = ledger.read_all(net_dir)
        if found.broken:
            _forget_broken(net_dir, found)
        holding = next((one for one in found.holdings if one.uuid == uuid), None)
        if holding is not None:
            give_back(net_dir, (holding,), Nft(), links=links, netns=netns)
        return holding


def reclaim(net_dir: str) -> list[str]:
    """Take back what pods of this host that have ended held; returns a line for each.

    When no pod is left that has a network, the firewall table and the directory go too.
    """
    with ledger.lock(net_dir, "network gc"):
        alive, dead = sweep(net_dir)
        strays = _stray_links({link.host_if for one in alive for link in one.attachments})
        done = [f"{_addresses(one)} of {one.holder()}" for one in dead]
        done += [f"link {name}" for name in strays if delete_link(name)]
        ends.sweep(net_dir, alive)
        names.refresh(alive)
        if not alive:
            firewall.remove(Nft())
            forwarding.restore(net_dir)
            place.remove(net_dir)
        return done


def _addresses(holding: Holding) -> str:
    found = [address.ip for one in holding.attachments for address in one.addresses]
    return " ".join(found) or "network"


def _stray_links(known: set[str]) -> list[str]:
    """Our links that no holding speaks of: the namespace of their pod was held by somebody."""
    found = [name for _, name in if_nameindex()]
    return [name for name in found if ledger.is_host_link(name) and name not in known]


def refresh_names(net_dir: str) -> None:
    """Bring the hosts files of all pods up to date, where there are any: nothing is made for it."""
    try:
        if os.listdir(ledger.directory(net_dir)):
            with HostLock(f"{net_dir}/lock", "names of pods"):
                names.refresh(ledger.read_all(net_dir).holdings)
    except FileNotFoundError:
        return


def sweep(net_dir: str) -> tuple[tuple[Holding, ...], tuple[Holding, ...]]:
    """Take back what the dead hold; returns the living and those taken. The caller holds the lock."""
    _adopt(net_dir)
    found = ledger.read_all(net_dir)
    boot = boot_id() if found.holdings else ""
    alive: list[Holding] = []
    dead: list[Holding] = []
    for holding in found.holdings:
        living = ledger.is_alive(net_dir, holding, boot)
        (alive if living else dead).append(holding)
    if found.broken:
        _forget_broken(net_dir, found)
    if dead:
        give_back(net_dir, tuple(dead), Nft())
    return tuple(alive), tuple(dead)


def _adopt(net_dir: str) -> None:
    """Take over what an agent of before several networks has left."""
    if os.path.isdir(f"{net_dir}/default"):
        from podwright.net import older

        older.adopt(net_dir)


def _forget_broken(net_dir: str, found: ledger.Found) -> None:
    """Remove files that hold nothing, and whatever the firewall may still hold for them."""
    nft = Nft()
    ends.sweep(net_dir, found.holdings)
    if not found.holdings:
        firewall.remove(nft)
        forwarding.restore(net_dir)
    elif firewall.exists(nft):
        firewall.build(nft, found.holdings, forwarding.unrouted(net_dir))
    for path in found.broken:
        fs.unlink(path)


def give_back(
    net_dir: str, taken: tuple[Holding, ...], nft: Nft, *, links: bool = True, netns: str = ""
) -> None:
    """Remove the elements, links and files of these holdings. The caller holds the lock.

    What executables have made is in the record of each pod, and is taken back from there.
    """
    gone = {holding.uuid for holding in taken}
    left = [one for one in ledger.read_all(net_dir).holdings if one.uuid not in gone]
    if not left:
        firewall.remove(nft)
    else:
        _dismiss(net_dir, taken, tuple(left), nft)
    firewall.forget(taken, listing=True)
    for holding in taken:
        for one in holding.attachments:
            if links and one.host_if:
                delete_link(one.host_if)
            if ends.wanted(one):
                ends.give_back(net_dir, one, left, nft, netns)
    if not left:
        forwarding.restore(net_dir)
    for holding in taken:
        ledger.drop(net_dir, holding.uuid)


def _dismiss(net_dir: str, gone: tuple[Holding, ...], left: tuple[Holding, ...], nft: Nft) -> None:
    """Remove the elements of pods; tables that have lost something are made again for those left."""
    if not firewall.dismiss(nft, gone, left):
        firewall.restore(nft, left, forwarding.unrouted(net_dir))
