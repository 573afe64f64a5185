# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""`table bridge podwright`: what a pod may send into the bridge whose port its host end is. Pure.

It is there while a pod is on a bridge. Its neighbours there believe what frames say, so that a pod
sends only with its own MAC address, only IP and ARP, from its own addresses, and speaks in ARP
and neighbour discovery for these only; it is neither router nor DHCP server, and no bridge. The
kernel ignores fragmented neighbour discovery (RFC 6980), so what it says lies in the first frame.
Between ports there is no reply to what is refused: no part of the host sees these frames.
"""

from __future__ import annotations

from podwright.net import ip
from podwright.net.ip import family
from podwright.net.tables import BRIDGE, METADATA, commands, putter
from podwright.net.tables.inet import asks_dhcp
from podwright.net.values import LINK_PREFIX

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from podwright.net.tables import Elements
    from podwright.net.values import Attachment, Holding

TABLE = f"""table {BRIDGE} {{
  set ports {{ type ifname; }}
  set foreign {{ type ifname; }}
  set dhcp {{ type ifname; }}
  set macs {{ type ifname . ether_addr; }}
  set sources4 {{ type ifname . ipv4_addr; }}
  set sources6 {{ type ifname . ipv6_addr; }}
  set neighbours {{ typeof iifname . @th,64,128; }}
  chain arps {{
    arp htype != 1 drop
    arp ptype != ip drop
    arp hlen != 6 drop
    arp plen != 4 drop
    iifname . arp saddr ether != @macs drop
    arp operation request arp saddr ip 0.0.0.0 iifname . arp daddr ip @sources4 accept
    iifname . arp saddr ip @sources4 accept
    drop
  }}
  chain own4 {{
    iifname @dhcp ip saddr 0.0.0.0 udp sport 68 udp dport 67 accept
    iifname . ip saddr != @sources4 drop
    udp sport 67 udp dport 68 drop
    icmp type {{ redirect, router-advertisement }} drop
    iifname @foreign ip daddr {{ {", ".join(METADATA[4])} }} jump cloud
    accept
  }}
  chain own6 {{
    icmpv6 type {{ nd-router-advert, nd-redirect }} drop
    udp sport 547 drop
    icmpv6 type nd-neighbor-advert iifname . @th,64,128 != @neighbours drop
    ip6 saddr :: icmpv6 type nd-neighbor-solicit iifname . @th,64,128 @neighbours accept
    ip6 saddr :: icmpv6 type {{ nd-router-solicit, mld-listener-report, mld2-listener-report }} accept
    iifname . ip6 saddr != @sources6 drop
    iifname @foreign ip6 daddr {{ {", ".join(METADATA[6])} }} jump cloud
    accept
  }}
  chain cloud {{
    meta l4proto {{ tcp, udp }} th dport 53 return
    drop
  }}
  chain guard {{
    type filter hook prerouting priority -300; policy accept;
    iifname != "{LINK_PREFIX}*" iifname != @ports accept
    iifname . ether saddr != @macs drop
    ether daddr & ff:ff:ff:ff:ff:f0 == 01:80:c2:00:00:00 drop
    ether type arp goto arps
    ether type ip goto own4
    ether type ip6 goto own6
    drop
  }}
  chain between {{
    type filter hook forward priority filter; policy accept;
    iifname @ports ip daddr {{ {", ".join(METADATA[4])} }} jump cloud
    iifname @ports ip6 daddr {{ {", ".join(METADATA[6])} }} jump cloud
  }}
}}
"""


def on_bridge(holding: Holding) -> list[Attachment]:
    """The attachments whose host end is a port of a bridge."""
    return [one for one in holding.attachments if one.bridge and one.host_if]


def elements(holdings: Iterable[Holding]) -> Elements:
    """Set name -> the elements that these holdings mean."""
    out: Elements = {}
    put = putter(out)
    for holding in holdings:
        for one in on_bridge(holding):
            port = f'"{one.host_if}"'
            put("ports", port)
            put("macs", f"{port} . {one.mac}")
            if not one.zone:
                put("foreign", port)
            if asks_dhcp(one):
                put("dhcp", port)
            for address in (*(given.ip for given in one.addresses), link_local(one.mac)):
                of = family(address)
                put(f"sources{of}", f"{port} . {address}")
                if of == 6:
                    put("neighbours", f"{port} . {ip.number(address):#034x}")
    return out


def link_local(mac: str) -> str:
    """The link-local address that the kernel makes of a MAC address (RFC 4291, appendix A)."""
    octets = bytes.fromhex(mac.replace(":", ""))
    whole = bytes((octets[0] ^ 2, *octets[1:3], 0xFF, 0xFE, *octets[3:]))
    return ip.text((0xFE80 << 112) | int.from_bytes(whole, "big"), 6)


def whole(holdings: tuple[Holding, ...]) -> str:
    """The commands that make the table for these holdings, where there is none; without rules."""
    return TABLE + commands("add", BRIDGE, elements(holdings))
