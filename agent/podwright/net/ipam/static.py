# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses that the configuration says, or that are asked for with the pod (`static`)."""

from __future__ import annotations

from podwright.errors import UsageError
from podwright.model.fields import Fields
from podwright.net import ip
from podwright.net.ipam import Assigned, reading
from podwright.net.values import Address
from podwright.values import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.net.ipam import Ask

KEYS = frozenset(("addresses", "routes", "dns"))


def check(fields: Fields) -> None:
    """Refuse what cannot be done."""
    _addresses(fields)
    reading.routes(fields)
    reading.dns(fields)


def _addresses(fields: Fields) -> tuple[Address, ...]:
    out = []
    for one in fields.objects("addresses"):
        where = one.at("address")
        said = reading.wanted(one.text("address", ...), where)
        gateway = one.text("gateway")
        one.choice("version", ("", "4", "6"), "")
        one.finish()
        out.append(_address(said, gateway, one.at("gateway")))
    for index, found in enumerate(out):
        if found.ip in (other.ip for other in out[:index]):
            raise UsageError(f"{fields.at('addresses')}: {found.ip} is said twice", object=found.ip)
    return tuple(out)


def _address(said: reading.Wanted, gateway: str, where: str) -> Address:
    if said.prefix < 0:
        raise UsageError(
            f"{said.where}: {said.ip} has no prefix", f"write {said.ip}/24 or what it is"
        )
    of = ip.family(said.ip)
    subnet = ip.subnet(said.text())
    ends = {subnet.first, subnet.last} if of == 4 else {subnet.first}
    if said.prefix < ip.BITS[of] - 1 and ip.number(said.ip) in ends:
        raise UsageError(
            f"{said.where}: {said.ip} is {subnet.shown()} itself or its broadcast", object=said.ip
        )
    if gateway:
        gateway = reading.address(gateway, where)
        if ip.family(gateway) != of or gateway == said.ip:
            raise UsageError(
                f"{where}: {gateway} cannot be a gateway for {said.text()}", object=gateway
            )
    return Address(said.ip, said.prefix, gateway)


def assign(ask: Ask) -> Assigned:
    """The addresses, which nobody else on this host may have."""
    fields = Fields(ask.conf, "ipam")
    wanted = reading.requested(ask)
    addresses = tuple(_address(one, "", "") for one in wanted) or _addresses(fields)
    if not addresses:
        raise UsageError(
            "ipam.addresses: is empty, and no address was asked for",
            f"write --net={ask.net}:IP=ADDRESS/PREFIX",
        )
    for text in reading.arguments(ask.args, "GATEWAY"):
        addresses = _with_gateway(addresses, reading.address(text, "argument GATEWAY"))
    for one in addresses:
        reading.refuse_used(ask, one.ip)
    routes = reading.routes(fields)
    families = {ip.family(one.ip) for one in addresses}
    reading.refuse_unreachable(fields, routes, families, "the pod has none")
    return Assigned(addresses, routes, reading.dns(fields))


def _with_gateway(addresses: tuple[Address, ...], gateway: str) -> tuple[Address, ...]:
    """The gateway goes to the addresses whose subnet it is in."""
    near = [gateway in ip.subnet(f"{one.ip}/{one.prefix}") for one in addresses]
    if not any(near) or any(one.ip == gateway for one in addresses):
        raise UsageError(
            f"argument GATEWAY: {gateway} is in no subnet of the pod's addresses",
            f"they are {', '.join(f'{one.ip}/{one.prefix}' for one in addresses)}",
            object=gateway,
        )
    return tuple(
        replace(one, gateway=gateway) if here else one for one, here in zip(addresses, near)
    )
