# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Published ports that are said by their number in the pod: `80`, `53-udp`, `53/udp`. Pure."""

from __future__ import annotations

from podwright.errors import UsageError
from podwright.model.image import Port
from podwright.model.names import DIGITS, ac_name, made_of
from podwright.net.values import PROTOCOLS
from podwright.text import safe
from podwright.values import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

    from podwright.model.fields import Fields
    from podwright.model.pod import HostPort


def name(text: str, where: str) -> str:
    """The name of a port as it was written; `53/udp` is called `53-udp`. Raises UsageError."""
    number, slash, protocol = text.partition("/")
    if not slash:
        return ac_name(text, where)
    if number_of(f"{number}-{protocol}") is None:
        raise UsageError(
            f"{where}: {safe(text, 60)!r} is not NUMBER/PROTOCOL",
            f"write it like 80 or 53/udp; protocols are {', '.join(PROTOCOLS)}",
            object=where,
        )
    return f"{number}-{protocol}"


def number_of(text: str) -> Optional[tuple[int, str]]:
    """Number and protocol of a port called `80` or `53-udp`; None for other names."""
    digits, _, protocol = text.partition("-")
    if not made_of(digits, DIGITS) or len(digits) > 5 or digits.startswith("0"):
        return None
    if int(digits) > 65535 or text not in (digits, *(f"{digits}-{one}" for one in PROTOCOLS)):
        return None
    return int(digits), protocol or "tcp"


def led(port: HostPort) -> HostPort:
    """A port that no app declares, leading where its name says; unchanged when that is nowhere.

    Raises UsageError for a range that ends beyond 65535.
    """
    found = number_of(port.name) if port.pod_port is None else None
    return port if found is None else to_number(port, *found)


def to_number(port: HostPort, number: int, protocol: str) -> HostPort:
    """The port, leading to a number in the pod. Raises UsageError as `led`."""
    if number + port.count - 1 > 65535:
        raise UsageError(
            f"port {port.name}: {port.count} ports from {number} end beyond 65535",
            object=port.name,
        )
    return replace(port, pod_port=Port(port.name, protocol, number, port.count))


def parse(fields: Fields) -> tuple[str, Optional[tuple[int, str]]]:
    """The name in a desired state, and number and protocol where they are said beside it."""
    number = fields.integer("pod_port", 0, 1, 65535) if fields.raw("pod_port") is not None else 0
    protocol = fields.choice("protocol", PROTOCOLS, "tcp")
    if not number:
        if fields.raw("protocol") is not None:
            raise UsageError(
                f"{fields.at('protocol')}: belongs to a pod_port",
                "say pod_port, or leave it out: a name says which protocol",
                object=fields.at("protocol"),
            )
        return name(fields.text("name", ...), fields.at("name")), None
    if fields.raw("name") is None:
        return f"{number}-{protocol}", None
    return name(fields.text("name"), fields.at("name")), (number, protocol)
