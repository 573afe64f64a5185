# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a bundle and its signature come from: an https server, or a registry. All through the confined network process.

    https://HOST/PATH          the bundle; its detached signature is at the same URL with .asc
    oci://REGISTRY/REPO:TAG    an artifact of two blobs: the bundle and its signature

Nothing of it is looked into here: what comes back are bytes, and what to ask with next time.
"""

from __future__ import annotations

import time

from podwright import jsonio
from podwright.errors import FetchError, UsageError, VerifyError
from podwright.model.fields import Fields
from podwright.model.fleetstate import MAX_BYTES
from podwright.stage0.judge import pgp
from podwright.text import safe
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

    from podwright.host.paths import Layout
    from podwright.stage0.web.transport import Client

BUNDLE_TYPE = "application/vnd.podwright.fleet.v1+json"
SIGNATURE_TYPE = "application/pgp-signature"


@value
class Bundle:
    """The bytes as they came; `etag` is what to ask with whether there is something new."""

    data: bytes
    signature: bytes
    etag: str


def connect(layout: Layout, insecure: frozenset[str]) -> Client:
    """The confined process that fetches, with the log-ins of the configuration."""
    from podwright.stage0.web import givenlogins
    from podwright.stage0.web.netchild import RemoteClient

    return RemoteClient(layout, insecure & {"tls", "http"}, givenlogins.keyring(layout, None))


def fetch(layout: Layout, client: Client, url: str, etag: str, seconds: float) -> Optional[Bundle]:
    """The bundle; None when it is still the one of `etag` ("" = none is known). Raises FetchError.

    seconds  in which an https server must have sent it; a registry has a time for each answer
    """
    scheme, _, rest = url.partition("://")
    if scheme == "oci" and rest:
        return _from_registry(layout, client, rest, etag)
    if scheme not in ("https", "http") or "?" in url or "#" in url:
        raise UsageError(
            f"{safe(url, 200)} is not the URL of a bundle",
            "give https://HOST/PATH without a query, or oci://REGISTRY/REPOSITORY:TAG",
            object=safe(url, 200),
        )
    return _from_server(client, url, etag, time.monotonic() + seconds)


def _from_server(client: Client, url: str, etag: str, deadline: float) -> Optional[Bundle]:
    from podwright.stage0.web.transport import status_error

    reply = client.open(url, {"If-None-Match": etag} if etag else {}, deadline=deadline)
    try:
        if etag and (reply.status == 304 or (reply.status == 200 and reply.header("ETag") == etag)):
            return None
        if reply.status != 200:
            raise status_error(reply)
        data = reply.body(MAX_BYTES, deadline)
        fresh = reply.header("ETag")
    finally:
        client.done(reply)
    return Bundle(
        data, _signature(client, url, deadline), fresh[:1024] if fresh.isprintable() else ""
    )


def _signature(client: Client, url: str, deadline: float) -> bytes:
    try:
        return client.get(f"{url}.asc", pgp.MAX_SIGNATURE_BYTES, deadline=deadline)
    except FetchError as err:
        if err.reason in ("http-404", "http-410", "http-403"):
            raise unsigned(f"{url}.asc") from None
        raise


def unsigned(where: str) -> VerifyError:
    """There is no signature."""
    return VerifyError(
        f"bundle: there is no signature at {safe(where, 300)}",
        "publish it beside the bundle: podwright bundle make writes both",
        object=safe(where, 300),
        reason="no-signature",
    )


def _from_registry(layout: Layout, client: Client, text: str, etag: str) -> Optional[Bundle]:
    from podwright.model.ociref import parse_docker
    from podwright.stage0.oci.registry import Registry
    from podwright.stage0.oci.source import digest_of

    registry = Registry(layout, client, parse_docker(text))
    if etag and registry.head() == etag:
        return None
    found = registry.tag_manifest(registry.ref.asked)
    if found is None:
        raise FetchError(
            f"oci://{safe(text, 200)}: the registry has no such bundle",
            "check its name and tag",
            object=safe(text, 200),
            reason="http-404",
        )
    bundle, signature = blobs(found[0], text)
    if not signature:
        raise unsigned(f"oci://{text}")
    data = registry.blob(bundle, MAX_BYTES)
    asc = registry.blob(signature, pgp.MAX_SIGNATURE_BYTES)
    return Bundle(data, asc, digest_of(found[0], "sha256:"))


def blobs(manifest: bytes, text: str) -> tuple[str, str]:
    """Digests of the bundle and of its signature ("" = none). Raises FetchError for another artifact."""
    from podwright.model.ociref import is_digest

    found: dict[str, str] = {}
    try:
        for layer in Fields(jsonio.loads(manifest, "its manifest"), "").objects("layers"):
            kind, digest = layer.text("mediaType", ...), layer.text("digest", ...)
            if is_digest(digest):
                found.setdefault(kind, digest)
    except UsageError as err:
        raise FetchError(f"oci://{safe(text, 200)}: {err.message}", reason="not-a-bundle") from None
    if BUNDLE_TYPE not in found:
        raise FetchError(
            f"oci://{safe(text, 200)} is not a bundle of podwright",
            "podwright bundle push makes one",
            object=safe(text, 200),
            reason="not-a-bundle",
        )
    return found[BUNDLE_TYPE], found.get(SIGNATURE_TYPE, "")
