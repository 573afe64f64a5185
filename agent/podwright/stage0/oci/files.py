# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of an image layout or archive: a directory, or a tar that is read in place.

Names are relative and plain; in a directory no link is followed, so that a layout that somebody
else wrote cannot have us read other files of the host.
"""

from __future__ import annotations

import contextlib
import os
import stat

from podwright.errors import ImageError, UsageError
from podwright.kernel import beneath, fs
from podwright.kernel.step import step
from podwright.stage0.render import decompress, tarfields, tarread
from podwright.stage0.render.tarfields import broken
from podwright.stage0.web import sources
from podwright.text import safe
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Union

CHUNK = 256 * 1024
MAX_MEMBERS = 16384


@value
class Held:
    """What is open. `path` is where the kernel opened it, without any link."""

    fd: int
    path: str


def hold(path: str, *, directory: bool) -> Held:
    """Open a layout or an archive, and learn its path from what is open. Raises UsageError."""
    if directory:
        try:
            fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as err:
            raise UsageError(
                f"image layout {safe(path, 300)}: {err.strerror}", "check the path", object=path
            ) from None
    else:
        fd = sources.open_regular(path, "image archive")
    try:
        return Held(fd, _path_of(fd, path))
    except BaseException:
        os.close(fd)
        raise


def _own(place: Union[str, Held], *, directory: bool) -> Held:
    """With a descriptor of its own."""
    if isinstance(place, str):
        return hold(place, directory=directory)
    return Held(os.dup(place.fd), place.path)


def _path_of(fd: int, asked: str) -> str:
    path = os.readlink(f"/proc/self/fd/{fd}")
    shown = safe(asked, 300)
    if ":" in path or not path.isprintable():
        # A colon begins the name of an image inside, for the policy's scopes as for arguments.
        raise UsageError(
            f"image file {shown}: its path, {safe(path, 300)!r}, has a colon or is not printable",
            "give it another name",
            object=shown,
        )
    try:
        there = os.lstat(path)
    except OSError:
        there = None
    if there is None or not os.path.samestat(there, os.fstat(fd)):
        raise UsageError(
            f"image file {shown}: is not there any more, it was replaced meanwhile",
            "try again when nobody changes it",
            object=shown,
        )
    return path


class Files:
    """Regular files by name. A context manager."""

    def __init__(self, fd: int, path: str) -> None:
        self._fd = fd
        self.path = path

    def __enter__(self) -> Files:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._fd)

    def size(self, name: str) -> int:
        """Bytes of a file; ImageError when it is not there."""
        fd, _, size = self._open(name)
        os.close(fd)
        return size

    def read(self, name: str, limit: int) -> bytes:
        """A small file; ImageError when it is larger than `limit`."""
        fd, start, size = self._open(name)
        try:
            if size > limit:
                raise self._bad(name, f"is larger than {limit} bytes")
            data = os.pread(fd, size, start)
            if len(data) != size:
                raise self._bad(name, "is cut short")
            return data
        finally:
            os.close(fd)

    def chunks(self, name: str) -> Iterator[bytes]:
        """A file from its beginning to its end."""
        fd, start, size = self._open(name)
        try:
            while size and (chunk := os.pread(fd, min(size, CHUNK), start)):
                start += len(chunk)
                size -= len(chunk)
                yield chunk
        finally:
            os.close(fd)

    def _open(self, name: str) -> tuple[int, int, int]:
        """(descriptor to be closed, offset, size) of a file."""
        raise NotImplementedError

    def _bad(self, name: str, why: str) -> ImageError:
        return ImageError(
            f"{safe(self.path, 300)}: {safe(name, 200)} {why}",
            "make the layout or archive again",
            object=self.path,
        )


class Directory(Files):
    """An OCI image layout on disk."""

    def __init__(self, place: Union[str, Held]) -> None:
        own = _own(place, directory=True)
        super().__init__(own.fd, own.path)

    def _open(self, name: str) -> tuple[int, int, int]:
        try:
            fd = beneath.open_strict(self._fd, name, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
        except OSError as err:
            raise self._bad(name, f"cannot be read ({err.strerror})") from None
        info = os.fstat(fd)
        if not stat.S_ISREG(info.st_mode):
            os.close(fd)
            raise self._bad(name, "is not a regular file")
        return fd, 0, info.st_size


class Tar(Files):
    """A tar that is not compressed, or a private plain copy of one that is."""

    def __init__(self, place: Union[str, Held], copy: str) -> None:
        """`copy` is where the plain copy goes when there must be one."""
        own = _own(place, directory=False)
        fd, path = own.fd, own.path
        if not _is_plain(fd):
            try:
                with _named(path):
                    _decompress(fd, copy)
            finally:
                os.close(fd)
            fd = os.open(copy, os.O_RDONLY | os.O_CLOEXEC)
        super().__init__(fd, path)
        try:
            with _named(path):
                self._members = _members(fd, self._bad)
        except BaseException:
            os.close(fd)
            raise

    def _open(self, name: str) -> tuple[int, int, int]:
        place = self._members.get(name)
        if place is None:
            raise self._bad(name, "is not in it")
        return os.dup(self._fd), *place


@contextlib.contextmanager
def _named(path: str) -> Iterator[None]:
    """What is wrong with an archive is said of the file."""
    try:
        yield
    except ImageError as err:
        if err.message.startswith("archive: "):
            err.message = f"archive {safe(path, 300)}: {err.message[len('archive: ') :]}"
        raise


def _is_plain(fd: int) -> bool:
    """Whether a file looks like a tar that is not compressed."""
    return os.pread(fd, 5, 257) == b"ustar" or os.pread(fd, 512, 0) == bytes(512)


def _decompress(fd: int, copy: str) -> None:
    """Write the plain form of a compressed archive to the new file `copy`."""
    step("open")
    target = os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        for piece in decompress.plain(_whole(fd), decompress.Limits()):
            fs.write_all(target, piece)
    finally:
        os.close(target)


def _whole(fd: int) -> Iterator[bytes]:
    done = 0
    while chunk := os.pread(fd, CHUNK, done):
        done += len(chunk)
        yield chunk


class _Positioned(tarread.Source):
    """A tar in a file, whose members' content is passed over without reading it."""

    def __init__(self, fd: int) -> None:
        super().__init__(iter(()))
        self._fd = fd
        self.at = 0
        self._end = os.fstat(fd).st_size

    def block(self) -> bytes:
        return self.read(tarread.BLOCK)

    def read(self, size: int) -> bytes:
        data = os.pread(self._fd, size, self.at)
        if len(data) != size:
            raise broken("it ends before its end marker: cut short, or damaged")
        self.at += size
        return data

    def views(self, size: int) -> Iterator[memoryview]:
        while size:
            part = self.read(min(size, CHUNK))
            yield memoryview(part)
            size -= len(part)

    def skip(self, size: int) -> None:
        self.at += size
        if self.at > self._end:
            raise broken("it ends before its end marker: cut short, or damaged")

    def only_zeros_follow(self) -> bool:
        """What follows the end marker is of no use to anyone here."""
        return True


