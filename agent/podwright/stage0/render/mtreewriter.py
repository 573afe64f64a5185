# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write a tree's `mtree` (see `mtree.py`) while the tree is being made; never all of it in memory.

Files, links and pipes stand in the order in which they were made, directories behind them, since
they are finished last.
"""

from __future__ import annotations

import os

from podwright.kernel import fs
from podwright.kernel.step import step
from podwright.stage0.render import mtree
from podwright.stage0.render.tarfields import broken

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    Meta = tuple[int, tuple[int, int], int]

_FLUSH = 128 * 1024
MAX_REPLACED = 4 * 1024 * 1024
"""Bytes of all paths that are made more than once."""


def line(path: bytes, kind: str, meta: Meta, attributes: Mapping[str, bytes], more: str) -> bytes:
    """As `mtree.line`, without a value in between: this is done for every member.

    meta  (mode, (uid, gid), time in nanoseconds)
    more  further words, each with a space before it
    """
    mode, (uid, gid), mtime = meta
    shown = b"./" + mtree.escape(path) if path else b"."
    bits = "" if kind == "link" else f" mode={mode:04o}"
    when = f"{mtime // 1_000_000_000}.{mtime % 1_000_000_000:09d}"
    text = f" type={kind}{bits} uid={uid} gid={gid} time={when}{more}"
    if attributes:
        text += f" xattrs={mtree.attributes_digest(dict(attributes))}"
    return b"%b%b\n" % (shown, text.encode())


class Writer:
    """Writes the file, and its digest; what was replaced is left out in the end."""

    def __init__(self, path: str) -> None:
        from hashlib import sha256

        self._path = path
        self._fd = _new(path)
        self._digest = sha256()
        self._lines: list[bytes] = []
        self._waiting = self._at = 0
        self._replaced: dict[bytes, int] = {}
        self._replaced_bytes = 0
        self.add(b"#mtree\n")

    def add(self, entry: bytes) -> None:
        """Write one line."""
        self._lines.append(entry)
        self._at += len(entry)
        self._waiting += len(entry)
        if self._waiting > _FLUSH:
            self._flush()

    def forget(self, path: bytes) -> None:
        """What was written of this path so far, and of all below it, is no longer there."""
        path = mtree.escape(path)
        if path not in self._replaced:
            self._replaced_bytes += len(path) + 100
            if self._replaced_bytes > MAX_REPLACED:
                raise broken("it replaces too many of its own members")
        self._replaced[path] = self._at

    def finish(self) -> str:
        """Write the rest; returns the file's SHA-256 in hex."""
        self._flush()
        if self._replaced:
            self._filter()
        return str(self._digest.hexdigest())

    def close(self) -> None:
        """Close the file."""
        os.close(self._fd)

    def _flush(self) -> None:
        data = b"".join(self._lines)
        self._lines, self._waiting = [], 0
        fs.write_all(self._fd, data)
        self._digest.update(data)

    def _forgotten_at(self, path: bytes) -> int:
        """The last place in the file at which an (escaped) path was forgotten, or -1."""
        found = self._replaced.get(path, -1)
        cut = path.rfind(b"/")
        while cut > 0:
            found = max(found, self._replaced.get(path[:cut], -1))
            cut = path.rfind(b"/", 0, cut)
        return found

    def _filter(self) -> None:
        """Write the file once more without the lines of what was replaced."""
        from hashlib import sha256

        fresh = f"{self._path}.new"
        at = 0
        self._digest = sha256()
        with open(self._path, "rb") as old:
            self._fd, before = _new(fresh), self._fd
            os.close(before)
            for entry in old:
                if at >= self._forgotten_at(entry.partition(b" ")[0][2:]):
                    self.add(entry)
                at += len(entry)
        self._flush()
        fs.rename(fresh, self._path, durable=False)


def _new(path: str) -> int:
    step("open")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    return os.open(path, flags, 0o600)
