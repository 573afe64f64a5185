# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the agent before several networks has left: leases of pods that still run, made holdings.

It kept a file per address of its only network, `<net_dir>/default/<ip>`. They are rewritten where
they are seen first, under the host lock; the firewall is made anew with them, since its sets have
other names now. From then on such a pod is one like all: its address and ports are its own, and
its end, whichever agent sees it, gives them back.
"""

from __future__ import annotations

import os

from podwright import jsonio
from podwright.errors import UsageError
from podwright.kernel import fs
from podwright.kernel.nft import Nft
from podwright.net import firewall, forwarding, ip, ledger
from podwright.net.values import Address, Attachment, Holding, NetConf, PortMap, Route

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

NET = "default"
SUBNET = ip.subnet("172.16.28.0/24")
GATEWAY = "172.16.28.1"
CONF = NetConf(NET, "1.0.0", ({"type": "ptp", "ipMasq": True},))
MOST = 1 << 20


def directory(net_dir: str) -> str:
    """Where its leases lie."""
    return f"{net_dir}/{NET}"


def adopt(net_dir: str) -> None:
    """Make its leases holdings. The caller holds the lock, and has seen the directory.

    Killed at any point, the next call does what is left.
    """
    folder = directory(net_dir)
    names = sorted(os.listdir(folder))
    holdings = [found for name in names for found in (read(net_dir, name),) if found is not None]
    _rewrite_forwarding(f"{net_dir}/forwarding")
    for holding in holdings:
        os.close(ledger.put(net_dir, holding))
    if holdings:
        known = ledger.read_all(net_dir).holdings
        firewall.build(Nft(), known, forwarding.unrouted(net_dir))
    for name in names:
        fs.unlink(f"{folder}/{name}")
    fs.unlink(f"{net_dir}/last")
    fs.rmdir_empty(folder)


def read(net_dir: str, name: str) -> Optional[Holding]:
    """The holding that the lease of an address means; None for a file that holds nothing."""
    try:
        with open(f"{directory(net_dir)}/{name}", "rb") as file:
            return ledger.checked(_holding(name, jsonio.loads(file.read(MOST), name)))
    except (OSError, UsageError, KeyError, TypeError, ValueError, AttributeError):
        return None


def _holding(address: str, raw: dict[str, Any]) -> Holding:
    if ip.canonical(address) != address or address not in SUBNET or address == GATEWAY:
        raise ValueError(address)
    if not ledger.is_host_link(raw["host_if"]):
        raise ValueError(raw["host_if"])
    ports = tuple(PortMap(*port) for port in raw["ports"])
    for text in (raw["name"], raw["boot"], *(port.host_ip for port in ports)):
        if not isinstance(text, str):
            raise TypeError(text)
    attached = Attachment(
        net=NET,
        kind="ptp",
        ifname="eth0",
        conf=CONF,
        host_if=raw["host_if"],
        addresses=(Address(address, SUBNET.prefix, GATEWAY),),
        routes=(Route("0.0.0.0/0"),),
        masquerade=True,
        zone=NET,
    )
    pod = (raw["uuid"], raw["name"], "", (), raw["boot"], raw["run_dir"])
    return Holding(*pod, (attached,), ports)


def _rewrite_forwarding(path: str) -> None:
    """Its record knew of IPv4 only, and had the links in a list."""
    try:
        with open(path, "rb") as file:
            raw = jsonio.loads(file.read(MOST), path)
        if not isinstance(raw["links"], list):
            return
        record = {"boot": raw["boot"], "links": {"4": raw["links"]}, "on": {"4": []}, "ra": []}
    except (FileNotFoundError, UsageError, KeyError, TypeError):
        return
    fs.write_atomic(path, jsonio.dumps(record).encode(), 0o644, durable=False)
