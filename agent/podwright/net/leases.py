# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Leases: one small file per address under `<net_dir>/default`, written under the host lock.

A lease lives as long as its pod: the pod's directory under `run/` of its data directory, which
the lease names, is locked by whoever runs it. While a network worker is still setting the pod
up, it also holds the lease file itself locked, so that a pod whose parent has just been killed
is not tidied away under the worker's hands. Leases end with the boot, and so are not synced to
disk; an empty or unreadable file counts as free.
"""

from __future__ import annotations

import fcntl
import os

from podwright import jsonio
from podwright.errors import NetworkError, UsageError
from podwright.host.clock import boot_id
from podwright.host.lock import try_lock
from podwright.kernel import fs
from podwright.model.names import is_hex, is_uuid
from podwright.net import place
from podwright.net.plan import FIRST, LAST, LINK_PREFIX, PREFIX, SUBNET, Lease, PortMap, host_link
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from podwright.host.lock import HostLock
    from podwright.net.plan import NetRequest

NUMBERS = range(FIRST, LAST + 1)
TEXTS = ("uuid", "name", "boot", "host_if", "run_dir")


@value
class Found:
    """The lease directory as it is.

    leases  the readable ones, by host number
    broken  paths of files that hold nothing (empty, cut off, left by a killed writer)
    """

    leases: tuple[Lease, ...]
    broken: tuple[str, ...]


def lock(net_dir: str, doing: str) -> HostLock:
    """The lock under which leases change; makes the directory when it is missing."""
    return place.NetLock(net_dir, doing)


def directory(net_dir: str) -> str:
    """Where the leases of the default network lie."""
    return f"{net_dir}/default"


def read_all(net_dir: str) -> Found:
    """Read every lease; a missing directory has none."""
    folder = directory(net_dir)
    broken = [f"{net_dir}/{name}" for name in _names(net_dir) if name.endswith(".new")]
    leases = []
    for name in _names(folder):
        lease = read(net_dir, name)
        if lease is None:
            broken.append(f"{folder}/{name}")
        else:
            leases.append(lease)
    leases.sort(key=lambda lease: number(lease.ip))
    return Found(tuple(leases), tuple(broken))


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except FileNotFoundError:
        return []


def read(net_dir: str, ip: str) -> Optional[Lease]:
    """The lease of an address, or None when it is free."""
    try:
        with open(f"{directory(net_dir)}/{ip}", "rb") as file:
            raw = jsonio.loads(file.read(65536 * 4), ip)
        return _parse(ip, raw)
    except (FileNotFoundError, UsageError, KeyError, TypeError, ValueError):
        return None


def _parse(ip: str, raw: Any) -> Lease:
    """Check what is used in commands and paths. Raises ValueError, KeyError, TypeError."""
    ports = tuple(PortMap(*port) for port in raw["ports"])
    uuid, name, boot, host_if, run_dir = (_text(raw[key]) for key in TEXTS)
    lease = Lease(ip, uuid, name, boot, host_if, run_dir, ports)
    numbers = [n for port in ports for n in (port.host_port, port.pod_port)]
    if (
        number(ip) not in NUMBERS
        or not is_uuid(lease.uuid)
        or not is_link(lease.host_if)
        or not _is_plain_path(lease.run_dir)
        or any(port.proto not in ("tcp", "udp") for port in ports)
        or any(type(n) is not int for n in numbers)
        or any(port.host_ip.strip("0123456789.") for port in ports)
    ):
        raise ValueError(ip)
    return lease


def _text(found: Any) -> str:
    if not isinstance(found, str):
        raise TypeError(found)
    return found


def _is_plain_path(path: str) -> bool:
    return path.startswith("/") and "\0" not in path and ".." not in path.split("/")


def number(ip: str) -> int:
    """The host number of an address of the pool. Raises ValueError for any other text."""
    found = int(ip[len(PREFIX) :])
    if ip != f"{PREFIX}{found}":
        raise ValueError(ip)
    return found


def is_link(name: str) -> bool:
    """Whether it is the name of a host end of ours."""
    return name.startswith(LINK_PREFIX) and is_hex(name[len(LINK_PREFIX) :], 10)


def is_alive(net_dir: str, lease: Lease, boot: str) -> bool:
    """Whether its pod runs, or is being set up, in this boot."""
    return lease.boot == boot and (
        _is_locked(f"{lease.run_dir}/{lease.uuid}")
        or _is_locked(f"{directory(net_dir)}/{lease.ip}")
    )


def _is_locked(path: str) -> bool:
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


def take(request: NetRequest, others: tuple[Lease, ...]) -> tuple[Lease, int]:
    """Write a lease for the next free address; the caller holds the lock.

    others  the leases of living pods; every other file has been removed
    Returns the lease and a descriptor that keeps its file locked. Addresses are handed out
    in turn, so that the address of a pod that has just ended is not at once another's.
    Raises NetworkError when the pool is used up.
    """
    folder = directory(request.net_dir)
    fs.ensure_dir(folder, 0o755)
    used = {number(lease.ip) for lease in others}
    last = _last_number(request.net_dir)
    free = next(
        (n for n in (*range(last + 1, LAST + 1), *range(FIRST, last + 1)) if n not in used), 0
    )
    if not free:
        raise NetworkError(
            f"network {request.net}: all {len(NUMBERS)} addresses of {SUBNET} are in use",
            "stop a pod first",
            object=request.net,
            reason="no-address",
        )
    lease = Lease(
        f"{PREFIX}{free}",
        request.uuid,
        request.name,
        boot_id(),
        host_link(request.uuid),
        os.path.realpath(request.alive),
        request.ports,
    )
    path = f"{folder}/{lease.ip}"
    fs.write_atomic(path, jsonio.dumps(_dump(lease)).encode(), 0o644, durable=False)
    fs.write_atomic(f"{request.net_dir}/last", str(free).encode(), durable=False)
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return lease, fd


def _dump(lease: Lease) -> dict[str, Any]:
    ports = [[port.proto, port.host_ip, port.host_port, port.pod_port] for port in lease.ports]
    return {
        "uuid": lease.uuid,
        "name": lease.name,
        "boot": lease.boot,
        "host_if": lease.host_if,
        "run_dir": lease.run_dir,
        "ports": ports,
    }


def _last_number(net_dir: str) -> int:
    """The number given last; the end of the pool when unknown."""
    try:
        with open(f"{net_dir}/last", "rb") as file:
            last = int(file.read(8))
    except (FileNotFoundError, ValueError):
        return LAST
    return last if last in NUMBERS else LAST


def drop(net_dir: str, ip: str) -> None:
    """Remove a lease; the caller holds the lock."""
    fs.unlink(f"{directory(net_dir)}/{ip}")
