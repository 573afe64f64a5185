# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who reaches what: pods on every kind of network and neighbours of the host, against services all over the place.

Everything is made so that only rules of ours are in the way: the outside has routes to the networks of pods, reverse
path filters are off. Pods are asked as they were made first; what they did not reach then, they try again with default
routes, as pods may give themselves. What is denied all the same, and is not once our rules are gone, is denied by them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path

from tests.support.gpglab import Key
from tests.support.network_lab import SLEEP, Host, Lab, Place, Pod
from tests.support.network_services import Probe, Services, settle

METADATA = ("169.254.169.254", "fd00:ec2::254")
BACK = {
    "name": "back",
    "type": "bridge",
    "bridge": "back0",
    "isGateway": True,
    "ipMasq": True,
    "ipam": {
        "type": "host-local",
        "ranges": [[{"subnet": "10.77.0.0/24"}], [{"subnet": "fd77::/64"}]],
        "routes": [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}],
    },
}
SECOND = {
    "name": "second",
    "type": "ptp",
    "ipMasq": True,
    "ipam": {
        "type": "host-local",
        "ranges": [[{"subnet": "10.78.0.0/24"}], [{"subnet": "fd78::/64"}]],
        "routes": [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}],
    },
}
NETWORKS = ("default", "default-restricted", "back", "second")
GATEWAYS = {
    "default": ("172.16.28.1", "fd70:6f64:7772:1c::1"),
    "default-restricted": ("172.31.0.1", "fd70:6f64:7772:1f::1"),
    "back": ("10.77.0.1", "fd77::1"),
    "second": ("10.78.0.1", "fd78::1"),
}
SUBNETS = {
    4: ("172.16.0.0/12", "10.77.0.0/24", "10.78.0.0/24"),
    6: ("fd70::/16", "fd77::/64", "fd78::/64"),
}
OPEN = """
for name in all default $(ls /proc/sys/net/ipv4/conf); do
    echo 0 >/proc/sys/net/ipv4/conf/$name/rp_filter; echo 1 >/proc/sys/net/ipv4/conf/$name/accept_local
done
"""
RULES_GONE = """
nft flush chain inet podwright guard; nft flush chain inet podwright between
nft delete table bridge podwright 2>/dev/null || true
"""
"""What denies; published ports and masquerading stay, so that everything else is as it was."""

YES, AS_HOST, BY_ROUTE, RULE, NO_WAY = "yes", "as host", "BY ROUTE", "DENIED", "-"
"""BY ROUTE: not reached by a pod as it was made, and reached once it has given itself a default route."""
Ask = tuple[str, str, int]
"""How a service is asked for: kind, address, port. Addresses GW4 and GW6 are the gateways of who asks."""
GW4, GW6 = "gateway4", "gateway6"


