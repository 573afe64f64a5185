# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ledger files that say more, less or something else than ours: of a newer release, or damaged.

What a running pod holds stays its own, whoever can read it. Where only the new is not understood,
the rest counts as always. Where that is not enough, what is readable is left alone, and no pod
starts on a network of this host until the pod has ended or the agent is upgraded.
"""

from __future__ import annotations

import os
from _socket import if_nameindex

from podwright import jsonio
from podwright.errors import NetworkError, UsageError
from podwright.host.clock import boot_id
from podwright.kernel import fs
from podwright.model.names import is_uuid
from podwright.net import ledger
from podwright.net.values import (
    Address,
    Attachment,
    Dns,
    Holding,
    NetConf,
    PortMap,
    Route,
    holding_from,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, Optional

NOTHING = NetConf("", "1.0.0", ())


def lenient(data: bytes, uuid: str) -> Optional[Holding]:
    """The holding without what we do not know of; None when the rest is none."""
    try:
        return ledger.checked(holding_from(_known(jsonio.loads(data, uuid, limit=ledger.MOST))))
    except ledger.UNREADABLE:
        return None


def _of(kind: Any, raw: dict[str, Any]) -> dict[str, Any]:
    return {name: raw[name] for name in kind.__fields__ if name in raw}


def _known(raw: dict[str, Any]) -> dict[str, Any]:
    attachments = [_known_attachment(one) for one in raw["attachments"]]
    ports = [_of(PortMap, one) for one in raw["ports"]]
    return {**_of(Holding, raw), "attachments": attachments, "ports": ports}


def _known_attachment(raw: dict[str, Any]) -> dict[str, Any]:
    return {
        **_of(Attachment, raw),
        "conf": _of(NetConf, raw["conf"]),
        "dns": _of(Dns, raw["dns"]),
        "addresses": [_of(Address, one) for one in raw["addresses"]],
        "routes": [_of(Route, one) for one in raw["routes"]],
    }


def bare(data: bytes, uuid: str, run_dirs: Iterable[str]) -> Optional[Holding]:
    """As much as can be read of a pod that may run; None when the file speaks of no such pod.

    run_dirs  where pods are known to run: a file that says nothing counts while its pod is there
    """
    if not is_uuid(uuid):
        return None
    try:
        raw = jsonio.loads(data, uuid, limit=ledger.MOST)
        found = Holding(uuid, "", "", (), raw["boot"], raw["run_dir"], _bare_links(raw, uuid))
        if raw["uuid"] == uuid and isinstance(found.boot, str):
            return ledger.checked(found)
    except ledger.UNREADABLE:
        pass
    for directory in run_dirs:
        if directory and ledger.is_locked(f"{directory}/{uuid}"):
            links = (_bare_link({"host_if": ledger.host_link(uuid, 0)}),)
            return Holding(uuid, "", "", (), boot_id(), directory, links)
    return None


def _bare_links(raw: dict[str, Any], uuid: str) -> tuple[Attachment, ...]:
    found = raw.get("attachments")
    links = [_bare_link(one) for one in found or () if isinstance(one, dict)]
    own = ledger.host_link(uuid, 0)
    return tuple(one for one in links if not one.host_if or one.host_if.startswith(own))


def _bare_link(raw: dict[str, Any]) -> Attachment:
    def name(key: str) -> str:
        return raw[key] if ledger.is_link_name(raw.get(key)) else ""

    addresses = []
    for one in raw.get("addresses") or ():
        try:
            addresses.append(ledger.checked_address(Address(**_of(Address, one))))
        except ledger.UNREADABLE:
            continue
    net = raw.get("net")
    return Attachment(
        net=net if isinstance(net, str) and ledger.LINK_CHARACTERS.issuperset(net) else "",
        kind="",
        ifname=name("ifname"),
        conf=NOTHING,
        host_if=name("host_if"),
        bridge=name("bridge"),
        addresses=tuple(addresses),
        masquerade=raw.get("masquerade") is True,
        zone=name("zone"),
        state=(("end", True),) if name("bridge") else (),
    )


def refusal(holding: Holding) -> NetworkError:
    """Why no pod can be put on a network now."""
    return NetworkError(
        f"pod {holding.uuid}: runs, and what it has of the network cannot be read by this agent",
        "stop that pod, or upgrade the agent when a newer one has started it",
        object=holding.uuid,
        reason="unreadable-ledger",
    )


def note_lost(net_dir: str, run_dir: str) -> None:
    """Record pods that run though there is no ledger: somebody has removed it. The caller holds the lock.

    Known are pods of this data directory whose links the host has.
    """
    links = [name for _, name in if_nameindex() if ledger.is_host_link(name)]
    if not links:
        return
    for uuid in filter(is_uuid, _names(run_dir)):
        own = [one for one in links if one.startswith(ledger.host_link(uuid, 0))]
        if own and ledger.is_locked(f"{run_dir}/{uuid}"):
            raw = {
                "uuid": uuid,
                "boot": boot_id(),
                "run_dir": run_dir,
                "attachments": [{"host_if": one} for one in own],
            }
            fs.ensure_dir(ledger.directory(net_dir), 0o755)
            data = jsonio.dumps(raw).encode()
            fs.write_atomic(f"{ledger.directory(net_dir)}/{uuid}", data, 0o600, durable=False)


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def refuse_unrecorded(data: bytes, holding: Holding) -> None:
    """Raise NetworkError unless these bytes are read back as that holding."""
    try:
        ledger.checked(holding_from(ledger.plain(data, holding.uuid)))
    except ledger.UNREADABLE as err:
        why = err.message if isinstance(err, UsageError) else "an address, a MAC or a name is none"
        raise NetworkError(
            f"{holding.holder()}: what it would have of the network cannot be recorded: {why}",
            "see what the network's plugins answer, and its configuration",
            object=holding.uuid,
            reason="unrecordable",
        ) from None
