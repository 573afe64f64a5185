# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Our one nftables table, `inet podwright`: fixed rules, and one set element or two per pod.

Adding or removing a pod adds or removes elements, in one transaction; rules are never
touched again, and no other table ever. Should somebody flush the ruleset (nftables.service
does when it restarts), the next pod that starts builds the table again for all pods.

What the rules say, in the order in which a packet meets them (threats.md T74):

guard (before everything)   nothing from a wire is for 127.0.0.0/8, else a neighbour, or a pod
    on its host end with route_localnet, could reach ports published on 127.0.0.1 only, or
    services of the host that trust its loopback; a pod sends from its own address only, and no
    IPv6; pods do not reach link-local addresses, where clouds serve their metadata and keys.
nat     published ports, for packets to addresses of this host; masquerade for what leaves
    through another link than a pod's, for 127.0.0.1 as a client, and for a pod that calls
    its own published port.
forward   new connections to pods only through published ports, or from pods. And where we
    turned on forwarding, the links that the host had then go on not being routed to each other.
"""

from __future__ import annotations

from podwright.errors import NetworkError
from podwright.net.ip import family
from podwright.net.values import ANY, LINK_PREFIX

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from podwright.kernel.nft import Nft
    from podwright.net.values import Attachment, Holding, PortMap

TABLE = "inet podwright"
METADATA = {
    4: ("169.254.0.0/16", "100.100.100.200", "192.0.0.192", "168.63.129.16"),
    6: ("fd00:ec2::254", "fd20:ce::254"),
}
"""Where clouds serve metadata and keys of the machine (threats.md T74)."""
SETS = """
  set sources4 { type ifname . ipv4_addr; }
  set sources6 { type ifname . ipv6_addr; }
  set links { type ifname; }
  set pods4 { type ipv4_addr; }
  set pods6 { type ipv6_addr; }
  set masq4 { type ipv4_addr; }
  set masq6 { type ipv6_addr; }
  set selves4 { type ipv4_addr . ipv4_addr; }
  set selves6 { type ipv6_addr . ipv6_addr; }
  set unrouted4 { type ifname; }
  set unrouted6 { type ifname; }
  map from { type ifname : verdict; }
  map ports4 { type inet_proto . ipv4_addr . inet_service : ipv4_addr . inet_service; }
  map ports6 { type inet_proto . ipv6_addr . inet_service : ipv6_addr . inet_service; }
  map any4 { type inet_proto . inet_service : ipv4_addr . inet_service; }
  map any6 { type inet_proto . inet_service : ipv6_addr . inet_service; }
"""
CHAINS = f"""
  chain guard {{
    type filter hook prerouting priority raw; policy accept;
    iifname != "lo" ip daddr 127.0.0.0/8 drop
    iifname != "{LINK_PREFIX}*" iifname != @links accept
    icmpv6 type {{ nd-router-advert, nd-redirect }} drop
    ip6 saddr {{ fe80::/10, :: }} icmpv6 type {{ nd-neighbor-solicit, nd-neighbor-advert }} accept
    meta nfproto ipv4 iifname . ip saddr != @sources4 drop
    meta nfproto ipv6 iifname . ip6 saddr != @sources6 drop
    ip daddr {{ {", ".join(METADATA[4])} }} reject with icmp admin-prohibited
    ip6 daddr {{ {", ".join(METADATA[6])} }} reject with icmpv6 admin-prohibited
  }}
  chain published {{
    dnat ip to meta l4proto . ip daddr . th dport map @ports4
    dnat ip to meta l4proto . th dport map @any4
    dnat ip6 to meta l4proto . ip6 daddr . th dport map @ports6
    dnat ip6 to meta l4proto . th dport map @any6
  }}
  chain arriving {{
    type nat hook prerouting priority dstnat; policy accept;
    fib daddr type local jump published
  }}
  chain local {{
    type nat hook output priority -100; policy accept;
    fib daddr type local jump published
  }}
  chain leaving {{
    type nat hook postrouting priority srcnat; policy accept;
    ip saddr . ip daddr @selves4 masquerade
    ip6 saddr . ip6 daddr @selves6 masquerade
    ip saddr 127.0.0.0/8 ip daddr @pods4 masquerade
    oifname @links accept
    ip saddr @masq4 ip daddr != 224.0.0.0/4 masquerade
    ip6 saddr @masq6 ip6 daddr != ff00::/8 masquerade
  }}
  chain between {{
    type filter hook forward priority filter; policy accept;
    meta nfproto ipv4 iifname @unrouted4 oifname @unrouted4 drop
    meta nfproto ipv6 iifname @unrouted6 oifname @unrouted6 drop
    ct state established,related accept
    ct status dnat accept
    iifname vmap @from
    oifname @links drop
  }}