class World:
    """The lab with pods of every network, and services in all of them."""

    def __init__(self, scratch: Path, key: Key) -> None:
        with contextlib.ExitStack() as undo:
            self.lab = undo.enter_context(Lab(scratch, key))
            self.host: Host = self.lab.one
            self.services = undo.enter_context(Services())
            self.sources: dict[str, Place] = {}
            self.peers: dict[str, Pod] = {}
            self.bridges = {"back": str(BACK.get("bridge", ""))}
            self._networks()
            self._pods()
            self._serve()
            self._exit = undo.pop_all()

    def _networks(self) -> None:
        self.host.network(BACK)
        self.host.network(SECOND)
        for address in METADATA:
            self.host.says("ip", "address", "add", address, "dev", "lo")
        for family, subnets in SUBNETS.items():
            for subnet in subnets:
                for neighbour in (self.lab.outside, self.lab.two):
                    neighbour.says("ip", "route", "add", subnet, "via", self.host.address(family))

    def _pods(self) -> None:
        for net in NETWORKS:
            name = net[-6:].lstrip("-")
            self.peers[net] = self.host.run(f"peer-{name}", SLEEP, f"--net={net}", *_published(net))
        for net in NETWORKS:
            pod = self.host.run(f"pod-{net[-6:].lstrip('-')}", SLEEP, f"--net={net}")
            self.sources[net] = pod
        self.sources["none"] = self.host.run("alone", SLEEP, "--net=none")
        self.sources["host"] = self.host.run("open", SLEEP, "--net=host")
        self.sources["outside"] = self.lab.outside
        self.host.says("sh", "-c", OPEN)

    def _serve(self) -> None:
        host, add = self.host, self.services
        for address in ("127.0.0.1", "::1"):
            add.tcp(host, address, 7001, "loopback")
        for address in ("0.0.0.0", "::"):
            add.tcp(host, address, 7002, "host")
            add.tcp(self.lab.outside, address, 7020, "outside")
            add.tcp(self.lab.two, address, 7020, "second host")
            for net, pod in self.peers.items():
                add.tcp(pod, address, 7010, net)
                add.udp(pod, address, 7011, net)
        for gateways in GATEWAYS.values():
            for address in gateways:
                add.udp(host, address, 53, "names")
        add.abstract(host, "bus", "bus")
        for address in METADATA:
            add.tcp(host, address, 80, "metadata")
            add.udp(host, address, 8053, "metadata")

    def table(self, known: Mapping[tuple[str, str], str]) -> dict[tuple[str, str], str]:
        """(service, source) -> what happens; `known` says for what it is worth waiting long."""
        wanted = self._wanted()
        found = _probe(wanted, {cell for cell in wanted if known.get(cell) in (YES, AS_HOST)})
        denied = {cell: ask for cell, ask in wanted.items() if found[cell] == NO_WAY}
        self._give_routes()
        found.update(
            (cell, BY_ROUTE) for cell, got in _probe(denied, set()).items() if got != NO_WAY
        )
        denied = {cell: ask for cell, ask in denied.items() if found[cell] == NO_WAY}
        self.host.says("sh", "-c", RULES_GONE)
        controls = _probe(denied, {cell for cell in denied if known.get(cell) == RULE})
        for cell, answer in controls.items():
            found[cell] = NO_WAY if answer == NO_WAY else RULE
        return found

    def _give_routes(self) -> None:
        """Default routes for pods whose network gives none."""
        for net, gateways in GATEWAYS.items():
            for family, gateway in zip(("-4", "-6"), gateways):
                for one in (self.sources[net], self.peers[net]):
                    one.says("ip", family, "route", "replace", "default", "via", gateway)

    def _wanted(self) -> dict[tuple[str, str], tuple[Place, Ask]]:
        out = {}
        for name, (kind, address, port) in self.columns().items():
            for source, place in self.sources.items():
                gateways = GATEWAYS.get(source, GATEWAYS["default"])
                asked = {GW4: gateways[0], GW6: gateways[1]}.get(address, address)
                out[name, source] = (place, (kind, asked, port))
        return out

    def columns(self) -> dict[str, Ask]:
        """Service -> how it is asked for."""
        v4, v6 = self.host.address(4), self.host.address(6)
        out = {
            "host: 127.0.0.1": ("tcp", "127.0.0.1", 7001),
            "host: ::1": ("tcp", "::1", 7001),
            "host: abstract socket": ("unix", "bus", 0),
            "host: service on 0.0.0.0, at its own address": ("tcp", v4, 7002),
            "host: service on ::, at its own address": ("tcp", v6, 7002),
            "host: 169.254.169.254": ("tcp", METADATA[0], 80),
            "host: 169.254.169.254, UDP": ("udp", METADATA[0], 8053),
            "host: fd00:ec2::254": ("tcp", METADATA[1], 80),
            "host: fd00:ec2::254, UDP": ("udp", METADATA[1], 8053),
            "gateway: service on 0.0.0.0": ("tcp", GW4, 7002),
            "gateway: service on ::": ("tcp", GW6, 7002),
            "gateway: service on 127.0.0.1": ("tcp", GW4, 7001),
            "gateway: DNS, IPv4": ("udp", GW4, 53),
            "gateway: DNS, IPv6": ("udp", GW6, 53),
            "outside, IPv4": ("tcp", self.lab.outside.address(4), 7020),
            "outside, IPv6": ("tcp", self.lab.outside.address(6), 7020),
            "second host, IPv4": ("tcp", self.lab.two.address(4), 7020),
            "second host, IPv6": ("tcp", self.lab.two.address(6), 7020),
            "published port, IPv4": ("tcp", v4, 8000),
            "published port, IPv6": ("tcp", v6, 8000),
            "published port at the gateway, IPv4": ("tcp", GW4, 8000),
            "published port at the gateway, IPv6": ("tcp", GW6, 8000),
            "port published on 127.0.0.1, there": ("tcp", "127.0.0.1", 8001),
            "port published on 127.0.0.1, at the host's address": ("tcp", v4, 8001),
        }
        for net, pod in self.peers.items():
            for family in (4, 6):
                out[f"pod on {net}, IPv{family}"] = ("tcp", pod.address(family), 7010)
        out["pod on second, UDP"] = ("udp", self.peers["second"].address(4), 7011)
        return out

    def close(self) -> None:
        """End everything."""
        self._exit.close()


