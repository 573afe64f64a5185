# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps that make a pod's network: values, and the pure function that puts them in order."""

from __future__ import annotations

from podwright.net import ends, ip, kinds
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Union

    from podwright.net.links import Bridge, Change, From, Police, Port, Shape, Sub, Take
    from podwright.net.values import Attachment, Holding


def _where(in_pod: bool) -> str:
    return "ip -n $POD " if in_pod else "ip "


@value
class Veth:
    """Make a pair: one end here, the other in the pod's namespace from the start."""

    host_if: str
    pod_if: str
    mtu: int = 0
    mac: str = ""
    host_mac: str = ""

    in_pod = False

    def describe(self) -> str:
        """The same as a command to paste."""
        mtu = f" mtu {self.mtu}" if self.mtu else ""
        peer = f"{self.pod_if}{mtu}" + (f" address {self.mac}" if self.mac else "")
        mtu += f" address {self.host_mac}" if self.host_mac else ""
        return f"ip link add {self.host_if}{mtu} type veth peer name {peer} netns $POD"


@value
class Setting:
    """Write a kernel setting; `optional`: unless the kernel lacks it."""

    key: str
    text: str
    optional: bool = False
    in_pod: bool = False

    def describe(self) -> str:
        """The same as a command to paste."""
        where = "nsenter --net=$POD " if self.in_pod else ""
        return f"{where}sysctl -w {self.key.replace('/', '.')}={self.text}"


@value
class AddAddress:
    """Give a link an address without the route that its prefix would bring."""

    in_pod: bool
    link: str
    ip: str
    prefix: int

    def describe(self) -> str:
        """The same as a command to paste."""
        nodad = " nodad" if ip.family(self.ip) == 6 else ""
        where = f"{_where(self.in_pod)}address add {self.ip}/{self.prefix}"
        return f"{where} dev {self.link} noprefixroute{nodad}"


@value
class Up:
    """Set a link up."""

    in_pod: bool
    link: str

    def describe(self) -> str:
        """The same as a command to paste."""
        return f"{_where(self.in_pod)}link set {self.link} up"


@value
class AddRoute:
    """A route to `dst` (`ADDRESS/PREFIX`): on the link where there is no gateway.

    mtu, advmss, priority, table   0 = the kernel's choice; scope -1 = by the gateway
    """

    in_pod: bool
    link: str
    dst: str
    gateway: str = ""
    mtu: int = 0
    advmss: int = 0
    priority: int = 0
    table: int = 0
    scope: int = -1

    def describe(self) -> str:
        """The same as a command to paste."""
        via = f" via {self.gateway}" if self.gateway else ""
        scope = "" if self.gateway else " scope link"
        more = "".join(
            f" {name} {number}"
            for name, number in (
                ("mtu", self.mtu),
                ("advmss", self.advmss),
                ("metric", self.priority),
                ("table", self.table),
            )
            if number
        )
        family = "-6 " if ip.family(self.dst) == 6 else ""
        where = _where(self.in_pod).replace("ip ", f"ip {family}", 1)
        return f"{where}route replace {self.dst}{via} dev {self.link}{scope}{more}"


@value
class Prohibit:
    """What the pod sends to `dst` (`ADDRESS/PREFIX`) is refused to it in its own namespace."""

    dst: str

    in_pod = True

    def describe(self) -> str:
        """The same as a command to paste."""
        family = "-6 " if ip.family(self.dst) == 6 else ""
        return f"ip {family}-n $POD route replace prohibit {self.dst}"


@value
class Carrier:
    """Wait until the host end works, whose peer came up after it.

    The kernel tells it in its own time; until then it drops what it should send, and a first
    connection that loses its answer is tried again only after a second.
    """

    link: str

    in_pod = False

    def describe(self) -> str:
        """The same as a command to paste."""
        return f"until ip link show {self.link} | grep -q 'state UP'; do sleep 0.01; done"


@value
class Admit:
    """Tell the firewall: the pod's links and addresses are allowed, its ports lead to it."""

    holding: Holding

    in_pod = False

    def describe(self) -> str:
        """The same as a command to paste."""
        from podwright.net.firewall import add_elements

        return f"nft '{add_elements(self.holding).strip()}'".replace("\n", "; ")


if TYPE_CHECKING:
    Step = Union[
        Veth, Setting, AddAddress, Up, AddRoute, Admit, Carrier,
        Bridge, Change, From, Police, Port, Prohibit, Shape, Sub, Take,
    ]  # fmt: skip
else:
    Step = None


@value
class NetPlan:
    """The steps in their order, and what the pod has when all are done."""

    steps: tuple[Step, ...]
    holding: Holding

    def describe(self) -> list[str]:
        """One line per step (`--debug`)."""
        return [step.describe() for step in self.steps]


def compile(holding: Holding) -> NetPlan:
    """The steps that give the pod what it holds. Pure.

    The firewall admits the links before any is made: there is no moment without its rules.
    Attachments whose link an executable makes are not in it.
    """
    steps: list[Step] = [Admit(holding), Up(True, "lo")]
    for attached in holding.attachments:
        steps += _of(attached)
    if len(holding.attachments) > 1:
        from podwright.net import sourced

        steps += sourced.steps(holding, steps)
    if any(one.kind in kinds.DIRECT for one in holding.attachments):
        steps += prohibited(holding)
    return NetPlan(tuple(steps), holding)


def prohibited(holding: Holding) -> list[Step]:
    """Metadata of clouds, for a pod with a link that passes no firewall of ours (threats.md T74)."""
    from podwright.net.tables import METADATA

    families = {4, *(ip.family(a.ip) for one in holding.attachments for a in one.addresses)}
    return [Prohibit(dst) for of in sorted(families) for dst in METADATA[of]]


def _of(attached: Attachment) -> list[Step]:
    if attached.kind not in kinds.BUILTIN:
        return []
    out: list[Step] = list(kinds.module(attached.kind).steps(attached))
    for plugin in attached.conf.plugins[1:]:
        from podwright.net import meta

        if plugin["type"] in meta.BUILTIN:
            out += meta.module(plugin["type"]).steps(attached, plugin)
    if ends.wanted(attached):
        from podwright.net import limits

        out += limits.steps(attached)
    return out


def in_pod_addresses(attached: Attachment) -> list[Step]:
    """The addresses of the pod's link."""
    return [AddAddress(True, attached.ifname, one.ip, one.prefix) for one in attached.addresses]


def in_pod_routes(attached: Attachment) -> list[Step]:
    """The routes of the pod through its link; without a gateway of their own, the address's."""
    gateways = {ip.family(one.ip): one.gateway for one in reversed(attached.addresses)}
    return [
        AddRoute(
            True,
            attached.ifname,
            route.dst,
            route.gateway or gateways.get(ip.family(route.dst), ""),
            route.mtu,
            route.advmss,
            route.priority,
            route.table,
            route.scope,
        )
        for route in attached.routes
    ]
