# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pods' own rules as chains (`model/podrules.py` has what they say). Pure.

A pod with `from` has a chain that its incoming packets go through, one with `to` a chain for
outgoing ones: what is allowed returns, and what the network does not allow is still refused
afterwards. Pods and networks that rules name are sets, which follow those that come and go.
On a bridge the same chains stand in the bridge's table, for frames that pass no other.
"""

from __future__ import annotations

from podwright.errors import NetworkError
from podwright.model import podrules
from podwright.model.podrules import CIDR, HOST, NETWORK, POD
from podwright.net import ip
from podwright.net.ip import family
from podwright.net.tables import BRIDGE, INET, METADATA, commands, putter
from podwright.net.tables.ethernet import on_bridge
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from podwright.model.podrules import Rule
    from podwright.net.tables import Elements
    from podwright.net.values import Holding

FOLLOWED = (POD, NETWORK)
TYPES = {4: "ipv4_addr", 6: "ipv6_addr"}
WORDS = {4: "ip", 6: "ip6"}
MAPS = f"""add map {BRIDGE} enter4 {{ type ipv4_addr : verdict; }}
add map {BRIDGE} enter6 {{ type ipv6_addr : verdict; }}
add map {BRIDGE} leave4 {{ type ipv4_addr : verdict; }}
add map {BRIDGE} leave6 {{ type ipv6_addr : verdict; }}
add chain {BRIDGE} apart {{ type filter hook forward priority 1; policy accept; }}
flush chain {BRIDGE} apart
add rule {BRIDGE} apart ct state established,related accept
add rule {BRIDGE} apart icmpv6 type {{ nd-neighbor-solicit, nd-neighbor-advert }} accept
add rule {BRIDGE} apart ip saddr vmap @leave4
add rule {BRIDGE} apart ip6 saddr vmap @leave6
add rule {BRIDGE} apart ip daddr vmap @enter4
add rule {BRIDGE} apart ip6 daddr vmap @enter6
"""
"""What the bridge's table has for rules, from the first pod on that has some."""
PROBE = """add table bridge podwright-probe
add chain bridge podwright-probe c { type filter hook forward priority 1; policy accept; }
add rule bridge podwright-probe c ct state established accept
delete table bridge podwright-probe
"""
"""Commands that succeed, and leave nothing, where the kernel follows connections on bridges."""


@value
class Chains:
    """The chains of one pod in one table.

    enter, leave, cloud   commands that make them; "" where it has none
    """

    enter: str
    leave: str
    cloud: str


def of(holding: Holding) -> tuple[Rule, ...]:
    """The rules of a pod. Raises UsageError for none that we wrote."""
    return podrules.load(list(holding.allow)) if holding.allow else ()


def tables(holding: Holding) -> tuple[str, ...]:
    """Where the chains of a pod stand."""
    return (INET, BRIDGE) if on_bridge(holding) else (INET,)


def refuse_unenforceable(holding: Holding) -> None:
    """Raise NetworkError for rules of a pod with a network whose packets our firewall does not see."""
    if not holding.allow:
        return
    for one in holding.attachments:
        if not one.zone or one.external or not one.addresses:
            raise NetworkError(
                f"network {one.net}: rules of a pod cannot be enforced on it, since"
                + (
                    " its addresses become known too late"
                    if one.zone and not one.external
                    else " its packets do not pass the host's firewall"
                ),
                "leave the rules out, or use networks of the types ptp and bridge that hand out"
                " addresses themselves",
                object=one.net,
                reason="no-rules",
            )


def names(holdings: Iterable[Holding]) -> dict[str, set[str]]:
    """Table -> the names of sets, without the family, of the pods and networks that rules name."""
    out: dict[str, set[str]] = {INET: set(), BRIDGE: set()}
    for holding in holdings:
        for rule in of(holding):
            if rule.kind in FOLLOWED:
                for table in tables(holding):
                    out[table].add(_set(rule.kind, rule.peer))
    return out


def _set(kind: str, name: str) -> str:
    return f"{kind}_{name}"


def followed(holdings: Iterable[Holding], wanted: set[str]) -> Elements:
    """The elements of the sets `wanted` that these pods are."""
    out: Elements = {}
    put = putter(out)
    for holding in holdings:
        for one in holding.attachments:
            called = {_set(NETWORK, one.net)} | (
                {_set(POD, holding.name)} if holding.name else set()
            )
            for name in sorted(called & wanted):
                for address in one.addresses:
                    put(f"{name}_{family(address.ip)}", address.ip)
    return out


def declared(wanted: set[str], table: str) -> str:
    """The commands that make sets, where they are not there yet."""
    return "".join(
        f"add set {table} {name}_{of_} {{ type {TYPES[of_]}; }}\n"
        for name in sorted(wanted)
        for of_ in (4, 6)
    )


def verdicts(holdings: Iterable[Holding]) -> Elements:
    """The elements that lead to the chains of these pods."""
    out: Elements = {}
    put = putter(out)
    for holding in holdings:
        found = of(holding)
        for kind in _kinds(found):
            for one in holding.attachments:
                for address in one.addresses:
                    name = f"{kind}{family(address.ip)}"
                    put(name, f"{address.ip} : jump {_chain(kind, holding)}")
    return out


def _kinds(found: Iterable[Rule]) -> list[str]:
    rules = tuple(found)
    ways = {rule.way for rule in rules}
    out = ["enter"] if "from" in ways else []
    out += ["leave"] if "to" in ways else []
    return out + (["cloud"] if any(map(_is_metadata, rules)) else [])


def _chain(kind: str, holding: Holding) -> str:
    return f"{kind}_{holding.uuid}"


