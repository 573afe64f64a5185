# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fields that several objects of the desired state have: log-ins, insecure options, variables."""

from __future__ import annotations

from podwright.errors import UsageError
from podwright.model.fields import Fields
from podwright.model.names import is_variable_name
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

    from podwright.stage0.web.givenlogins import Credentials


def logins(fields: Fields, others: Optional[Credentials]) -> Optional[Credentials]:
    """The log-ins in `registry_auth`, before those that were given for more than this object."""
    if fields.raw("registry_auth") is None:
        return others
    from podwright.stage0.web.givenlogins import parse_list

    own = parse_list(fields)
    return own.over(others) if own else others


def insecure(fields: Fields) -> frozenset[str]:
    """The checks that are left out, by the names that the command line has for them."""
    from podwright.stage0.insecure import expand

    words, path = fields.texts("insecure_options"), fields.at("insecure_options")
    try:
        return expand(words)
    except UsageError as err:
        raise UsageError(f"{path}: {err.message}", err.hint, object=path) from None


def environment(fields: Fields, name: str = "environment") -> tuple[tuple[str, str], ...]:
    """Variables, sorted by name so that the order in which they were written is no change."""
    found = fields.mapping(name)
    for key in found:
        if not is_variable_name(key):
            raise UsageError(f"{fields.at(name)}: {safe(key, 60)!r} is not a variable name")
    return tuple(sorted(found.items()))


def seconds(fields: Fields, name: str, default: float, high: float, low: float = 0.0) -> float:
    """A number of seconds, which may be a fraction."""
    found = fields.raw(name, default)
    if type(found) not in (int, float) or not low <= found <= high:
        raise UsageError(
            f"{fields.at(name)}: must be a number of seconds from {low:g} to {high:g}",
            object=fields.at(name),
        )
    return float(found)


def check_ip(text: str, where: str) -> str:
    """Check an address of the host for a published port; returns its one form."""
    from podwright.net import ip

    try:
        found = ip.canonical(text)
    except ValueError:
        raise UsageError(
            f"{where}: {safe(text, 60)!r} is not an IP address",
            "write it like 192.0.2.1 or 2001:db8::1",
            object=where,
        ) from None
    why = next((why for subnet, why in _UNPUBLISHABLE if found in ip.subnet(subnet)), None)
    if why is not None:
        raise UsageError(
            f"{where}: no port can be published on {found}: {why[0]}", why[1], object=where
        )
    return found


_UNPUBLISHABLE = (
    (
        "::1/128",
        (
            "the kernel leads nothing away from it",
            "use 127.0.0.1, which clients that call localhost fall back to at once",
        ),
    ),
    ("fe80::/10", ("it is an address of one link only", "use another address of the host")),
    ("::ffff:0:0/96", ("it stands for an IPv4 address", "write that one")),
)
