# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""`table inet podwright`: fixed rules, one chain for each network, and elements for each pod. Pure.

What the rules say, in the order in which a packet meets them (threats.md T74):

guard     before everything. Nothing from a wire is for 127.0.0.0/8: else a neighbour, or a pod on
          its host end with route_localnet, reached ports published on 127.0.0.1 only, or services
          that trust the host's loopback. What comes from a pod has an address of the pod (on a
          bridge, `ethernet.py` sees to that), changes no routes, and is neither for link-local nor
          multicast nor broadcast addresses, but for neighbour discovery, nor for where clouds serve
          metadata. Name servers may be there: clouds have them at such addresses. What comes from
          elsewhere has no address of a pod: rules of others may trust it.
nat       published ports, for packets to addresses of this host, but for ::1, from which the kernel
          leads nothing away, and link-local ones, from which it forwards nothing. Masquerade for
          what leaves through other links than pods', for 127.0.0.1 as a client, and for what returns
          to the link that it came from: its answer would not pass here otherwise.
entering  what pods with rules of their own send to the host.
between   new connections to pods only through published ports, or from pods of the same network.
          Where we turned on forwarding, the links that the host had then go on not being routed to
          each other (apart), by name and by number, since links are renamed, and made again.
"""

from __future__ import annotations

from podwright.net.ip import family
from podwright.net.tables import INET, METADATA, commands, putter
from podwright.net.values import ANY, LINK_PREFIX
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from podwright.net.tables import Elements, Put
    from podwright.net.values import Attachment, Holding, PortMap

APART_SETS = """
  set unrouted4 { type ifname; }
  set unrouted6 { type ifname; }
  set numbers4 { type iface_index; }
  set numbers6 { type iface_index; }
  set inside { type ifname . ifname; }
  set within { type iface_index . iface_index; }
"""
APART = """
  chain apart {
    iifname . oifname @inside return
    iif . oif @within return
    meta nfproto ipv4 iifname @unrouted4 goto apart4
    meta nfproto ipv4 iif @numbers4 goto apart4
    meta nfproto ipv6 iifname @unrouted6 goto apart6
    meta nfproto ipv6 iif @numbers6 goto apart6
  }
  chain apart4 {
    oifname @unrouted4 drop
    oif @numbers4 drop
  }
  chain apart6 {
    oifname @unrouted6 drop
    oif @numbers6 drop
  }
"""
SETS = """
  set sources4 { type ifname . ipv4_addr; }
  set sources6 { type ifname . ipv6_addr; }
  set foreign4 { type ifname . ipv4_addr; }
  set foreign6 { type ifname . ipv6_addr; }
  set links { type ifname; }
  set bridges { type ifname; }
  set same { type ifname . ifname; }
  set selves4 { type ipv4_addr . ipv4_addr; }
  set selves6 { type ipv6_addr . ipv6_addr; }
  set hidden { type ifname; }
  set dhcp { type ifname; }
  set own4 { type ipv4_addr; }
  set own6 { type ipv6_addr; }
  map from { type ifname : verdict; }
  map ports4 { type inet_proto . ipv4_addr . inet_service : ipv4_addr . inet_service; }
  map ports6 { type inet_proto . ipv6_addr . inet_service : ipv6_addr . inet_service; }
  map any4 { type inet_proto . inet_service : ipv4_addr . inet_service; }
  map any6 { type inet_proto . inet_service : ipv6_addr . inet_service; }
  map enter4 { type ipv4_addr : verdict; }
  map enter6 { type ipv6_addr : verdict; }
  map leave4 { type ipv4_addr : verdict; }
  map leave6 { type ipv6_addr : verdict; }
  map cloud4 { type ipv4_addr : verdict; }
  map cloud6 { type ipv6_addr : verdict; }
