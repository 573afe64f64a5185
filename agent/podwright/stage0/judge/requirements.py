# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether signatures satisfy one requirement of the policy: those that came, those kept, those recorded."""

from __future__ import annotations

import os
import time

from podwright.errors import UsageError, VerifyError
from podwright.host import clock
from podwright.model import policy as model
from podwright.stage0 import verdict
from podwright.stage0.judge.signatures import SignatureBlobs
from podwright.stage0.verdict import Stale
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from podwright.host.paths import Layout
    from podwright.model.policy import Requirement
    from podwright.stage0.judge import pgp
    from podwright.stage0.verdict import Signature, Subject, Verdict

CLOCK_SKEW = 300
_HINT = "have it signed, or run it unverified with --insecure-options=image"
_FROM_FILE = (
    "give its signature with --signature=FILE, for which policy.json must name a signedIdentity of"
    " type exactReference or exactRepository; or run it unverified with --insecure-options=image"
)
_WITHOUT_POLICY = (
    "have it signed with a simple signature (sigstore signatures count only with a sigstoreSigned"
    " requirement in policy.json), or run it unverified with --insecure-options=image"
)
_HINTS = dict.fromkeys(("oci", "oci-archive", "docker-archive"), _FROM_FILE)
MAX_STORED = 4 * 1024 * 1024


def aci_signatures(
    layout: Layout,
    subject: Subject,
    requirement: Requirement,
    archive: int,
    packets: Optional[tuple[pgp.Signature, ...]],
) -> tuple[Signature, ...]:
    """The signatures of an ACI that satisfy one requirement. Raises VerifyError without any."""
    from podwright.stage0.judge import policykeys, verify

    if requirement.kind == model.SIGSTORE or not requirement.identity.kind.startswith("match"):
        raise VerifyError(
            f"image {subject.name}: the policy asks for what only images from registries have",
            "write signedBy without signedIdentity for the transport appc",
            object=subject.name,
            reason="no-signature",
        )
    keys = policykeys.openpgp_keys(layout, subject, requirement)
    if packets is None:
        verify.check_issuer(subject.name, (), keys)
        raise no_signature(subject, ())
    return _young(subject, requirement, verify.verify(subject.name, archive, packets, keys))


def oci_signatures(
    layout: Layout, subject: Subject, requirement: Requirement, blobs: SignatureBlobs
) -> tuple[Signature, ...]:
    """The signatures of an OCI image that satisfy one requirement. Raises VerifyError without any."""
    if requirement.kind == model.SIGSTORE:
        from podwright.stage0.judge import sigstore

        if not blobs.sigstore:
            raise no_signature(subject, blobs.searched)
        return _young(subject, requirement, sigstore.verify(subject, requirement, blobs.sigstore))
    from podwright.stage0.judge import policykeys, simplesigning

    keys = policykeys.openpgp_keys(layout, subject, requirement)
    if not blobs.simple:
        plain = subject.transport == "docker" and not verdict.has_policy(layout)
        raise no_signature(subject, blobs.searched, _WITHOUT_POLICY if plain else "")
    found = simplesigning.verify(subject, requirement, blobs.simple, keys)
    return _young(subject, requirement, found)


def stored_signatures(
    layout: Layout, record: Any, requirement: Requirement
) -> tuple[Signature, ...]:
    """The kept signatures of a stored image that satisfy one requirement; VerifyError without any."""
    try:
        return _of_stored(layout, record, requirement)
    except VerifyError as err:
        if err.reason != "no-signature":
            raise
        raise _stored_unsigned(record) from None


def _stored_unsigned(record: Any) -> VerifyError:
    source = getattr(record, "source", {})
    image = safe(source.get("ref") or record.name, 200)
    return VerifyError(
        f"image {record.name}: the stored copy has no signature that the policy of now could judge",
        f"get its signature by fetching it again: podwright fetch {image}",
        object=record.name,
        reason="no-signature",
    )


