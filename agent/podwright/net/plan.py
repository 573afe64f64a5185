# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a pod's network will be: values, and the pure function that compiles them to steps.

The default network (behaviour.md D1) is point to point: a veth pair per pod, no bridge. The
host end carries the gateway address and a route to the one address of the pod, so that pods
share no link, and what one of them says about ARP or neighbours reaches only its own host end.
"""

from __future__ import annotations

from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Union

PREFIX = "172.16.28."
PREFIX_LENGTH = 24
SUBNET = f"{PREFIX}0/{PREFIX_LENGTH}"
MASK = "255.255.255.0"
GATEWAY = f"{PREFIX}1"
FIRST, LAST = 2, 254
"""First and last host number of the pool that pods get."""

LINK_PREFIX = "podw"
POD_LINK = "eth0"


@value
class PortMap:
    """One port of the host that leads to one port of the pod.

    proto     tcp or udp
    host_ip   a host address in dotted form, or "" for every local address
    """

    proto: str
    host_ip: str
    host_port: int
    pod_port: int

    def overlaps(self, other: PortMap) -> bool:
        """Whether both cannot exist at the same time."""
        if (self.proto, self.host_port) != (other.proto, other.host_port):
            return False
        return not self.host_ip or not other.host_ip or self.host_ip == other.host_ip

    def shown(self) -> str:
        """For messages: `tcp port 8080`, `tcp port 127.0.0.1:8080`."""
        where = f"{self.host_ip}:{self.host_port}" if self.host_ip else str(self.host_port)
        return f"{self.proto} port {where}"

    def as_json(self) -> dict[str, Any]:
        """As an object of `ports[]`."""
        return {
            "protocol": self.proto,
            "hostIP": self.host_ip,
            "hostPort": self.host_port,
            "podPort": self.pod_port,
        }


def _port_from(raw: dict[str, Any]) -> PortMap:
    return PortMap(raw["protocol"], raw["hostIP"], raw["hostPort"], raw["podPort"])


@value
class NetRequest:
    """What the launcher asks for.

    uuid, name  the pod; name is "" for an unnamed one
    net         the network; only `default` exists
    ports       what to publish
    net_dir     where leases are kept (`Layout.net`)
    alive       absolute path of the directory of running pods of the pod's data directory: a
                pod whose directory there nobody holds locked has ended
    """

    uuid: str
    name: str
    net: str
    ports: tuple[PortMap, ...]
    net_dir: str
    alive: str

    def as_json(self) -> dict[str, Any]:
        """For the worker's pipe; `from_json` reads it."""
        return {**self.__dict__, "ports": [port.as_json() for port in self.ports]}

    @staticmethod
    def from_json(raw: dict[str, Any]) -> NetRequest:
        """The request that `as_json` wrote."""
        return NetRequest(**{**raw, "ports": tuple(map(_port_from, raw["ports"]))})


@value
class Lease:
    """An address and host ports that belong to a pod until it ends.

    boot     the boot in which it was given; it ends with that boot
    host_if  name of the host end of the pod's link
    run_dir  where the pod's directory is, locked as long as it runs (`NetRequest.alive`)
    """

    ip: str
    uuid: str
    name: str
    boot: str
    host_if: str
    run_dir: str
    ports: tuple[PortMap, ...]

    def holder(self) -> str:
        """The pod, for messages."""
        return f"pod {self.name or self.uuid}"


