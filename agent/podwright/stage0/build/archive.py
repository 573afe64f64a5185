# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write an archive to a file, and read one back as strictly as any host will."""

from __future__ import annotations

import os

from podwright import jsonio
from podwright.errors import ImageError, PodwrightError, UsageError
from podwright.kernel import fs
from podwright.kernel.step import step
from podwright.model.image import parse_image
from podwright.stage0.build.compress import compressor, kind_of
from podwright.stage0.render import decompress, tarread
from podwright.stage0.web import sources
from podwright.text import safe
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from podwright.model.image import ImageManifest
    from podwright.stage0.render.tarread import Entry, Source

MAX_MANIFEST = 4 * 1024 * 1024


@value
class Written:
    """Digests (hex) and sizes of what was written: `plain` before compression, `raw` after it."""

    plain: str
    plain_size: int
    raw: str
    raw_size: int

    @property
    def image_id(self) -> str:
        """The ID under which hosts store it, if it is an ACI."""
        return f"sha512-{self.plain[:64]}"


@value
class Checked:
    """What a whole, valid ACI is.

    plain  SHA-512 of the archive before compression, of which the image ID is the beginning
    size   bytes of all regular files
    """

    plain: str
    compression: str
    manifest: ImageManifest
    members: int
    size: int

    @property
    def image_id(self) -> str:
        """The ID under which hosts store it."""
        return f"sha512-{self.plain[:64]}"


def write(
    pieces: Iterable[bytes],
    path: str,
    compression: str,
    progress: Callable[[int], None],
    algorithm: str = "sha512",
) -> Written:
    """Write the archive `pieces` to the new file `path`, durable.

    progress   called with the number of plain bytes done
    algorithm  of the plain digest: sha512 for an ACI, sha256 for a layer; `raw` is SHA-256
    """
    import hashlib

    plain, raw = hashlib.new(algorithm), hashlib.sha256()
    press = compressor(compression)
    done = size = 0
    step("open")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    fd = os.open(path, flags, 0o644)
    try:
        for piece in gathered(pieces):
            plain.update(piece)
            done += len(piece)
            out = press.compress(piece)
            if out:
                raw.update(out)
                size += len(out)
                fs.write_all(fd, out)
            progress(done)
        out = press.flush()
        raw.update(out)
        fs.write_all(fd, out)
        step("fsync")
        os.fsync(fd)
    finally:
        os.close(fd)
    return Written(plain.hexdigest(), done, raw.hexdigest(), size + len(out))


def digest(pieces: Iterable[bytes], progress: Callable[[int], None]) -> str:
    """SHA-512 of an archive that is not written anywhere."""
    from hashlib import sha512

    plain, done = sha512(), 0
    for piece in gathered(pieces):
        plain.update(piece)
        done += len(piece)
        progress(done)
    return plain.hexdigest()


def gathered(pieces: Iterable[bytes], size: int = sources.CHUNK) -> Iterator[bytes]:
    """The same bytes in pieces of about `size`."""
    parts: list[bytes] = []
    count = 0
    for piece in pieces:
        parts.append(piece)
        count += len(piece)
        if count >= size:
            yield b"".join(parts)
            parts, count = [], 0
    if parts:
        yield b"".join(parts)


def chunks(path: str) -> Iterator[bytes]:
    """The bytes of a file."""
    fd = sources.open_regular(path, "image")
    try:
        while chunk := os.read(fd, sources.CHUNK):
            yield chunk
    finally:
        os.close(fd)


def check(path: str) -> Checked:
    """Read an ACI from its first byte to its last, by the rules by which hosts unpack it.

    Raises ImageError or UsageError naming the file.
    """
    from hashlib import sha512

    plain = sha512()

    def hashed() -> Iterator[bytes]:
        for piece in decompress.plain(chunks(path), decompress.Limits()):
            plain.update(piece)
            yield piece

    contents = _Contents()
    try:
        source = tarread.Source(hashed())
        for entry in tarread.entries(source):
            contents.add(entry, source)
        manifest = contents.finish()
    except PodwrightError as err:
        raise type(err)(
            f"{safe(path, 300)}: {err.message}", err.hint, object=safe(path, 300)
        ) from None
    return Checked(
        plain.hexdigest(), kind_of(_head(path)), manifest, contents.members, contents.size
    )


def is_image(path: str, image_id: str) -> bool:
    """Whether there is a file that is this image, whatever it was compressed with."""
    try:
        return os.path.isfile(path) and check(path).image_id == image_id
    except (ImageError, UsageError):  # it is something else
        return False


def _head(path: str) -> bytes:
    fd = sources.open_regular(path, "image")
    try:
        return os.read(fd, 16)
    finally:
        os.close(fd)


class _Contents:
    """The rules of an ACI about names (behaviour.md A1), without anything being made."""

    def __init__(self) -> None:
        self.members = self.size = 0
        self._kinds: dict[bytes, bytes] = {}
        self._manifest: ImageManifest | None = None

    def add(self, entry: Entry, source: Source) -> None:
        self.members += 1
        name = entry.name
        if name in self._kinds:
            raise _broken(f"{safe(name, 200)!r} occurs twice")
        if name == b"manifest" and entry.kind == tarread.FILE:
            if entry.size > MAX_MANIFEST:
                raise _broken(f"its manifest has {entry.size} bytes, more than {MAX_MANIFEST}")
            body = source.read(entry.size)
            self._manifest = parse_image(jsonio.loads(body, "manifest", limit=MAX_MANIFEST))
        elif name.startswith(b"rootfs/") or (name == b"rootfs" and entry.kind == tarread.DIRECTORY):
            self._in_root(entry, source)
        elif name != b"." or entry.kind != tarread.DIRECTORY:
            raise _broken(f"{safe(name, 200)!r} is neither 'manifest' nor in 'rootfs'")
        self._kinds[name] = entry.kind

    def _in_root(self, entry: Entry, source: Source) -> None:
        name = entry.name
        above = name.rpartition(b"/")[0]
        if above and self._kinds.get(above, tarread.DIRECTORY) != tarread.DIRECTORY:
            raise _broken(f"{safe(above, 200)!r} is used as a directory but is none")
        if entry.kind == tarread.FILE:
            source.skip(entry.size)
            self.size += entry.size
        elif entry.kind == tarread.HARDLINK and self._kinds.get(entry.link) not in (
            tarread.FILE,
            tarread.HARDLINK,
        ):
            raise _broken(f"hard link {safe(name, 200)!r} leads to no file before it")
        elif entry.kind in (tarread.CHAR, tarread.BLOCKDEV) and above != b"rootfs/dev":
            raise _broken(f"{safe(name, 200)!r} is a device node, which an image may not bring")

    def finish(self) -> ImageManifest:
        if self._manifest is None:
            raise _broken("it has no manifest")
        if b"rootfs" not in self._kinds:
            raise _broken("it has no directory 'rootfs'")
        return self._manifest


def _broken(why: str) -> ImageError:
    return ImageError(f"archive: {why}", "make the image again")
