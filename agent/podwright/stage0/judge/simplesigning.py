# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Simple signing: OpenPGP signatures over an image's digest and reference (containers-signature(5)).

A good signature by a right key counts when it names this manifest and, as the requirement's
`signedIdentity` says, this reference. One is enough; the others, good for another image, by
somebody else or damaged, count as nothing, in whatever order they come.
"""

from __future__ import annotations

import os

from podwright.errors import VerifyError
from podwright.stage0.judge import claim, pgp, requirements, signedmessage
from podwright.stage0.judge import verify as openpgp
from podwright.stage0.verdict import Signature
from podwright.text import safe
from podwright.values import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.model.policy import Requirement
    from podwright.stage0.trust import TrustedKey
    from podwright.stage0.verdict import Subject

_LEAST_TELLING = ("no-key", "not-trusted", "unknown-key")


def verify(
    subject: Subject,
    requirement: Requirement,
    messages: tuple[bytes, ...],
    keys: list[TrustedKey],
) -> tuple[Signature, ...]:
    """The accepted signatures. Raises VerifyError with the most telling reason when none is."""
    found: list[Signature] = []
    failures: list[VerifyError] = []
    for message in messages:
        try:
            found += _verify_one(subject, requirement, message, keys)
        except VerifyError as err:
            failures.append(err)
    if found:
        return tuple(dict.fromkeys(found))
    telling = [err for err in failures if err.reason not in _LEAST_TELLING] or failures
    raise telling[0]


def _verify_one(
    subject: Subject, requirement: Requirement, message: bytes, keys: list[TrustedKey]
) -> list[Signature]:
    try:
        signature, content = signedmessage.open_message(message)
    except pgp.Malformed as err:
        raise VerifyError(
            f"image {subject.name}: a signature of it {err.message}",
            "sign it with: skopeo standalone-sign, or skopeo copy --sign-by",
            object=subject.name,
            reason=err.reason,
        ) from None
    openpgp.check_issuer(subject.name, (signature,), keys)
    from podwright.stage0.judge.gpg import anonymous_file

    data = anonymous_file(content)
    try:
        good = openpgp.verify(subject.name, data, (signature,), keys, "simple-signing")
    finally:
        os.close(data)
    said = claim.parse(content, claim.ATOMIC, subject.name)
    bind(subject, requirement, said)
    return [replace(each, identity=said.reference) for each in good]


def bind(subject: Subject, requirement: Requirement, said: claim.Claim) -> None:
    """Refuse a claim about another manifest or, by the requirement, another reference (T56)."""
    why = ""
    if said.digest != subject.digest:
        why = f"is for the manifest {safe(said.digest, 80)}, not {subject.digest}"
    else:
        misfit = requirements.misfit(subject, requirement, said.reference)
        why = f"does not fit: {misfit}" if misfit else ""
    if why:
        raise VerifyError(
            f"image {subject.name}: a signature of it {why}",
            "have this image signed under this name, or see signedIdentity of the policy",
            object=subject.name,
            reason="other-image",
        )