"""
CHAINS = f"""{APART}
  chain wire {{
    iifname @bridges accept
    ip saddr @own4 drop
    ip6 saddr @own6 drop
  }}
  chain cloud {{
    meta l4proto {{ tcp, udp }} th dport 53 return
    ip saddr vmap @cloud4
    ip6 saddr vmap @cloud6
    reject with icmpx admin-prohibited
  }}
  chain guard {{
    type filter hook prerouting priority raw; policy accept;
    iifname != "lo" ip daddr 127.0.0.0/8 drop
    ip daddr {{ {", ".join(METADATA[4])} }} iifname . ip saddr @foreign4 jump cloud
    ip6 daddr {{ {", ".join(METADATA[6])} }} iifname . ip6 saddr @foreign6 jump cloud
    iifname != "{LINK_PREFIX}*" iifname != @links goto wire
    icmp type {{ redirect, router-advertisement }} drop
    icmpv6 type {{ nd-router-advert, nd-redirect }} drop
    icmpv6 type {{ nd-neighbor-solicit, nd-neighbor-advert }} ip6 saddr {{ fe80::/10, :: }} accept
    iifname @dhcp ip saddr 0.0.0.0 ip daddr 255.255.255.255 udp sport 68 udp dport 67 accept
    iifname != @bridges meta nfproto ipv4 iifname . ip saddr != @sources4 drop
    iifname != @bridges meta nfproto ipv6 iifname . ip6 saddr != @sources6 drop
    icmpv6 type {{ nd-neighbor-solicit, nd-neighbor-advert }} accept
    ip daddr {{ 224.0.0.0/4, 255.255.255.255 }} drop
    meta nfproto ipv4 fib daddr type broadcast drop
    ip6 daddr {{ fe80::/10, ff00::/8 }} drop
    ip daddr {{ {", ".join(METADATA[4])} }} jump cloud
    ip6 daddr {{ {", ".join(METADATA[6])} }} jump cloud
  }}
  chain published {{
    ip6 daddr {{ ::1, fe80::/10 }} return
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
    ct status dnat iifname . oifname @same masquerade
    ip saddr . ip daddr @selves4 masquerade
    ip6 saddr . ip6 daddr @selves6 masquerade
    ip saddr 127.0.0.0/8 oifname @links masquerade
    oifname @links accept
    iifname @hidden ip daddr != 224.0.0.0/4 masquerade
    iifname @hidden ip6 daddr != ff00::/8 masquerade
  }}
  chain entering {{
    type filter hook input priority filter; policy accept;
    iifname != @links accept
    ct state established,related accept
    icmpv6 type {{ nd-neighbor-solicit, nd-neighbor-advert }} accept
    ip saddr vmap @leave4
    ip6 saddr vmap @leave6
  }}
  chain between {{
    type filter hook forward priority filter; policy accept;
    jump apart
    ct state established,related accept
    iifname @links ct state invalid drop
    oifname @links ct state invalid drop
    ip saddr vmap @leave4
    ip6 saddr vmap @leave6
    ip daddr vmap @enter4
    ip6 daddr vmap @enter6
    ct status dnat oifname @links accept
    iifname vmap @from
    oifname @links drop
  }}
"""


@value
class Zone:
    """Links between which pods reach each other.

    name    what the names of its set and chain end in
    reach   `all` or `host`, and ` apart` when pods of the zone do not reach each other
    """

    name: str
    reach: str

    @property
    def chain(self) -> str:
        """The name of its chain: another one for each reach, as a network may change."""
        how = "".join(f"-{word}" for word in self.reach.split() if word != "all")
        return f"zone{how}_{self.name}"

    def commands(self) -> str:
        """The commands that make its set and chain, or bring them to what they are to be."""
        chain = f"{INET} {self.chain}"
        how = self.reach.split()
        lines = [f"oifname @of_{self.name} {'drop' if 'apart' in how else 'accept'}"]
        lines += ["drop"] if "host" in how else ["oifname @links drop", "accept"]
        return (
            f"add set {INET} of_{self.name} {{ type ifname; }}\n"
            f"add chain {chain}\nflush chain {chain}\n"
            + "".join(f"add rule {chain} {line}\n" for line in lines)
        )


def zone_of(attached: Attachment) -> Zone:
    """The zone of an attachment: a bridge is one, however many networks are on it.

    Names of networks begin with no dot, so that no two zones have the same name.
    """
    name = f".{link_of(attached)}" if attached.bridge else attached.zone
    return Zone(name, attached.reach)


def link_of(attached: Attachment) -> str:
    """Where packets of the pod come from, as the host's routing sees it."""
    if not attached.bridge:
        return attached.host_if
    return str(dict(attached.state).get("via") or attached.bridge)


def guarded(holding: Holding) -> list[Attachment]:
    """The attachments whose packets pass here."""
    return [one for one in holding.attachments if one.zone]