def _is_metadata(rule: Rule) -> bool:
    """Whether it speaks of nothing but addresses where clouds serve metadata."""
    if rule.way != "to" or rule.kind != CIDR:
        return False
    wanted = ip.subnet(rule.peer)
    return any(
        wanted.first >= one.first and wanted.last <= one.last
        for one in map(ip.subnet, METADATA[wanted.family])
    )


def chains(holding: Holding, table: str) -> str:
    """The commands that make the chains of a pod, and flush those that are there."""
    found = of(holding)
    out = ""
    for kind in _kinds(found):
        if kind == "cloud" and table == BRIDGE:
            continue
        chain = f"{table} {_chain(kind, holding)}"
        out += f"add chain {chain}\nflush chain {chain}\n"
        for line in _lines(kind, holding, found, table):
            out += f"add rule {chain} {line}\n"
    return out


def _lines(kind: str, holding: Holding, found: Iterable[Rule], table: str) -> list[str]:
    if kind == "cloud":
        return [
            f"{match}{ports}accept"
            for rule in found
            if _is_metadata(rule)
            for match in _matches(rule, "daddr", table)
            for ports in _ports(rule)
        ]
    way, where = ("from", "saddr") if kind == "enter" else ("to", "daddr")
    own = [address.ip for one in holding.attachments for address in one.addresses]
    lines = [f"{WORDS[family(address)]} {where} {address} return" for address in own]
    lines += [
        f"{match}{ports}return"
        for rule in found
        if rule.way == way
        for match in _matches(rule, where, table)
        for ports in _ports(rule)
    ]
    refusal = "reject with icmpx admin-prohibited" if (kind, table) == ("leave", INET) else "drop"
    return [*lines, refusal]


def _matches(rule: Rule, where: str, table: str) -> list[str]:
    """How a packet is known whose peer the rule speaks of."""
    if rule.kind == HOST:
        # Of what the host sends nothing comes here, and frames between ports never are for it.
        return ["fib daddr type local "] if where == "daddr" and table == INET else []
    if rule.kind == CIDR:
        wanted = ip.subnet(rule.peer)
        if not wanted.prefix:
            return [f"meta protocol {WORDS[wanted.family]} "]
        return [f"{WORDS[wanted.family]} {where} {rule.peer} "]
    name = _set(rule.kind, rule.peer)
    return [f"{WORDS[of_]} {where} @{name}_{of_} " for of_ in (4, 6)]


def _ports(rule: Rule) -> list[str]:
    """One match for each protocol of the rule; one for all protocols when it says none."""
    out: dict[str, list[str]] = {}
    for one in rule.ports:
        numbers = str(one.low) if one.low == one.high else f"{one.low}-{one.high}"
        out.setdefault(one.proto, []).append(numbers)
    if not out:
        return [""]
    return [f"{proto} dport {{ {', '.join(numbers)} }} " for proto, numbers in out.items()]


def joining(holding: Holding, others: tuple[Holding, ...]) -> str:
    """The commands for a pod that comes: its chains, and its place in the sets of others."""
    everyone = (*others, holding)
    own, theirs = names((holding,)), names(others)
    out = ""
    for table in tables(holding) if holding.allow else ():
        out += MAPS if table == BRIDGE else ""
        out += declared(own[table], table) + chains(holding, table)
        found = {**followed(everyone, own[table]), **verdicts_in(table, (holding,))}
        out += commands("add", table, found)
    for table, wanted in theirs.items():
        out += commands("add", table, followed((holding,), wanted))
    return out


def verdicts_in(table: str, holdings: tuple[Holding, ...]) -> Elements:
    """The elements that lead to the chains of these pods, all of which stand in this table."""
    found = verdicts(one for one in holdings if table in tables(one))
    return {
        name: items
        for name, items in found.items()
        if table == INET or not name.startswith("cloud")
    }


def all_of(holdings: tuple[Holding, ...]) -> str:
    """The commands for the rules of all pods, in tables without any."""
    owners = tuple(one for one in holdings if one.allow)
    wanted = names(owners)
    out = MAPS if any(BRIDGE in tables(one) for one in owners) else ""
    for table in (INET, BRIDGE):
        here = tuple(one for one in owners if table in tables(one))
        out += declared(wanted[table], table)
        out += "".join(chains(one, table) for one in here)
        found = {**followed(holdings, wanted[table]), **verdicts_in(table, here)}
        out += commands("add", table, found)
    return out


def leaving(gone: tuple[Holding, ...], left: tuple[Holding, ...], here: tuple[str, ...]) -> str:
    """The commands for pods that go: out of the sets of others, and their chains removed.

    here   the tables that stay
    """
    out = ""
    before, after = names((*gone, *left)), names(left)
    for table in here:
        out += commands("delete", table, followed(gone, after[table]))
        owners = tuple(one for one in gone if one.allow and table in tables(one))
        out += commands("delete", table, verdicts_in(table, owners))
        for holding in owners:
            for kind in _kinds(of(holding)):
                if kind != "cloud" or table == INET:
                    chain = f"{table} {_chain(kind, holding)}"
                    out += f"flush chain {chain}\ndelete chain {chain}\n"
        for name in sorted(before[table] - after[table]):
            out += "".join(f"delete set {table} {name}_{of_}\n" for of_ in (4, 6))
    return out


def concerns(holding: Holding, others: Iterable[Holding]) -> bool:
    """Whether a pod that comes or goes has rules, or is in those of others."""
    if holding.allow:
        return True
    owners = [one for one in others if one.allow]
    return bool(owners) and any(followed((holding,), wanted) for wanted in names(owners).values())
