# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A pod that lies: whatever frames it sends, which of them have an effect on the host and on the other pod."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Mapping
from functools import partial

from tests.agent.reachability_bed import GATEWAYS, NO_WAY, RULE, RULES_GONE, World
from tests.support import frames
from tests.support.network_lab import Place, Pod, wait_until

WORKS = "WORKS"
SINK = 9100
NOBODY = ("203.0.113.7", "2001:db8:ffff::7")
PREFIX = "2001:db8:bad::"
BROADCAST = ("255.255.255.255", "ff02::1")
READY = """
for link in "$@"; do
    echo 0 >/proc/sys/net/ipv4/neigh/$link/locktime; echo 1 >/proc/sys/net/ipv4/conf/$link/route_localnet
    echo 2 >/proc/sys/net/ipv6/conf/$link/accept_ra; echo 1 >/proc/sys/net/ipv4/conf/$link/arp_accept
done
"""
"""Victims believe as much as the kernel lets them: the rules have to keep lies from them, not luck."""


class Segment:
    """One network of the world with a liar, the pod beside it, and the host."""

    def __init__(self, world: World, net: str, port: int) -> None:
        self.host, self.port = world.host, port
        liar, other = world.sources[net], world.peers[net]
        assert isinstance(liar, Pod)
        self.liar, self.other = liar, other
        self.gateways = GATEWAYS[net]
        bridge = str(world.bridges.get(net, ""))
        self.liars_port = str(liar.networks[0]["hostIf"])
        self.others_port = str(other.networks[0]["hostIf"])
        self.liars_link = bridge or self.liars_port
        self.others_link = bridge or self.others_port
        self.mac, self.others_mac = _mac(liar), _mac(other)
        self.local = self._link_local()
        self.gateway_mac = self._mac_of_host(self.liars_link)
        self.raw = liar.socket(self._raw)
        self.sinks = {
            "host": [_sink(self.host, address, port) for address in ("0.0.0.0", "::")],
            "other": [_sink(other, address, port) for address in ("0.0.0.0", "::")],
        }
        self.sinks["host"] += [_sink(self.host, "0.0.0.0", 68), _sink(self.host, "::", 546)]
        self.sinks["other"] += [_sink(other, "0.0.0.0", 68), _sink(other, "::", 546)]
        self.got: dict[str, set[str]] = {"host": set(), "other": set()}
        self.host.says("sh", "-c", READY, "sh", self.liars_link, self.others_link)
        for pod in (liar, other):
            pod.says("sh", "-c", READY, "sh", "eth0")

    def _raw(self) -> socket.socket:
        raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        raw.bind(("eth0", 0))
        return raw

    def _link_local(self) -> str:
        for link in self.liar.links():
            for address in link["addr_info"] if link["ifname"] == "eth0" else ():
                if address["scope"] == "link":
                    return str(address["local"])
        raise AssertionError("the liar has no link-local address")

    def _mac_of_host(self, link: str) -> str:
        (one,) = json.loads(self.host.says("ip", "-j", "link", "show", link))
        return str(one["address"])

    def close(self) -> None:
        """Close the sockets."""
        for one in (self.raw, *self.sinks["host"], *self.sinks["other"]):
            one.close()

    def prepare(self) -> None:
        """Everybody knows everybody, as it really is; nothing has been received."""
        for place, link in ((self.host, self.others_link), (self.other, "eth0")):
            place.says("ip", "neighbour", "flush", "dev", link)
        for family in (0, 1):
            _learn(self.other, "eth0", self.gateways[family])
            _learn(self.host, self.others_link, self.other.address((4, 6)[family]))
        self.happened()
        for found in self.got.values():
            found.clear()

    def datagram(
        self, name: str, source: str, target: str, ports: tuple[int, int] = (0, 0)
    ) -> bytes:
        """A datagram that says its name."""
        known = {self.other.address(4): self.others_mac, self.other.address(6): self.others_mac,
                 BROADCAST[0]: frames.EVERYBODY, BROADCAST[1]: frames.ALL_NODES_MAC}  # fmt: skip
        mac = known.get(target, self.gateway_mac)
        return frames.udp(
            self.mac, mac, source, target, ports if any(ports) else (1, self.port), name.encode()
        )

    def lies(self) -> dict[str, bytes]:
        """Name -> the frame. Names of datagrams are what their sinks hear."""
        here, there = self.liar, self.other
        out = {}
        for index, family in enumerate((4, 6)):
            gateway, own, others = self.gateways[index], here.address(family), there.address(family)
            sources = {"the other pod's": others, "nobody's": NOBODY[index], "the outside's":
                       ("192.0.2.254", "2001:db8::fe")[index]}  # fmt: skip
            for whose, source in sources.items():
                name = f"to the host, from {whose} IPv{family} address"
                out[name] = self.datagram(name, source, gateway)
            for whose, source in {**sources, "the gateway's": gateway}.items():
                if source != others:
                    name = f"to the other pod, from {whose} IPv{family} address"
                    out[name] = self.datagram(name, source, others)
            ports = ((67, 68), (547, 546))[index]
            for victim in ("host", "other"):
                name = (
                    f"to the {'other pod' if victim == 'other' else victim}, DHCPv{family} answer"
                )
                source = own if family == 4 else self.local
                out[name] = self.datagram(name, source, BROADCAST[index], ports)
        name = "to the host's 127.0.0.1, through the link"
        out[name] = self.datagram(name, here.address(4), "127.0.0.1")
        out["ARP to the other pod: I am the gateway"] = frames.arp_claim(self.mac, self.gateways[0])
        out["ARP to the host: I am the other pod"] = frames.arp_claim(self.mac, there.address(4))
        for claim, claimed in (
            ("the gateway", self.gateways[1]),
            ("the other pod", there.address(6)),
        ):
            name = f"ND to the {'other pod' if claim == 'the gateway' else 'host'}: I am {claim}"
            out[name] = frames.advertisement(self.mac, self.local, claimed)
        out["RA to the other pod"] = out["RA to the host"] = frames.router(
            self.mac, self.local, PREFIX
        )
        # The last one: when it works, everything for the other pod goes to the liar.
        out["frames with the other pod's MAC"] = frames.ethernet(
            self.others_mac, frames.EVERYBODY, 0x88B5, b"mine" * 12
        )
        return out

    def effects(self) -> dict[str, Callable[[], bool]]:
        """Name -> whether the lie had an effect."""
        host, there = self.host, self.other
        out: dict[str, Callable[[], bool]] = {}
        for name in self.lies():
            victim = "other" if name.startswith("to the other") else "host"
            out[name] = partial(self._heard, name, victim)
        believes = {
            "ARP to the other pod: I am the gateway": (there, "eth0", self.gateways[0]),
            "ND to the other pod: I am the gateway": (there, "eth0", self.gateways[1]),
            "ARP to the host: I am the other pod": (host, self.others_link, there.address(4)),
            "ND to the host: I am the other pod": (host, self.others_link, there.address(6)),
        }
        for name, where in believes.items():
            out[name] = partial(self._believes, *where)
        out["RA to the other pod"] = partial(self._routes, there)
        out["RA to the host"] = partial(self._routes, host)
        out["frames with the other pod's MAC"] = self._bridge_believes
        return out

    def _heard(self, name: str, victim: str) -> bool:
        return name in self.got[victim]

    def _believes(self, place: Place, link: str, address: str) -> bool:
        return self.mac in _neighbour(place, link, address)

    def _routes(self, place: Place) -> bool:
        return f"via {self.local}" in place.says("ip", "-6", "route")

    def _bridge_believes(self) -> bool:
        command = ("bridge", "fdb", "show", "brport", self.liars_port)
        return self.others_mac in self.host.says(*command)

    def happened(self) -> None:
        """Take what the sinks have received."""
        for victim, sinks in self.sinks.items():
            for sink in sinks:
                try:
                    while True:
                        self.got[victim].add(sink.recv(1000).decode())
                except BlockingIOError:
                    continue

    def tell(self, worth: set[str]) -> set[str]:
        """Tell every lie; returns those that had an effect. It waits long for those that are `worth` it."""
        self.prepare()
        effects = self.effects()
        for frame in self.lies().values():
            self.raw.send(frame)
        begin = time.monotonic()
        while True:
            self.happened()
            found = {name for name, works in effects.items() if works()}
            passed = time.monotonic() - begin
            if passed > 20 or (passed > 0.7 and worth <= found):
                return found
            time.sleep(0.05)