def _members(fd: int, bad: Callable[[str, str], ImageError]) -> dict[str, tuple[int, int]]:
    """(offset, size) of each regular file, under its own name and those of links to it.

    `docker save` writes layers that occur twice as links; they lead nowhere but to other members.
    """
    found: dict[str, tuple[int, int]] = {}
    links: dict[str, str] = {}
    source = _Positioned(fd)
    for number, entry in enumerate(tarread.entries(source, tarfields.clean_layer)):
        name = os.fsdecode(entry.name)
        if number >= MAX_MEMBERS:
            raise bad(name, f"is one of more than {MAX_MEMBERS} members")
        if name in found or name in links:
            raise bad(name, "is in it twice")
        if entry.kind == tarread.FILE:
            if entry.parts is not None:
                raise bad(name, "is a sparse file")
            found[name] = (source.at, entry.size)
            source.skip(entry.size)
        elif entry.kind == tarread.SYMLINK:
            links[name] = os.path.normpath(
                os.path.join(os.path.dirname(name), os.fsdecode(entry.link))
            )
        elif entry.kind == tarread.HARDLINK:
            links[name] = os.fsdecode(entry.link)
        elif entry.kind != tarread.DIRECTORY:
            raise bad(name, "is neither a file nor a directory")
    for name, target in links.items():
        if target in found:
            found[name] = found[target]
    return found
