# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ledger: one file per pod under `<net_dir>/pods`, written under the host lock.

A holding lives as long as its pod: the pod's directory under `run/` of its data directory, which
the holding names, is locked by whoever runs it. While a network worker is still setting the pod
up, it also holds the file itself locked, so that a pod whose parent has just been killed is not
tidied away under the worker's hands. Holdings end with the boot, and so are not synced to
disk; an empty or unreadable file counts as nothing, unless its pod is known to run (`unread.py`).
"""

from __future__ import annotations

import fcntl
import os

from podwright import jsonio
from podwright.errors import UsageError
from podwright.host.clock import boot_id
from podwright.host.lock import try_lock
from podwright.kernel import fs
from podwright.model.names import is_hex, is_uuid
from podwright.net import ip, place
from podwright.net.values import LINK_PREFIX, PROTOCOLS, holding_from
from podwright.values import replace, value
from podwright.values_json import to_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, Optional

    from podwright.host.lock import HostLock
    from podwright.net.values import Address, Attachment, Holding

FORMAT = 1
"""Of the files that we write; what a newer release has written is respected as far as we read it."""
MOST = 64 << 20
"""Bytes of the largest ledger file that is read: configurations may be large."""
UNREADABLE = (UsageError, KeyError, TypeError, ValueError, AttributeError)


@value
class Found:
    """The ledger as it is.

    holdings  the readable ones, by UUID
    broken    paths of files that hold nothing (empty, cut off, left by a killed writer)
    unclear   what can be read of those of running pods that are not understood
    """

    holdings: tuple[Holding, ...]
    broken: tuple[str, ...]
    unclear: tuple[Holding, ...] = ()

    @property
    def all(self) -> tuple[Holding, ...]:
        """Of whom the host's links, addresses and rules may be."""
        return (*self.holdings, *self.unclear)


def lock(net_dir: str, doing: str) -> HostLock:
    """The lock under which the ledger changes; makes the directory when it is missing."""
    return place.NetLock(net_dir, doing)


def directory(net_dir: str) -> str:
    """Where the holdings lie."""
    return f"{net_dir}/pods"


def read_all(net_dir: str, run_dir: str = "") -> Found:
    """Read every holding; a missing directory has none.

    run_dir  where pods may run that no holding speaks of
    """
    folder = directory(net_dir)
    broken = [f"{net_dir}/{name}" for name in _names(net_dir) if name.endswith(".new")]
    holdings, odd = [], []
    for name in sorted(_names(folder)):
        holding = read(net_dir, name)
        if holding is None:
            odd.append(name)
        else:
            holdings.append(holding)
    unclear = []
    for name in odd:
        found = _bare(net_dir, name, {run_dir, *(one.run_dir for one in holdings)})
        if found is None or not is_alive(net_dir, found, boot_id()):
            broken.append(f"{folder}/{name}")
        else:
            unclear.append(found)
    return Found(in_service(tuple(holdings)), tuple(broken), tuple(unclear))


def in_service(holdings: tuple[Holding, ...]) -> tuple[Holding, ...]:
    """The same, each knowing whether its ports and names are with another one (`handover.py`). Pure.

    Only the successor says in its file whether it waits; so one file changes, and all is handed over.
    """
    if not any(one.after for one in holdings):
        return holdings
    there = {one.uuid for one in holdings}
    over = {one.after for one in holdings if not one.waits}
    return tuple(
        replace(one, waits=one.uuid in over or (one.waits and one.after in there))
        for one in holdings
    )


def related(some: Iterable[Holding], others: Iterable[Holding]) -> bool:
    """Whether ports of one of them are, or may be, with one of the others."""
    some, others = tuple(some), tuple(others)
    uuids, their = {one.uuid for one in some}, {one.uuid for one in others}
    return any(one.after in uuids for one in others) or any(one.after in their for one in some)


def _bare(net_dir: str, name: str, run_dirs: Iterable[str]) -> Optional[Holding]:
    from podwright.net import unread

    return unread.bare(_data(net_dir, name), name, run_dirs)


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except FileNotFoundError:
        return []


def read(net_dir: str, uuid: str) -> Optional[Holding]:
    """What a pod holds, or None."""
    data = _data(net_dir, uuid)
    if not data:
        return None
    holding: Optional[Holding]
    try:
        holding = checked(holding_from(plain(data, uuid)))
    except UNREADABLE:
        from podwright.net import unread

        holding = unread.lenient(data, uuid)
    return holding if holding is not None and holding.uuid == uuid else None


def _data(net_dir: str, name: str) -> bytes:
    try:
        with open(f"{directory(net_dir)}/{name}", "rb") as file:
            return file.read(MOST + 1)
    except FileNotFoundError:
        return b""


def plain(data: bytes, what: str) -> dict[str, Any]:
    """The object of a holding in a file of our format. Raises one of UNREADABLE."""
    raw: dict[str, Any] = jsonio.loads(data, what, limit=MOST)
    if raw.pop("format", FORMAT) != FORMAT:
        raise ValueError(what)
    return raw


