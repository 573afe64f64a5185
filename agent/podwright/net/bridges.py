# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bridges that pods are on: made when missing, and given back as they were.

`<net_dir>/bridges/NAME` says what we did: whether we made the bridge, and the addresses and links that
we put on one that was there. It is written before the deed, and goes after all is taken back.
"""

from __future__ import annotations

import os

from podwright import jsonio
from podwright.errors import NetworkError, UsageError
from podwright.kernel import fs, rtlook, sysctl
from podwright.kernel.rtnl import Rtnl, delete_link, if_nametoindex
from podwright.net import ip, ledger
from podwright.net import linkmessages as make
from podwright.net.links import vlan_link
from podwright.values import replace, value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Optional

    from podwright.kernel.rtlook import Link
    from podwright.net.links import Bridge
    from podwright.net.values import Address, Holding

EEXIST, EADDRNOTAVAIL, EOPNOTSUPP = 17, 99, 95


@value
class Record:
    """What we did to a bridge.

    made        it is ours, and goes with its last pod
    addresses   `ADDRESS/PREFIX` that we gave to it
    links       that we put on it
    """

    made: bool
    addresses: tuple[str, ...] = ()
    links: tuple[str, ...] = ()


def _path(net_dir: str, name: str) -> str:
    return f"{net_dir}/bridges/{name}"


def read(net_dir: str, name: str) -> Optional[Record]:
    """What was recorded, or None."""
    try:
        with open(_path(net_dir, name), "rb") as file:
            data = file.read(1 << 20)
    except FileNotFoundError:
        return None
    try:
        raw = jsonio.loads(data, name)
        return Record(bool(raw["made"]), _texts(raw["addresses"]), _texts(raw["links"]))
    except (UsageError, KeyError, TypeError, ValueError):
        return Record(_is_by_us(name))


def _is_by_us(name: str) -> bool:
    """Whether the bridge has the MAC address that only we give: for a record that is damaged."""
    from podwright.net.kinds.bridge import own_mac

    found = rtlook.link(name)
    return found is not None and found.kind == "bridge" and found.mac == own_mac(f"bridge {name}")


def _texts(found: Iterable[object]) -> tuple[str, ...]:
    return tuple(str(one) for one in found)


def _write(net_dir: str, name: str, record: Record) -> None:
    fs.ensure_dir(f"{net_dir}/bridges", 0o755)
    data = jsonio.dumps(
        {
            "made": record.made,
            "addresses": list(record.addresses),
            "links": list(record.links),
        }
    )
    fs.write_atomic(_path(net_dir, name), data.encode(), 0o600, durable=False)


def made(net_dir: str) -> set[str]:
    """The bridges that we made, and links that we put on any."""
    out: set[str] = set()
    for name in os.listdir(f"{net_dir}/bridges"):
        record = read(net_dir, name)
        if record is not None:
            out.update((*record.links, *((name,) if record.made else ())))
    return out


def is_foreign(net_dir: str, name: str) -> bool:
    """Whether a link of this name is there that we did not make."""
    record = read(net_dir, name)
    if record is not None and record.made:
        return False
    try:
        if_nametoindex(name)
    except OSError:
        return False
    return True


def join(net_dir: str, step: Bridge, rtnl: Rtnl) -> None:
    """Have the bridge as a network wants it. Raises NetworkError when its owner made it otherwise."""
    with ledger.lock(net_dir, "network bridge"):
        record = read(net_dir, step.name)
        found = rtlook.link(step.name)
        if found is None:
            record = Record(True)
            _write(net_dir, step.name, record)
            _make(step, rtnl)
            found = rtlook.link(step.name)
        if record is None:
            record = Record(False)
            _write(net_dir, step.name, record)
        assert found is not None
        _join(net_dir, step, rtnl, found, record)


def _make(step: Bridge, rtnl: Rtnl) -> None:
    try:
        rtnl.call("bridge", make.bridge(step.name, step.mac, step.mtu))
    except OSError as err:
        if err.errno != EOPNOTSUPP:
            raise
        raise NetworkError(
            "network: this kernel has no bridges",
            "load the kernel module bridge: modprobe bridge",
            object=step.name,
            reason="no-kernel-support",
        ) from None
    for key, text in (
        (f"ipv4/conf/{step.name}/route_localnet", "1"),
        (f"ipv6/conf/{step.name}/accept_ra", "0"),
        (f"ipv6/conf/{step.name}/accept_dad", "0"),
        (f"ipv6/conf/{step.name}/disable_ipv6", "1"),
    ):
        if sysctl.read(f"net/{key}"):
            sysctl.write(f"net/{key}", text)


def _join(net_dir: str, step: Bridge, rtnl: Rtnl, found: Link, record: Record) -> None:
    if found.kind != "bridge":
        raise NetworkError(
            f"link {step.name}: is not a bridge",
            f"give the bridge of network {step.net} another name",
            object=step.name,
            reason="not-a-bridge",
        )
    if record.made:
        if step.promiscuous:
            rtnl.call("promiscuous", make.promiscuous(found.index))
        if any(ip.family(one.gateway) == 6 for one in step.gateways):
            sysctl.write(f"net/ipv6/conf/{step.name}/disable_ipv6", "0")
    if step.vlan and not found.filters:
        _filter(step, rtnl, found, record)
    rtnl.call("up", make.up(found.index))
    if not step.gateways:
        return
    if not step.vlan:
        _give_addresses(net_dir, step, rtnl, found, record, step.name)
        return
    name = vlan_link(step.name, step.vlan)
    record = replace(record, links=tuple(dict.fromkeys((*record.links, name))))
    _write(net_dir, step.name, record)
    _give_addresses(net_dir, step, rtnl, _vlan(step, rtnl, found, name), record, name)


def _filter(step: Bridge, rtnl: Rtnl, found: Link, record: Record) -> None:
    if not record.made:
        raise NetworkError(
            f"bridge {step.name}: does not tell VLANs apart",
            f"let its owner say: ip link set {step.name} type bridge vlan_filtering 1",
            object=step.name,
            reason="no-vlan",
        )
    try:
        rtnl.call("vlan filtering", make.filtering(found.index))
    except OSError as err:
        raise NetworkError(
            f"bridge {step.name}: this kernel's bridges cannot tell VLANs apart: {err.strerror}",
            "it needs a kernel with CONFIG_BRIDGE_VLAN_FILTERING",
            object=step.name,
            reason="no-kernel-support",
        ) from None


def _vlan(step: Bridge, rtnl: Rtnl, found: Link, name: str) -> Link:
    """The host's own link in a VLAN of the bridge."""
    rtnl.call("vlan", make.bridge_vlan(found.index, step.vlan, own=True))
    try:
        rtnl.call("vlan link", make.vlan(name, found.index, step.vlan))
    except OSError as err:
        if err.errno == EOPNOTSUPP:
            raise NetworkError(
                "network: this kernel has no VLAN links",
                "load the kernel module 8021q: modprobe 8021q",
                object=name,
                reason="no-kernel-support",
            ) from None
        if err.errno != EEXIST:
            raise
    else:
        sysctl.write(f"net/ipv4/conf/{name}/route_localnet", "1")
        for key, text in (("accept_ra", "0"), ("accept_dad", "0")):
            if sysctl.read(f"net/ipv6/conf/{name}/{key}"):
                sysctl.write(f"net/ipv6/conf/{name}/{key}", text)
    made = rtlook.link(name)
    assert made is not None
    rtnl.call("up", make.up(made.index))
    return made


