# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""GC (CNI 1.1.0): plugins are told which attachments there still are, and drop all others.

What is not in the list is lost, and so nobody may be in the middle of an ADD meanwhile: who adds
holds a lock shared, who collects holds it alone.
"""

from __future__ import annotations

import os

from podwright.errors import LockedError, NetworkError
from podwright.host.clock import boot_id
from podwright.host.lock import HostLock
from podwright.net import ledger
from podwright.net.cni import chain
from podwright.net.cni.protocol import at_least

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from podwright.net.cni.chain import Made


LOCK = "plugins"


def adding(net_dir: str, patience: float = 60.0) -> HostLock:
    """Keep collectors away, until it is released or this process ends.

    Waits for one that is at work. Raises LockedError naming it.
    """
    doing = "network plugins"
    return HostLock(f"{net_dir}/{LOCK}", doing, patience, shared=True).__enter__()


def collect(net_dir: str, networks: Mapping[str, Made]) -> list[str]:
    """Call the plugins of these networks that have GC; returns what went wrong.

    Does nothing while pods are being started: the next gc will.
    """
    wanted = {
        net: made
        for net, made in networks.items()
        if made.collect and at_least(made.version, "1.1.0")
    }
    if not wanted or not os.path.lexists(ledger.directory(net_dir)):
        return []
    try:
        with HostLock(f"{net_dir}/{LOCK}", "gc of network plugins", 0.0):
            return _collect(net_dir, wanted)
    except (LockedError, FileNotFoundError):
        return []


def _collect(net_dir: str, networks: Mapping[str, Made]) -> list[str]:
    with ledger.lock(net_dir, "network gc"):
        found = ledger.read_all(net_dir)
    if found.broken or found.unclear:
        return []  # one of them may be a pod that is there
    boot = boot_id()
    alive = [one for one in found.holdings if ledger.is_alive(net_dir, one, boot)]
    problems = []
    for net, made in networks.items():
        valid = tuple(
            (holding.uuid, one.ifname)
            for holding in alive
            for one in holding.attachments
            if one.net == net
        )
        for call in made.calls:
            try:
                chain.collect(call, valid)
            except NetworkError as err:
                problems.append(err.sentence())
    return problems
