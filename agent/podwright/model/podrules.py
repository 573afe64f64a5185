# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pod's own rules: who may reach it, and what it may reach. Values and their checks. Pure.

    allow: [{from|to: CIDR | "pod NAME" | "network NAME" | "host", ports: ["80/tcp", "53/udp"]}]

One `from` closes the pod for all that no `from` names, one `to` all that no `to` names. They are
kept in the pod manifest, as an annotation, so that `run`, `prepare` and `apply` are one road.
"""

from __future__ import annotations

from podwright import jsonio
from podwright.errors import UsageError
from podwright.model import netchoice
from podwright.model.names import ac_name
from podwright.net import ip
from podwright.text import safe
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from podwright.model.fields import Fields

ANNOTATION = "podwright.io/allow"
WAYS = ("from", "to")
CIDR, POD, NETWORK, HOST = "cidr", "pod", "network", "host"
PROTOCOLS = ("tcp", "udp", "sctp")
MAX_RULES = 256
MAX_PORTS = 64
_PEERS = "a subnet such as 10.0.0.0/8, 'pod NAME', 'network NAME' or 'host'"


@value
class PortRange:
    """Ports of a protocol, from `low` to `high`."""

    proto: str
    low: int
    high: int

    def text(self) -> str:
        """As it is written."""
        return f"{self.low if self.low == self.high else f'{self.low}-{self.high}'}/{self.proto}"


@value
class Rule:
    """One thing that is allowed.

    way    one of WAYS: `from` a peer to the pod, or from the pod `to` a peer
    kind   CIDR, POD, NETWORK or HOST; `peer` is the subnet or the name
    ports  of the one who is called; none: whatever protocol it is
    """

    way: str
    kind: str
    peer: str
    ports: tuple[PortRange, ...] = ()

    def peer_text(self) -> str:
        """The peer as it is written."""
        if self.kind == HOST:
            return HOST
        return self.peer if self.kind == CIDR else f"{self.kind} {self.peer}"


def parse(fields: Fields, name: str = "allow") -> tuple[Rule, ...]:
    """Read a list of rules. Raises UsageError naming the element."""
    return checked(tuple(map(_parse_one, fields.objects(name))), fields.at(name))


def checked(rules: tuple[Rule, ...], where: str) -> tuple[Rule, ...]:
    """The same in one order, nothing twice. Raises UsageError for more than can be meant."""
    if len(rules) > MAX_RULES:
        raise UsageError(f"{where}: more than {MAX_RULES} rules", object=where)
    return tuple(sorted(dict.fromkeys(rules), key=_order))


def _order(rule: Rule) -> tuple[str, ...]:
    """In the order they are kept in; it means nothing."""
    return (rule.way, rule.kind, rule.peer, *(one.text() for one in rule.ports))


def check_net(rules: tuple[Rule, ...], net: str, where: str) -> None:
    """Refuse rules for a pod that has no link of its own, on which they could be enforced."""
    if rules and not netchoice.has_own_network(net):
        raise UsageError(
            f"{where}: cannot be enforced with net {net}",
            "leave the rules out, or choose a network, such as default",
            object=where,
        )


def _parse_one(fields: Fields) -> Rule:
    ways = [way for way in WAYS if fields.raw(way) is not None]
    if len(ways) != 1:
        raise UsageError(
            f"{fields.path}: needs either from or to", f"each is {_PEERS}", object=fields.path
        )
    rule = rule_from(
        ways[0],
        fields.text(ways[0], ...),
        fields.texts("ports"),
        fields.at(ways[0]),
        fields.at("ports"),
    )
    fields.finish()
    return rule


def rule_from(way: str, peer: str, ports: Iterable[str], where: str, where_ports: str) -> Rule:
    """A rule from its texts; `where` and `where_ports` are for messages."""
    kind, name = _peer(peer, where)
    found = tuple(dict.fromkeys(_ports(text, where_ports) for text in ports))
    if len(found) > MAX_PORTS:
        raise UsageError(f"{where_ports}: more than {MAX_PORTS} ports", object=where_ports)
    return Rule(way, kind, name, tuple(sorted(found, key=lambda p: (p.proto, p.low, p.high))))


def _peer(text: str, where: str) -> tuple[str, str]:
    if text == HOST:
        return HOST, ""
    kind, space, name = text.partition(" ")
    if space and kind == POD:
        return POD, ac_name(name, where)
    if space and kind == NETWORK and netchoice.is_network_name(name):
        return NETWORK, name
    try:
        subnet = ip.subnet(text if "/" in text else f"{text}/{ip.BITS[ip.family(text)]}")
    except ValueError:
        raise UsageError(
            f"{where}: {safe(text, 80)!r} is nobody that can be allowed",
            f"write {_PEERS}",
            object=where,
        ) from None
    shown = subnet.shown()
    if "/" in text and ip.number(text.partition("/")[0]) != subnet.first:
        raise UsageError(
            f"{where}: {safe(text, 80)} has bits beyond its prefix", f"write {shown}", object=where
        )
    return CIDR, shown


def _ports(text: str, where: str) -> PortRange:
    numbers, slash, proto = text.partition("/")
    first, dash, last = numbers.partition("-")
    low, high = _number(first), _number(last if dash else first)
    proto = proto if slash else "tcp"
    if proto not in PROTOCOLS or not 0 < low <= high:
        raise UsageError(
            f"{where}: {safe(text, 60)!r} is not a port or a range of ports",
            f"write 80/tcp or 8000-8010/udp; there are {', '.join(PROTOCOLS)}",
            object=where,
        )
    return PortRange(proto, low, high)


def _number(text: str) -> int:
    """A port's number; 0 for what is none."""
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0
    return number if number < 65536 else 0


