# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make a bundle: from desired states to the bytes that are signed, the same bytes for the same input."""

from __future__ import annotations

import os

from podwright import jsonio
from podwright.errors import UsageError
from podwright.kernel import fs
from podwright.model import fleetstate
from podwright.model.spec import parse_desired
from podwright.stage0.web.sources import open_regular
from podwright.text import safe
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from podwright.host.paths import Layout
    from podwright.stage0.build.sign import Signer

MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
EMPTY_TYPE = "application/vnd.oci.empty.v1+json"
"""Of a configuration that says nothing (OCI image-spec 1.1, "Guidelines for Artifact Usage")."""


@value
class Head:
    """What a bundle says of itself; times as in the document, "" = not said."""

    fleet: str
    serial: int
    expires: str
    not_before: str = ""
    minimum_agent: str = ""


def compose(raw: Any, head: Head, what: str) -> bytes:
    """The bytes of a bundle of these states. Raises UsageError naming `what` and the bad field."""
    if not isinstance(raw, dict):
        raise UsageError(f"{what}: must be an object")
    whole = {"hosts": [{"state": raw}]} if "hosts" not in raw else dict(raw)
    document: dict[str, Any] = {
        "kind": fleetstate.KIND,
        "version": fleetstate.VERSION,
        "fleet": head.fleet,
        "serial": head.serial,
        "expires": head.expires,
        "hosts": whole.pop("hosts"),
    }
    for name, said in (("not_before", head.not_before), ("minimum_agent", head.minimum_agent)):
        if said:
            document[name] = said
    if "rollout" in whole:
        document["rollout"] = whole.pop("rollout")
    if whole:
        raise UsageError(
            f"{what}: {safe(sorted(whole)[0], 60)}: unknown field", "known here: hosts, rollout"
        )
    data = jsonio.dumps(document).encode() + b"\n"
    check(fleetstate.parse(data, what), what)
    return data


def check(state: fleetstate.FleetState, what: str) -> None:
    """Raise UsageError for a state that `apply` would not read, whichever host it is for."""
    for part in state.parts:
        try:
            parse_desired(part.state)
        except UsageError as err:
            raise UsageError(
                f"{what}: {part.path}.{err.message}", err.hint, object=err.object
            ) from None


def read(path: str) -> Optional[bytes]:
    """A bundle's bytes; None where there is no file."""
    if not os.path.lexists(path):
        return None
    with open(open_regular(path, "bundle"), "rb") as file:
        return file.read(fleetstate.MAX_BYTES + 1)


def next_serial(path: str) -> int:
    """One more than that of the bundle there, 1 where there is none."""
    data = read(path)
    return 1 if data is None else fleetstate.parse(data, safe(path, 200)).serial + 1


def write(path: str, data: bytes, signer: Optional[Signer], *, dry_run: bool) -> bool:
    """Write a bundle, and its signature to PATH.asc; whether anything was, or would be, written.

    Whoever reads between the two finds a signature that is not the bundle's, and refuses it until the next pull.
    """
    from podwright.stage0.build import sign

    target = os.path.abspath(path)
    if not os.path.isdir(os.path.dirname(target)):
        raise UsageError(
            f"{safe(path, 200)}: its directory is not there",
            f"mkdir -p {safe(os.path.dirname(path), 200)}",
            object=safe(path, 200),
        )
    if read(path) == data:
        return signer is not None and sign.sign_archive(target, signer, dry_run=dry_run)
    if not dry_run:
        # Signed before anything is replaced: a key that cannot sign leaves the published bundle as it is.
        made = None if signer is None else signer.detached_of(data, safe(path, 300))
        fs.write_atomic(target, data, 0o644)
        if made is None:
            fs.unlink(f"{target}.asc")
        else:
            fs.write_atomic(f"{target}.asc", made, 0o644)
    return True


def push(
    layout: Layout, path: str, target: str, insecure: frozenset[str], *, dry_run: bool
) -> tuple[str, bool]:
    """Publish a bundle and its signature under a tag; (digest of the artifact, whether that is news)."""
    from podwright.model.ociref import parse_docker
    from podwright.stage0.build.upload import Repository
    from podwright.stage0.oci.source import digest_of
    from podwright.stage0.web.netchild import RemoteClient

    scheme, _, rest = target.partition("://")
    if scheme != "oci" or not rest or "@" in rest:
        raise UsageError(f"{safe(target, 200)!r} is not oci://REGISTRY/REPOSITORY:TAG")
    manifest, blobs = _artifact(path)
    ref = parse_docker(rest)
    with RemoteClient(layout, insecure) as client:
        repository = Repository(layout, client, ref)
        if dry_run:
            return digest_of(manifest), repository.manifest(ref.tag) != manifest
        for blob in blobs:
            repository.put_blob(digest_of(blob), len(blob), lambda: [blob], _unseen)  # noqa: B023
        changed = repository.put_manifest(ref.tag, manifest, MANIFEST_TYPE)
    return digest_of(manifest), changed


def _unseen(_done: int) -> None:
    """Bundles are small: nobody watches."""


def _artifact(path: str) -> tuple[bytes, tuple[bytes, ...]]:
    """The manifest of the artifact of a bundle, and the blobs that it names."""
    from podwright.pull import source
    from podwright.stage0.oci.source import digest_of

    data, signature = read(path), read(f"{path}.asc")
    if data is None or not signature:
        raise UsageError(
            f"{safe(path, 200)}: there is no bundle with a signature",
            "podwright bundle make --sign-by=KEY writes both",
            object=safe(path, 200),
        )
    state = fleetstate.parse(data, safe(path, 200))
    blobs = {EMPTY_TYPE: b"{}", source.BUNDLE_TYPE: data, source.SIGNATURE_TYPE: signature}
    config, *layers = (
        {"mediaType": kind, "digest": digest_of(blob), "size": len(blob)}
        for kind, blob in blobs.items()
    )
    notes = {"org.podwright.fleet": state.fleet, "org.podwright.serial": str(state.serial)}
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "artifactType": source.BUNDLE_TYPE,
        "config": config,
        "layers": layers,
        "annotations": notes,
    }
    return jsonio.dumps(manifest).encode(), tuple(blobs.values())
