# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write to a registry (OCI distribution-spec 1.1, "Push"): blobs in chunks, then manifests.

A blob that the repository has already is not sent again. The server names the place for each next
chunk; it must be on the server itself, since what is sent there comes with our log-in.
"""

from __future__ import annotations

import time
from urllib.parse import urljoin

from podwright.errors import FetchError
from podwright.model.oci import ACCEPT
from podwright.model.ociref import is_digest
from podwright.stage0.build.archive import gathered
from podwright.stage0.oci.registry import Endpoint
from podwright.stage0.oci.source import check_digest, digest_of
from podwright.stage0.web import credentials, urls
from podwright.stage0.web.transport import SMALL_TIMEOUT
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Optional

    from podwright.host.paths import Layout
    from podwright.model.ociref import DockerRef
    from podwright.stage0.web.credentials import Login
    from podwright.stage0.web.transport import Client, Reply

CHUNK = 8 * 1024 * 1024
SLOWEST = 32 * 1024
"""Bytes a second that a registry must take."""


class Repository:
    """The repository of a reference, to write to.

    given  the caller's log-in, which comes before those of the configuration
    """

    def __init__(
        self, layout: Layout, client: Client, ref: DockerRef, given: Optional[Login] = None
    ) -> None:
        self.ref = ref
        self._server = urls.parse(f"https://{ref.api_host}")
        access = credentials.for_registry(layout, ref.registry, ref.repository, given)
        self._endpoint = Endpoint(client, self._server, ref.repository, access, "pull,push")

    def has(self, digest: str) -> bool:
        """Whether a blob is there."""
        reply = self._ask(f"blobs/{digest}", {}, "HEAD")
        if reply.status not in (200, 404):
            raise self._refused(reply, f"does not say whether it has {digest[:19]}")
        return reply.status == 200

    def read_blob(self, digest: str, limit: int) -> bytes:
        """A small blob, checked against its digest."""
        if not is_digest(digest):
            raise FetchError(f"{safe(digest, 80)} is not a digest", object=self.ref.canonical)
        deadline = time.monotonic() + SMALL_TIMEOUT
        reply = self._endpoint.open(f"blobs/{digest}", {}, deadline)
        try:
            if reply.status != 200:
                raise self._refused(reply, f"does not give {digest[:19]}")
            data = reply.body(limit, deadline)
        finally:
            self._endpoint.client.done(reply)
        check_digest(data, digest, f"registry {self.ref.registry}: its blob {digest[:19]}")
        return data

    def put_blob(
        self,
        digest: str,
        size: int,
        content: Callable[[], Iterable[bytes]],
        progress: Callable[[int], None],
    ) -> bool:
        """Upload a blob unless it is there; whether it was sent.

        progress  called with the number of bytes done
        """
        if self.has(digest):
            progress(size)
            return False
        reply = self._ask("blobs/uploads/", {}, "POST", b"")
        if reply.status != 202:
            raise self._refused(reply, "does not let us begin an upload")
        place, done = self._next(reply, self._endpoint.base + "/"), 0
        for piece in gathered(content(), CHUNK):
            headers = {
                "Content-Type": "application/octet-stream",
                "Content-Range": f"{done}-{done + len(piece) - 1}",
            }
            reply = self._ask(place, headers, "PATCH", piece)
            if reply.status != 202:
                raise self._refused(reply, f"does not take {digest[:19]}")
            place = self._next(reply, place)
            done += len(piece)
            progress(done)
        joiner = "&" if "?" in place else "?"
        reply = self._ask(f"{place}{joiner}digest={digest.replace(':', '%3A')}", {}, "PUT", b"")
        if reply.status != 201:
            raise self._refused(reply, f"does not accept {digest[:19]} after it was sent")
        return True

    def manifest(self, reference: str) -> Optional[bytes]:
        """The manifest of a tag or digest, None when there is none."""
        deadline = time.monotonic() + SMALL_TIMEOUT
        reply = self._endpoint.open(f"manifests/{reference}", {"Accept": ACCEPT}, deadline)
        try:
            if reply.status == 404:
                return None
            if reply.status != 200:
                raise self._refused(reply, f"does not say what {safe(reference, 80)} is")
            return reply.body(4 * 1024 * 1024, deadline)
        finally:
            self._endpoint.client.done(reply)

    def put_manifest(self, reference: str, data: bytes, media_type: str) -> bool:
        """Make a tag mean this manifest, or keep it by its digest; whether that was news."""
        if self.manifest(reference) == data:
            return False
        reply = self._ask(f"manifests/{reference}", {"Content-Type": media_type}, "PUT", data)
        if reply.status not in (200, 201, 202):
            raise self._refused(reply, "does not accept the image's manifest")
        claim = reply.header("Docker-Content-Digest")
        if claim and claim != digest_of(data, claim):
            raise self._refused(reply, "stored another manifest than it was sent")
        return True

    def _ask(
        self, path: str, headers: dict[str, str], method: str, body: Optional[bytes] = None
    ) -> Reply:
        """Send a request whose answer's body does not matter."""
        deadline = time.monotonic() + SMALL_TIMEOUT + len(body or b"") / SLOWEST
        reply = self._endpoint.open(path, headers, deadline, method, body)
        try:
            if reply.status in (401, 403):
                raise FetchError(
                    f"registry {self.ref.registry} does not let us push to {self.ref.repository}",
                    "check what the log-in may write",
                    object=self.ref.canonical,
                    reason="unauthorized",
                )
            if method != "HEAD":
                reply.body(65536, deadline, truncate=True)
        finally:
            self._endpoint.client.done(reply)
        return reply

    def _next(self, reply: Reply, before: str) -> str:
        """Where the next part of an upload goes."""
        place = urls.parse(
            urljoin(before, reply.header("Location")), self._endpoint.client.insecure
        )
        server = self._endpoint.server
        if (place.scheme, place.host, place.port) != (server.scheme, server.host, server.port):
            raise self._refused(reply, f"sends uploads to another server, {place.host}")
        return str(place)

    def _refused(self, reply: Reply, why: str) -> FetchError:
        return FetchError(
            f"registry {self.ref.registry} {why} (status {reply.status})",
            "check the repository's name, and what the registry allows",
            object=self.ref.canonical,
            reason=f"http-{reply.status}",
        )