def _published(net: str) -> tuple[str, ...]:
    return ("--port=7010-tcp:8000", "--port=7010-tcp:127.0.0.1:8001") if net == "default" else ()


def _probe(
    wanted: Mapping[tuple[str, str], tuple[Place, Ask]],
    worth: set[tuple[str, str]],
) -> dict[tuple[str, str], str]:
    """Ask everything at once. A second is enough to be denied; what is known to be reached has longer."""
    probes = {cell: Probe(place, *ask) for cell, (place, ask) in wanted.items()}
    settle(list(probes.values()), lambda: all(probes[cell].reached for cell in worth), 1.0, 20.0)
    out = {}
    for cell, probe in probes.items():
        place, (kind, _, _) = wanted[cell]
        out[cell] = _meaning(place, kind, probe)
        probe.socket.close()
    return out


def _meaning(place: Place, kind: str, probe: Probe) -> str:
    if not probe.reached:
        return NO_WAY
    seen = str(probe.answer).rpartition(" ")[2]
    return YES if kind == "unix" or seen == probe.socket.getsockname()[0] else AS_HOST


def written(table: Mapping[tuple[str, str], str], note: str) -> str:
    """The table as text: a line per service, a column per source."""
    services = list(dict.fromkeys(service for service, _ in table))
    sources = list(dict.fromkeys(source for _, source in table))
    first = max(len(service) for service in services)
    widths = [max(len(source), len(RULE), len(AS_HOST)) for source in sources]
    lines = [note.rstrip(), "", " | ".join(["from".ljust(first), *map(str.ljust, sources, widths)])]
    for service in services:
        cells = [table[service, source] for source in sources]
        lines.append(" | ".join([service.ljust(first), *map(str.ljust, cells, widths)]))
    return "\n".join(line.rstrip() for line in lines) + "\n"


def read(text: str) -> dict[tuple[str, str], str]:
    """What `written` wrote."""
    lines = [
        [cell.strip() for cell in line.split("|")] for line in text.splitlines() if "|" in line
    ]
    if not lines:
        return {}
    sources = lines[0][1:]
    return {
        (line[0], source): cell for line in lines[1:] for source, cell in zip(sources, line[1:])
    }


def differences(
    golden: Mapping[tuple[str, str], str], found: Mapping[tuple[str, str], str]
) -> list[str]:
    """One line for every cell that is not as it should be."""
    return [
        f"{cell[1]} -> {cell[0]}: was {golden.get(cell, 'unknown')!r}, is {found.get(cell, 'gone')!r}"
        for cell in dict.fromkeys((*golden, *found))
        if golden.get(cell) != found.get(cell)
    ]
