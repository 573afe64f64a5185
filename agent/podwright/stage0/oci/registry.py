# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read from a registry (OCI distribution-spec 1.1), and from its mirrors before it.

The first answer for a tag says which digest is meant; from then on everything is asked for by
digest (threats.md T29). What a server says in `Docker-Content-Digest` is only a claim, and it is an
error when the claim is wrong.
"""

from __future__ import annotations

import threading
import time

from podwright.errors import FetchError, PodwrightError
from podwright.model import oci
from podwright.model.ociref import DockerRef, is_digest
from podwright.stage0.oci import login
from podwright.stage0.oci.mirrors import mirrors_of
from podwright.stage0.oci.source import Source, check_digest
from podwright.stage0.web import credentials, urls
from podwright.stage0.web.transport import SMALL_TIMEOUT, status_error
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Optional, TypeVar

    from podwright.host.paths import Layout
    from podwright.model.oci import Descriptor
    from podwright.stage0.oci.source import Progress
    from podwright.stage0.web.credentials import Login, RegistryAccess
    from podwright.stage0.web.transport import Client, Reply

    T = TypeVar("T")

ELSEWHERE = ("wrong-digest", "wrong-size", "bad-claim")
"""Reasons for which a mirror is left and the next server asked, besides all of FetchError."""


class Endpoint:
    """One server of a repository: `base` is https://HOST[/PREFIX]/v2/REPOSITORY.

    actions  what a token is asked for: `pull`, or `pull,push`
    """

    def __init__(
        self,
        client: Client,
        server: urls.Url,
        repository: str,
        access: RegistryAccess,
        actions: str = "pull",
    ) -> None:
        self._actions = actions
        self.client = client
        self.server = server
        self._repository = repository
        self._access = access
        self._authorization = ""
        self._lock = threading.Lock()
        self._settled = "http" not in client.insecure

    @property
    def base(self) -> str:
        """The URL below which `manifests` and `blobs` are."""
        text = str(self.server).rstrip("/")
        host, slash, prefix = text.partition("://")[2].partition("/")
        return f"{self.server.scheme}://{host}/v2/{prefix}{slash}{self._repository}"

    def open(
        self,
        path: str,
        headers: dict[str, str],
        deadline: float = 0.0,
        method: str = "GET",
        body: Optional[bytes] = None,
    ) -> Reply:
        """Send a request below `base`, or to a URL of this server, logging in once when asked to."""
        if not self._settled:
            self._settle()
        reply = self._send(path, headers, deadline, method, body)
        if reply.status != 401:
            return reply
        challenge = reply.header("WWW-Authenticate")
        self.client.done(reply)
        with self._lock:
            self._authorization = login.authorize(
                self.client,
                self.server,
                challenge,
                self._access,
                f"repository:{self._scope()}:{self._actions}",
            )
        reply = self._send(path, headers, deadline, method, body)
        if reply.status == 401:
            self.client.done(reply)
            raise login.refused(self.server, self._access)
        return reply

    def _settle(self) -> None:
        """With --insecure-options=http: plain http where https does not answer at all."""
        self._settled = True
        try:
            self.client.done(self.client.open(f"{self.server}v2/", deadline=_soon()))
        except FetchError as err:
            if err.reason != "fetch-failed":
                raise
            plain = str(self.server).replace("https://", "http://", 1)
            self.server = urls.parse(plain, self.client.insecure)

    def _scope(self) -> str:
        prefix = self.server.target.strip("/")
        return f"{prefix}/{self._repository}" if prefix else self._repository

    def _send(
        self,
        path: str,
        headers: dict[str, str],
        deadline: float,
        method: str,
        body: Optional[bytes],
    ) -> Reply:
        url = path if "://" in path else f"{self.base}/{path}"
        target = urls.parse(url, self.client.insecure)
        own = (target.host, target.port) == (self.server.host, self.server.port)
        secret = {"Authorization": self._authorization} if self._authorization and own else {}
        return self.client.open(
            url, {**headers, **secret}, deadline=deadline, method=method, body=body
        )


class Registry(Source):
    """The repository of a reference. `client` is shared by the threads that fetch layers."""

    def __init__(
        self, layout: Layout, client: Client, ref: DockerRef, given: Optional[Login] = None
    ) -> None:
        self.ref = ref
        self.shown = ref.canonical
        access = credentials.for_registry(layout, ref.registry, ref.repository, given)
        self._endpoints = []
        for mirror in mirrors_of(layout, ref.registry):
            port = "" if mirror.port == 443 else f":{mirror.port}"
            prefix = mirror.target.strip("/")
            path = f"{prefix}/{ref.repository}" if prefix else ref.repository
            own = credentials.for_registry(layout, f"{mirror.host}{port}", path)
            self._endpoints.append(Endpoint(client, mirror, ref.repository, own))
        server = urls.parse(f"https://{ref.api_host}")
        self._endpoints.append(Endpoint(client, server, ref.repository, access))
        self.tries = len(self._endpoints)

    def top(self) -> tuple[bytes, str]:
        """See Source."""
        return self._first(lambda endpoint: self._manifest(endpoint, self.ref.asked))

    def document(self, descriptor: Descriptor) -> tuple[bytes, str]:
        """See Source."""
        return self._first(lambda endpoint: self._manifest(endpoint, descriptor.digest))

    def tag_manifest(self, tag: str) -> Optional[tuple[bytes, str]]:
        """The manifest of another tag of the repository and its type; None without that tag."""
        try:
            return self._first(lambda endpoint: self._manifest(endpoint, tag))
        except FetchError as err:
            if err.reason == "http-404":
                return None
            raise

    def head(self) -> str:
        """The digest that the server claims for the reference, or "" when it says none."""

        def ask(endpoint: Endpoint) -> str:
            headers = {"Accept": oci.ACCEPT}
            reply = endpoint.open(f"manifests/{self.ref.asked}", headers, _soon(), "HEAD")
            try:
                if reply.status != 200:
                    raise self._status(reply, "such image")
                claim = reply.header("Docker-Content-Digest")
                return claim if is_digest(claim) else ""
            finally:
                endpoint.client.done(reply)

        return self._first(ask)

    def blob(self, digest: str, limit: int) -> bytes:
        """See Source."""

        def get(endpoint: Endpoint) -> bytes:
            deadline = _soon()
            reply = endpoint.open(f"blobs/{digest}", {}, deadline)
            try:
                if reply.status != 200:
                    raise self._status(reply, f"blob {digest[:19]}")
                data = reply.body(limit, deadline)
            finally:
                endpoint.client.done(reply)
            check_digest(data, digest, f"image {self.shown}: its blob {digest[:19]}")
            return data

        return self._first(get)

    def layer(self, descriptor: Descriptor, attempt: int, progress: Progress) -> Iterator[bytes]:
        """See Source."""
        from podwright.stage0.oci.blobs import stream

        return stream(self._endpoints[attempt], descriptor, self.shown, progress)

    def _manifest(self, endpoint: Endpoint, reference: str) -> tuple[bytes, str]:
        deadline = _soon()
        reply = endpoint.open(f"manifests/{reference}", {"Accept": oci.ACCEPT}, deadline)
        try:
            if reply.status != 200:
                raise self._status(reply, "such image")
            data = reply.body(oci.MAX_DOCUMENT, deadline)
            claim = reply.header("Docker-Content-Digest")
        finally:
            endpoint.client.done(reply)
        what = f"image {self.shown}: the manifest that {endpoint.server.host} serves"
        if is_digest(reference):
            check_digest(data, reference, what)
        if claim:
            if not is_digest(claim):
                raise FetchError(
                    f"{what} is said to have a digest that is none", reason="bad-claim"
                )
            check_digest(data, claim, what)
        return data, reply.header("Content-Type")

    def _first(self, ask: Callable[[Endpoint], T]) -> T:
        """What the first server gives that has it; the registry's own error when none has."""
        for endpoint in self._endpoints[:-1]:
            try:
                return ask(endpoint)
            except PodwrightError as err:
                if not isinstance(err, FetchError) and err.reason not in ELSEWHERE:
                    raise
        return ask(self._endpoints[-1])

    def _status(self, reply: Reply, what: str) -> FetchError:
        if reply.status == 404:
            return FetchError(
                f"image {self.shown}: {reply.url.host} has no {what}",
                "check its name and tag",
                object=self.shown,
                reason="http-404",
            )
        if reply.status == 403:
            return FetchError(
                f"image {self.shown}: {safe(reply.url.host, 100)} does not let us read it",
                "check what the log-in may read",
                object=self.shown,
                reason="http-403",
            )
        return status_error(reply)


def _soon() -> float:
    return time.monotonic() + SMALL_TIMEOUT
