# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The values that networking is made of: what is asked for, and what a pod holds."""

from __future__ import annotations

from podwright.net.ip import family, mask
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

LINK_PREFIX = "podw"
PROTOCOLS = ("tcp", "udp", "sctp")
VERSIONS = ("0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0")
"""Of the CNI specification that configurations and results may be of, oldest first."""
ANY = {"": (4, 6), "0.0.0.0": (4,), "::": (6,)}
"""Host addresses that mean every local one -> of which families."""


@value
class Address:
    """An address of a pod's link.

    prefix    length of its network's prefix
    gateway   where the way out is, or ""
    """

    ip: str
    prefix: int
    gateway: str = ""


@value
class Route:
    """A route in the pod.

    dst       `ADDRESS/PREFIX`
    gateway   "" = the gateway of the attachment's address of that family, else on the link
    mtu, advmss, priority, table, scope   as ip-route(8) has them; 0 = not said (scope -1)
    """

    dst: str
    gateway: str = ""
    mtu: int = 0
    advmss: int = 0
    priority: int = 0
    table: int = 0
    scope: int = -1


@value
class Dns:
    """What a network says about names (resolv.conf(5))."""

    nameservers: tuple[str, ...] = ()
    search: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    domain: str = ""


@value
class PortMap:
    """One port of the host that leads to one port of the pod.

    proto     one of PROTOCOLS
    host_ip   an address of the host, or one of ANY
    """

    proto: str
    host_ip: str
    host_port: int
    pod_port: int

    def families(self) -> tuple[int, ...]:
        """Of which families the host addresses are."""
        return ANY.get(self.host_ip) or (family(self.host_ip),)

    def overlaps(self, other: PortMap) -> bool:
        """Whether both cannot exist at the same time."""
        if (self.proto, self.host_port) != (other.proto, other.host_port):
            return False
        if self.host_ip in ANY or other.host_ip in ANY:
            return bool(set(self.families()) & set(other.families()))
        return self.host_ip == other.host_ip

    def shown(self) -> str:
        """For messages: `tcp port 8080`, `tcp port 127.0.0.1:8080`, `tcp port [::1]:80`."""
        host = f"[{self.host_ip}]" if ":" in self.host_ip else self.host_ip
        return f"{self.proto} port {f'{host}:{self.host_port}' if host else self.host_port}"

    def as_json(self) -> dict[str, Any]:
        """As an object of `ports[]`."""
        return {
            "protocol": self.proto,
            "hostIP": self.host_ip,
            "hostPort": self.host_port,
            "podPort": self.pod_port,
        }


@value
class NetConf:
    """A network's configuration (CNI specification 0.1.0 to 1.1.0).

    version   its cniVersion
    plugins   the objects as written; a single configuration is a chain of one
    source    the file that it is from; "" for a network that is built in
    """

    name: str
    version: str
    plugins: tuple[dict[str, Any], ...]
    source: str = ""
    disable_check: bool = False
    disable_gc: bool = False


@value
class Attachment:
    """A network that a pod is on, with all that its steps are compiled from.

    net          the network's name; `kind` is the type of its first plugin
    ifname       name of the link in the pod
    conf         its configuration as used
    args         CNI arguments of `--net=NAME:K=V;...`
    host_if      the host's end of the link, or "" where there is none
    bridge       the bridge that the host's end is a port of, or ""
    mac          of the pod's link; "" = the kernel's choice
    masquerade   what leaves the host has the host's address
    zone         pods of one zone reach each other; "" = nothing passes our firewall
    reach        `all`, or `host`: nothing beyond the host and the zone
    external     some plugin of the chain is an executable; `results`: what the last of them answered
    state        what its kind has to remember for its steps and its end
    """

    net: str
    kind: str
    ifname: str
    conf: NetConf
    args: tuple[tuple[str, str], ...] = ()
    host_if: str = ""
    bridge: str = ""
    mac: str = ""
    addresses: tuple[Address, ...] = ()
    routes: tuple[Route, ...] = ()
    dns: Dns = Dns()
    masquerade: bool = False
    zone: str = ""
    reach: str = "all"
    external: bool = False
    results: tuple[Any, ...] = ()
    plugin_path: str = ""
    state: tuple[tuple[str, Any], ...] = ()

    def first(self, of: int) -> str:
        """Its first address of a family, or ""."""
        return next((one.ip for one in self.addresses if family(one.ip) == of), "")

    def as_json(self) -> dict[str, Any]:
        """An element of `networks[]` (behaviour.md B10), and more keys of ours."""
        four = next((one for one in self.addresses if family(one.ip) == 4), None)
        shown = four or next(iter(self.addresses), None)
        return {
            "netName": self.net,
            "netConf": self.conf.source,
            "pluginPath": self.plugin_path,
            "ifName": self.ifname,
            "ip": shown.ip if shown else "",
            "args": ";".join(f"{key}={text}" for key, text in self.args),
            "mask": mask(shown.prefix, family(shown.ip)) if shown else "",
            "gateway": shown.gateway if shown else "",
            "hostIf": self.host_if,
            "type": self.kind,
            "mac": self.mac,
            "addresses": [f"{one.ip}/{one.prefix}" for one in self.addresses],
        }


