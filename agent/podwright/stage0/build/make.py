# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Build an image: write the archive, read it back by the rules of every host, put it into place.

The same source gives the same bytes, so an archive that is there already and says the same stays
as it is, together with its signature.
"""

from __future__ import annotations

import os

from podwright.errors import HostError, ImageError, PodwrightError
from podwright.kernel import fs
from podwright.stage0.build import archive, manifest, members
from podwright.stage0.build.source import material
from podwright.text import safe
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Optional

    from podwright.stage0.build.archive import Checked
    from podwright.stage0.build.spec import Spec

    Progress = Callable[[str, int, Optional[int]], None]


@value
class Built:
    """An archive as it is, or in a dry run as it would be.

    image_id  `sha512-` and 64 digits
    before    what was there until now; None for nothing, or nothing valid
    """

    path: str
    image_id: str
    changed: bool
    manifest: bytes
    before: Optional[Checked]
    warnings: tuple[str, ...]


def build(spec: Spec, progress: Optional[Progress] = None, *, dry_run: bool = False) -> Built:
    """Make `spec.output`, unless it is there already.

    A stale signature beside a changed archive goes. Raises UsageError, ImageError, HostError; then
    what was there before is still there.
    """
    parts = material(spec)
    base = spec.manifest if spec.manifest is not None else parts.manifest
    text = manifest.assemble(base, spec.edits)
    warnings: dict[str, None] = {}

    def pieces() -> Iterator[bytes]:
        found = parts.members(lambda line: warnings.update({line: None}))
        return members.archive(found, b"rootfs/", text)

    def report(done: int) -> None:
        if progress is not None:
            progress(spec.output, done, None)

    before = existing(spec.output)
    try:
        if dry_run:
            plain = archive.digest(pieces(), report)
            changed = not _same(before, plain, spec.compression)
        else:
            plain, changed = _write(spec, pieces(), before, report)
    except OSError as err:
        raise _disk_error(err, spec.output) from None
    return Built(
        os.path.abspath(spec.output), f"sha512-{plain[:64]}", changed, text, before, tuple(warnings)
    )


def existing(path: str) -> Optional[Checked]:
    """The valid archive at a path, or None."""
    if not os.path.isfile(path):
        return None
    try:
        return archive.check(path)
    except PodwrightError:
        return None


def _same(before: Optional[Checked], plain: str, compression: str) -> bool:
    return before is not None and (before.plain, before.compression) == (plain, compression)


def _write(
    spec: Spec, pieces: Iterator[bytes], before: Optional[Checked], report: Callable[[int], None]
) -> tuple[str, bool]:
    """(SHA-512 of the plain archive, whether the file at the output is a new one)."""
    output = os.path.abspath(spec.output)
    temporary = f"{output}.{os.getpid()}.new"
    fs.unlink(temporary)
    try:
        written = archive.write(pieces, temporary, spec.compression, report)
        if _same(before, written.plain, spec.compression):
            return written.plain, False
        if archive.check(temporary).plain != written.plain:
            raise ImageError(
                f"{safe(output, 300)}: reading it back gives other bytes than were written",
                "check this host's memory and disk",
                object=safe(output, 300),
            )
        fs.unlink(f"{output}.asc")
        fs.rename(temporary, output)
        return written.plain, True
    finally:
        fs.unlink(temporary)


def _disk_error(err: OSError, output: str) -> HostError:
    import errno

    full = err.errno in (errno.ENOSPC, errno.EDQUOT)
    return HostError(
        f"{safe(output, 300)} cannot be written: {err.strerror or err}",
        "make room and try again" if full else "check the path",
        object=safe(output, 300),
        reason="disk-full" if full else "host-failed",
    )