def _of_stored(layout: Layout, record: Any, requirement: Requirement) -> tuple[Signature, ...]:
    subject = verdict.subject_of(record)
    base = f"{layout.images}/{record.id}"
    if subject.transport != "appc":
        from podwright.stage0.judge import signatures

        manifest = _stored(f"{base}/oci-manifest", MAX_STORED) or b""
        check_digest(subject, manifest)
        stored = _stored(f"{base}/signatures.json", signatures.MAX_STORED)
        blobs = signatures.decode(stored, f"{base}/signatures.json") if stored else SignatureBlobs()
        return oci_signatures(layout, subject, requirement, blobs)
    from podwright.stage0.judge import verify

    data = _stored(f"{base}/aci.asc", MAX_STORED)
    if not data:
        raise no_signature(subject, ())
    packets = verify.read_signatures(data, f"{base}/aci.asc")
    try:
        archive = os.open(f"{base}/aci", os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as err:
        raise VerifyError(
            f"image {record.name}: its stored archive cannot be read ({err.strerror})",
            "remove the image and fetch it again",
            object=record.name,
        ) from None
    try:
        return aci_signatures(layout, subject, requirement, archive, packets)
    except VerifyError as err:
        if err.reason == "no-key" and record.verdict.signatures:
            raise verdict.not_trusted(record.name, record.verdict.fingerprint) from None
        raise
    finally:
        os.close(archive)


def holding(
    layout: Layout, subject: Subject, requirement: Requirement, found: Verdict
) -> Signature:
    """A recorded signature that satisfies the requirement; Stale when the record has none."""
    from podwright.stage0.judge import policykeys

    kinds = ("sigstore",) if requirement.kind == model.SIGSTORE else ("openpgp", "simple-signing")
    files = frozenset() if requirement.trust_store else policykeys.digests(requirement)
    for each in found.signatures:
        if requirement.trust_store:
            gone = verdict.trusted_still(layout, subject.name, each)
        else:
            gone = verdict.expired(subject.name, each)
        known = requirement.trust_store or each.key_sha256 in files
        fine = gone is None and known and each.kind in kinds and _is_young(requirement, each)
        if fine and (each.kind == "openpgp" or not misfit(subject, requirement, each.identity)):
            return each
    raise Stale(f"no recorded signature satisfies the policy for {subject.name}")


def misfit(subject: Subject, requirement: Requirement, signed: str) -> str:
    """Why a signature for the reference `signed` is not for this image; "" when it is."""
    image = subject.identity if subject.transport == "docker" else ""
    if signed == image and requirement.identity.kind.startswith("match"):
        return ""
    from podwright.model.dockername import fits

    try:
        return fits(requirement.identity, image, signed)
    except UsageError as err:
        return err.message


def check_digest(subject: Subject, manifest: bytes) -> None:
    from hashlib import sha256

    found = f"sha256:{sha256(manifest).hexdigest()}"
    if found != subject.digest:
        raise VerifyError(
            f"image {subject.name}: its manifest is {found}, not {subject.digest}",
            "fetch it again",
            object=subject.name,
            reason="bad-digest",
        )


def no_signature(subject: Subject, searched: tuple[str, ...], hint: str = "") -> VerifyError:
    """The error for an image that carries no signature where one is required."""
    places = f"; looked at {safe(', '.join(searched), 400)}" if searched else ""
    return VerifyError(
        f"image {subject.name} has no signature{places}",
        hint or _HINTS.get(subject.transport, _HINT),
        object=subject.name,
        reason="no-signature",
    )


def _young(
    subject: Subject, requirement: Requirement, found: tuple[Signature, ...]
) -> tuple[Signature, ...]:
    """Those that are not older than the requirement's `maximumSignatureAge`."""
    young = tuple(each for each in found if _is_young(requirement, each))
    if not young:
        when = f"was signed on {found[0].signed_at}" if found[0].signed_at else "has no date"
        raise VerifyError(
            f"image {subject.name} {when}; the policy allows {requirement.maximum_age // 3600} h",
            "have it signed again",
            object=subject.name,
            reason="signature-too-old",
        )
    return young


def _is_young(requirement: Requirement, signature: Signature) -> bool:
    if not requirement.maximum_age:
        return True
    now = time.time()
    oldest, newest = clock.rfc3339(now - requirement.maximum_age), clock.rfc3339(now + CLOCK_SKEW)
    return oldest < signature.signed_at <= newest


def _stored(path: str, limit: int) -> Optional[bytes]:
    try:
        with open(path, "rb") as file:
            return file.read(limit + 1)
    except FileNotFoundError:
        return None
