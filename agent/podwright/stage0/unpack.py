# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Unpack an ACI (behaviour.md A1) into a private directory, from a stream, in one pass.

The archive holds exactly a regular file `manifest` and a directory `rootfs`. Everything is made
relative to an open parent directory that was itself opened without following links, and made
exclusively; so no member can land outside, and no path can occur twice. Regular files,
directories, hard links to regular files, symbolic links and named pipes are made as they are.
Device nodes directly in `rootfs/dev` are left out, since every pod gets a `/dev` of its own;
anywhere else they are refused. Of extended attributes, `user.*` (without overlayfs's) and
version 2 `security.capability` are kept on files and directories, the others are dropped.
"""

from __future__ import annotations

import errno
import os
import stat

from podwright.errors import HostError
from podwright.kernel import tree
from podwright.stage0.tarread import (
    BLOCKDEV,
    CHAR,
    DIRECTORY,
    FIFO,
    FILE,
    HARDLINK,
    SYMLINK,
    Source,
    broken,
    entries,
)
from podwright.text import safe
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Optional

    from podwright.stage0.tarread import Entry

    _Meta = tuple[tuple[int, int], int, int, dict[str, bytes]]

MAX_ENTRIES = 1_000_000
MAX_DIRECTORIES = 250_000
MAX_MANIFEST = 4 * 1024 * 1024
MAX_ATTRIBUTE = 65536
OPEN_DIRECTORIES = 200


@value
class Unpacked:
    """What came out: the manifest as it was, counts, and the bytes of all regular files."""

    manifest: bytes
    members: int
    size: int
    left_out: int


def unpack(
    source: Source, rootfs: str, on_manifest: Optional[Callable[[bytes], None]] = None
) -> Unpacked:
    """Unpack into `rootfs`, an empty directory of our own.

    on_manifest  called with the manifest's bytes as soon as they are there; may raise
    Raises ImageError, HostError.
    """
    top = os.open(rootfs, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    unpacker = _Unpacker(top, on_manifest)
    try:
        for entry in entries(source):
            unpacker.add(entry, source)
        return unpacker.finish()
    except OSError as err:
        raise _host_error(err, rootfs) from None
    finally:
        unpacker.close()


def _host_error(err: OSError, rootfs: str) -> HostError:
    hint = "make room and try again" if err.errno in (errno.ENOSPC, errno.EDQUOT) else ""
    reason = "disk-full" if hint else "host-failed"
    what = f" ({safe(err.filename, 200)})" if err.filename else ""
    message = f"cannot unpack the image below {rootfs}: {err.strerror or err}{what}"
    return HostError(message, hint, object=rootfs, reason=reason, stage="render")


_IMPLIED: _Meta = ((0, 0), 0o755, 0, {})


class _Unpacker:
    def __init__(self, top: int, on_manifest: Optional[Callable[[bytes], None]]) -> None:
        self._on_manifest = on_manifest
        self._open: dict[bytes, int] = {b"": top}
        self._made: dict[bytes, Optional[_Meta]] = {b"": None}
        self._manifest: Optional[bytes] = None
        self._members = self._size = self._left_out = 0
        self._make = {
            FILE: self._file,
            DIRECTORY: self._directory,
            HARDLINK: self._hardlink,
            SYMLINK: self._symlink,
            FIFO: self._fifo,
            CHAR: self._device,
            BLOCKDEV: self._device,
        }

    def add(self, entry: Entry, source: Source) -> None:
        """Make one member."""
        self._members += 1
        if self._members > MAX_ENTRIES:
            raise broken(f"it has more than {MAX_ENTRIES} members")
        name = entry.name
        if name[:7] == b"rootfs/":
            path = name[7:]
            cut = path.rfind(b"/")
            try:
                if cut < 0:
                    self._make[entry.kind](entry, source, self._open[b""], path, path)
                else:
                    parent = self._dir(path[:cut])
                    self._make[entry.kind](entry, source, parent, path[cut + 1 :], path)
            except FileExistsError:
                raise broken(f"{safe(name, 200)!r} occurs twice") from None
        elif name == b"rootfs" and entry.kind == DIRECTORY:
            if self._made[b""] is not None:
                raise broken("'rootfs' occurs twice")
            self._made[b""] = _directory_meta(entry)
        elif name == b"manifest" and entry.kind == FILE:
            self._take_manifest(entry, source)
        elif name != b"." or entry.kind != DIRECTORY:
            raise broken(
                f"{safe(name, 200)!r} is neither the file 'manifest' nor in the directory 'rootfs'"
            )

    def finish(self) -> Unpacked:
        """Give directories their owners, modes and times, and check that nothing is missing."""
        if self._manifest is None:
            raise broken("it has no manifest")
        if self._made[b""] is None:
            raise broken("it has no directory 'rootfs'")
        for path, meta in self._made.items():
            tree.finish_dir(self._dir(path), *(meta or _IMPLIED))
        return Unpacked(self._manifest, self._members, self._size, self._left_out)

    def close(self) -> None:
        """Close every directory."""
        for fd in self._open.values():
            os.close(fd)
        self._open.clear()

    def _take_manifest(self, entry: Entry, source: Source) -> None:
        if self._manifest is not None:
            raise broken("'manifest' occurs twice")
        if entry.size > MAX_MANIFEST:
            raise broken(f"its manifest has {entry.size} bytes, more than {MAX_MANIFEST}")
        self._manifest = source.read(entry.size)
        if self._on_manifest is not None:
            self._on_manifest(self._manifest)

    def _dir(self, path: bytes) -> int:
        """An open directory below the top; made when no member has named it yet."""
        fd = self._open.get(path)
        if fd is not None:
            return fd
        cut = path.rfind(b"/")
        parent = self._open[b""] if cut < 0 else self._dir(path[:cut])
        name = path[cut + 1 :]
        try:
            fd = tree.open_dir(parent, name)
        except FileNotFoundError:
            self._remember(path, None)
            tree.make_dir(parent, name)
            fd = tree.open_dir(parent, name)
        except NotADirectoryError:
            raise broken(
                f"{safe(path, 200)!r} is used as a directory but is a link or a file"
            ) from None
        if len(self._open) >= OPEN_DIRECTORIES:
            oldest = next(key for key in self._open if key)
            os.close(self._open.pop(oldest))
        self._open[path] = fd
        return fd

    def _remember(self, path: bytes, meta: Optional[_Meta]) -> None:
        self._made[path] = meta
        if len(self._made) > MAX_DIRECTORIES:
            raise broken(f"it has more than {MAX_DIRECTORIES} directories")

    def _file(self, entry: Entry, source: Source, parent: int, name: bytes, path: bytes) -> None:
        self._size += entry.size
        attributes = _attributes(entry) if entry.xattrs else {}
        content = source.views(entry.size)
        owner = (entry.uid, entry.gid)
        tree.make_file(parent, name, content, owner, entry.mode, entry.mtime, attributes)

    def _directory(self, entry: Entry, _: Source, parent: int, name: bytes, path: bytes) -> None:
        if self._made.get(path, ()) is not None:
            tree.make_dir(parent, name)
        self._remember(path, _directory_meta(entry))

    def _symlink(self, entry: Entry, _: Source, parent: int, name: bytes, path: bytes) -> None:
        tree.make_symlink(parent, name, entry.link, (entry.uid, entry.gid), entry.mtime)

    def _fifo(self, entry: Entry, _: Source, parent: int, name: bytes, path: bytes) -> None:
        tree.make_fifo(parent, name, (entry.uid, entry.gid), entry.mode, entry.mtime)

    def _hardlink(self, entry: Entry, _: Source, parent: int, name: bytes, path: bytes) -> None:
        shown = f"hard link {safe(entry.name, 200)!r} to {safe(entry.link, 200)!r}"
        if entry.link[:7] != b"rootfs/":
            raise broken(f"{shown} leaves 'rootfs'")
        upper, _slash, last = entry.link[7:].rpartition(b"/")
        keep = os.dup(parent)  # opening the other directory may close this one
        try:
            if upper and upper not in self._open and not self._known(upper):
                raise broken(f"{shown}, which is not there")
            source_parent = self._dir(upper)
            info = os.stat(last, dir_fd=source_parent, follow_symlinks=False)
            if not stat.S_ISREG(info.st_mode):
                raise broken(f"{shown}, which is not a regular file")
            tree.make_hardlink(keep, name, source_parent, last)
        except FileNotFoundError:
            raise broken(f"{shown}, which is not there") from None
        finally:
            os.close(keep)

    def _known(self, path: bytes) -> bool:
        return path in self._made

    def _device(self, entry: Entry, _: Source, parent: int, name: bytes, path: bytes) -> None:
        if path.rpartition(b"/")[0] != b"dev":
            raise broken(
                f"{safe(entry.name, 200)!r} is a device node, which an image may not bring"
            )
        self._left_out += 1


def _directory_meta(entry: Entry) -> _Meta:
    attributes = _attributes(entry) if entry.xattrs else {}
    return (entry.uid, entry.gid), entry.mode, entry.mtime, attributes


def _attributes(entry: Entry) -> dict[str, bytes]:
    """The extended attributes that are kept."""
    out: dict[str, bytes] = {}
    for raw, content in entry.xattrs.items():
        name = os.fsdecode(raw)
        shown = f"attribute {safe(raw, 80)!r} of {safe(entry.name, 200)!r}"
        if "\0" in name or len(raw) > 255 or len(content) > MAX_ATTRIBUTE:
            raise broken(f"{shown} is malformed or too long")
        if name == "security.capability":
            if len(content) != 20 or content[3] != 2:
                raise broken(f"{shown} is not a version 2 file capability")
            out[name] = content
        elif name.startswith("user.") and not name.startswith("user.overlay."):
            out[name] = content
    return out