def _give_addresses(
    net_dir: str, step: Bridge, rtnl: Rtnl, link: Link, record: Record, name: str
) -> None:
    """Add the gateways that are missing."""
    here = rtlook.addresses(link.index)
    for one in step.gateways:
        wanted = f"{one.gateway}/{one.prefix}"
        if any(had.ip == one.gateway for had in here):
            continue
        for had in _in_the_way(one, [f"{had.ip}/{had.prefix}" for had in here]):
            if not (step.force and record.made):
                raise NetworkError(
                    f"bridge {name}: has the address {had}, and network {step.net} wants {wanted}",
                    "correct one of the two"
                    + (', or write "forceAddress": true' if record.made else ""),
                    object=name,
                    reason="address-taken",
                )
            old, _, prefix = had.partition("/")
            rtnl.call("address", make.address(link.index, old, int(prefix), remove=True))
        record = replace(record, addresses=(*record.addresses, wanted))
        _write(net_dir, step.name, record)
        rtnl.call("address", make.address(link.index, one.gateway, one.prefix))


def _in_the_way(wanted: Address, here: list[str]) -> list[str]:
    """Addresses of the bridge besides which a gateway cannot be: any of IPv4, overlapping ones of IPv6."""
    subnet = ip.subnet(f"{wanted.gateway}/{wanted.prefix}")
    of = subnet.family
    return [
        one for one in here if ip.family(one) == of and (of == 4 or ip.subnet(one).overlaps(subnet))
    ]


def leave(net_dir: str, name: str, left: Iterable[Holding]) -> None:
    """Take back what was done to a bridge when no pod of `left` is on it. The caller holds the lock."""
    if any(one.bridge == name for holding in left for one in holding.attachments):
        return
    record = read(net_dir, name)
    if record is not None:
        for link in record.links:
            delete_link(link)
        if record.made:
            delete_link(name)
        else:
            _take_addresses(name, record)
    for file in _names(net_dir):
        if file == name or file.endswith(".new"):  # of a writer that was killed
            fs.unlink(f"{net_dir}/bridges/{file}")
    fs.rmdir_empty(f"{net_dir}/bridges")


def _names(net_dir: str) -> list[str]:
    try:
        return os.listdir(f"{net_dir}/bridges")
    except FileNotFoundError:
        return []


def _take_addresses(name: str, record: Record) -> None:
    found = rtlook.link(name)
    if found is None:
        return
    rtnl = Rtnl()
    for one in record.addresses:
        text, _, prefix = one.partition("/")
        try:
            rtnl.call("address", make.address(found.index, text, int(prefix), remove=True))
        except OSError as err:
            if err.errno != EADDRNOTAVAIL:
                raise NetworkError(
                    f"bridge {name}: {one} cannot be taken away: {err.strerror}"
                ) from None
    rtnl.close()


def sweep(net_dir: str, alive: Iterable[Holding]) -> None:
    """Take back what was done to bridges that no pod is on. The caller holds the lock."""
    holdings = tuple(alive)
    for name in _names(net_dir):
        if ledger.is_link_name(name) and not name.endswith(".new"):
            leave(net_dir, name, holdings)
