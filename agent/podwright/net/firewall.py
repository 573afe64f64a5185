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
from podwright.net.plan import LINK_PREFIX, Lease

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from podwright.kernel.nft import Nft

TABLE = "inet podwright"

RULES = f"""
table {TABLE} {{
  set sources {{ type ifname . ipv4_addr; }}
  set pods {{ type ipv4_addr; }}
  set selves {{ type ipv4_addr . ipv4_addr; }}
  set unrouted {{ type ifname; }}
  map ports {{ type inet_proto . ipv4_addr . inet_service : ipv4_addr . inet_service; }}
  map any_ports {{ type inet_proto . inet_service : ipv4_addr . inet_service; }}
  chain guard {{
    type filter hook prerouting priority raw; policy accept;
    iifname != "lo" ip daddr 127.0.0.0/8 drop
    iifname != "{LINK_PREFIX}*" accept
    meta nfproto != ipv4 drop
    iifname . ip saddr != @sources drop
    ip daddr 169.254.0.0/16 reject with icmp admin-prohibited
  }}
  chain published {{
    dnat ip to meta l4proto . ip daddr . th dport map @ports
    dnat ip to meta l4proto . th dport map @any_ports
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
    ip saddr . ip daddr @selves masquerade
    ip saddr 127.0.0.0/8 ip daddr @pods masquerade
    ip saddr @pods oifname != "{LINK_PREFIX}*" masquerade
  }}
  chain between {{
    type filter hook forward priority filter; policy accept;
    iifname @unrouted oifname @unrouted drop
    oifname != "{LINK_PREFIX}*" accept
    iifname "{LINK_PREFIX}*" accept
    ct state established,related accept
    ct status dnat accept
    drop
  }}
}}
"""


def elements(leases: Iterable[Lease]) -> dict[str, list[str]]:
    """Set or map name -> the elements that these leases mean."""
    out: dict[str, list[str]] = {
        "sources": [],
        "pods": [],
        "selves": [],
        "ports": [],
        "any_ports": [],
    }
    for lease in leases:
        out["sources"].append(f'"{lease.host_if}" . {lease.ip}')
        out["pods"].append(lease.ip)
        out["selves"].append(f"{lease.ip} . {lease.ip}")
        for port in lease.ports:
            target = f"{lease.ip} . {port.pod_port}"
            if port.host_ip:
                out["ports"].append(f"{port.proto} . {port.host_ip} . {port.host_port} : {target}")
            else:
                out["any_ports"].append(f"{port.proto} . {port.host_port} : {target}")
    return {name: found for name, found in out.items() if found}


def _commands(verb: str, found: dict[str, list[str]]) -> str:
    return "".join(
        f"{verb} element {TABLE} {name} {{ {', '.join(items)} }}\n" for name, items in found.items()
    )


def add_elements(leases: Iterable[Lease]) -> str:
    """The commands that add the elements of leases."""
    return _commands("add", elements(leases))


def whole(leases: Iterable[Lease], unrouted: Iterable[str]) -> str:
    """The commands that make our table for these leases, where there is none."""
    names = ", ".join(f'"{name}"' for name in unrouted)
    guarded = f"add element {TABLE} unrouted {{ {names} }}\n" if names else ""
    return f"{RULES}{guarded}{add_elements(leases)}"


def build(nft: Nft, leases: Iterable[Lease], unrouted: Iterable[str]) -> None:
    """Make our table, or replace whatever it holds in one transaction."""
    replace = f"delete table {TABLE}\n" if exists(nft) else ""
    nft.run(replace + whole(leases, unrouted))


def admit(nft: Nft, lease: Lease) -> bool:
    """Add a pod's elements; False when the table is not there or not ours any more."""
    try:
        nft.run(add_elements((lease,)))
    except NetworkError:
        return False
    return True


def dismiss(nft: Nft, leases: tuple[Lease, ...]) -> None:
    """Remove the elements of leases; what is already gone is fine."""
    found = elements(leases)
    try:
        nft.run(_commands("delete", found))
    except NetworkError:
        if not exists(nft):
            return
        # Adding first makes the removal of something that is not there succeed.
        nft.run(_commands("add", found) + _commands("delete", found))


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
