# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Steps that only other types than ptp need: values like those of `net/plan.py`."""

from __future__ import annotations

from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.net.values import Address


@value
class Sub:
    """Make a link on a link of the host, in the pod's namespace from the start.

    mode, number   its mode in words, and as the kernel has it
    """

    kind: str
    master: str
    pod_if: str
    mode: str
    number: int
    mtu: int = 0
    mac: str = ""

    in_pod = False

    def describe(self) -> str:
        """The same as a command to paste."""
        more = (f" mtu {self.mtu}" if self.mtu else "") + (
            f" address {self.mac}" if self.mac else ""
        )
        where = f"link {self.master} name {self.pod_if}{more} netns $POD"
        return f"ip link add {where} type {self.kind} mode {self.mode}"


@value
class Bridge:
    """Have a bridge: made when it is missing, and then ours.

    gateways   addresses that it has to have; with a VLAN its own link has them
    force      others of our own making may be replaced
    """

    net: str
    name: str
    mac: str
    mtu: int = 0
    gateways: tuple[Address, ...] = ()
    vlan: int = 0
    promiscuous: bool = False
    force: bool = False

    in_pod = False

    def describe(self) -> str:
        """The same as commands to paste."""
        options = "stp_state 0 forward_delay 0 mcast_snooping 0"
        options += " vlan_filtering 1" if self.vlan else ""
        out = [f"ip link add {self.name} address {self.mac} type bridge {options}"]
        if self.mtu:
            out.append(f"ip link set {self.name} mtu {self.mtu}")
        if self.promiscuous:
            out.append(f"ip link set {self.name} promisc on")
        via = self.name
        if self.vlan and self.gateways:
            via = vlan_link(self.name, self.vlan)
            out.append(f"bridge vlan add dev {self.name} vid {self.vlan} self")
            out.append(f"ip link add {via} link {self.name} type vlan id {self.vlan}")
        out += [f"ip address replace {one.gateway}/{one.prefix} dev {via}" for one in self.gateways]
        out += [f"ip link set {name} up" for name in dict.fromkeys((self.name, via))]
        return "; ".join(out)


def vlan_link(bridge: str, vlan: int) -> str:
    """The name of the host's own link in a VLAN of a bridge."""
    return f"{bridge}.{vlan}"


@value
class Port:
    """Make a link a port of a bridge.

    isolated   it does not reach other isolated ports
    native     VLAN 1 stays, too
    """

    link: str
    bridge: str
    hairpin: bool = False
    isolated: bool = False
    vlan: int = 0
    native: bool = True

    in_pod = False

    def describe(self) -> str:
        """The same as commands to paste."""
        out = [f"ip link set {self.link} master {self.bridge}"]
        options = (" hairpin on" if self.hairpin else "") + (
            " isolated on" if self.isolated else ""
        )
        out.append(f"bridge link set dev {self.link} guard on{options}")
        if self.vlan:
            out.append(f"bridge vlan add dev {self.link} vid {self.vlan} pvid untagged")
            if not self.native and self.vlan != 1:
                out.append(f"bridge vlan del dev {self.link} vid 1")
        return "; ".join(out)


@value
class Take:
    """Move a link of the host into the pod, under another name."""

    device: str
    pod_if: str

    in_pod = False

    def describe(self) -> str:
        """The same as commands to paste."""
        moved = f"ip link set {self.device} netns $POD name {self.pod_if}"
        return f"ip link set {self.device} down; {moved}"


@value
class Change:
    """Change a link of the pod; None and 0 leave as it is."""

    link: str
    mac: str = ""
    mtu: int = 0
    promiscuous: bool = False
    all_multicast: bool = False
    queue: int = -1

    in_pod = True

    def describe(self) -> str:
        """The same as a command to paste."""
        out = f"ip -n $POD link set {self.link}"
        out += f" address {self.mac}" if self.mac else ""
        out += f" mtu {self.mtu}" if self.mtu else ""
        out += " promisc on" if self.promiscuous else ""
        out += " allmulticast on" if self.all_multicast else ""
        return out + (f" txqueuelen {self.queue}" if self.queue >= 0 else "")


@value
class Shape:
    """Let a link send no faster: what is too much waits a little, then is dropped (tc-tbf(8)).

    rate    bytes a second
    burst   bytes at once
    """

    in_pod: bool
    link: str
    rate: int
    burst: int

    def describe(self) -> str:
        """The same as a command to paste."""
        where = "tc -n $POD" if self.in_pod else "tc"
        limit = f"rate {self.rate * 8}bit burst {self.burst} latency 25ms"
        return f"{where} qdisc replace dev {self.link} root tbf {limit}"


@value
class From:
    """What the pod sends from an address goes by the routes of a table."""

    ip: str
    table: int

    in_pod = True

    def describe(self) -> str:
        """The same as a command to paste."""
        family = "-6 " if ":" in self.ip else ""
        return f"ip {family}-n $POD rule add from {self.ip} lookup {self.table}"


@value
class Police:
    """Let no more arrive from the pod, whatever it does to its own link."""

    link: str
    rate: int
    burst: int

    in_pod = False

    def describe(self) -> str:
        """The same as a command to paste."""
        from podwright.net.limits import commands

        return f"nft '{commands(self.link, self.rate, self.burst)}'".replace("\n", " ")
