# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pods find each other by name: what stands in their hosts files about the others on their networks.

A pod has its name, `APP.POD` for each of its apps, and `APP` where no other pod on the network has
an app or is itself called so. An unnamed pod is called rkt-UUID. Names that a pod gives itself, or
has in its own entries, are nobody else's there.
"""

from __future__ import annotations

import os
import stat
import time

from podwright.kernel.step import step
from podwright.net import hostsedit, hostsfile
from podwright.net.hostsfile import label, own_names
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from podwright.net.hostsfile import Entry
    from podwright.net.values import Attachment, Holding

SETTLED = 2.0
"""Seconds in which a reader has copied what it was about to copy."""
RESERVED = (
    *("localhost", "localhost.localdomain", "ip6-localhost", "ip6-loopback", "ip6-localnet"),
    *("ip6-mcastprefix", "ip6-allnodes", "ip6-allrouters", "broadcasthost"),
)
"""What hosts files of distributions say of a host itself."""


def entries(holding: Holding, others: Iterable[Holding]) -> tuple[Entry, ...]:
    """What the pod's hosts file says of the other pods: (address, names). Pure."""
    return _seen(_table(_shared(holding), (holding, *others)), holding)


@value
class _Table:
    """The pods that are seen from a set of networks.

    entries  by pod
    owners   name -> pods that have it
    """

    entries: dict[str, tuple[Entry, ...]]
    owners: dict[str, list[str]]


def _network(attachment: Attachment) -> tuple[str, str]:
    """What pods have in common that reach each other."""
    return (attachment.zone, "") if attachment.zone else ("", attachment.net)


def _shared(holding: Holding) -> frozenset[tuple[str, str]]:
    return frozenset(map(_network, holding.attachments))


def _table(networks: frozenset[tuple[str, str]], holdings: Iterable[Holding]) -> _Table:
    seen = [one for one in holdings if networks & _shared(one) and not one.waits]
    seen.sort(key=lambda one: (label(one.uuid, one.name), one.uuid))
    pods = {label(one.uuid, one.name) for one in seen}
    count: dict[str, int] = {}
    for one in seen:
        for app in set(one.apps):
            count[app] = count.get(app, 0) + 1
    table = _Table({}, {})
    for one in seen:
        pod = label(one.uuid, one.name)
        bare = [app for app in one.apps if count[app] == 1 and app not in pods]
        names = dict.fromkeys((pod, *(f"{app}.{pod}" for app in one.apps), *bare))
        kept = tuple(name for name in names if name not in RESERVED)
        found = [each for each in one.attachments if _network(each) in networks]
        table.entries[one.uuid] = tuple(
            (address.ip, kept) for each in found for address in each.addresses
        )
        for name in kept:
            table.owners.setdefault(name, []).append(one.uuid)
    return table


def _seen(table: _Table, holding: Holding) -> tuple[Entry, ...]:
    """The table as the pod has it."""
    left = _left(table, holding)
    found = [(entry[0], left.get(entry, entry[1])) for entry in _flat(table.entries.values())]
    return tuple(entry for entry in found if entry[1])


def _left(table: _Table, holding: Holding) -> dict[Entry, tuple[str, ...]]:
    """Entries of the table that the pod does not have as they are -> the names that it has of them.

    None of its own, and of others not those that it has taken already.
    """
    mine = (holding.hostname, *own_names(holding.uuid, holding.name, holding.apps), *holding.hosts)
    taken = {name.lower() for name in mine}
    out: dict[Entry, tuple[str, ...]] = {}
    for uuid in {uuid for name in taken for uuid in table.owners.get(name, ())}:
        for entry in table.entries[uuid]:
            out[entry] = tuple(name for name in entry[1] if name not in taken)
    out.update((entry, ()) for entry in table.entries.get(holding.uuid, ()))
    return out


def _flat(entries: Iterable[tuple[Entry, ...]]) -> Iterable[Entry]:
    return (entry for found in entries for entry in found)


def resolv(holding: Holding) -> str:
    """The resolv.conf that the first network asks for which says anything about it, or "" (B7).

    What came over the network is checked as if an operator had written it, and what is no address,
    name or option is left out.
    """
    for attachment in holding.attachments:
        dns = attachment.dns
        if dns.nameservers or dns.search or dns.options or dns.domain:
            from podwright.host.resolvconf import render
            from podwright.model.podnames import acceptable

            return render(*acceptable(dns.nameservers, dns.search, dns.options, dns.domain))
    return ""


def refresh(holdings: Iterable[Holding]) -> None:
    """Bring the hosts files of these pods up to date; the caller holds the lock of the ledger.

    holdings  all pods that run or are being started
    What cannot be done for one pod, whose directory may be gone, is left undone for that one.
    """
    pods = tuple(holdings)
    tables: dict[frozenset[tuple[str, str]], _Table] = {}
    lines: dict[frozenset[tuple[str, str]], frozenset[bytes]] = {}
    for holding in pods:
        networks = _shared(holding)
        if networks not in tables:
            table = tables[networks] = _table(networks, pods)
            lines[networks] = frozenset(hostsfile.lines_of(_flat(table.entries.values())))
        left = _left(tables[networks], holding)
        others = ((entry[0], names) for entry, names in left.items())
        wanted = lines[networks].difference(hostsfile.lines_of(left))
        try:
            _update(f"{holding.pod_dir}/{hostsfile.FILE}", wanted.union(hostsfile.lines_of(others)))
        except OSError:
            continue


def _update(path: str, lines: frozenset[bytes]) -> None:
    fd = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        info = os.fstat(fd)
        if not stat.S_ISREG(info.st_mode) or info.st_size > hostsedit.LIMIT:
            return
        settled = not 0 <= time.time() - info.st_mtime < SETTLED
        old = os.pread(fd, info.st_size, 0)
        for edit in hostsedit.edits(old, lines, settled=settled):
            step("write")
            if edit.data is None:
                os.ftruncate(fd, edit.offset)
            else:
                os.pwrite(fd, edit.data, edit.offset)
    finally:
        os.close(fd)
