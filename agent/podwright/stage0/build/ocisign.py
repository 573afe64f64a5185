# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sign pushed images: simple signing into a lookaside directory, sigstore into the registry.

Both sign a small JSON payload that binds the manifest's digest to the reference it was pushed as
(containers-signature(5); cosign's SIGNATURE_SPEC). A signature by the same key over the same two is
not made again.
"""

from __future__ import annotations

import base64
import os
import time

from podwright import jsonio
from podwright.errors import UsageError, VerifyError
from podwright.host import distpackages
from podwright.kernel import fs
from podwright.model import oci
from podwright.model.fields import Fields
from podwright.stage0.judge import claim, signedmessage, sigstore
from podwright.stage0.oci.source import digest_of
from podwright.stage0.web import sources
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from podwright.model.ociref import DockerRef
    from podwright.stage0.build.sign import Signer
    from podwright.stage0.build.upload import Repository

MAX_SIGNATURES = 8


def payload(kind: str, reference: str, digest: str) -> bytes:
    """What is signed: `kind` is `claim.ATOMIC` or `claim.COSIGN`."""
    critical = {
        "identity": {"docker-reference": reference},
        "image": {"docker-manifest-digest": digest},
        "type": kind,
    }
    optional = {"creator": "podwright", "timestamp": int(time.time())}
    return jsonio.dumps({"critical": critical, "optional": optional}).encode()


def _says_the_same(data: bytes, said: bytes, kind: str) -> bool:
    try:
        old, new = claim.parse(data, kind, ""), claim.parse(said, kind, "")
    except VerifyError:
        return False
    return (old.digest, old.reference) == (new.digest, new.reference)


def simple(
    ref: DockerRef, digest: str, signer: Signer, lookaside: str, *, dry_run: bool = False
) -> tuple[str, bool]:
    """Write a simple signature below `lookaside`; (its path, whether it is new)."""
    said = payload(claim.ATOMIC, ref.canonical, digest)
    directory = f"{lookaside}/{ref.repository}@{digest.replace(':', '=')}"
    for number in range(1, MAX_SIGNATURES + 1):
        path = f"{directory}/signature-{number}"
        if not os.path.lexists(path):
            if not dry_run:
                fs.ensure_dir(directory, 0o755)
                fs.write_atomic(path, signer.message(said), 0o644)
            return path, True
        if _is_ours(path, said, signer):
            return path, False
    raise UsageError(
        f"{safe(directory, 300)} holds {MAX_SIGNATURES} signatures already",
        "remove those that nobody needs",
        object=safe(directory, 300),
    )


def _is_ours(path: str, said: bytes, signer: Signer) -> bool:
    """Whether a signature file says the same and names our key; hosts will check it."""
    from podwright.stage0.judge.pgp import Malformed

    with open(sources.open_regular(path, "signature"), "rb") as file:
        data = file.read(4 * 1024 * 1024)
    try:
        signature, content = signedmessage.open_message(data)
    except Malformed:
        return False
    return signer.goes_by(signature.issuers) and _says_the_same(content, said, claim.ATOMIC)


def cosign(
    repository: Repository,
    digest: str,
    key: bytes,
    passphrase: str = "",
    *,
    dry_run: bool = False,
) -> tuple[str, bool]:
    """Push a sigstore signature beside the image; (its tag, whether it is new)."""
    private = _private(key, passphrase)
    said = payload(claim.COSIGN, repository.ref.canonical, digest)
    tag = sigstore.tag(digest)
    layers = _existing(repository, tag)
    public = private.public_key()
    for layer in layers:
        old = repository.read_blob(str(layer.get("digest")), claim.MAX_PAYLOAD)
        if _verifies(public, layer, old) and _says_the_same(old, said, claim.COSIGN):
            return tag, False
    if len(layers) >= MAX_SIGNATURES:
        raise UsageError(f"{tag} holds {MAX_SIGNATURES} signatures already", "remove old ones")
    if dry_run:
        return tag, True
    signature = base64.b64encode(_signed(private, said)).decode()
    layers.append(
        {
            "mediaType": sigstore.MEDIA_TYPE,
            "digest": digest_of(said),
            "size": len(said),
            "annotations": {sigstore.ANNOTATION: signature},
        }
    )
    config = jsonio.dumps(
        {
            "architecture": "",
            "os": "",
            "config": {},
            "rootfs": {"type": "layers", "diff_ids": [layer["digest"] for layer in layers]},
        }
    ).encode()
    for data in (said, config):
        repository.put_blob(digest_of(data), len(data), lambda data=data: (data,), _ignore)  # type: ignore[misc]
    document = {
        "schemaVersion": 2,
        "mediaType": oci.OCI_MANIFEST,
        "config": {"mediaType": oci.OCI_CONFIG, "digest": digest_of(config), "size": len(config)},
        "layers": layers,
    }
    return tag, repository.put_manifest(tag, jsonio.dumps(document).encode(), oci.OCI_MANIFEST)


def _ignore(_done: int) -> None:
    """A few hundred bytes."""


def _existing(repository: Repository, tag: str) -> list[dict[str, Any]]:
    """The layers of the signature manifest that is there."""
    data = repository.manifest(tag)
    if data is None:
        return []
    fields = Fields(jsonio.loads(data, tag), tag)
    return [dict(item.obj) for item in fields.objects("layers")]


def _signed(private: Any, said: bytes) -> bytes:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519

    if isinstance(private, ed25519.Ed25519PrivateKey):
        return private.sign(said)
    made: bytes = private.sign(said, ec.ECDSA(hashes.SHA256()))
    return made


def _verifies(public: Any, layer: dict[str, Any], said: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519

    try:
        signature = base64.b64decode(layer["annotations"][sigstore.ANNOTATION], validate=True)
        if isinstance(public, ed25519.Ed25519PublicKey):
            public.verify(signature, said)
        else:
            public.verify(signature, said, ec.ECDSA(hashes.SHA256()))
    except (InvalidSignature, ValueError, KeyError, TypeError):
        return False
    return True


def _private(data: bytes, passphrase: str) -> Any:
    """A PEM private key that hosts accept signatures of."""
    distpackages.enable()
    try:
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ec, ed25519
    except ImportError:
        raise sigstore.no_cryptography() from None
    password: Optional[bytes] = passphrase.encode() if passphrase else None
    try:
        private = serialization.load_pem_private_key(data, password)
    except (ValueError, TypeError):
        raise UsageError(
            "the sigstore key is not a PEM private key, or its passphrase is another",
            "make one with: openssl genpkey -algorithm ed25519 -out sigstore.key",
        ) from None
    if isinstance(private, ed25519.Ed25519PrivateKey) or (
        isinstance(private, ec.EllipticCurvePrivateKey)
        and private.curve.name in ("secp256r1", "secp384r1")
    ):
        return private
    raise UsageError(
        "the sigstore key is neither an ECDSA key on P-256 or P-384 nor an Ed25519 key",
        "make another key",
    )
