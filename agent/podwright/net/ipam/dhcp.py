# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""An IPv4 address of a DHCP server on the pod's link (`dhcp`).

Nothing is known before the link is up, so that nothing is assigned here: `net/dhcp` asks for a
lease then. What a configuration wants to ask and to tell the server is read here.
"""

from __future__ import annotations

from podwright.errors import UsageError
from podwright.model.fields import Fields
from podwright.net.ipam import NOTHING
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Optional

    from podwright.net.ipam import Ask, Assigned

KEYS = frozenset(("daemonSocketPath", "request", "provide", "priority"))
NAMES = {
    "subnet-mask": 1,
    "routers": 3,
    "host-name": 12,
    "vendor-class-identifier": 60,
    "dhcp-client-identifier": 61,
    "user-class": 77,
}
"""Names of options that CNI's own plugin knows; others are numbers."""
WANTED = (1, 3, 6, 15, 119, 121)
"""What we ask for: mask, routers, name servers, domain, search list, classless routes."""
OF_THE_PROTOCOL = (0, 50, 51, 52, 53, 54, 55, 57, 58, 59, 255)
"""Options whose meaning is the exchange itself (RFC 2132, 9)."""
MOST = 255
"""Bytes of an option."""


def check(fields: Fields) -> None:
    """Refuse what cannot be done; whether the type of link can, the link's type says."""
    fields.text("daemonSocketPath")
    fields.integer("priority", 0, high=2**32 - 1)
    _requested(fields)
    _provided(fields, None)


def assign(ask: Ask) -> Assigned:
    """Nothing yet; what the client will be told is checked. Raises UsageError."""
    check(Fields(ask.conf, "ipam"))
    for key in ("IP", "GATEWAY"):
        if key in ask.args:
            raise UsageError(
                f"argument {key}: the address is the DHCP server's to choose",
                "leave it out, or use static",
            )
    options(ask.conf, ask.args)
    return NOTHING


def options(conf: dict[str, Any], args: Mapping[str, str]) -> tuple[str, ...]:
    """What the client asks and tells a server, as its command line has it (udhcpc(8))."""
    fields = Fields(conf, "ipam")
    codes, defaults = _requested(fields)
    wanted = [*(WANTED if defaults else ()), *codes]
    out = ["-o"]
    for code in dict.fromkeys(wanted):
        out += ["-O", str(code)]
    for code, data in _provided(fields, args):
        out += ["-x", f"0x{code:02x}:{data.hex()}"]
    return tuple(out)


def _requested(fields: Fields) -> tuple[list[int], bool]:
    """Options to ask for, and whether ours are asked for, too."""
    codes, defaults = [], True
    for one in fields.objects("request"):
        if one.boolean("skipDefault"):
            defaults = False
        if one.text("option"):
            codes.append(_code(one))
        one.finish()
    return codes, defaults


def _provided(fields: Fields, args: Optional[Mapping[str, str]]) -> list[tuple[int, bytes]]:
    """Options to tell; without `args` only what does not depend on them is checked."""
    out = []
    for one in fields.objects("provide"):
        code = _code(one)
        text, source = one.text("value"), one.text("fromArg")
        one.finish()
        if bool(text) == bool(source):
            raise UsageError(f"{one.path}: has value or fromArg, and one of them only")
        if source and args is not None:
            if source not in args:
                raise UsageError(
                    f"{one.at('fromArg')}: argument {safe(source, 60)} is not given",
                    f"write --net=NAME:{safe(source, 60)}=VALUE",
                    object=source,
                )
            text = args[source]
        data = text.encode()
        if len(data) > MOST:
            raise UsageError(f"{one.path}: is longer than the {MOST} bytes of an option")
        out.append((code, data))
    return out


def _code(fields: Fields) -> int:
    name = fields.text("option", ...)
    code = NAMES.get(name, -1)
    if code < 0 and name.isascii() and name.isdigit() and len(name) < 4:
        code = int(name)
    if not 0 < code < 255 or code in OF_THE_PROTOCOL:
        raise UsageError(
            f"{fields.at('option')}: {safe(name, 60)!r} is not an option that can be set",
            f"use {', '.join(NAMES)}, or a number",
            object=fields.at("option"),
        )
    return code