"""


def zone_chain(zone: str, reach: str) -> str:
    """The rules for packets that pods of a zone send to somewhere else."""
    end = "    drop\n" if reach == "host" else "    oifname @links drop\n    accept\n"
    return (
        f"  set in_{zone} {{ type ifname; }}\n"
        f"  chain zone_{zone} {{\n    oifname @in_{zone} accept\n{end}  }}\n"
    )


def _link(attached: Attachment) -> str:
    """Where packets of the pod come from, as the host's routing sees it."""
    return attached.bridge or attached.host_if


def _guarded(holding: Holding) -> list[Attachment]:
    return [one for one in holding.attachments if one.zone]


def elements(holdings: Iterable[Holding]) -> dict[str, list[str]]:
    """Set or map name -> the elements that these holdings mean."""
    out: dict[str, list[str]] = {}

    def put(name: str, element: str) -> None:
        found = out.setdefault(name, [])
        if element not in found:
            found.append(element)

    for holding in holdings:
        for attached in _guarded(holding):
            link = f'"{_link(attached)}"'
            put("links", link)
            put("from", f"{link} : jump zone_{attached.zone}")
            put(f"in_{attached.zone}", link)
            for address in attached.addresses:
                of, ip = family(address.ip), address.ip
                put(f"sources{of}", f"{link} . {ip}")
                put(f"pods{of}", ip)
                put(f"selves{of}", f"{ip} . {ip}")
                if attached.masquerade:
                    put(f"masq{of}", ip)
        for port in holding.own_ports():
            _put_port(put, holding, port)
    return out


def _put_port(put: Callable[[str, str], None], holding: Holding, port: PortMap) -> None:
    for of in port.families():
        ip = holding.target(of)
        if not ip:
            continue
        target = f"{ip} . {port.pod_port}"
        if port.host_ip in ANY:
            put(f"any{of}", f"{port.proto} . {port.host_port} : {target}")
        else:
            put(f"ports{of}", f"{port.proto} . {port.host_ip} . {port.host_port} : {target}")


def _commands(verb: str, found: dict[str, list[str]]) -> str:
    return "".join(
        f"{verb} element {TABLE} {name} {{ {', '.join(items)} }}\n" for name, items in found.items()
    )


def add_elements(holdings: Iterable[Holding]) -> str:
    """The commands that add the elements of holdings."""
    return _commands("add", elements(holdings))


def whole(holdings: Iterable[Holding], unrouted: Mapping[int, list[str]]) -> str:
    """The commands that make our table for these holdings, where there is none."""
    holdings = tuple(holdings)
    zones = {one.zone: one.reach for holding in holdings for one in _guarded(holding)}
    chains = "".join(zone_chain(zone, reach) for zone, reach in sorted(zones.items()))
    apart = {
        f"unrouted{of}": [f'"{name}"' for name in names] for of, names in unrouted.items() if names
    }
    guarded = _commands("add", apart)
    return f"table {TABLE} {{{SETS}{chains}{CHAINS}}}\n{guarded}{add_elements(holdings)}"


def build(nft: Nft, holdings: Iterable[Holding], unrouted: Mapping[int, list[str]]) -> None:
    """Make our table, or replace whatever it holds in one transaction."""
    replace = f"delete table {TABLE}\n" if exists(nft) else ""
    nft.run(replace + whole(holdings, unrouted))


def admit(nft: Nft, holding: Holding) -> bool:
    """Add a pod's elements; False when the table is not there, not ours any more, or lacks its zone."""
    commands = add_elements((holding,))
    if not commands:
        return True
    try:
        nft.run(commands)
    except NetworkError:
        return False
    return True


def dismiss(nft: Nft, gone: tuple[Holding, ...], left: Iterable[Holding]) -> None:
    """Remove the elements of `gone` that are not those of others, too; what is not there is fine."""
    kept = elements(left) if any(_shares(one) for one in gone) else {}
    found = {
        name: [item for item in items if item not in kept.get(name, ())]
        for name, items in elements(gone).items()
    }
    found = {name: items for name, items in found.items() if items}
    try:
        nft.run(_commands("delete", found))
    except NetworkError:
        if not exists(nft):
            return
        # Adding first makes the removal of something that is not there succeed.
        nft.run(_commands("add", found) + _commands("delete", found))


def _shares(holding: Holding) -> bool:
    """Whether some element may be another pod's as well: bridges are."""
    return any(one.bridge for one in holding.attachments)


def exists(nft: Nft) -> bool:
    """Whether our table is there."""
    try:
        nft.query(f"list table {TABLE}")
    except NetworkError:
        return False
    return True


def remove(nft: Nft) -> None:
    """Remove our table; one that is not there is fine."""
    nft.run(f"add table {TABLE}\ndelete table {TABLE}\n")
