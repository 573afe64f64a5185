# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Forwarding of the host: on while there are pods, and off again when it was off before.

A host that forwards IPv6 ignores router advertisements unless `accept_ra` is 2; so the links
that listen to them get that first.

The file `<net_dir>/forwarding` says that we turned it on, in which boot, and which links the
host had then, by name and by number. Those must not be routed to each other only because a pod needs
the outside: the firewall keeps them apart, and is told before forwarding is turned on. Links that
forwarded IPv4 by a setting of their own are left alone. Turning it on and off for all loses such
settings: they are set again.

Links that come later are left alone, too: they may be those of a VM or container manager, which finds
forwarding on and relies on it. While there is one, forwarding cannot be turned off at the end. Then the
record stays, and in the firewall what keeps the links apart that were there before, until gc or the end
of another pod finds none.
"""

from __future__ import annotations

import os
from _socket import if_nameindex

from podwright import jsonio
from podwright.errors import UsageError
from podwright.host.clock import boot_id
from podwright.kernel import fs, sysctl
from podwright.net.ip import family
from podwright.net.values import LINK_PREFIX

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

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


def _kept(net_dir: str) -> str:
    """Where the same is again: a host must not stay a router because a file was damaged."""
    return f"{net_dir}/forwarding.kept"


def _links(net_dir: str) -> dict[str, int]:
    """The host's links that are not ours -> their numbers."""
    ours = _bridges(net_dir)
    return {
        name: index
        for index, name in if_nameindex()
        if name != "lo" and not name.startswith(LINK_PREFIX) and name not in ours
    }


def _bridges(net_dir: str) -> set[str]:
    """Bridges that we made, and our links on any."""
    if not os.path.exists(f"{net_dir}/bridges"):
        return set()
    from podwright.net import bridges

    return bridges.made(net_dir)


def record(net_dir: str, holding: Holding) -> list[int]:
    """Write down how the host is before forwarding is turned on; returns families for which it is off.

    The caller holds the lock, tells the firewall, and calls `turn_on` then: not before, since the host
    would be a router meanwhile.
    """
    wanted = {family(a.ip) for one in holding.attachments if one.zone for a in one.addresses}
    off = [of for of in sorted(wanted) if sysctl.read(KEYS[of]) == "0"]
    if not off:
        return []
    found = _record(net_dir)
    links = _links(net_dir)
    for of in off:
        found["links"][str(of)] = list(links)
        found["numbers"][str(of)] = list(links.values())
        found["on"][str(of)] = [one for one in links if sysctl.read(_forwards(of, one)) == "1"]
    if 6 in off:
        raised = {name for name in found["ra"] if sysctl.read(_accept_ra(name)) == "2"}
        listens = [name for name in links if sysctl.read(_accept_ra(name)) == "1"]
        found["ra"] = sorted(raised.union(listens))
    _write(net_dir, found)
    return off


def turn_on(net_dir: str, off: list[int]) -> None:
    """Turn forwarding on for these families, which `record` has returned."""
    for name in _record(net_dir)["ra"] if 6 in off else ():
        sysctl.write(_accept_ra(name), "2")
    for of in off:
        sysctl.write(KEYS[of], "1")


def _write(net_dir: str, found: dict[str, Any]) -> None:
    data = jsonio.dumps(found).encode()
    for path in (_kept(net_dir), _path(net_dir)):
        fs.write_atomic(path, data, 0o644, durable=False)


def unrouted(net_dir: str) -> dict[int, list[str]]:
    """Family -> the links that the host did not route between before we turned forwarding on.

    Names, and numbers behind a `/`: a link may be renamed, or made again with its name.
    """
    found = _record(net_dir)
    out: dict[int, list[str]] = {}
    for of, names in found["links"].items():
        apart = [not (of == "4" and name in found["on"][of]) for name in names]
        usable = [not set(name) & set('"\\\n*') for name in names]
        out[int(of)] = [name for name, *use in zip(names, apart, usable) if all(use)]
        numbers = zip(found["numbers"][of], apart)
        out[int(of)] += [f"/{number}" for number, use in numbers if use]
    return out


def _record(net_dir: str) -> dict[str, Any]:
    """What was recorded when we turned it on in this boot: names of links by family, their numbers,
    `on`: those of them that forwarded, `ra`: links whose accept_ra was raised; empty when we did not."""
    nothing: dict[str, Any] = {"boot": boot_id(), "links": {}, "numbers": {}, "on": {}, "ra": []}
    if not os.path.lexists(_path(net_dir)):
        return nothing
    found = _read(_path(net_dir)) or _read(_kept(net_dir))
    return found if found is not None and found["boot"] == nothing["boot"] else nothing


def _read(path: str) -> Optional[dict[str, Any]]:
    try:
        with open(path, "rb") as file:
            raw = jsonio.loads(file.read(1 << 20), "forwarding")
        return {
            "boot": str(raw["boot"]),
            "links": {of: list(map(str, raw["links"][of])) for of in raw["links"] if of in "46"},
            "numbers": {
                of: list(map(int, raw.get("numbers", {}).get(of, ()))) for of in raw["links"]
            },
            "on": {of: [name for name in raw["on"][of] if "/" not in name] for of in raw["links"]},
            "ra": [str(name) for name in raw["ra"] if "/" not in name],
        }
    except (FileNotFoundError, UsageError, KeyError, TypeError, ValueError, AttributeError):
        return None


def restore(net_dir: str) -> bool:
    """Turn it off if we turned it on and nobody else can have come to need it; True when it stays on."""
    before = _record(net_dir)
    here = _links(net_dir)
    stays = [of for of in before["links"] if _is_needed(before, of, here)]
    for of in before["links"]:
        if of not in stays:
            _turn_off(int(of), [name for name in before["on"][of] if name in here])
            for name in before["ra"] if of == "6" else ():
                if sysctl.read(_accept_ra(name)) == "2":
                    sysctl.write(_accept_ra(name), "1")
    if not stays:
        fs.unlink(_kept(net_dir))
        fs.unlink(_path(net_dir))
        return False
    for key in ("links", "numbers", "on"):
        before[key] = {of: before[key][of] for of in stays}
    _write(net_dir, {**before, "ra": before["ra"] if "6" in stays else []})
    return True


def _is_needed(before: dict[str, Any], of: str, here: dict[str, int]) -> bool:
    """Whether it is on, and a link is there that was not."""
    known = {name for name in here if name in before["links"][of]}
    known |= {name for name, number in here.items() if number in before["numbers"][of]}
    return known != set(here) and sysctl.read(KEYS[int(of)]) == "1"


def _turn_off(of: int, on: list[str]) -> None:
    """For all links but these."""
    if sysctl.read(KEYS[of]) != "0":
        sysctl.write(KEYS[of], "0")
    for name in on:
        sysctl.write(_forwards(of, name), "1")
