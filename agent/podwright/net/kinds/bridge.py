# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A bridge of the host, to which the pods of the network are joined.

A bridge that is missing is made, and removed when the last pod leaves it (`net/bridges.py`). One that
was there before is the operator's: it may have a wire and other machines on it, so that our
rules are about its ports of ours and not about all that comes through it.
"""

from __future__ import annotations

from podwright.errors import UsageError
from podwright.net import ip
from podwright.net.kinds import options
from podwright.net.kinds.onwire import inside_steps
from podwright.net.ledger import is_host_link
from podwright.net.links import Bridge, Port, vlan_link
from podwright.net.plan import Carrier, Setting, Step, Up, Veth, in_pod_routes
from podwright.net.values import Attachment, Route
from podwright.values import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from podwright.model.fields import Fields
    from podwright.net.kinds import Want
    from podwright.net.values import Address

KEYS = frozenset(
    (
        "bridge",
        "isGateway",
        "isDefaultGateway",
        "forceAddress",
        "ipMasq",
        "mtu",
        "hairpinMode",
        "promiscMode",
        "vlan",
        "preserveDefaultVlan",
        "portIsolation",
        "macspoofchk",
        "podwright.io/reach",
    )
)
DEFAULT = "podw0"
"""Name of the bridge of a network that names none."""
EVERYWHERE = {4: "0.0.0.0/0", 6: "::/0"}


def look(plugin: dict[str, Any], net_dir: str) -> dict[str, Any]:
    """Whether the bridge is somebody else's."""
    from podwright.net import bridges

    name = plugin.get("bridge", DEFAULT)
    return {"foreign": isinstance(name, str) and bridges.is_foreign(net_dir, name)}


def attach(want: Want) -> Attachment:
    """The attachment; on a bridge of our own, its zone is the network."""
    net = want.conf.name
    fields = options.read(net, want.plugin)
    name = options.link(fields, "bridge", DEFAULT)
    if is_host_link(name):
        raise UsageError(f"{fields.at('bridge')}: {name} is a name for links of pods")
    foreign = bool(dict(want.seen).get("foreign"))
    is_default = fields.boolean("isDefaultGateway")
    is_gateway = fields.boolean("isGateway") or is_default
    vlan = fields.integer("vlan", 0, 0, 4094)
    state = _options(fields, vlan, foreign, want.publishes)
    addresses = want.assigned.addresses
    if is_gateway:
        addresses = tuple(_with_gateway(net, one) for one in addresses)
    return Attachment(
        net=net,
        kind="bridge",
        ifname=want.ifname,
        conf=want.conf,
        args=want.args,
        host_if=want.host_if,
        bridge=name,
        mac=options.wanted_mac(want) or options.own_mac(want),
        addresses=addresses,
        routes=_routes(want, addresses if is_default else ()),
        dns=options.dns(want),
        masquerade=fields.boolean("ipMasq"),
        zone="" if foreign else net,
        reach=_reach(fields),
        state=(
            *state,
            ("gateway", is_gateway),
            ("via", _via(fields, name, vlan, is_gateway, want.host_if)),
            ("foreign", foreign),
            ("end", True),
        ),
    )


def _options(
    fields: Fields, vlan: int, foreign: bool, publishes: bool
) -> tuple[tuple[str, Any], ...]:
    """What the bridge and its port are to be like. Raises UsageError for what contradicts itself."""
    hairpin = fields.boolean("hairpinMode")
    promiscuous = fields.boolean("promiscMode")
    force = fields.boolean("forceAddress")
    masquerade = fields.boolean("ipMasq")
    fields.boolean("macspoofchk")
    if hairpin and promiscuous:
        raise UsageError(
            f"{fields.path}: hairpinMode and promiscMode contradict each other", "choose one"
        )
    said = {"forceAddress": force, "promiscMode": promiscuous, "ipMasq": masquerade}
    for name in said:
        if foreign and said[name]:
            raise UsageError(
                f"{fields.at(name)}: the bridge was there before and stays as its owner made it",
                "leave it out, or name a bridge that does not exist",
                object=fields.at(name),
            )
    return (
        ("mtu", options.mtu(fields)),
        # Where bridges show the firewall what they forward (bridge-nf-call-iptables), a pod that
        # calls its own published port is sent back through its own port of the bridge.
        ("hairpin", hairpin or (publishes and not promiscuous)),
        ("promiscuous", promiscuous),
        ("force", force),
        ("isolated", fields.boolean("portIsolation")),
        ("vlan", vlan),
        ("native", fields.boolean("preserveDefaultVlan", True)),
    )


def _reach(fields: Fields) -> str:
    """`all`, `host`, each with ` apart` where pods of the network do not reach each other."""
    reach = fields.choice("podwright.io/reach", ("all", "host"), "all")
    return f"{reach} apart" if fields.boolean("portIsolation") else reach


def _via(fields: Fields, name: str, vlan: int, is_gateway: bool, host_if: str) -> str:
    """The link through which packets of the pod get to the host itself."""
    if not vlan:
        return name
    if not is_gateway:
        return host_if
    found = vlan_link(name, vlan)
    if len(found) > 15:
        raise UsageError(
            f"{fields.at('vlan')}: the name {found} of the host's link in it would be too long",
            "give the bridge a shorter name",
            object=fields.at("vlan"),
        )
    return found


def _with_gateway(net: str, one: Address) -> Address:
    """The address with a gateway: without one of its own, the first address of its subnet."""
    if one.gateway:
        return one
    subnet = ip.subnet(f"{one.ip}/{one.prefix}")
    found = ip.text(min(subnet.first + 1, subnet.last), subnet.family)
    if found == one.ip:
        raise UsageError(
            f"network {net}: {one.ip} is the pod's and would be its gateway's, too",
            "say which address is the gateway's",
            object=net,
        )
    return replace(one, gateway=found)


def _routes(want: Want, addresses: tuple[Address, ...]) -> tuple[Route, ...]:
    """Those of address management, and default ones through the gateways of `addresses`."""
    known = {route.dst for route in want.assigned.routes}
    families = sorted({ip.family(one.ip) for one in addresses})
    more = [Route(EVERYWHERE[of]) for of in families if EVERYWHERE[of] not in known]
    return (*want.assigned.routes, *more)


def steps(attached: Attachment) -> tuple[Step, ...]:
    """The bridge, the pair, the port, and the pod's side."""
    link, state = attached.host_if, dict(attached.state)
    families = {ip.family(one.ip) for one in attached.addresses}
    bridge = Bridge(
        attached.net,
        attached.bridge,
        own_mac(f"bridge {attached.bridge}"),
        state["mtu"],
        attached.addresses if state["gateway"] else (),
        state["vlan"],
        state["promiscuous"],
        state["force"],
    )
    port = Port(
        link, attached.bridge, state["hairpin"], state["isolated"], state["vlan"], state["native"]
    )
    return (
        bridge,
        # Above all others: a bridge of the operator's takes the lowest of its ports' as its own.
        Veth(link, attached.ifname, state["mtu"], attached.mac, f"fe:{own_mac(link)[3:]}"),
        Setting(f"net/ipv6/conf/{link}/disable_ipv6", "1", optional=True),
        port,
        Up(False, link),
        *inside_steps(attached, families),
        *in_pod_routes(attached),
        Carrier(link),
    )


def own_mac(name: str) -> str:
    """A MAC address that is always the same for a name."""
    import hashlib

    digits = hashlib.sha256(name.encode()).hexdigest()[:10]
    return ":".join(("02", *(digits[i : i + 2] for i in range(0, 10, 2))))
