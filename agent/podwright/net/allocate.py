# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Give a pod addresses, link names and ports, under the host lock: what it holds from then on."""

from __future__ import annotations

import os

from podwright.errors import NetworkError
from podwright.host.clock import boot_id
from podwright.kernel import fs
from podwright.kernel.nft import Nft
from podwright.net import (
    check,
    firewall,
    forwarding,
    gc,
    ipam,
    kinds,
    ledger,
    lookup,
    names,
    overlap,
)
from podwright.net.values import Attachment, Holding
from podwright.values import replace, value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.net.lookup import Chosen
    from podwright.net.values import NetRequest


@value
class Taken:
    """A holding, and the descriptor whose closing ends the worker's own hold on it."""

    holding: Holding
    held: int


def allocate(request: NetRequest, nft: Nft) -> Taken:
    """Take addresses and ports, and make the host ready to forward.

    Raises NetworkError or UsageError; nothing is held then.
    """
    with ledger.lock(request.net_dir, "network setup"):
        # in here, since a network is made absent under the same lock, and only when nobody holds it
        chosen = lookup.choose(request.nets, request.conf_dirs)
        swept = gc.sweep(request.net_dir, os.path.realpath(request.alive))
        if swept.unclear:
            from podwright.net import unread

            raise unread.refusal(swept.unclear[0])
        others = swept.alive
        if any(one.uuid == request.uuid for one in others):
            raise NetworkError(f"pod {request.uuid}: has a network already", object=request.uuid)
        check.refuse_taken(request, [one for one in others if one.uuid != request.after])
        holding = _holding(request, chosen, others)
        if not any(one.external or ipam.is_leased(one) for one in holding.attachments):
            check.refuse_unreachable(holding)  # else nobody knows the addresses yet
        firewall.refuse(nft, holding, others)
        overlap.refuse(holding.attachments, others)
        held = ledger.put(request.net_dir, holding)
        try:
            off = forwarding.record(request.net_dir, holding)
            if not others:
                firewall.build(nft, (holding,), forwarding.unrouted(request.net_dir))
            elif off or not firewall.stands(others):
                firewall.restore(nft, (*others, holding), forwarding.unrouted(request.net_dir))
            elif any(one.allow for one in (*others, holding)):
                firewall.prepare(nft, holding, others, forwarding.unrouted(request.net_dir))
            forwarding.turn_on(request.net_dir, off)
            names.refresh((*others, holding))
        except BaseException:
            os.close(held)
            gc.give_back(request.net_dir, (holding,), nft)
            raise
        return Taken(holding, held)


def _holding(
    request: NetRequest, chosen: tuple[Chosen, ...], others: tuple[Holding, ...]
) -> Holding:
    used = _used(request, others)
    attachments = []
    for index, one in enumerate(chosen):
        attached = _attach(request, one, index, used)
        used.update((address.ip, f"this pod on {attached.net}") for address in attached.addresses)
        attachments.append(attached)
    attachments = _one_way(attachments, bool(request.ports))
    if request.bandwidth:
        from podwright.net import limits

        attachments = [limits.isolated(request, one) for one in attachments]
    return Holding(
        request.uuid,
        request.name,
        request.hostname,
        request.apps,
        boot_id(),
        os.path.realpath(request.alive),
        tuple(attachments),
        request.ports,
        request.allow,
        request.hosts,
        request.after,
        waits=any(one.uuid == request.after for one in others),
    )


def _one_way(attachments: list[Attachment], ports: bool) -> list[Attachment]:
    """Without second routes to the same place.

    The first network that has one wins; where ports are published, the one that they lead through
    (`Holding.target`), since what comes in by a link has to be answered by it.
    """
    last = len(attachments) - 1
    carrier = next((i for i, one in enumerate(attachments) if one.masquerade), last) if ports else 0
    done: dict[int, Attachment] = {}
    for index in sorted(range(len(attachments)), key=lambda i: i != carrier):
        done[index] = first_wins(attachments[index], list(done.values()))
    return [done[index] for index in range(len(attachments))]