def elements(holdings: Iterable[Holding]) -> Elements:
    """Set or map name -> the elements that these holdings mean, but for those of rules."""
    out: Elements = {}
    put = putter(out)
    for holding in holdings:
        for attached in guarded(holding):
            _put_link(put, attached)
        for attached in holding.attachments:
            for link in foreign_links(attached):
                for address in attached.addresses:
                    put(f"foreign{family(address.ip)}", f'"{link}" . {address.ip}')
                    put(f"selves{family(address.ip)}", f"{address.ip} . {address.ip}")
        for port in holding.own_ports():
            _put_port(put, holding, port)
    return out


def foreign_links(attached: Attachment) -> list[str]:
    """Where packets of a pod may arrive whose link an executable has made, which keeps its own rules."""
    return [] if attached.zone else list(dict(attached.state).get("outside", ()))


def _put_link(put: Put, attached: Attachment) -> None:
    link = f'"{link_of(attached)}"'
    put("links", link)
    zone = zone_of(attached)
    put("from", f"{link} : jump {zone.chain}")
    put(f"of_{zone.name}", link)
    put("same", f"{link} . {link}")
    if attached.bridge:
        put("bridges", link)
        put("bridges", f'"{attached.bridge}"')
    if attached.masquerade:
        put("hidden", link)
    if asks_dhcp(attached):
        put("dhcp", link)
    for address in attached.addresses:
        of, ip = family(address.ip), address.ip
        put(f"own{of}", ip)
        if attached.bridge:
            # What a bridge forwards came, as the firewall is shown it, through no link.
            put(f"selves{of}", f"{ip} . {ip}")
        else:
            put(f"sources{of}", f"{link} . {ip}")


def asks_dhcp(attached: Attachment) -> bool:
    """Whether its addresses are from a DHCP server."""
    ipam = attached.conf.plugins[0].get("ipam") if attached.conf.plugins else None
    return isinstance(ipam, dict) and ipam.get("type") == "dhcp"


def _put_port(put: Put, holding: Holding, port: PortMap) -> None:
    for of in port.families():
        ip = holding.target(of)
        if not ip:
            continue
        target = f"{ip} . {port.pod_port}"
        if port.host_ip in ANY:
            put(f"any{of}", f"{port.proto} . {port.host_port} : {target}")
        else:
            put(f"ports{of}", f"{port.proto} . {port.host_ip} . {port.host_port} : {target}")


def whole(holdings: tuple[Holding, ...], unrouted: Mapping[int, list[str]]) -> str:
    """The commands that make the table for these holdings, where there is none; without rules."""
    return (
        f"table {INET} {{{APART_SETS}{SETS}{CHAINS}}}\n{zones(holdings)}"
        f"{_apart(unrouted)}{commands('add', INET, elements(holdings))}"
    )


def without_pods(unrouted: Mapping[int, list[str]]) -> str:
    """The commands that make the table for no pod: the links are kept apart, and that is all."""
    hook = "type filter hook forward priority filter; policy accept;"
    between = f"  chain between {{\n    {hook}\n    jump apart\n  }}\n"
    return f"table {INET} {{{APART_SETS}{APART}{between}}}\n{_apart(unrouted)}"


def _apart(unrouted: Mapping[int, list[str]]) -> str:
    """The commands that add links, by names, and by numbers behind a `/`."""
    out: Elements = {}
    put = putter(out)
    for of, links in unrouted.items():
        for one in links:
            link = one[1:] if one.startswith("/") else f'"{one}"'
            put(f"{'numbers' if one.startswith('/') else 'unrouted'}{of}", link)
            # What a bridge forwards between its ports may come here, too (bridge-nf-call-iptables).
            put("within" if one.startswith("/") else "inside", f"{link} . {link}")
    return commands("add", INET, out)


def zones(holdings: Iterable[Holding]) -> str:
    """The commands that make what the elements of these holdings need, where it is not there."""
    found = {zone_of(one): None for holding in holdings for one in guarded(holding)}
    return "".join(zone.commands() for zone in found)


def conflict(holding: Holding, others: Iterable[Holding]) -> str:
    """The network of another pod whose bridge this one wants otherwise than it is, or ""."""
    known = {
        link_of(one): (one.reach, one.net)
        for other in others
        for one in guarded(other)
        if one.bridge
    }
    for one in guarded(holding):
        reach, net = known.get(link_of(one), (one.reach, "")) if one.bridge else (one.reach, "")
        if reach != one.reach:
            return net
    return ""
