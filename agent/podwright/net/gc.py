# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Take back what pods had: at a pod's end, and what pods left behind that ended badly.

Order, so that a kill at any point leaves something for the next run to find: firewall
elements, link, and the lease last; of the last pod link, forwarding, firewall, lease. Nothing
here imports pyroute2.
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
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

    from podwright.net.values import Holding


def release(
    net_dir: str, uuid: str, *, links: bool = True, netns: str = "", run_dir: str = ""
) -> Optional[Holding]:
    """Give back what one pod has, and return that; nothing to give back is fine.

    links    False: leave the links alone; their removal takes some 20 ms
    netns    path of the pod's network namespace, when it is still there
    run_dir  where the pod's directory is: what a pod of the same UUID has elsewhere stays its own
    """
    if not os.path.lexists(net_dir):
        return None
    known = ledger.read(net_dir, uuid)
    if known is not None and not ledger.is_of(known, run_dir):
        return None
    if known is not None and netns and any(map(ipam.is_leased, known.attachments)):
        from podwright.net.dhcp import lease

        lease.give_back(known, netns)
    try:
        if known is not None and any(one.external for one in known.attachments):
            from podwright.net import external

            external.remove(known, netns)  # without the lock, since it may take its time
    finally:
        holding = _release(net_dir, uuid, links, netns, run_dir)
    return holding


def _release(net_dir: str, uuid: str, links: bool, netns: str, run_dir: str) -> Optional[Holding]:
    with ledger.lock(net_dir, "network teardown"):
        _adopt(net_dir)
        found = ledger.read_all(net_dir, run_dir)
        if found.broken:
            _forget_broken(net_dir, found)
        holding = next((one for one in found.all if one.uuid == uuid), None)
        if holding is None or not ledger.is_of(holding, run_dir):
            return None
        give_back(net_dir, (holding,), Nft(), links=links, netns=netns, run_dir=run_dir)
        return holding


def reclaim(net_dir: str, run_dir: str = "") -> list[str]:
    """Take back what pods of this host that have ended held; returns a line for each.

    run_dir  where pods may run that the ledger does not know of any more
    When no pod is left that has a network, the firewall table and the directory go too.
    """
    with ledger.lock(net_dir, "network gc"):
        swept = sweep(net_dir, run_dir)
        alive, dead = swept.alive, swept.dead
        held = (*alive, *swept.unclear)
        strays = _stray_links({link.host_if for one in held for link in one.attachments})
        done = [f"{_addresses(one)} of {one.holder()}" for one in dead]
        done += [f"link {name}" for name in strays if delete_link(name)]
        ends.sweep(net_dir, held)
        names.refresh(alive)
        if not held and _end(net_dir, Nft()):
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


@value
class Swept:
    """Whose holdings are left, whose were taken back, and of which we do not know all (`unread.py`)."""

    alive: tuple[Holding, ...]
    dead: tuple[Holding, ...]
    unclear: tuple[Holding, ...]


def sweep(net_dir: str, run_dir: str = "") -> Swept:
    """Take back what the dead hold. The caller holds the lock.

    run_dir  where pods may run that the ledger does not know of any more
    """
    _adopt(net_dir)
    if run_dir and not os.path.lexists(ledger.directory(net_dir)):
        from podwright.net import unread

        unread.note_lost(net_dir, run_dir)
    found = ledger.read_all(net_dir, run_dir)
    boot = boot_id() if found.holdings else ""
    alive: list[Holding] = []
    dead: list[Holding] = []
    for holding in found.holdings:
        living = ledger.is_alive(net_dir, holding, boot)
        (alive if living else dead).append(holding)
    if found.broken:
        _forget_broken(net_dir, found)
    if dead:
        give_back(net_dir, tuple(dead), Nft(), run_dir=run_dir)
    return Swept(tuple(alive), tuple(dead), found.unclear)


def _adopt(net_dir: str) -> None:
    """Take over what an agent of before several networks has left."""
    if os.path.isdir(f"{net_dir}/default"):
        from podwright.net import older

        older.adopt(net_dir)


def _forget_broken(net_dir: str, found: ledger.Found) -> None:
    """Remove files that hold nothing, and whatever the firewall may still hold for them."""
    nft = Nft()
    ends.sweep(net_dir, found.all)
    if not found.all:
        _end(net_dir, nft)
    elif firewall.exists(nft):
        firewall.build(nft, found.all, forwarding.unrouted(net_dir))
    for path in found.broken:
        fs.unlink(path)


def give_back(
    net_dir: str,
    taken: tuple[Holding, ...],
    nft: Nft,
    *,
    links: bool = True,
    netns: str = "",
    run_dir: str = "",
) -> None:
    """Remove the elements, links and files of these holdings. The caller holds the lock.

    What executables have made is in the record of each pod, and is taken back from there.
    """
    gone = {holding.uuid for holding in taken}
    left = [one for one in ledger.read_all(net_dir, run_dir).all if one.uuid not in gone]
    if left:
        _dismiss(net_dir, taken, tuple(left), nft)
        firewall.forget(taken, listing=True)
    for holding in taken:
        for one in holding.attachments:
            if links and one.host_if:
                delete_link(one.host_if)
            if ends.wanted(one):
                ends.give_back(net_dir, one, left, nft, netns)
    if not left:
        _end(net_dir, nft)
        firewall.forget(taken, listing=True)
    for holding in taken:
        ledger.drop(net_dir, holding.uuid)


def _end(net_dir: str, nft: Nft) -> bool:
    """Forwarding and firewall when no pod is left; False while the host goes on forwarding for us.

    Forwarding first: without our tables the host would be a router.
    """
    if forwarding.restore(net_dir):
        firewall.keep_apart(nft, forwarding.unrouted(net_dir))
        return False
    firewall.remove(nft)
    return True


def _dismiss(net_dir: str, gone: tuple[Holding, ...], left: tuple[Holding, ...], nft: Nft) -> None:
    """Remove the elements of pods; tables that have lost something are made again for those left."""
    if ledger.related(gone, left) or not firewall.dismiss(nft, gone, left):
        firewall.restore(nft, left, forwarding.unrouted(net_dir))