def spoofing(world: World, nets: tuple[str, ...], known: Mapping[tuple[str, str], str]
             ) -> dict[tuple[str, str], str]:  # fmt: skip
    """(lie, network) -> what it does."""
    segments = {net: Segment(world, net, SINK + index) for index, net in enumerate(nets)}
    before = {net: one.tell({lie for lie, of in known if of == net and known[lie, of] == WORKS})
              for net, one in segments.items()}  # fmt: skip
    world.host.says("sh", "-c", RULES_GONE)
    after = {net: one.tell({lie for lie, of in known if of == net and known[lie, of] == RULE})
             for net, one in segments.items()}  # fmt: skip
    out = {}
    for net, one in segments.items():
        for lie in one.effects():
            out[lie, net] = WORKS if lie in before[net] else RULE if lie in after[net] else NO_WAY
        one.close()
    return dict(sorted(out.items(), key=lambda item: item[0][0]))


def _mac(pod: Pod) -> str:
    return str(next(link["address"] for link in pod.links() if link["ifname"] == "eth0"))


def _sink(place: Place, address: str, port: int) -> socket.socket:
    def make() -> socket.socket:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        sink = socket.socket(family, socket.SOCK_DGRAM)
        sink.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sink.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sink.bind((address, port))
        sink.setblocking(False)
        return sink

    return place.socket(make)


def _neighbour(place: Place, link: str, address: str) -> str:
    return place.says("ip", "neighbour", "show", address, "dev", link)


def _learn(place: Place, link: str, address: str) -> None:
    """Have a place find out where an address is."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET

    def known() -> bool:
        with place.socket(lambda: socket.socket(family, socket.SOCK_DGRAM)) as probe:
            probe.sendto(b"who are you?", (address, 9))
        return "lladdr" in _neighbour(place, link, address)

    wait_until(known, f"{place.name} does not find {address}")
