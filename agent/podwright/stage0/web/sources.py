# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the bytes of an image come from: a local file or a URL, as chunks, once.

Whatever the source, what is read is written to a private copy at the same time, and that copy is
what gets verified and stored; nobody else can change it in between (threats.md T40).
"""

from __future__ import annotations

import os
import re
import stat
import time

from podwright import jsonio
from podwright.errors import FetchError, UsageError
from podwright.kernel import fs
from podwright.kernel.step import step
from podwright.stage0.web.transport import Reply, status_error
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Optional

    from podwright.stage0.web.transport import Client

    Progress = Callable[[int, Optional[int]], None]

CHUNK = 256 * 1024
MAX_BYTES = 16 * 1024**3
GRACE = 60.0
SLOWEST = 16 * 1024
RETRIES = 5
_NEW = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
_CONTENT_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)\Z")
_MAX_AGE = re.compile(r"(?:^|[,\s])max-age=(\d{1,9})(?:$|[,\s])", re.IGNORECASE)


def _ignore(_done: int, _total: Optional[int]) -> None:
    """Nobody watches."""


def from_file(path: str, copy: str, progress: Optional[Progress] = None) -> Iterator[bytes]:
    """Chunks of a local file, each written to the new file `copy` before it is handed on."""
    source = open_regular(path, "image")
    try:
        total = os.fstat(source).st_size
        if total > MAX_BYTES:
            raise UsageError(
                f"image {safe(path, 300)} is larger than the limit of {MAX_BYTES} bytes"
            )
        step("open")
        target = os.open(copy, _NEW | os.O_EXCL, 0o600)
        try:
            done = 0
            while chunk := os.read(source, CHUNK):
                done += len(chunk)
                if done > MAX_BYTES:
                    raise UsageError(f"image {safe(path, 300)} grows beyond {MAX_BYTES} bytes")
                fs.write_all(target, chunk)
                (progress or _ignore)(done, total)
                yield chunk
        finally:
            os.close(target)
    finally:
        os.close(source)


def open_regular(path: str, what: str) -> int:
    """A descriptor on a regular file; UsageError naming it otherwise. Pipes do not block."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError as err:
        raise UsageError(
            f"{what} {safe(path, 300)}: {err.strerror}", "check the path", object=safe(path, 300)
        ) from None
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise UsageError(f"{what} {safe(path, 300)} is not a regular file", object=safe(path, 300))
    return fd


def gathered(reply: Reply, heard: Callable[[int, int], None]) -> Iterator[bytes]:
    """A body in chunks of at least CHUNK bytes but for the last; what came is not lost to an error.

    heard  called with the bytes that came, and with those that wait to be handed on; may raise
           FetchError
    """
    parts: list[bytes] = []
    size = 0
    try:
        while part := reply.read(CHUNK):
            parts.append(part)
            size += len(part)
            heard(len(part), size)
            if size >= CHUNK:
                yield b"".join(parts)
                parts, size = [], 0
    except FetchError:
        if parts:
            yield b"".join(parts)
        raise
    if parts:
        yield b"".join(parts)