@value
class NetResult:
    """What a pod got. `as_json` is one element of `networks[]` (behaviour.md B10)."""

    net: str
    ifname: str
    ip: str
    gateway: str
    host_if: str
    mask: str
    ports: tuple[PortMap, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The keys of B10, and ours: hostIf, gateway, ports."""
        return {
            "netName": self.net,
            "netConf": "",
            "pluginPath": "",
            "ifName": self.ifname,
            "ip": self.ip,
            "args": "",
            "mask": self.mask,
            "gateway": self.gateway,
            "hostIf": self.host_if,
            "ports": [port.as_json() for port in self.ports],
        }

    @staticmethod
    def from_json(raw: dict[str, Any]) -> NetResult:
        """The result that `as_json` wrote (`net-info.json` of a pod)."""
        return NetResult(
            raw["netName"],
            raw["ifName"],
            raw["ip"],
            raw["gateway"],
            raw["hostIf"],
            raw["mask"],
            tuple(map(_port_from, raw["ports"])),
        )


@value
class Veth:
    """Make a pair: one end here, the other, up, in the pod's namespace from the start."""

    host_if: str
    pod_if: str

    def describe(self) -> str:
        """The same as a command to paste."""
        return f"ip link add {self.host_if} type veth peer name {self.pod_if} netns $POD"


@value
class Setting:
    """Write a kernel setting of the host's namespace; `optional`: unless the kernel lacks it."""

    key: str
    text: str
    optional: bool = False

    def describe(self) -> str:
        """The same as a command to paste."""
        return f"sysctl -w {self.key.replace('/', '.')}={self.text}"


@value
class Address:
    """Give a link an address without the route that its prefix would bring."""

    in_pod: bool
    link: str
    ip: str
    prefix: int

    def describe(self) -> str:
        """The same as a command to paste."""
        where = f"{_where(self.in_pod)}address add {self.ip}/{self.prefix}"
        return f"{where} dev {self.link} noprefixroute"


@value
class Up:
    """Set a link up."""

    in_pod: bool
    link: str

    def describe(self) -> str:
        """The same as a command to paste."""
        return f"{_where(self.in_pod)}link set {self.link} up"


@value
class Route:
    """A route to one address on the link (`gateway` ""), or the default one (`to` "")."""

    in_pod: bool
    link: str
    to: str
    gateway: str = ""

    def describe(self) -> str:
        """The same as a command to paste."""
        via = f" via {self.gateway}" if self.gateway else ""
        scope = "" if self.gateway else " scope link"
        return (
            f"{_where(self.in_pod)}route replace {self.to or 'default'}{via} dev {self.link}{scope}"
        )


@value
class Carrier:
    """Wait until the host end works, whose peer came up after it.

    The kernel tells it in its own time; until then it drops what it should send, and a first
    connection that loses its answer is tried again only after a second.
    """

    link: str

    def describe(self) -> str:
        """The same as a command to paste."""
        return f"until ip link show {self.link} | grep -q 'state UP'; do sleep 0.01; done"


@value
class Admit:
    """Tell the firewall: the pod's link and address are allowed, its ports lead to it."""

    lease: Lease

    def describe(self) -> str:
        """The same as a command to paste."""
        from podwright.net.firewall import add_elements

        return f"nft '{add_elements((self.lease,)).strip()}'".replace("\n", "; ")


if TYPE_CHECKING:
    Step = Union[Veth, Setting, Address, Up, Route, Admit, Carrier]


@value
class NetPlan:
    """The steps in their order, and what the pod has when all are done."""

    steps: tuple[Step, ...]
    result: NetResult

    def describe(self) -> list[str]:
        """One line per step (`--debug`)."""
        return [step.describe() for step in self.steps]


def _where(in_pod: bool) -> str:
    return "ip -n $POD " if in_pod else "ip "


def host_link(uuid: str) -> str:
    """The name of the host end of a pod's link: 14 of the 15 characters a name may have."""
    return LINK_PREFIX + uuid.replace("-", "")[:10]


def compile(request: NetRequest, lease: Lease) -> NetPlan:
    """The steps that give the pod what its lease says. Pure.

    The firewall admits the link before it is up: there is no moment without its rules.
    """
    link = lease.host_if
    steps: list[Step] = [
        Veth(link, POD_LINK),
        Setting(f"net/ipv6/conf/{link}/disable_ipv6", "1", optional=True),
        Setting(f"net/ipv6/conf/{link}/accept_ra", "0", optional=True),
    ]
    if lease.ports:
        # Lets 127.0.0.1:PORT of the host lead to the pod; what pods themselves send to 127/8
        # is dropped by the firewall first.
        steps.append(Setting(f"net/ipv4/conf/{link}/route_localnet", "1"))
    steps += [
        Admit(lease),
        Address(False, link, GATEWAY, 32),
        Up(False, link),
        Route(False, link, lease.ip),
        Up(True, "lo"),
        Address(True, POD_LINK, lease.ip, PREFIX_LENGTH),
        Up(True, POD_LINK),
        Route(True, POD_LINK, GATEWAY),
        Route(True, POD_LINK, "", GATEWAY),
        Carrier(link),
    ]
    result = NetResult(request.net, POD_LINK, lease.ip, GATEWAY, link, MASK, lease.ports)
    return NetPlan(tuple(steps), result)
