# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read the trust store: which keys may sign an image of a given name (behaviour.md A11).

    {system,local}/trustedkeys/root.d/<fingerprint>
    {system,local}/trustedkeys/prefix.d/<image name prefix...>/<fingerprint>
    {system,local}/trustedkeys/pull.d/<fleet name prefix...>/<fingerprint>

Keys of `pull.d` sign desired states of fleets (`podwright pull`), which nothing else may: they count
for no image, and no key that signs images, not even a root key, counts for a fleet. As a prefix they
are written `pull:FLEET`; no image has such a name.

A prefix covers a name at path element boundaries. An empty file masks the key of the same
name that was found before it. Order: system root, local root, system prefix, local prefix,
and from short prefixes to long ones. Anything unexpected on the way (a link, a file that
somebody else may write, a name that is not a fingerprint) is refused by name: a trust store
that we do not understand trusts nobody. Names that begin with a dot are not looked at.
"""

from __future__ import annotations

import errno
import os
import stat

from podwright.errors import VerifyError
from podwright.host import groups
from podwright.model.names import is_hex
from podwright.text import safe
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Callable, Optional

    from podwright.host.paths import Layout

MAX_BYTES = 1024 * 1024
PULL = "pull:"
"""Begins the prefixes of keys that sign desired states of fleets."""
_DIR = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@value
class KeyFile:
    """A key file that counts: `fingerprint` is its name, `prefix` is "" for a root key."""

    fingerprint: str
    path: str
    prefix: str
    data: bytes


class TrustError(VerifyError):
    """The trust store itself is not in order."""

    reason = "bad-trust-store"


def sha256(data: bytes) -> str:
    """Hex digest; without the 2 ms that loading OpenSSL through hashlib costs, where it can."""
    try:
        from _sha256 import sha256 as digest  # type: ignore[import-not-found]  # CPython < 3.12
    except ImportError:
        from hashlib import sha256 as digest
    return str(digest(data).hexdigest())


def ring(layout: Layout, name: str) -> list[KeyFile]:
    """The effective key files for an image name, masks applied."""
    return _collect(layout, _places(layout, name), None)


def find(layout: Layout, name: str, fingerprint: str) -> Optional[KeyFile]:
    """The effective file of one key for an image name, or None: masked, removed, never there."""
    found = _collect(layout, _places(layout, name), fingerprint.lower())
    return found[0] if found else None


def fleet_ring(layout: Layout, fleet: str) -> list[KeyFile]:
    """The effective key files that may sign desired states of a fleet, masks applied."""
    bases = layout.fleet_trust_dirs()
    for base in bases:
        _check_renames(base)
    places = (
        (base, f"pull.d/{prefix}", PULL + prefix) for base in bases for prefix in prefixes(fleet)
    )
    return _collect(layout, places, None)


def prefixes(name: str) -> list[str]:
    """`a/b/c` as a, a/b, a/b/c."""
    parts = name.split("/")
    return ["/".join(parts[: n + 1]) for n in range(len(parts))]


def _places(layout: Layout, name: str) -> Iterator[tuple[str, str, str]]:
    """(trust root, directory below it, prefix) in the order of evaluation."""
    for base in layout.trust_dirs():
        yield base, "root.d", ""
    for base in layout.trust_dirs():
        for prefix in prefixes(name):
            yield base, f"prefix.d/{prefix}", prefix


def _collect(
    layout: Layout, places: Iterator[tuple[str, str, str]], only: Optional[str]
) -> list[KeyFile]:
    found: dict[str, KeyFile] = {}
    for base, below, prefix in places:
        for fingerprint, path, data in key_files(base, below, only):
            found.pop(fingerprint, None)
            if data:
                found[fingerprint] = KeyFile(fingerprint, path, prefix, data)
    return list(found.values())


def key_files(
    base: str, below: str, only: Optional[str] = None
) -> Iterator[tuple[str, str, bytes]]:
    """(fingerprint, path, content) of the key files directly in `base/below`, checked.

    only  read just this one; the others must still be in order by name
    A missing directory holds none. Raises TrustError naming what is wrong.
    """
    fd = open_below(base, below)
    if fd is None:
        return
    try:
        shown = f"{base}/{below}"
        for name in sorted(os.listdir(fd)):
            if name.startswith("."):
                continue
            path = f"{shown}/{name}"
            if not is_hex(name, 40):
                if not below.startswith(("prefix.d", "pull.d")) or not _is_dir(fd, name):
                    raise TrustError(
                        f"trust store: {safe(path, 300)} is not named by a key fingerprint",
                        "remove it, or name it by the 40 lower-case hexadecimal digits of the key",
                        object=safe(path, 300),
                    )
            elif (only is None or name == only) and not _is_dir(fd, name):
                yield name, path, _read(fd, name, path)
    finally:
        os.close(fd)


def open_below(base: str, below: str) -> Optional[int]:
    """Open `base/below` without following links under `base`; None when it does not exist."""
    fd = -1
    shown = base
    try:
        for part in ("", *below.split("/")):
            shown = f"{shown}/{part}" if part else shown
            upper = fd
            fd = os.open(part, _DIR, dir_fd=upper) if part else os.open(base, _DIR)
            if upper >= 0:
                os.close(upper)
            check_owner(os.fstat(fd), shown, stat.S_ISDIR)
        return fd
    except OSError as err:
        if fd >= 0:
            os.close(fd)
        if err.errno == errno.ENOENT:
            return None
        raise TrustError(
            f"trust store: cannot read {safe(shown, 300)}: {err.strerror}",
            "it must be a directory, not a link, that root can read",
            object=safe(shown, 300),
        ) from None
    except TrustError:
        os.close(fd)
        raise


def check_owner(info: os.stat_result, path: str, kind: Callable[[int], bool]) -> None:
    """Refuse what is of another kind, foreign-owned, or writable by others.

    What the group `podwright-admin` owns or may write is in order: only its members, and root,
    can have put it there. Not so keys of fleets, since who signs a fleet's state is root on its
    hosts: nothing of the group's counts there, not even a directory that it has renamed.
    """
    why, fleets = "", is_fleets(path)
    if not kind(info.st_mode):
        why = "is a directory or a special file, not a key file"
    elif info.st_uid not in (0, os.geteuid()) and not _is_trusters(info, path):
        why = f"belongs to user {info.st_uid}"
    elif info.st_mode & 0o002 or (info.st_mode & 0o020 and not _is_trusters(info, path)):
        why = f"may be written by others (mode {info.st_mode & 0o7777:04o})"
    elif fleets and info.st_gid and info.st_gid == groups.gid(groups.TRUSTERS):
        why = "belongs to the group podwright-admin"
    elif not info.st_mode & 0o444:
        why = f"may be read by nobody (mode {info.st_mode & 0o7777:04o})"
    if why:
        raise TrustError(
            f"trust store: {safe(path, 300)} {why}",
            "it must belong to root and be writable by root only"
            + ("" if fleets else ", or also by the group podwright-admin"),
            object=safe(path, 300),
        )


def _check_renames(path: str) -> None:
    """Refuse keys of fleets where others than root may rename their directory: an old one could come back."""
    try:
        mode = os.stat(path, follow_symlinks=False).st_mode
    except FileNotFoundError:
        return
    if mode & 0o020 and not mode & stat.S_ISVTX:
        raise TrustError(
            f"trust store: in {safe(path, 300)} others than root may replace the keys of fleets",
            f"chmod +t {safe(path, 300)}, or apply the role podwright.fleet.agent again",
            object=safe(path, 300),
        )


def is_fleets(path: str) -> bool:
    """Whether a path of a trust store is of keys that sign desired states of fleets."""
    return "/trustedkeys/pull.d" in path


def _is_trusters(info: os.stat_result, path: str) -> bool:
    """Whether something is the group's whose members may change the trust store."""
    if is_fleets(path):
        return False
    theirs = path.startswith("/etc/rkt/") and info.st_gid == groups.gid(groups.RKT_TRUSTERS)
    return theirs or info.st_gid == groups.gid(groups.TRUSTERS)


def _is_dir(fd: int, name: str) -> bool:
    return stat.S_ISDIR(os.stat(name, dir_fd=fd, follow_symlinks=False).st_mode)


def _read(fd: int, name: str, path: str) -> bytes:
    """The whole content of one key file."""
    try:
        file = os.open(name, _FILE, dir_fd=fd)
    except OSError as err:
        raise TrustError(
            f"trust store: cannot read {path}: {err.strerror}",
            "it must be a regular file, not a link",
            object=path,
        ) from None
    try:
        info = os.fstat(file)
        check_owner(info, path, stat.S_ISREG)
        if info.st_size > MAX_BYTES:
            raise TrustError(f"trust store: {path} is larger than {MAX_BYTES} bytes", object=path)
        chunks = []
        while chunk := os.read(file, MAX_BYTES):
            chunks.append(chunk)
        return b"".join(chunks)
    finally:
        os.close(file)
