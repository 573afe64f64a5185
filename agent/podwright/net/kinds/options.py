# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the objects of built-in types say, read with errors that name the network and the key. Pure."""

from __future__ import annotations

from podwright.errors import UsageError
from podwright.model.fields import Fields
from podwright.model.names import HEX, made_of
from podwright.net.ipam import reading
from podwright.net.ledger import is_link_name
from podwright.net.values import Dns
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from podwright.net.kinds import Want

MAX_MTU = 65535
_INDEXED = 15
"""Characters of the longest name of a link."""


def read(net: str, plugin: dict[str, Any]) -> Fields:
    """The object of a plugin of a network; errors begin with both."""
    return Fields(plugin, f"network {net}: {plugin['type']}")


def mtu(fields: Fields) -> int:
    """Bytes of the largest packet, 0 for the kernel's choice."""
    found = fields.integer("mtu", 0, 0, MAX_MTU)
    if 0 < found < 68:
        raise UsageError(f"{fields.at('mtu')}: {found} is below 68, the least that IPv4 needs")
    return found


def link(fields: Fields, name: str, default: str = "") -> str:
    """The name of a link."""
    found = fields.text(name, default)
    if found and not is_link_name(found):
        raise UsageError(
            f"{fields.at(name)}: {safe(found, 60)!r} cannot be the name of a link",
            f"it has up to {_INDEXED} letters, digits, - _ and .",
            object=fields.at(name),
        )
    return found


def mac(path: str, found: str) -> str:
    """A MAC address of one station, in small letters; "" stays. Raises UsageError."""
    parts = found.lower().split(":")
    if not found:
        return ""
    if len(parts) != 6 or not all(len(part) == 2 and made_of(part, HEX) for part in parts):
        raise UsageError(
            f"{path}: {safe(found, 60)!r} is not a MAC address", "write it as 02:00:00:00:00:01"
        )
    if int(parts[0], 16) & 1 or not int("".join(parts), 16):
        raise UsageError(f"{path}: {safe(found, 60)} is not the address of one station")
    return ":".join(parts)


def wanted_mac(want: Want) -> str:
    """The MAC address that `--net=NAME:MAC=...` or the configuration asks for, or ""."""
    fields = read(want.conf.name, want.plugin)
    inner = fields.child("args")
    cni = inner.child("cni") if inner is not None else None
    written = cni.text("mac") if cni is not None else ""
    asked = dict(want.args).get("MAC", "")
    return mac(f"network {want.conf.name}: MAC", asked or written)


def own_mac(want: Want) -> str:
    """A MAC address of the pod's alone: the same whenever its link is made again.

    A bridge lets the pod send from no other.
    """
    digits = want.uuid.replace("-", "")[:10]
    first = 2 | (_index(want.ifname) & 63) << 2
    return ":".join((f"{first:02x}", *(digits[i : i + 2] for i in range(0, 10, 2))))


def _index(ifname: str) -> int:
    digits = ifname.lstrip("abcdefghijklmnopqrstuvwxyz")
    return int(digits) if digits.isascii() and digits.isdigit() else 0


def dns(want: Want) -> Dns:
    """What the network says about names: the configuration, else address management."""
    said = reading.dns(read(want.conf.name, want.plugin))
    return said if said != Dns() else want.assigned.dns
