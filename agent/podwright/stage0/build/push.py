# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Push an image: blobs that are missing, then the manifest under its tag, then its signatures."""

from __future__ import annotations

import tempfile

from podwright.errors import UsageError
from podwright.model.ociref import parse_docker
from podwright.stage0.build.package import package
from podwright.stage0.build.upload import Repository
from podwright.stage0.web.netchild import RemoteClient
from podwright.text import safe
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Optional

    from podwright.host.paths import Layout
    from podwright.model.ociref import DockerRef
    from podwright.stage0.build.package import Package
    from podwright.stage0.build.sign import Signer
    from podwright.stage0.web.givenlogins import Credentials

    Progress = Callable[[str, int, Optional[int]], None]


@value
class Order:
    """What to push where.

    image        a stored image, an ACI file or an OCI layout
    target       `docker://REGISTRY/REPOSITORY:TAG`
    compression  of layers that are made: gzip, zstd or none
    signer       for a simple signature below the directory `lookaside`; None for none
    sigstore_key PEM private key for a sigstore signature; b"" for none
    """

    image: str
    target: str
    compression: str = "gzip"
    signer: Optional[Signer] = None
    lookaside: str = ""
    sigstore_key: bytes = b""
    sigstore_passphrase: str = ""
    insecure: frozenset[str] = frozenset()
    credentials: Optional[Credentials] = None


@value
class Pushed:
    """`digest` of the manifest; `changed`: something was not there yet; `warnings` are sentences."""

    digest: str
    reference: str
    changed: bool
    sent: int
    signatures: tuple[str, ...]
    warnings: tuple[str, ...]


def target_of(text: str) -> DockerRef:
    """The place to push to. Raises UsageError unless it is a tag of a repository."""
    scheme, colon, rest = text.partition("://")
    if scheme != "docker" or not colon:
        raise UsageError(
            f"push target {safe(text, 200)!r} is not docker://REGISTRY/REPOSITORY:TAG",
            object=safe(text, 200),
        )
    ref = parse_docker(rest)
    if ref.digest:
        raise UsageError(
            f"push target {safe(text, 200)!r} names a digest",
            "the digest comes out of the image: give a tag",
            object=safe(text, 200),
        )
    return ref


def push(
    layout: Layout, order: Order, progress: Optional[Progress] = None, *, dry_run: bool = False
) -> Pushed:
    """Push; a second time sends nothing. Raises UsageError, FetchError, VerifyError, ImageError."""
    ref = target_of(order.target)
    report = progress or (lambda _what, _done, _total: None)
    login = (
        order.credentials.for_registry(ref.registry, ref.repository) if order.credentials else None
    )
    with (
        RemoteClient(layout, order.insecure) as client,
        tempfile.TemporaryDirectory(prefix="podwright-push-") as scratch,
    ):
        made = package(layout, order.image, order.compression, scratch, report, order.insecure)
        repository = Repository(layout, client, ref, login)
        if dry_run:
            sent, changed = 0, repository.manifest(ref.tag) != made.manifest
        else:
            sent = _send(repository, made, report)
            changed = repository.put_manifest(ref.tag, made.manifest, made.media_type)
        signatures, signed = _sign(repository, order, made, dry_run)
    return _pushed(made, ref, changed or signed, sent, signatures)


def _pushed(
    made: Package, ref: DockerRef, changed: bool, sent: int, signatures: tuple[str, ...]
) -> Pushed:
    warnings = (
        (f"a container image cannot say: {', '.join(made.lost)}; they did not go along",)
        if made.lost
        else ()
    )
    return Pushed(made.digest, ref.canonical, changed, sent, signatures, warnings)


def _send(repository: Repository, made: Package, report: Progress) -> int:
    """Upload the blobs; the number of bytes that were sent."""
    sent = 0
    for blob in made.blobs:
        new = repository.put_blob(
            blob.digest,
            blob.size,
            blob.content,
            lambda done, blob=blob: report(blob.digest[:19], done, blob.size),  # type: ignore[misc]
        )
        sent += blob.size if new else 0
    return sent


def _sign(
    repository: Repository, order: Order, made: Package, dry_run: bool
) -> tuple[tuple[str, ...], bool]:
    """(where the signatures are, whether one of them is new)."""
    places: list[str] = []
    news = False
    if order.signer is not None or order.sigstore_key:
        from podwright.stage0.build import ocisign

        if order.signer is not None:
            path, new = ocisign.simple(
                repository.ref, made.digest, order.signer, order.lookaside, dry_run=dry_run
            )
            places, news = [path], new
        if order.sigstore_key:
            tag, new = ocisign.cosign(
                repository,
                made.digest,
                order.sigstore_key,
                order.sigstore_passphrase,
                dry_run=dry_run,
            )
            places.append(f"{repository.ref.registry}/{repository.ref.repository}:{tag}")
            news = news or new
    return tuple(places), news