@value
class Holding:
    """All that a pod holds of the host's network until it ends: one file of the ledger.

    boot      the boot in which it was given; it ends with that boot
    run_dir   where the pod's directory is, locked as long as it runs (`NetRequest.alive`)
    ports     what it publishes
    allow     its own rules (`net/rules.py`)
    hosts     what it said about names (`net/names.py`)
    after     the pod whose ports and names it takes over (`net/handover.py`), or ""
    waits     that one still has them; the other way round for a pod that has handed them over
    """

    uuid: str
    name: str
    hostname: str
    apps: tuple[str, ...]
    boot: str
    run_dir: str
    attachments: tuple[Attachment, ...]
    ports: tuple[PortMap, ...] = ()
    allow: tuple[Any, ...] = ()
    hosts: tuple[Any, ...] = ()
    after: str = ""
    waits: bool = False

    def holder(self) -> str:
        """The pod, for messages."""
        return f"pod {self.name or self.uuid}"

    @property
    def pod_dir(self) -> str:
        """The pod's directory as long as it runs."""
        return f"{self.run_dir}/{self.uuid}"

    def own_ports(self) -> tuple[PortMap, ...]:
        """What our firewall publishes: nothing where an executable does (portMappings), or for
        a pod that waits for its ports.
        """
        if self.waits:
            return ()
        foreign = any(("ports", "plugin") in one.state for one in self.attachments)
        return () if foreign else self.ports

    def target(self, of: int) -> str:
        """Where published ports lead in a family, or "" (behaviour.md D5).

        The first network that masquerades, else the last one.
        """
        found = [one for one in self.attachments if one.first(of)]
        best = next((one for one in found if one.masquerade), found[-1] if found else None)
        return best.first(of) if best is not None else ""

    def as_json(self) -> list[dict[str, Any]]:
        """`networks[]` of the pod; the ports stand with the network that they lead through."""
        out = [one.as_json() for one in self.attachments]
        targets = {self.target(4), self.target(6)} - {""}
        carrier = next(
            (i for i, one in enumerate(self.attachments) if {one.first(4), one.first(6)} & targets),
            0,
        )
        for index, shown in enumerate(out):
            shown["ports"] = (
                [port.as_json() for port in self.ports]
                if index == carrier and not self.waits
                else []
            )
        return out


@value
class NetRequest:
    """What the launcher asks for.

    uuid, name   the pod; name is "" for an unnamed one
    nets         the networks, as `--net` has them (`model/netchoice.py`)
    ports        what to publish
    net_dir      where the ledger is kept (`Layout.net`)
    alive        absolute path of the directory of running pods of the pod's data directory: a
                 pod whose directory there nobody holds locked has ended
    conf_dirs    directories of network configurations, later ones override
    plugin_dirs  directories of CNI plugins, the first that has one wins
    bandwidth    bytes a second that each link may send, and receive; 0 for no limit
    after        a pod that runs, whose ports and names it is to take over later
    """

    uuid: str
    name: str
    nets: str
    ports: tuple[PortMap, ...]
    net_dir: str
    alive: str
    hostname: str = ""
    apps: tuple[str, ...] = ()
    conf_dirs: tuple[str, ...] = ()
    plugin_dirs: tuple[str, ...] = ()
    allow: tuple[Any, ...] = ()
    hosts: tuple[Any, ...] = ()
    bandwidth: int = 0
    bandwidth_optional: bool = False
    after: str = ""

    @staticmethod
    def from_json(raw: dict[str, Any]) -> NetRequest:
        """The request that `to_json` wrote."""
        texts = ("apps", "conf_dirs", "plugin_dirs", "allow", "hosts")
        return NetRequest(
            **{
                **raw,
                "ports": tuple(PortMap(**port) for port in raw["ports"]),
                **{name: tuple(raw.get(name, ())) for name in texts},
            }
        )


def attachment_from(raw: dict[str, Any]) -> Attachment:
    """The attachment that `to_json` wrote. Raises TypeError or KeyError for anything else."""
    conf = raw["conf"]
    return Attachment(
        **{
            **raw,
            "conf": NetConf(**{**conf, "plugins": tuple(conf["plugins"])}),
            "args": tuple((str(key), str(text)) for key, text in raw["args"]),
            "addresses": tuple(Address(**one) for one in raw["addresses"]),
            "routes": tuple(Route(**one) for one in raw["routes"]),
            "dns": Dns(
                **{
                    **{k: tuple(v) for k, v in raw["dns"].items() if k != "domain"},
                    "domain": raw["dns"]["domain"],
                }
            ),
            "results": tuple(raw["results"]),
            "state": tuple((str(key), found) for key, found in raw["state"]),
        }
    )


def holding_from(raw: dict[str, Any]) -> Holding:
    """The holding that `to_json` wrote. Raises TypeError or KeyError for anything else."""
    return Holding(
        **{
            **raw,
            "apps": tuple(raw["apps"]),
            "attachments": tuple(map(attachment_from, raw["attachments"])),
            "ports": tuple(PortMap(**port) for port in raw["ports"]),
            "allow": tuple(raw["allow"]),
            "hosts": tuple(raw["hosts"]),
        }
    )
