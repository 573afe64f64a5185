# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Judge an image by the policy: when it is fetched, and again whenever it is used.

All requirements of the scope that decides must hold. `--insecure-options=image` stands for the
signatures that are missing, in that one call; it lifts neither `reject` nor `minimumStage1` nor
a policy file that cannot be believed.
"""

from __future__ import annotations

from podwright.errors import VerifyError
from podwright.model import policy as model
from podwright.stage0 import verdict
from podwright.stage0.judge import requirements
from podwright.stage0.judge.policy import PolicyError
from podwright.stage0.judge.rule import Rule, refuse_rejected, require_stage1, rule_for
from podwright.stage0.judge.signatures import SignatureBlobs
from podwright.stage0.judge.signatures import collect as collect_signatures
from podwright.stage0.verdict import Verdict
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any, Optional

    from podwright.host.paths import Layout
    from podwright.model.policy import Requirement
    from podwright.stage0.judge import pgp
    from podwright.stage0.verdict import Signature, Subject

__all__ = ["PolicyError", "SignatureBlobs", "collect_signatures", "refuse_rejected", "rule_for"]


def reject_early(
    layout: Layout,
    subject: Subject,
    rule: Rule,
    packets: Optional[tuple[pgp.Signature, ...]],
) -> None:
    """Refuse an ACI before its download when no signature even claims to be by a right key.

    packets  its signatures, () when the server is still making them, None when there are none
    """
    from podwright.stage0.judge import policykeys, verify

    for requirement in rule.requirements:
        if requirement.kind == model.SIGNED_BY:
            keys = policykeys.openpgp_keys(layout, subject, requirement)
            verify.check_issuer(subject.name, packets or (), keys)
        if requirement.needs_signature and packets is None:
            raise requirements.no_signature(subject, ())


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
        return requirements.aci_signatures(layout, subject, requirement, archive, packets)

    return _judge(rule_for(layout, subject), subject, options, satisfy)


def judge_oci(
    layout: Layout,
    subject: Subject,
    manifest: bytes,
    blobs: SignatureBlobs,
    options: Iterable[str],
) -> Verdict:
    """The verdict on an OCI image by its manifest; the signatures are those of `collect`."""
    requirements.check_digest(subject, manifest)

    def satisfy(requirement: Requirement) -> tuple[Signature, ...]:
        return requirements.oci_signatures(layout, subject, requirement, blobs)

    return _judge(rule_for(layout, subject), subject, options, satisfy)


def judge_stored(layout: Layout, record: Any) -> Verdict:
    """The verdict on a stored image, from the bytes that were kept of it.

    That its signature check was lifted when it came was for that one call.
    """
    subject = verdict.subject_of(record)
    options = tuple(word for word in record.verdict.options if word != "image")

    def satisfy(requirement: Requirement) -> tuple[Signature, ...]:
        return requirements.stored_signatures(layout, record, requirement)

    return _judge(rule_for(layout, subject), subject, options, satisfy)


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


def reevaluate(
    layout: Layout, subject: Subject, found: Verdict, insecure: frozenset[str], stage1: str
) -> None:
    """As `verdict.reevaluate`, on a host with a policy file."""
    rule = rule_for(layout, subject)
    refuse_rejected(rule, subject)
    if stage1:
        require_stage1(rule, subject, stage1)
    if "image" in insecure or not rule.needs_signature:
        if not found.signatures:
            verdict.same_transport(subject.name, found, insecure)
        return
    if found.kind == "insecure":
        raise verdict.not_checked(subject.name)
    for requirement in rule.requirements:
        if requirement.needs_signature:
            requirements.holding(layout, subject, requirement, found)


def standing(
    layout: Layout, subject: Subject, found: Verdict, insecure: frozenset[str]
) -> tuple[str, tuple[Signature, ...]]:
    """As `verdict.standing`, on a host with a policy file."""
    rule = rule_for(layout, subject)
    if not rule.needs_signature:
        return "accepted", ()
    if "image" in insecure:
        return "insecure", ()
    needed = (one for one in rule.requirements if one.needs_signature)
    each = (requirements.holding(layout, subject, one, found) for one in needed)
    return "signed", tuple(dict.fromkeys(each))


def check_plain_name(
    layout: Layout, subject: Subject, found: Verdict, insecure: frozenset[str]
) -> None:
    """Raise VerifyError unless a stored container image may be used under its image name alone.

    Whoever writes an image name relies on the scopes of `appc`: their rule must hold for it, too.
    """
    rule = rule_for(layout, verdict.aci(subject.name))
    try:
        refuse_rejected(rule, verdict.aci(subject.name))
        for requirement in rule.requirements if "image" not in insecure else ():
            if requirement.needs_signature:
                requirements.holding(layout, subject, requirement, found)
    except VerifyError as err:
        raise VerifyError(
            f"image {subject.name}: what is stored came from {subject.transport}:"
            f"{safe(subject.identity, 300)}, and the policy does not admit it under its image name "
            f"(scope {rule.scope})",
            "name it by where it comes from (docker://..., oci:...), or by its ID",
            object=subject.name,
            reason=err.reason,
        ) from None


def check_stage1(
    layout: Layout, subject: Subject, stage1: str, below: tuple[str, ...] = ()
) -> None:
    """As `verdict.check_stage1`, on a host with a policy file."""
    require_stage1(rule_for(layout, subject), subject, stage1)
    from podwright.stage0 import store

    for image_id in below:
        record = store.read_record(layout, image_id)
        if record is None:
            raise store.not_stored(image_id)
        inner = verdict.subject_of(record)
        require_stage1(rule_for(layout, inner), inner, stage1)