def first_wins(attached: Attachment, before: list[Attachment]) -> Attachment:
    """Without routes that an earlier network of the pod has to the same place. Pure."""
    taken = {(one.dst, one.table, one.priority) for link in before for one in link.routes}
    routes = [one for one in attached.routes if (one.dst, one.table, one.priority) not in taken]
    return replace(attached, routes=tuple(routes))


def _used(request: NetRequest, others: tuple[Holding, ...]) -> dict[str, str]:
    """Every address in use -> who has it, for messages."""
    here = os.path.realpath(request.alive)
    out: dict[str, str] = {}
    for one in others:
        where = "" if one.run_dir == here else f" in {one.run_dir}"
        for link in one.attachments:
            out.update((address.ip, one.holder() + where) for address in link.addresses)
    return out


def _attach(request: NetRequest, one: Chosen, index: int, used: dict[str, str]) -> Attachment:
    """One network: addresses first, then what its type makes of them."""
    if one.conf.plugins[0]["type"] == "flannel":
        from podwright.net.kinds import flannel

        one = replace(one, conf=flannel.resolve(one.conf))
    plugin = one.conf.plugins[0]
    ifname = f"eth{index}"
    if plugin["type"] not in kinds.BUILTIN:
        return _external(
            request, Attachment(one.conf.name, plugin["type"], ifname, one.conf, one.args)
        )
    if plugin.get("ipam") and plugin["ipam"]["type"] not in ipam.BUILTIN:
        host_if = ledger.host_link(request.uuid, index)
        bare = Attachment(one.conf.name, plugin["type"], ifname, one.conf, one.args, host_if)
        return _external(request, bare)  # its addresses come from an executable, later
    assigned = _assign(request, one, plugin, used)
    want = kinds.Want(
        one.conf,
        plugin,
        one.args,
        request.uuid,
        ifname,
        ledger.host_link(request.uuid, index),
        assigned,
        kinds.seen(plugin, request.net_dir),
        bool(request.ports),
    )
    attached: Attachment = kinds.module(plugin["type"]).attach(want)
    for further in one.conf.plugins[1:]:
        from podwright.net import meta

        if further["type"] in meta.BUILTIN:
            attached = meta.module(further["type"]).alter(attached, further)
        else:
            attached = _external(request, attached)
    return attached


def _external(request: NetRequest, attached: Attachment) -> Attachment:
    from podwright.net import external

    return external.prepared(request, attached)


def _assign(
    request: NetRequest, one: Chosen, plugin: dict[str, object], used: dict[str, str]
) -> ipam.Assigned:
    conf = plugin.get("ipam")
    if not isinstance(conf, dict) or conf.get("type") not in ipam.BUILTIN:
        return ipam.NOTHING
    last = _last(request.net_dir, one.conf.name)
    asked = ipam.Ask(
        one.conf.name,
        conf,
        dict(one.args),
        used,
        last,
        optional6=not one.conf.source and not forwarding.has_ipv6(),
        plugin=plugin,
    )
    assigned = ipam.assign(asked)
    if any(":" in found.ip for found in assigned.addresses) and not forwarding.has_ipv6():
        raise NetworkError(
            f"network {one.conf.name}: gives IPv6 addresses, and this host has no IPv6",
            "turn IPv6 on, or take it out of the network's configuration",
            object=one.conf.name,
            reason="no-ipv6",
        )
    if assigned.last:
        text = "".join(f"{key} {ip}\n" for key, ip in {**last, **dict(assigned.last)}.items())
        fs.ensure_dir(f"{request.net_dir}/turns", 0o755)
        path = f"{request.net_dir}/turns/{one.conf.name}"
        fs.write_atomic(path, text.encode(), durable=False)
    return assigned


def _last(net_dir: str, net: str) -> dict[str, str]:
    """The address of each range that was given last; none when unknown."""
    try:
        with open(f"{net_dir}/turns/{net}", "rb") as file:
            lines = file.read(65536).decode().splitlines()
    except (FileNotFoundError, ValueError):
        return {}
    pairs = (line.split() for line in lines)
    return {pair[0]: pair[1] for pair in pairs if len(pair) == 2}
