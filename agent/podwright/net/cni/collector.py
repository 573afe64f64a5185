# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""GC (CNI 1.1.0): plugins are told which attachments there still are, and drop all others.

What is not in the list is lost, and so nobody may be in the middle of an ADD meanwhile: who adds
holds the ledger's directory shared, who collects holds it alone, and says so in a file.
"""

from __future__ import annotations

import os
import time

from podwright.errors import LockedError, NetworkError
from podwright.host.clock import boot_id
from podwright.host.lock import LONGEST_PAUSE, try_lock
from podwright.kernel import fs
from podwright.net import ledger
from podwright.net.cni import chain
from podwright.net.cni.protocol import at_least

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from podwright.net.cni.chain import Made


HOLDER = "collector"
"""The file with the process that collects, beside the ledger's directory."""


def adding(net_dir: str, patience: float = 60.0) -> int:
    """Keep collectors away, until the descriptor is closed.

    Waits for one that is at work. Raises LockedError naming it.
    """
    fd = _open(net_dir)
    deadline = time.monotonic() + patience
    while not try_lock(fd, shared=True):
        if time.monotonic() >= deadline:
            os.close(fd)
            raise LockedError(
                f"network plugins: {ledger.directory(net_dir)} is held by {_holder(net_dir)}",
                f"waited {patience:.0f} s; try again when it has ended",
                object=net_dir,
            )
        time.sleep(LONGEST_PAUSE)
    return fd


def _holder(net_dir: str) -> str:
    try:
        with open(f"{net_dir}/{HOLDER}", "rb") as file:
            return f"pid {int(file.read(20))} (gc of network plugins)"
    except (FileNotFoundError, ValueError):
        return "another process"


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
    fd = _open(net_dir)
    try:
        return _collect_alone(net_dir, wanted) if try_lock(fd) else []
    except FileNotFoundError:
        return []  # the last pod has ended, and all this has gone
    finally:
        os.close(fd)


def _open(net_dir: str) -> int:
    return os.open(ledger.directory(net_dir), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)


def _collect_alone(net_dir: str, networks: Mapping[str, Made]) -> list[str]:
    fs.write_atomic(f"{net_dir}/{HOLDER}", str(os.getpid()).encode(), durable=False)
    try:
        return _collect(net_dir, networks)
    finally:
        fs.unlink(f"{net_dir}/{HOLDER}")


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
