# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sigstore signatures made with a key pair, in cosign's layout.

The tag `sha256-<hex>.sig` of the image's repository is a manifest whose layers are payloads, each
with its signature in an annotation. Nothing in that manifest is believed: payloads are what their
digest says, and count when a key of the policy signed them and they name our manifest. Keys:
ECDSA on P-256 or P-384 with SHA-256, and Ed25519. Neither certificates nor transparency logs.
"""

from __future__ import annotations

import binascii

from podwright import jsonio
from podwright.errors import FetchError, HostError, UsageError, VerifyError
from podwright.host import distpackages
from podwright.model.names import is_hex
from podwright.stage0 import trustring
from podwright.stage0.judge import claim, policy, policykeys, simplesigning
from podwright.stage0.judge import signatures as stored
from podwright.stage0.judge.signatures import Sigstore
from podwright.stage0.verdict import Signature
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from podwright.model.policy import Requirement
    from podwright.stage0.verdict import Subject

MEDIA_TYPE = "application/vnd.dev.cosign.simplesigning.v1+json"
ANNOTATION = "dev.cosignproject.cosign/signature"
MAX_LAYERS = 1000
_CURVES = ("secp256r1", "secp384r1")


def tag(digest: str) -> str:
    """The tag under which the signatures of a manifest lie."""
    return f"{digest.replace(':', '-')}.sig"


def find(registry: Any, subject: Subject) -> tuple[Sigstore, ...]:
    """The signatures that the registry has for the image, at most eight. See `signatures.collect`."""
    found = registry.tag_manifest(tag(subject.digest))
    if found is None:
        return ()
    out = []
    for digest, signature in _layers(found[0], subject):
        payload = registry.blob(digest, claim.MAX_PAYLOAD)
        from hashlib import sha256

        if f"sha256:{sha256(payload).hexdigest()}" != digest:
            raise _refused(subject, f"has a signature whose payload is not {digest}", "bad-digest")
        out.append(Sigstore(payload, signature))
    return tuple(out)


def _layers(manifest: bytes, subject: Subject) -> list[tuple[str, bytes]]:
    """(payload digest, signature) of each signature that the manifest lists."""
    out = []
    try:
        raw = jsonio.loads(manifest, "manifest")
        layers = raw.get("layers") if isinstance(raw, dict) else None
        if not isinstance(layers, list) or len(layers) > MAX_LAYERS:
            raise UsageError("it has no list of layers")
        for layer in layers:
            if layer["mediaType"] != MEDIA_TYPE:
                continue
            digest, text = layer["digest"], layer["annotations"][ANNOTATION]
            if not (digest.startswith("sha256:") and is_hex(digest[7:], 64)):
                raise UsageError("a payload has no sha256 digest")
            out.append((digest, binascii.a2b_base64(text.encode("ascii"))))
    except (UsageError, KeyError, TypeError, AttributeError, ValueError) as err:
        why = err.message if isinstance(err, UsageError) else "a layer is not as cosign writes it"
        raise FetchError(
            f"image {subject.name}: the manifest {tag(subject.digest)} is not one of signatures"
            f" ({safe(why, 200)})",
            "have the image signed again",
            object=subject.name,
            reason="bad-signatures",
        ) from None
    if len(out) > stored.MAX_SIGNATURES:
        raise _refused(
            subject, f"has more than {stored.MAX_SIGNATURES} sigstore signatures", "too-many"
        )
    return out


def verify(
    subject: Subject, requirement: Requirement, found: tuple[Sigstore, ...]
) -> tuple[Signature, ...]:
    """The accepted signatures. Raises VerifyError with the most telling reason when none is."""
    keys = [read_key(path, data) for path, data in policykeys.sources(requirement)]
    accepted: list[Signature] = []
    failures: list[VerifyError] = []
    for each in found:
        key = next((key for key in keys if key.signed(each)), None)
        if key is None:
            continue
        try:
            said = claim.parse(each.payload, claim.COSIGN, subject.name)
            simplesigning.bind(subject, requirement, said)
        except VerifyError as err:
            failures.append(err)
            continue
        accepted.append(
            Signature(
                kind="sigstore",
                key=key.der_sha256,
                key_sha256=key.file_sha256,
                signed_at=said.signed_at,
                digest="sha512" if key.ed25519 else "sha256",
                identity=said.reference,
            )
        )
    if accepted:
        return tuple(dict.fromkeys(accepted))
    if failures:
        raise failures[0]
    raise _refused(
        subject, "has no sigstore signature by a key that the policy names", "not-trusted"
    )


class _Key:
    """A public key of the policy."""

    def __init__(self, public: Any, ed25519: bool, der: bytes, file: bytes) -> None:
        self._public = public
        self.ed25519 = ed25519
        self.der_sha256 = trustring.sha256(der)
        self.file_sha256 = trustring.sha256(file)

    def signed(self, blob: Sigstore) -> bool:
        """Whether this key made the signature."""
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec

        try:
            if self.ed25519:
                self._public.verify(blob.signature, blob.payload)
            else:
                self._public.verify(blob.signature, blob.payload, ec.ECDSA(hashes.SHA256()))
        except InvalidSignature:
            return False
        return True


def read_key(path: str, data: bytes) -> _Key:
    """Read a PEM public key. Raises PolicyError naming the file when it is none that we accept."""
    distpackages.enable()
    try:
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ec, ed25519
    except ImportError:
        raise no_cryptography() from None
    try:
        public = serialization.load_pem_public_key(data)
    except (ValueError, UnsupportedAlgorithm):
        raise policy.broken(
            path, "is not a public key in PEM form", "put a PEM public key there", policy.KEY
        ) from None
    der = public.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    if isinstance(public, ed25519.Ed25519PublicKey):
        return _Key(public, True, der, data)
    if isinstance(public, ec.EllipticCurvePublicKey) and public.curve.name in _CURVES:
        return _Key(public, False, der, data)
    raise policy.broken(
        path,
        "is neither an ECDSA key on P-256 or P-384 nor an Ed25519 key",
        "make another key",
        policy.KEY,
    )


def no_cryptography() -> HostError:
    """The error where the library that makes and checks sigstore signatures is missing."""
    return HostError(
        "the Python package cryptography, which sigstore signatures need, is not installed",
        "install the package python3-cryptography",
        reason="no-cryptography",
    )


def _refused(subject: Subject, why: str, reason: str) -> VerifyError:
    return VerifyError(
        f"image {subject.name} {why}",
        "have it signed by a key that the policy names",
        object=subject.name,
        reason=reason,
    )