def dump(rules: Iterable[Rule]) -> list[dict[str, Any]]:
    """As the field `allow` of a desired state; `load` reads it again."""
    return [
        {
            rule.way: rule.peer_text(),
            **({"ports": [one.text() for one in rule.ports]} if rule.ports else {}),
        }
        for rule in rules
    ]


def load(raw: Any, where: str = "allow") -> tuple[Rule, ...]:
    """Read what `dump` made. Raises UsageError."""
    from podwright.model.fields import Fields

    return parse(Fields({"allow": raw}, where)) if raw else ()


def annotation(rules: tuple[Rule, ...]) -> tuple[tuple[str, str], ...]:
    """The pod's annotation with its rules; none without rules."""
    return ((ANNOTATION, jsonio.dumps(dump(rules))),) if rules else ()


def of_annotations(annotations: Iterable[tuple[str, str]], where: str) -> tuple[Rule, ...]:
    """The rules that a pod's annotations say. Raises UsageError."""
    text = dict(annotations).get(ANNOTATION)
    if text is None:
        return ()
    from podwright.model.fields import Fields

    path = f"{where}.annotations[{ANNOTATION}]"
    return parse(Fields({"allow": jsonio.loads(text.encode(), path)}, path))


def of_flags(texts: Iterable[str]) -> tuple[Rule, ...]:
    """The rules of `--allow=from=PEER[,ports=PORT[,PORT...]]`."""
    return checked(tuple(map(_of_flag, texts)), "--allow")


def _of_flag(text: str) -> Rule:
    first, *more = text.split(",")
    way, equals, peer = first.partition("=")
    ports: list[str] = []
    if more and more[0].startswith("ports="):
        ports = [more[0][len("ports=") :], *more[1:]]
    if way not in WAYS or not equals or (more and not ports):
        raise UsageError(
            f"--allow: {safe(text, 120)!r} is not from=PEER[,ports=PORTS] or to=PEER[,ports=PORTS]",
            f"a peer is {_PEERS}; ports are like 80/tcp,8000-8010/udp",
        )
    return rule_from(way, peer, ports, "--allow", "--allow")
