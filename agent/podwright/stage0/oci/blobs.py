# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One layer from a registry as a stream, continued where the connection broke.

What comes is not checked here but for its length: the digest over all of it decides (threats.md
T30), so a server that continues with something else has only wasted everyone's time.
"""

from __future__ import annotations

import time

from podwright.errors import FetchError
from podwright.stage0.oci.source import short
from podwright.stage0.web.sources import GRACE, RETRIES, SLOWEST, gathered
from podwright.stage0.web.transport import status_error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from podwright.model.oci import Descriptor
    from podwright.stage0.oci.registry import Endpoint
    from podwright.stage0.oci.source import Progress
    from podwright.stage0.web.transport import Reply


def stream(
    endpoint: Endpoint, descriptor: Descriptor, shown: str, progress: Progress
) -> Iterator[bytes]:
    """Exactly `descriptor.size` bytes, in chunks of a useful size; raises FetchError.

    progress  called with the number of bytes that came
    """
    blob = _Blob(endpoint, descriptor, shown, progress)
    retries = RETRIES
    while True:
        before = blob.done
        try:
            yield from blob.rest()
            return
        except FetchError as err:
            retries -= 1
            broken = err.reason == "fetch-failed"
            if not broken or retries < 0 or not blob.begun or blob.done == before:
                raise


class _Blob:
    """`done` counts the bytes handed on, over all tries."""

    def __init__(
        self, endpoint: Endpoint, descriptor: Descriptor, shown: str, progress: Progress
    ) -> None:
        self._endpoint = endpoint
        self._descriptor = descriptor
        self._shown = shown
        self._progress = progress
        self._started = time.monotonic()
        self.done = 0
        self.begun = False

    def rest(self) -> Iterator[bytes]:
        """What is still missing."""
        reply, passed_over = self._open()
        self.begun = True
        received = 0
        try:
            for part in gathered(reply, self._heard):
                received += len(part)
                if passed_over:
                    cut = min(passed_over, len(part))
                    passed_over -= cut
                    part = part[cut:]
                    if not part:
                        continue
                self.done += len(part)
                if self.done > self._descriptor.size:
                    raise short(self._shown, self._descriptor, self.done)
                self._progress(len(part))
                yield part
        finally:
            self._endpoint.client.done(reply)
        if self.done != self._descriptor.size:
            if reply.length is None or received < reply.length:
                raise FetchError(f"{reply.url}: the connection broke after {self.done} bytes")
            raise short(self._shown, self._descriptor, self.done)

    def _open(self) -> tuple[Reply, int]:
        """An answer with the blob from `done` on, or from its beginning: (answer, bytes to skip)."""
        headers = {"Range": f"bytes={self.done}-"} if self.done else {}
        reply = self._endpoint.open(f"blobs/{self._descriptor.digest}", headers)
        if reply.status == 200:
            return reply, self.done
        if reply.status == 206 and self.done:
            range_said = reply.header("Content-Range")
            if range_said.startswith(f"bytes {self.done}-"):
                return reply, 0
        self._endpoint.client.done(reply)
        if reply.status == 404:
            raise FetchError(
                f"image {self._shown}: {reply.url.host} lacks its layer "
                f"{self._descriptor.digest[:19]}",
                "push the image again",
                object=self._shown,
                reason="http-404",
            )
        error = status_error(reply)
        if reply.status == 206:
            error.message = f"{reply.url} continues at another place than asked for"
        raise error

    def _heard(self, _new: int, waiting: int) -> None:
        """Give up on a server that sends too slowly for too long."""
        if time.monotonic() - self._started > GRACE + (self.done + waiting) / SLOWEST:
            raise FetchError(
                f"registry {self._endpoint.server.host} sends too slowly",
                "try again later",
                reason="time-cap",
            )
