# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Forwarding of the host: on while there are pods, and off again when it was off before.

A host that forwards IPv6 ignores router advertisements unless `accept_ra` is 2; so the links
that listen to them get that first.

The file `<net_dir>/forwarding` says that we turned it on, in which boot, and which links the
host had then. Those links must not be routed to each other only because a pod needs the
outside: the firewall keeps them apart. Links that come later (of a VM or container manager
that wants forwarding itself) are left alone, and when one exists at the end, forwarding stays on.
So are links that forwarded IPv4 by a setting of their own. Turning it on and off for all loses such
settings: they are set again.
"""

from __future__ import annotations

from _socket import if_nameindex

from podwright import jsonio
from podwright.errors import UsageError
from podwright.host.clock import boot_id
from podwright.kernel import fs, sysctl
from podwright.net.ip import family
from podwright.net.values import LINK_PREFIX

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from podwright.net.values import Holding

KEYS = {4: "net/ipv4/ip_forward", 6: "net/ipv6/conf/all/forwarding"}


def has_ipv6() -> bool:
    """Whether the host's kernel has IPv6, and it is not switched off."""
    return sysctl.read("net/ipv6/conf/all/disable_ipv6") == "0"


def _accept_ra(link: str) -> str:
    return f"net/ipv6/conf/{link}/accept_ra"


def _forwards(of: int, link: str) -> str:
    return f"net/ipv{of}/conf/{link}/forwarding"


def _path(net_dir: str) -> str:
    return f"{net_dir}/forwarding"


def _links() -> list[str]:
    names = [name for _, name in if_nameindex()]
    return [name for name in names if name != "lo" and not name.startswith(LINK_PREFIX)]


def enable(net_dir: str, holding: Holding) -> bool:
    """Turn forwarding on where it is off; True when it was. The caller holds the lock."""
    wanted = {family(a.ip) for one in holding.attachments if one.zone for a in one.addresses}
    off = [of for of in sorted(wanted) if sysctl.read(KEYS[of]) == "0"]
    if not off:
        return False
    record = _record(net_dir)
    links = _links()
    for of in off:
        record["links"][str(of)] = links
        record["on"][str(of)] = [one for one in links if sysctl.read(_forwards(of, one)) == "1"]
    if 6 in off:
        record["ra"] = [name for name in links if sysctl.read(_accept_ra(name)) == "1"]
    fs.write_atomic(_path(net_dir), jsonio.dumps(record).encode(), 0o644, durable=False)
    if 6 in off:
        for name in record["ra"]:
            sysctl.write(_accept_ra(name), "2")
    for of in off:
        sysctl.write(KEYS[of], "1")
    return True


def unrouted(net_dir: str) -> dict[int, list[str]]:
    """Family -> the links that the host did not route between before we turned forwarding on."""
    found = _record(net_dir)
    return {
        int(of): [
            name
            for name in names
            if not set(name) & set('"\\\n*') and not (of == "4" and name in found["on"][of])
        ]
        for of, names in found["links"].items()
    }


def _record(net_dir: str) -> dict[str, Any]:
    """What was recorded when we turned it on in this boot: links by family, `on`: those of them
    that forwarded, `ra`: links whose accept_ra was raised; empty when we did not."""
    nothing: dict[str, Any] = {"boot": boot_id(), "links": {}, "on": {}, "ra": []}
    try:
        with open(_path(net_dir), "rb") as file:
            raw = jsonio.loads(file.read(1 << 20), "forwarding")
        found = {
            "boot": str(raw["boot"]),
            "links": {of: list(map(str, raw["links"][of])) for of in raw["links"] if of in "46"},
            "on": {of: [name for name in raw["on"][of] if "/" not in name] for of in raw["links"]},
            "ra": [str(name) for name in raw["ra"] if "/" not in name],
        }
        return found if found["boot"] == nothing["boot"] else nothing
    except (FileNotFoundError, UsageError, KeyError, TypeError, ValueError):
        return nothing


def restore(net_dir: str) -> None:
    """Turn it off if we turned it on and nobody else can have come to need it."""
    before = _record(net_dir)
    here = set(_links())
    for of, links in before["links"].items():
        if here <= set(links):
            sysctl.write(KEYS[int(of)], "0")
            for name in before["on"][of]:
                if name in here:
                    sysctl.write(_forwards(int(of), name), "1")
            for name in before["ra"] if of == "6" else ():
                if sysctl.read(_accept_ra(name)) == "2":
                    sysctl.write(_accept_ra(name), "1")
    fs.unlink(_path(net_dir))
