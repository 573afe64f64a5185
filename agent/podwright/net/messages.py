# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Route netlink messages, encoded by pyroute2's message classes and nothing else of it.

`import pyroute2` loads every protocol it knows, and its `config` starts the program `file`:
90 ms. The message classes alone take 18 ms, so the package and `config` are registered as
empty shells first. Should a version want more of them than these shells give, it is imported
whole: slower, but the same.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType

from podwright.errors import NetworkError
from podwright.host import distpackages
from podwright.net.ip import BITS, family

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from podwright.net.plan import AddRoute, Veth

RTM_NEWLINK, RTM_NEWADDR, RTM_NEWROUTE = 16, 20, 24
REQUEST_ACK, REPLACE, EXCLUSIVE, CREATE = 0x5, 0x100, 0x200, 0x400
AF = {4: 2, 6: 10}
IFF_UP = 1
IFA_F_NODAD, IFA_F_NOPREFIXROUTE = 0x2, 0x200
SCOPE_UNIVERSE, SCOPE_LINK = 0, 253
TABLE_MAIN, PROTO_STATIC, UNICAST, PROHIBIT = 254, 4, 1, 8
CLASSES = ("ifinfmsg", "ifaddrmsg", "rtmsg")

if TYPE_CHECKING:
    Attributes = list[tuple[str, object]]


class Messages:
    """Makes encoded messages. Raises NetworkError when pyroute2 is not installed."""

    def __init__(self) -> None:
        distpackages.enable()
        try:
            try:
                _register_shells()
                found = _classes()
            except (ImportError, AttributeError):
                for name in [n for n in sys.modules if n.partition(".")[0] == "pyroute2"]:
                    del sys.modules[name]
                found = _classes()
        except ImportError as err:
            raise NetworkError(
                f"network: pyroute2 cannot be imported ({err})",
                "install the package python3-pyroute2, or give the role a wheel of it",
                object="pyroute2",
                reason="missing-library",
            ) from None
        self._link, self._address, self._route = found

    def veth(self, pair: Veth, netns_fd: int) -> bytes:
        """A new pair with one end here and one in another namespace."""
        more: Attributes = [("IFLA_MTU", pair.mtu)] if pair.mtu else []
        peer: Attributes = [("IFLA_IFNAME", pair.pod_if), ("IFLA_NET_NS_FD", netns_fd), *more]
        if pair.mac:
            peer.append(("IFLA_ADDRESS", pair.mac))
        if pair.host_mac:
            more.append(("IFLA_ADDRESS", pair.host_mac))
        data = {"attrs": [("VETH_INFO_PEER", {"attrs": peer})]}
        info = {"attrs": [("IFLA_INFO_KIND", "veth"), ("IFLA_INFO_DATA", data)]}
        attributes: Attributes = [("IFLA_IFNAME", pair.host_if), ("IFLA_LINKINFO", info), *more]
        return _encode(self._link, RTM_NEWLINK, CREATE | EXCLUSIVE, {}, attributes)

    def up(self, index: int) -> bytes:
        """Set a link up."""
        fields = {"index": index, "flags": IFF_UP, "change": IFF_UP}
        return _encode(self._link, RTM_NEWLINK, 0, fields, [])

    def address(self, index: int, ip: str, prefix: int) -> bytes:
        """Give a link an address, without a route to its prefix, and of IPv6 at once."""
        of = family(ip)
        fields = {"family": AF[of], "prefixlen": prefix, "index": index, "scope": SCOPE_UNIVERSE}
        attributes: Attributes = [
            ("IFA_LOCAL", ip),
            ("IFA_ADDRESS", ip),
            ("IFA_FLAGS", IFA_F_NOPREFIXROUTE | (IFA_F_NODAD if of == 6 else 0)),
        ]
        return _encode(self._address, RTM_NEWADDR, CREATE | REPLACE, fields, attributes)

    def route(self, index: int, route: AddRoute) -> bytes:
        """A route on a link; without a gateway it is to neighbours there."""
        of = family(route.dst)
        dst, _, bits = route.dst.partition("/")
        near = SCOPE_LINK if of == 4 and not route.gateway else SCOPE_UNIVERSE
        fields = {
            "family": AF[of],
            "dst_len": int(bits or BITS[of]),
            "table": route.table if 0 < route.table < 256 else TABLE_MAIN,
            "proto": PROTO_STATIC,
            "scope": near if route.scope < 0 else route.scope,
            "type": UNICAST,
        }
        attributes: Attributes = [("RTA_OIF", index)]
        if fields["dst_len"]:
            attributes.append(("RTA_DST", dst))
        if route.gateway:
            attributes.append(("RTA_GATEWAY", route.gateway))
        if route.priority:
            attributes.append(("RTA_PRIORITY", route.priority))
        if route.table:
            attributes.append(("RTA_TABLE", route.table))
        metrics = [("RTAX_MTU", route.mtu), ("RTAX_ADVMSS", route.advmss)]
        if route.mtu or route.advmss:
            attributes.append(("RTA_METRICS", {"attrs": [one for one in metrics if one[1]]}))
        return _encode(self._route, RTM_NEWROUTE, CREATE | REPLACE, fields, attributes)

    def prohibit(self, cidr: str) -> bytes:
        """A route to nowhere, of which the sender is told."""
        dst, _, bits = cidr.partition("/")
        fields = {
            "family": AF[family(dst)],
            "dst_len": int(bits),
            "table": TABLE_MAIN,
            "proto": PROTO_STATIC,
            "scope": SCOPE_UNIVERSE,
            "type": PROHIBIT,
        }
        return _encode(self._route, RTM_NEWROUTE, CREATE | REPLACE, fields, [("RTA_DST", dst)])


def _encode(kind: Any, number: int, flags: int, fields: dict[str, int], attrs: Attributes) -> bytes:
    message = kind()
    message["header"] = {
        "type": number,
        "flags": REQUEST_ACK | flags,
        "sequence_number": 1,
        "pid": 0,
    }
    for name, field in fields.items():
        message[name] = field
    message["attrs"] = attrs
    message.encode()
    return bytes(message.data)


def _classes() -> list[Any]:
    return [getattr(import_module(f"pyroute2.netlink.rtnl.{name}"), name) for name in CLASSES]


def _register_shells() -> None:
    """Put empty `pyroute2` and `pyroute2.config` modules in place of the real ones."""
    from importlib.machinery import PathFinder

    spec = PathFinder.find_spec("pyroute2")
    if spec is None or not spec.submodule_search_locations:
        raise ImportError("it is not installed")
    package = ModuleType("pyroute2")
    package.__path__ = list(spec.submodule_search_locations)
    config = ModuleType("pyroute2.config")
    constants = {
        "AF_BRIDGE": 7,
        "nla_via_getattr": False,
        "data_plugins_pkgs": [],
        "data_plugins_path": [],
    }
    for name, constant in constants.items():
        setattr(config, name, constant)
    package.__dict__["config"] = config
    sys.modules["pyroute2"] = package
    sys.modules["pyroute2.config"] = config
