# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The store's inbox: what members of the group `podwright` have downloaded, for root to take.

    cas/inbox/<digest of the reference>.<random>/   made by a member (`member.py`), who owns it
        aci, aci.asc                                archive and signature as they were served

Nothing in it is believed. Root moves a download out of the members' reach, copies it, and judges
the copy like any other download, with two differences, as nobody vouches for where it came from.
Only signatures make it acceptable, whatever the policy allows or the command line lifts. And it is
taken only for a name with a version, which the signed manifest must carry: what a URL gives, and
which version is the latest, only their servers can say.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat

from podwright.errors import FetchError, ImageError, PodwrightError, StoreError
from podwright.kernel import fs
from podwright.kernel.step import step
from podwright.stage0 import acquire, fetch, store
from podwright.stage0.judge import detached, pgp
from podwright.stage0.web import discover, sources
from podwright.values import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Optional

    from podwright.host.paths import Layout
    from podwright.model.imageref import ImageRef
    from podwright.stage0.images import FetchOptions, Progress
    from podwright.stage0.store import Record

ARCHIVE, SIGNATURE = "aci", "aci.asc"
MOST_TRIED = 8
TAMPERED = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EXDEV, errno.ENOTEMPTY)
"""Errors that a member, or another fetch, can cause at any moment."""
_DIR = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


def key(ref: ImageRef) -> str:
    """32 hex digits that downloads for a name with labels are found by."""
    labels = ",".join(f"{label}={text}" for label, text in sorted(ref.labels))
    return store.short_digest(f"name:{ref.name},{labels}")


def serves(ref: ImageRef) -> bool:
    """Whether a download from the inbox can be what a reference means."""
    return ref.kind == "name" and bool(ref.version)


def take(
    layout: Layout,
    ref: ImageRef,
    options: FetchOptions,
    progress: Optional[Progress],
    otherwise: Callable[[], Record],
) -> Record:
    """Store the newest download for a reference that can be accepted; else what `otherwise` gets.

    When that fails for want of a network, the reason why a download was refused is reported.
    """
    refused: list[PodwrightError] = []
    for name in _left(layout, ref) if os.geteuid() == 0 and serves(ref) else ():
        try:
            record = _store(layout, ref, options, progress, _move_away(layout, name))
            _clear(layout, ref)
            return record
        except PodwrightError as err:
            refused.append(err)
        except OSError as err:
            if err.errno not in TAMPERED:
                raise
    try:
        return otherwise()
    except FetchError:
        if refused:
            raise refused[0] from None
        raise


def _left(layout: Layout, ref: ImageRef) -> list[str]:
    """The downloads for a reference, newest first, a few at most."""
    found = []
    wanted = key(ref)
    try:
        _check(layout)
        with os.scandir(layout.inbox) as entries:
            for entry in entries:
                if entry.name.partition(".")[0] == wanted:
                    found.append((entry.stat(follow_symlinks=False).st_mtime_ns, entry.name))
    except FileNotFoundError:
        pass  # no inbox, or somebody else has just taken a download
    return [name for _, name in sorted(found, reverse=True)[:MOST_TRIED]]


def _check(layout: Layout) -> None:
    info = os.lstat(layout.inbox)
    if not stat.S_ISDIR(info.st_mode) or info.st_uid != 0 or info.st_mode & 0o007:
        raise StoreError(
            f"{layout.inbox} is not a directory of root's that is closed to others",
            "remove it; the next fetch makes it anew",
            object=layout.inbox,
        )


def _store(
    layout: Layout,
    ref: ImageRef,
    options: FetchOptions,
    progress: Optional[Progress],
    entry: str,
) -> Record:
    """Verify and store one download, which its owner may still be changing."""
    files: list[int] = []
    try:
        try:
            member = _open_files(entry, files)
        finally:
            _remove(entry)
        archive, signature = files
        data = os.read(signature, pgp.MAX_SIGNATURE_BYTES + 1)
        wanted = replace(_wanted(ref, data, member), digest=options.digest)
        with acquire.Road(layout, options, progress, None) as road:
            record = fetch.fetch(
                layout,
                wanted,
                lambda copy: sources.from_file(f"/proc/self/fd/{archive}", copy, road.report(ref)),
                compose=road.builder.compose,
            )
    finally:
        for fd in files:
            os.close(fd)
    return record


def _open_files(entry: str, files: list[int]) -> int:
    """Open archive and signature of a download; the ID of the member who made it."""
    directory = os.open(entry, _DIR)
    try:
        member = os.fstat(directory).st_uid
        step("chown")
        os.fchown(directory, 0, 0)  # who still has it open can make nothing in it any more
        step("chmod")
        os.fchmod(directory, 0o700)
        files.append(_open(directory, ARCHIVE, member, sources.MAX_BYTES))
        files.append(_open(directory, SIGNATURE, member, pgp.MAX_SIGNATURE_BYTES))
        return member
    finally:
        os.close(directory)


def _open(directory: int, name: str, member: int, most: int) -> int:
    """A regular file of the member's; neither a link to somebody else's nor one that blocks."""
    fd = os.open(name, _FILE, dir_fd=directory)
    info = os.fstat(fd)
    if not stat.S_ISREG(info.st_mode) or info.st_uid != member or info.st_size > most:
        os.close(fd)
        raise ImageError(
            f"what user {member} left in the inbox as {name} is not a file of theirs, or too large",
            "fetch the image again",
            reason="bad-inbox",
        )
    return fd


def _wanted(ref: ImageRef, signature: bytes, member: int) -> fetch.Wanted:
    where = f"{SIGNATURE} from the inbox"
    source = {"kind": ref.kind, "ref": ref.text, "url": "", "member": str(member)}
    return fetch.Wanted(
        shown=ref.text,
        name=ref.name,
        labels=tuple(discover.wanted_labels(ref.labels).items()),
        signature=detached.Signature(where, lambda: signature),
        options=(),
        latest=False,
        source=source,
        only_signed=True,
    )


def _clear(layout: Layout, ref: ImageRef) -> None:
    """Remove the other downloads for a reference that is stored now."""
    for name in _left(layout, ref):
        with contextlib.suppress(OSError):  # its owner removes or changes it just now
            _remove(_move_away(layout, name))


def _move_away(layout: Layout, name: str) -> str:
    """Move a download out of the members' reach; where it is now."""
    entry = f"{layout.tmp}/inbox.{os.urandom(8).hex()}"
    fs.rename(f"{layout.inbox}/{name}", entry, durable=False)
    return entry


def _remove(entry: str) -> None:
    """Remove what a member has left when it is what it should be: two files, or no directory.

    Whatever else is in it is left to `sweep_tmp`: it may take a long time.
    """
    try:
        directory = os.open(entry, _DIR)
    except OSError as err:
        if err.errno not in TAMPERED:
            raise
        fs.unlink(entry)
        return
    try:
        for name in (ARCHIVE, SIGNATURE):
            with contextlib.suppress(OSError):
                fs.unlink(name, dir_fd=directory)
    finally:
        os.close(directory)
    fs.rmdir_empty(entry)
