# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Judge an image by the policy: when it is fetched, and again whenever it is used.

All requirements of the scope that decides must hold. `--insecure-options=image` stands for the
signatures that are missing, in that one call; it lifts neither `reject` nor `minimumStage1` nor
a policy file that cannot be believed.
"""

from __future__ import annotations

import os
import time

from podwright.errors import UsageError, VerifyError
from podwright.host import clock
from podwright.model import policy as model
from podwright.stage0 import policy, verdict
from podwright.stage0.policy import PolicyError
from podwright.stage0.signatures import SignatureBlobs
from podwright.stage0.signatures import collect as collect_signatures
from podwright.stage0.verdict import Stale, Verdict
from podwright.text import safe
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any, Optional

    from podwright.host.paths import Layout
    from podwright.model.policy import Requirement
    from podwright.stage0 import pgp
    from podwright.stage0.verdict import Signature, Subject

__all__ = ["PolicyError", "SignatureBlobs", "collect_signatures"]

CLOCK_SKEW = 300
MAX_STORED_SIGNATURE = 4 * 1024 * 1024


@value
class Rule:
    """What the policy asks of one image; `scope` is "" where there is no policy file."""

    scope: str
    requirements: tuple[Requirement, ...]
    ranks: dict[str, str]

    @property
    def needs_signature(self) -> bool:
        """Whether some requirement can only be satisfied by a signature."""
        return any(each.needs_signature for each in self.requirements)


def rule_for(layout: Layout, subject: Subject) -> Rule:
    """The rule of this moment. Raises PolicyError when the policy is broken, whatever the image."""
    found = policy.load(layout)
    if found is None:
        return Rule("", model.NO_POLICY, {})
    try:
        scope, requirements = found.choose(subject.transport, subject.identity)
    except UsageError as err:
        raise PolicyError(err.message, err.hint, object=subject.name) from None
    return Rule(scope, requirements, found.ranks)


def refuse_rejected(rule: Rule, subject: Subject) -> None:
    """Raise PolicyError when the rule rejects the image whatever it is signed with."""
    if any(each.kind == model.REJECT for each in rule.requirements):
        raise PolicyError(
            f"image {subject.name} is rejected by the policy (scope {rule.scope})",
            "podwright policy check IMAGE shows which rule decides",
            object=subject.name,
            reason="rejected",
        )


def reject_early(
    layout: Layout,
    subject: Subject,
    rule: Rule,
    packets: Optional[tuple[pgp.Signature, ...]],
) -> None:
    """Refuse an ACI before its download when no signature even claims to be by a right key.

    packets  its signatures, () when the server is still making them, None when there are none
    """
    from podwright.stage0 import policykeys, verify

    for requirement in rule.requirements:
        if requirement.kind == model.SIGNED_BY:
            keys = policykeys.openpgp_keys(layout, subject, requirement)
            verify.check_issuer(subject.name, packets or (), keys)
        if requirement.needs_signature and packets is None:
            raise no_signature(subject, ())


def judge_aci(
    layout: Layout,
    subject: Subject,
    archive: int,
    packets: Optional[tuple[pgp.Signature, ...]],
    options: Iterable[str],
) -> Verdict:
    """The verdict on an ACI whose bytes are read from the descriptor `archive`.

    packets  its detached signatures, None when it has none
    options  the fetch checks that were lifted; goes into the verdict
    """

    def satisfy(requirement: Requirement) -> tuple[Signature, ...]:
        return aci_signatures(layout, subject, requirement, archive, packets)

    return _judge(rule_for(layout, subject), subject, options, satisfy)


def judge_oci(
    layout: Layout,
    subject: Subject,
    manifest: bytes,
    blobs: SignatureBlobs,
    options: Iterable[str],
) -> Verdict:
    """The verdict on an OCI image by its manifest; the signatures are those of `collect`."""
    _check_digest(subject, manifest)

    def satisfy(requirement: Requirement) -> tuple[Signature, ...]:
        return oci_signatures(layout, subject, requirement, blobs)

    return _judge(rule_for(layout, subject), subject, options, satisfy)


def judge_stored(layout: Layout, record: Any) -> Verdict:
    """The verdict on a stored image, from the bytes that were kept of it.

    That its signature check was lifted when it came was for that one call.
    """
    subject = verdict.subject_of(record)
    options = tuple(word for word in record.verdict.options if word != "image")

    def satisfy(requirement: Requirement) -> tuple[Signature, ...]:
        return stored_signatures(layout, record, requirement)

    return _judge(rule_for(layout, subject), subject, options, satisfy)


def stored_signatures(
    layout: Layout, record: Any, requirement: Requirement
) -> tuple[Signature, ...]:
    """The kept signatures of a stored image that satisfy one requirement; VerifyError without any."""
    subject = verdict.subject_of(record)
    base = f"{layout.images}/{record.id}"
    if subject.transport != "appc":
        from podwright.stage0 import signatures

        manifest = _stored(f"{base}/oci-manifest", MAX_STORED_SIGNATURE) or b""
        _check_digest(subject, manifest)
        stored = _stored(f"{base}/signatures.json", signatures.MAX_STORED)
        blobs = signatures.decode(stored, f"{base}/signatures.json") if stored else SignatureBlobs()
        return oci_signatures(layout, subject, requirement, blobs)
    from podwright.stage0 import verify

    data = _stored(f"{base}/aci.asc", MAX_STORED_SIGNATURE)
    packets = verify.read_signatures(data, f"{base}/aci.asc") if data else None
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


def _check_digest(subject: Subject, manifest: bytes) -> None:
    from hashlib import sha256

    found = f"sha256:{sha256(manifest).hexdigest()}"
    if found != subject.digest:
        raise VerifyError(
            f"image {subject.name}: its manifest is {found}, not {subject.digest}",
            "fetch it again",
            object=subject.name,
            reason="bad-digest",
        )


def _stored(path: str, limit: int) -> Optional[bytes]:
    try:
        with open(path, "rb") as file:
            return file.read(limit + 1)
    except FileNotFoundError:
        return None


def _judge(
    rule: Rule,
    subject: Subject,
    options: Iterable[str],
    satisfy: Callable[[Requirement], tuple[Signature, ...]],
) -> Verdict:
    refuse_rejected(rule, subject)
    options = tuple(options)
    if rule.needs_signature and "image" in options:
        return Verdict("insecure", (), options, rule.scope)
    found: list[Signature] = []
    for requirement in rule.requirements:
        if requirement.needs_signature:
            found += satisfy(requirement)
    kind = "signed" if found else "accepted"
    return Verdict(kind, tuple(dict.fromkeys(found)), options, rule.scope)


def aci_signatures(
    layout: Layout,
    subject: Subject,
    requirement: Requirement,
    archive: int,
    packets: Optional[tuple[pgp.Signature, ...]],
) -> tuple[Signature, ...]:
    """The signatures of an ACI that satisfy one requirement. Raises VerifyError without any."""
    from podwright.stage0 import policykeys, verify

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
        from podwright.stage0 import sigstore

        if not blobs.sigstore:
            raise no_signature(subject, blobs.searched)
        return _young(subject, requirement, sigstore.verify(subject, requirement, blobs.sigstore))
    from podwright.stage0 import policykeys, simplesigning

    keys = policykeys.openpgp_keys(layout, subject, requirement)
    if not blobs.simple:
        raise no_signature(subject, blobs.searched)
    found = simplesigning.verify(subject, requirement, blobs.simple, keys)
    return _young(subject, requirement, found)


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


def no_signature(subject: Subject, searched: tuple[str, ...]) -> VerifyError:
    """The error for an image that carries no signature where one is required."""
    places = f"; looked at {safe(', '.join(searched), 400)}" if searched else ""
    return VerifyError(
        f"image {subject.name} has no signature{places}",
        "have it signed, or run it unverified with --insecure-options=image",
        object=subject.name,
        reason="no-signature",
    )


def reevaluate(
    layout: Layout, subject: Subject, found: Verdict, insecure: frozenset[str], stage1: str
) -> None:
    """As `verdict.reevaluate`, on a host with a policy file."""
    rule = rule_for(layout, subject)
    refuse_rejected(rule, subject)
    if stage1:
        _check_stage1(rule, subject, stage1)
    if "image" in insecure or not rule.needs_signature:
        if not found.signatures:
            verdict.same_transport(subject.name, found, insecure)
        return
    if found.kind == "insecure":
        raise verdict.not_checked(subject.name)
    for requirement in rule.requirements:
        if requirement.needs_signature:
            holding(layout, subject, requirement, found)


def holding(
    layout: Layout, subject: Subject, requirement: Requirement, found: Verdict
) -> Signature:
    """A recorded signature that satisfies the requirement; Stale when the record has none."""
    from podwright.stage0 import policykeys

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


def check_stage1(
    layout: Layout, subject: Subject, stage1: str, below: tuple[str, ...] = ()
) -> None:
    """As `verdict.check_stage1`, on a host with a policy file."""
    _check_stage1(rule_for(layout, subject), subject, stage1)
    from podwright.stage0 import store

    for image_id in below:
        record = store.read_record(layout, image_id)
        if record is None:
            raise store.not_stored(image_id)
        inner = verdict.subject_of(record)
        _check_stage1(rule_for(layout, inner), inner, stage1)


def minimum_stage1(rule: Rule) -> str:
    """The strongest isolation that a requirement of the rule asks for, or ""."""
    asked = [each.minimum_stage1 for each in rule.requirements if each.minimum_stage1]
    return max(asked, key=model.STAGE1.index, default="")


def _check_stage1(rule: Rule, subject: Subject, stage1: str) -> None:
    """An external stage1 image counts as fly unless the policy gives its ID a rank."""
    least = minimum_stage1(rule)
    rank = stage1 if stage1 in model.STAGE1 else rule.ranks.get(stage1, model.STAGE1[0])
    if least and model.STAGE1.index(rank) < model.STAGE1.index(least):
        raise PolicyError(
            f"image {subject.name} must run in {least} or stronger isolation, not in {rank}"
            f" (policy scope {rule.scope})",
            f"choose a stronger one, such as --stage1-name={least}",
            object=subject.name,
            reason="stage1-too-weak",
        )
