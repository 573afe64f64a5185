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

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

RTM_NEWLINK, RTM_NEWADDR, RTM_NEWROUTE = 16, 20, 24
REQUEST_ACK, REPLACE, EXCLUSIVE, CREATE = 0x5, 0x100, 0x200, 0x400
AF_INET = 2
IFF_UP = 1
IFA_F_NOPREFIXROUTE = 0x200
SCOPE_UNIVERSE, SCOPE_LINK = 0, 253
TABLE_MAIN, PROTO_STATIC, UNICAST = 254, 4, 1
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

    def veth(self, host_if: str, pod_if: str, netns_fd: int) -> bytes:
        """A new pair with one end here and one in another namespace."""
        peer: Attributes = [("IFLA_IFNAME", pod_if), ("IFLA_NET_NS_FD", netns_fd)]
        data = {"attrs": [("VETH_INFO_PEER", {"attrs": peer})]}
        info = {"attrs": [("IFLA_INFO_KIND", "veth"), ("IFLA_INFO_DATA", data)]}
        attributes: Attributes = [("IFLA_IFNAME", host_if), ("IFLA_LINKINFO", info)]
        return _encode(self._link, RTM_NEWLINK, CREATE | EXCLUSIVE, {}, attributes)

    def up(self, index: int) -> bytes:
        """Set a link up."""
        fields = {"index": index, "flags": IFF_UP, "change": IFF_UP}
        return _encode(self._link, RTM_NEWLINK, 0, fields, [])

    def address(self, index: int, ip: str, prefix: int) -> bytes:
        """Give a link an address, without a route to its prefix."""
        fields = {"family": AF_INET, "prefixlen": prefix, "index": index, "scope": SCOPE_UNIVERSE}
        attributes: Attributes = [
            ("IFA_LOCAL", ip),
            ("IFA_ADDRESS", ip),
            ("IFA_FLAGS", IFA_F_NOPREFIXROUTE),
        ]
        return _encode(self._address, RTM_NEWADDR, CREATE | REPLACE, fields, attributes)

    def route(self, index: int, to: str, gateway: str) -> bytes:
        """A route to one address on a link (`gateway` ""), or the default one (`to` "")."""
        fields = {
            "family": AF_INET,
            "dst_len": 32 if to else 0,
            "table": TABLE_MAIN,
            "proto": PROTO_STATIC,
            "scope": SCOPE_UNIVERSE if gateway else SCOPE_LINK,
            "type": UNICAST,
        }
        attributes: Attributes = [("RTA_OIF", index)]
        if to:
            attributes.append(("RTA_DST", to))
        if gateway:
            attributes.append(("RTA_GATEWAY", gateway))
        return _encode(self._route, RTM_NEWROUTE, CREATE | REPLACE, fields, attributes)


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
