# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Leases of a pod, from its links to its ledger file, and back to the server at its end."""

from __future__ import annotations

import os
from _socket import socket as Socket

from podwright.errors import NetworkError, PodwrightError
from podwright.kernel import rtlook
from podwright.kernel.rtnl import entered
from podwright.net import check, ipam, ledger
from podwright.net.dhcp import answer, client, onlink
from podwright.net.ipam import dhcp
from podwright.net.plan import Setting
from podwright.net.values import Dns
from podwright.text import safe
from podwright.values import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from podwright.net.allocate import Taken
    from podwright.net.apply import Applier
    from podwright.net.dhcp.answer import Leased
    from podwright.net.values import Attachment, Holding

STATE = "dhcp"
"""In an attachment's state: server, MAC address, and the client's identifier in hex digits."""
AF_INET, SOCK_DGRAM_CLOEXEC = 2, 2 | 0o2000000
IDENTIFIER = 61


def take_all(net_dir: str, taken: Taken, applier: Applier, netns: int, pid: int) -> Taken:
    """Lease an address on each link that wants one, and give it to the pod.

    netns, pid   the pod's network namespace, and its PID 1
    Raises NetworkError; the client ends with the pod, which cannot start.
    """
    attachments = list(taken.holding.attachments)
    for index, one in enumerate(attachments):
        if not ipam.is_leased(one):
            continue
        leased, attachments[index] = _take(net_dir, one, applier, netns, pid)
        holding = replace(taken.holding, attachments=tuple(attachments))
        with ledger.lock(net_dir, "network setup"):
            _refuse_used(net_dir, holding, attachments[index])
            held = ledger.change(net_dir, holding, taken.held)
        taken = replace(taken, holding=holding, held=held)
        applier.forward(holding)
        applier.admit(holding)
        applier.go_on(onlink.steps(one.ifname, leased))
    check.refuse_unreachable(taken.holding)
    return taken


def _wire(attached: Attachment) -> str:
    """The host's link on whose wire a server should be, for messages."""
    state = dict(attached.state)
    return attached.bridge or str(state.get("master") or state.get("device") or attached.ifname)


def _take(
    net_dir: str, attached: Attachment, applier: Applier, netns: int, pid: int
) -> tuple[Leased, Attachment]:
    """Ask for a lease on a link; it has IPv4 only, since nobody gives it an IPv6 address."""
    link = attached.ifname
    conf = attached.conf.plugins[0]["ipam"]
    options = dhcp.options(conf, dict(attached.args))
    applier.go_on((Setting(f"net/ipv6/conf/{link}/disable_ipv6", "1", optional=True, in_pod=True),))
    with entered(netns):
        found = rtlook.link(link)
    if found is None:
        raise NetworkError(f"dhcp: the pod has no link {link}", object=link)
    try:
        priority = int(conf.get("priority", 0))
        answers = client.start(client.find(), link, options, priority, pid, netns, net_dir)
        try:
            leased = answer.parse(client.first(answers, _wire(attached)), priority)
        finally:
            os.close(answers)
    except PodwrightError as err:
        raise NetworkError(
            f"network {attached.net}: {err.message}",
            err.hint,
            object=attached.net,
            reason=err.reason,
        ) from None
    state = (leased.server, found.mac, _identifier(options, found.mac))
    return leased, replace(
        attached,
        mac=attached.mac or found.mac,
        addresses=(leased.address,),
        routes=leased.routes,
        dns=leased.dns if attached.dns == Dns() else attached.dns,
        state=(*attached.state, (STATE, list(state))),
    )


def _identifier(options: tuple[str, ...], mac: str) -> str:
    """The client's identifier as it tells it: as configured, else of its MAC address (RFC 2132)."""
    start = f"0x{IDENTIFIER:02x}:"
    said = [one for one in options if one.startswith(start)]
    return said[-1][len(start) :] if said else "01" + mac.replace(":", "")


def _refuse_used(net_dir: str, holding: Holding, attached: Attachment) -> None:
    """Raise NetworkError for an address that is another pod's, or the host's own."""
    found = attached.addresses[0].ip
    holder = ""
    for other in ledger.read_all(net_dir).holdings:
        if any(found == one.ip for link in other.attachments for one in link.addresses):
            holder = safe(other.holder(), 300)
    if not holder and _is_ours(found):
        holder = "this host"
    if holder:
        raise NetworkError(
            f"network {attached.net}: the DHCP server offers {found}, which {holder} has already",
            "see who answers on this network",
            object=found,
            reason="bad-lease",
        )


def _is_ours(ip: str) -> bool:
    """Whether the host has an address: only then can a socket be bound to it."""
    probe = Socket(AF_INET, SOCK_DGRAM_CLOEXEC, 0)
    try:
        probe.bind((ip, 0))
    except OSError:
        return False
    finally:
        probe.close()
    return True


def give_back(holding: Holding, netns: str) -> None:
    """Tell the servers that the pod has ended; who does not hear it finds out when the time is over.

    netns  path of the pod's network namespace
    """
    for attached in holding.attachments:
        said: Any = dict(attached.state).get(STATE)
        if said is None or not said[0] or not attached.addresses:
            continue
        try:
            fd = os.open(netns, os.O_RDONLY | os.O_CLOEXEC)
            with entered(fd):
                onlink.release(attached.ifname, attached.addresses[0].ip, *said)
            os.close(fd)
        except (OSError, ValueError):
            continue
