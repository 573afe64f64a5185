# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The confined process that decompresses an archive, hashes it plain and takes it apart.

Decompressors are C libraries that read what strangers made, so they work without root's identity,
without files and without the network (kernel/confine.py); the second core is used on the way. The
agent gives it the bytes as served and gets members (`memberframes.py`).
"""

from __future__ import annotations

import fcntl
import os
import select

from podwright.errors import HostError
from podwright.kernel import confine
from podwright.stage0.render import decompress, memberframes, tarfields
from podwright.stage0.render.feed import TarFeed
from podwright.stage0.render.memberframes import FrameFeed
from podwright.stage0.render.tarread import Source

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any, Optional

    from podwright.stage0.render.decompress import Codec, Limits

WHAT = "the decoder of the archive"
CHUNK = 256 * 1024
PIPE = 1024 * 1024
MEMORY = 384 * 1024**2
PATIENCE = 120.0
"""Seconds without anything going in or coming out."""
_CLEAN = {"aci": tarfields.clean, "layer": tarfields.clean_layer}
_DIGEST = {"aci": "sha512", "layer": "sha256"}


class DecodeChild:
    """The process, its input and its members.

    moved  says how many bytes have been given to it, so that a slow source is not taken for a
           decoder that hangs
    """

    def __init__(self, kind: str, limits: Limits, moved: Callable[[], int]) -> None:
        self._moved = moved
        theirs_in, self._in = _pipe()
        self._out, theirs_out = _pipe()
        worker = _Decoder(kind, limits, theirs_in, theirs_out)
        try:
            self._child = confine.spawn(
                worker.run,
                pass_fds=(theirs_in, theirs_out),
                memory=MEMORY,
                before=worker.prepare,
                what=WHAT,
            )
        except BaseException:
            os.close(self._in)
            os.close(self._out)
            raise
        finally:
            os.close(theirs_in)
            os.close(theirs_out)
        length = 64 if kind == "aci" else 32
        self.feed = FrameFeed(Source(self._frames()), _CLEAN[kind], length, limits.most)

    def put(self, chunk: bytes) -> None:
        """Give it bytes. Raises BrokenPipeError when it wants no more."""
        view = memoryview(chunk)
        while view:
            view = view[os.write(self._in, view) :]

    def end_input(self) -> None:
        """Nothing more comes. To be called once, by whoever called `put`."""
        os.close(self._in)

    def finish(self) -> None:
        """After the last member: it has to have ended well. Raises its error."""
        if os.read(self._out, 1):
            raise memberframes.forged()
        self._child.wait(PATIENCE)

    def close(self) -> None:
        """End it, whatever it does."""
        self._child.kill()
        os.close(self._out)

    def _frames(self) -> Iterator[Any]:
        """What it sends, in one buffer that is used again."""
        buffer = memoryview(bytearray(CHUNK * 2))
        poll = select.poll()
        poll.register(self._out, select.POLLIN)
        moved = -1
        while True:
            if not poll.poll(PATIENCE * 1000):
                if moved == self._moved():
                    raise HostError(f"{WHAT} does nothing any more", reason="decoder-hangs")
                moved = self._moved()
                continue
            size = os.readv(self._out, [buffer])
            if not size:
                self._child.wait(PATIENCE)
                raise memberframes.forged()
            yield buffer[:size]


def _pipe() -> tuple[int, int]:
    """A pipe, as large as we may have it."""
    read_end, write_end = os.pipe()
    for size in (PIPE, PIPE // 4):
        try:
            fcntl.fcntl(write_end, 1031, size)  # F_SETPIPE_SZ, which Python has since 3.10
            break
        except PermissionError:
            continue
    return read_end, write_end


class _Decoder:
    """What the process does."""

    def __init__(self, kind: str, limits: Limits, read_end: int, write_end: int) -> None:
        self._kind = kind
        self._limits = limits
        self._in = read_end
        self._out = write_end
        self._head = b""
        self._codec: Optional[Codec] = None

    def prepare(self) -> None:
        """Look at how the archive begins, and load what it needs while files can be opened."""
        import hashlib

        hashlib.new(_DIGEST[self._kind])
        while len(self._head) < decompress.HEAD:
            more = os.read(self._in, CHUNK)
            if not more:
                break
            self._head += more
        name = decompress.recognise(self._head)
        self._codec = decompress.codec(name) if name else None

    def run(self) -> None:
        """Decode it all."""
        import hashlib

        digest = hashlib.new(_DIGEST[self._kind])

        def chunks() -> Iterator[bytes]:
            yield self._head
            while chunk := os.read(self._in, CHUNK):
                yield chunk

        def pieces() -> Iterator[bytes]:
            for piece in decompress.plain(chunks(), self._limits, self._codec):
                digest.update(piece)
                yield piece

        feed = TarFeed(Source(pieces()), _CLEAN[self._kind])
        memberframes.send(feed, self._out, digest.digest)
