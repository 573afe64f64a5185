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
from podwright.kernel import fs
from podwright.kernel.nft import Nft
from podwright.kernel.rtnl import delete_link
from podwright.net import firewall, forwarding, leases, place

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

    from podwright.net.plan import Lease


def release(net_dir: str, uuid: str, ip: str = "", *, link: bool = True) -> None:
    """Give back what one pod has; nothing to give back is fine.

    ip    its address, when known: saves reading every lease
    link  False: leave the link alone; its removal takes some 20 ms
    """
    if not os.path.lexists(net_dir):
        return
    with leases.lock(net_dir, "network teardown"):
        lease = leases.read(net_dir, ip) if ip else _of(net_dir, uuid)
        if lease is not None and lease.uuid == uuid:
            give_back(net_dir, (lease,), Nft(), link=link)


def _of(net_dir: str, uuid: str) -> Optional[Lease]:
    """The lease of a pod; what a killed worker half wrote goes away on the occasion."""
    found = leases.read_all(net_dir)
    if found.broken:
        _forget_broken(net_dir, found)
    return next((lease for lease in found.leases if lease.uuid == uuid), None)


def reclaim(net_dir: str) -> list[str]:
    """Take back the leases of all pods of this host that have ended; returns a line for each.

    When no pod is left that has a network, the firewall table and the directory go too.
    """
    with leases.lock(net_dir, "network gc"):
        alive, dead = sweep(net_dir)
        strays = _stray_links({lease.host_if for lease in alive})
        done = [f"{lease.ip} of {lease.holder()}" for lease in dead]
        done += [f"link {name}" for name in strays if delete_link(name)]
        if not alive:
            firewall.remove(Nft())
            forwarding.restore(net_dir)
            place.remove(net_dir)
        return done


def _stray_links(known: set[str]) -> list[str]:
    """Our links that no lease speaks of: the namespace of their pod was held by somebody."""
    names = [name for _, name in if_nameindex()]
    return [name for name in names if leases.is_link(name) and name not in known]


def sweep(net_dir: str) -> tuple[tuple[Lease, ...], tuple[Lease, ...]]:
    """Take back dead leases; returns the living ones and those taken. The caller holds the lock."""
    found = leases.read_all(net_dir)
    boot = boot_id() if found.leases else ""
    alive: list[Lease] = []
    dead: list[Lease] = []
    for lease in found.leases:
        living = leases.is_alive(net_dir, lease, boot)
        (alive if living else dead).append(lease)
    if found.broken:
        _forget_broken(net_dir, found)
    if dead:
        give_back(net_dir, tuple(dead), Nft())
    return tuple(alive), tuple(dead)


def _forget_broken(net_dir: str, found: leases.Found) -> None:
    """Remove files that hold nothing, and whatever the firewall may still hold for them."""
    nft = Nft()
    if not found.leases:
        firewall.remove(nft)
        forwarding.restore(net_dir)
    elif firewall.exists(nft):
        firewall.build(nft, found.leases, forwarding.unrouted(net_dir))
    for path in found.broken:
        fs.unlink(path)


def give_back(net_dir: str, taken: tuple[Lease, ...], nft: Nft, *, link: bool = True) -> None:
    """Remove the elements, links and files of these leases. The caller holds the lock."""
    gone = {lease.ip for lease in taken}
    last = all(lease.ip in gone for lease in leases.read_all(net_dir).leases)
    if last:
        firewall.remove(nft)
    else:
        firewall.dismiss(nft, taken)
    for lease in taken:
        if link:
            delete_link(lease.host_if)
    if last:
        forwarding.restore(net_dir)
    for lease in taken:
        leases.drop(net_dir, lease.ip)