class Download:
    """One image from a URL, into `copy`, resumed where an earlier try broke off.

    The caller holds the lock of this URL. `copy` is kept when the download fails, together with
    `copy`.json that names URL, ETag and the checks of the connection that were lifted; it is
    continued only when the server still has the same, and never with more checks than it began
    with.
    """

    def __init__(self, client: Client, url: str, copy: str, progress: Optional[Progress]) -> None:
        self._client = client
        self._url = url
        self._copy = copy
        self._progress = progress or _ignore
        self._reply: Optional[Reply] = None
        self._total: Optional[int] = None
        self._started = 0.0
        self._received = 0
        self.etag = ""
        self.max_age = 0

    def begin(self, known_etag: str = "") -> bool:
        """Send the request; False when the server says that `known_etag` is still current."""
        headers = {}
        kept, etag = self._partial()
        if kept:
            headers = {"Range": f"bytes={kept}-", "If-Range": etag}
        elif known_etag:
            headers = {"If-None-Match": known_etag}
        reply = self._client.open(self._url, headers)
        self.max_age = _max_age(reply.header("Cache-Control"))
        self.etag = reply.header("ETag")[:256]
        if reply.status == 304 and known_etag and not kept:
            self.etag = self.etag or known_etag
            self._client.done(reply)
            return False
        if kept and not _continues(reply, kept, etag):
            fs.unlink(self._copy)
            if reply.status != 200:
                self._client.done(reply)
                reply = self._client.open(self._url)
                self.etag = reply.header("ETag")[:256]
            kept = 0
        if reply.status not in (200, 206) or (reply.status == 206) != bool(kept):
            self._client.done(reply)
            raise status_error(reply)
        self._reply = reply
        self._total = None if reply.length is None else kept + reply.length
        self._check_size(self._total or 0)
        self._remember()
        return True

    def chunks(self) -> Iterator[bytes]:
        """The whole image from its beginning."""
        step("open")
        fd = os.open(self._copy, _NEW, 0o600)
        try:
            done = 0
            while chunk := os.read(fd, CHUNK):
                done += len(chunk)
                yield chunk
            self._started = time.monotonic()
            retries = RETRIES
            while True:
                try:
                    for chunk in self._body():
                        fs.write_all(fd, chunk)
                        done += len(chunk)
                        self._check_size(done)
                        self._progress(done, self._total)
                        yield chunk
                    if self._total in (None, done):
                        break
                    raise FetchError(
                        f"{self._url}: the connection broke after {done} bytes", "try again"
                    )
                except FetchError as err:
                    retries -= 1
                    if retries < 0 or err.reason in ("time-cap", "too-large"):
                        raise
                    self._resume(done, err)
        finally:
            os.close(fd)
        fs.unlink(f"{self._copy}.json")

    def discard(self) -> None:
        """Keep nothing of what has arrived."""
        for path in (self._copy, f"{self._copy}.json"):
            fs.unlink(path)

    def _body(self) -> Iterator[bytes]:
        """What the current answer brings, gathered into chunks of a useful size."""
        assert self._reply is not None
        yield from gathered(self._reply, self._heard)
        self._client.done(self._reply)

    def _resume(self, done: int, cause: FetchError) -> None:
        """Ask for the rest; raises the cause when that is not possible."""
        if not _strong(self.etag) or not done:
            raise cause
        reply = self._client.open(self._url, {"Range": f"bytes={done}-", "If-Range": self.etag})
        if not _continues(reply, done, self.etag):
            self._client.done(reply)
            fs.unlink(self._copy)
            raise FetchError(
                f"{self._url} changed while it was fetched", "try again", reason="changed"
            )
        self._reply = reply

    def _partial(self) -> tuple[int, str]:
        """(bytes, ETag) of what an earlier try left; (0, "") when that is of no use."""
        try:
            with open(f"{self._copy}.json", "rb") as file:
                said = jsonio.loads(file.read(8192), self._copy)
            size = os.lstat(self._copy).st_size
            lifted = set(said["lifted"]) <= self._client.insecure
            if said["url"] == self._url and _strong(said["etag"]) and lifted and size:
                return size, said["etag"]
        except (OSError, UsageError, KeyError, TypeError):
            pass
        fs.unlink(self._copy)
        return 0, ""

    def _remember(self) -> None:
        lifted = sorted(self._client.insecure & {"tls", "http"})
        record = jsonio.dumps({"url": self._url, "etag": self.etag, "lifted": lifted})
        fs.write_atomic(f"{self._copy}.json", record.encode(), durable=False)

    def _check_size(self, size: int) -> None:
        if size > MAX_BYTES:
            raise FetchError(
                f"{self._url} is larger than the limit of {MAX_BYTES} bytes", reason="too-large"
            )

    def _heard(self, new: int, _waiting: int) -> None:
        """Give up on a server that sends too slowly for too long."""
        self._received += new
        allowed = GRACE + self._received / SLOWEST
        if time.monotonic() - self._started > allowed:
            raise FetchError(f"{self._url} sends too slowly", "try again later", reason="time-cap")


def _strong(etag: str) -> bool:
    return (
        isinstance(etag, str)
        and len(etag) > 2
        and etag[0] == '"' == etag[-1]
        and etag.isprintable()
    )


def _continues(reply: Reply, start: int, etag: str) -> bool:
    """Whether an answer is the rest of the same content, from byte `start`."""
    match = _CONTENT_RANGE.match(reply.header("Content-Range"))
    return (
        reply.status == 206
        and match is not None
        and int(match.group(1)) == start
        and reply.header("ETag") in ("", etag)
    )


def _max_age(text: str) -> int:
    """Seconds for which a Cache-Control header lets an answer stand."""
    if "no-store" in text.lower() or "no-cache" in text.lower():
        return 0
    match = _MAX_AGE.search(text)
    return int(match.group(1)) if match else 0