def checked(holding: Holding) -> Holding:
    """The same, if nothing in it could mean something else to a command or as a path.

    Raises ValueError, TypeError.
    """
    numbers = [n for port in holding.ports for n in (port.host_port, port.pod_port)]
    if (
        not is_uuid(holding.uuid)
        or any(type(text) is not str for text in (holding.name, holding.hostname, holding.boot))
        or (holding.after != "" and not is_uuid(holding.after))
        or type(holding.waits) is not bool
        or not _is_plain_path(holding.run_dir)
        or any(port.proto not in PROTOCOLS for port in holding.ports)
        or any(type(n) is not int for n in numbers)
        or any(port.host_ip and not _is_ip(port.host_ip) for port in holding.ports)
        or not all(map(_is_sound, holding.attachments))
    ):
        raise ValueError(holding.uuid)
    if holding.allow:
        from podwright.model import podrules

        podrules.load(list(holding.allow))
    return holding


def _is_sound(one: Attachment) -> bool:
    return (
        all(not name or is_link_name(name) for name in (one.host_if, one.bridge, one.ifname))
        and all(map(_is_ip, (address.ip for address in one.addresses)))
        and LINK_CHARACTERS.issuperset(one.zone + one.net + one.reach.replace(" ", ""))
        and LINK_CHARACTERS.issuperset(str(dict(one.state).get("via") or ""))
        and MAC_CHARACTERS.issuperset(one.mac)
    )


def checked_address(address: Address) -> Address:
    """The same, if it is one. Raises ValueError."""
    if not _is_ip(address.ip) or type(address.prefix) is not int:
        raise ValueError(address.ip)
    return address


def _is_ip(found: Any) -> bool:
    try:
        return bool(ip.canonical(found) == found)
    except (TypeError, ValueError):
        return False


def _is_plain_path(path: Any) -> bool:
    return (
        isinstance(path, str)
        and path.startswith("/")
        and "\0" not in path
        and ".." not in path.split("/")
    )


LINK_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")

MAC_CHARACTERS = frozenset("0123456789abcdefABCDEF:")


def is_link_name(name: Any) -> bool:
    """Whether it can name a link without meaning anything else to anybody."""
    return (
        isinstance(name, str)
        and 0 < len(name) < 16
        and LINK_CHARACTERS.issuperset(name)
        and name not in (".", "..")
    )


def host_link(uuid: str, index: int) -> str:
    """The name of the host's end of a pod's link number `index`: at most the 15 characters it may have."""
    return LINK_PREFIX + uuid.replace("-", "")[:10] + ("" if index == 0 else chr(96 + index))


def is_host_link(name: str) -> bool:
    """Whether it is the name of a host's end of ours."""
    rest = name[len(LINK_PREFIX) :]
    letter = rest[10:]
    known = name.startswith(LINK_PREFIX) and is_hex(rest[:10], 10)
    return bool(known and (not letter or (len(letter) == 1 and "a" <= letter <= "z")))


def is_of(holding: Holding, run_dir: str) -> bool:
    """Whether it belongs to a pod of that data directory: UUIDs are in copies of one, too."""
    return not run_dir or holding.run_dir == os.path.realpath(run_dir)


def may_run(net_dir: str, uuid: str, boot: str) -> bool:
    """Whether a pod may run for all that its holding says; no without one."""
    holding = read(net_dir, uuid)
    if holding is None:
        holding = _bare(net_dir, uuid, ())
    return holding is not None and is_alive(net_dir, holding, boot)


def is_alive(net_dir: str, holding: Holding, boot: str) -> bool:
    """Whether its pod runs, or is being set up, in this boot."""
    return holding.boot == boot and (
        is_locked(holding.pod_dir) or is_locked(f"{directory(net_dir)}/{holding.uuid}")
    )


def is_locked(path: str) -> bool:
    """Whether somebody holds it; yes when that cannot be found out (a data directory that hangs)."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    try:
        return not try_lock(fd, shared=True)
    finally:
        os.close(fd)


def put(net_dir: str, holding: Holding) -> int:
    """Write a holding for the first time; the caller holds the lock.

    Returns a descriptor that keeps its file locked.
    """
    folder = directory(net_dir)
    fs.ensure_dir(folder, 0o755)
    _write(net_dir, holding)
    path = f"{folder}/{holding.uuid}"
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return fd


def _write(net_dir: str, holding: Holding) -> None:
    raw = {"format": FORMAT, **to_json(holding)}
    if not holding.after:
        del raw["after"], raw["waits"]  # which an older agent does not know
    data = jsonio.dumps(raw).encode()
    try:
        sound = bool(checked(holding_from(plain(data, holding.uuid))))
    except UNREADABLE:
        sound = False
    if not sound:
        from podwright.net import unread

        unread.refuse_unrecorded(data, holding)
    fs.write_atomic(f"{directory(net_dir)}/{holding.uuid}", data, 0o600, durable=False)


def change(net_dir: str, holding: Holding, held: int) -> int:
    """Write a holding again; the caller holds the lock, and `held` is what `put` returned.

    Returns the descriptor that keeps the new file locked; `held` is closed.
    """
    fd = put(net_dir, holding)
    os.close(held)
    return fd


def rewrite(net_dir: str, holding: Holding) -> None:
    """Write a holding of a pod that runs again; the caller holds the lock.

    Its network worker has ended, so that nobody holds the file itself.
    """
    _write(net_dir, holding)


def drop(net_dir: str, uuid: str) -> None:
    """Remove a holding, and what the metadata service knows of the pod; the caller holds the lock."""
    fs.unlink(f"{os.path.dirname(net_dir)}/metadata/pods/{uuid}")
    fs.unlink(f"{directory(net_dir)}/{uuid}")
