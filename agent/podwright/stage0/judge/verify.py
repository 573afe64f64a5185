# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Decide whether a detached OpenPGP signature admits an image.

The rule, whatever the order of the signatures in the file (at most eight): each one is given to
gpg alone. The image is admitted when at least one is good and none is bad. Good means: GOODSIG
and VALIDSIG from gpg and nothing that contradicts them, exit status 0, the full fingerprint of a
primary key that is trusted for the image's name, a detached signature over binary data (class
00) with SHA-256, SHA-384 or SHA-512, by RSA of at least 2048 bits, ECDSA or EdDSA, not made in
the future. Bad means that the data is not what was signed. Signatures by unknown, expired or
revoked keys, expired signatures and weak ones count as nothing. gpg's exit status alone accepts
expired and revoked keys and weak digests (threats.md, section 0).
"""

from __future__ import annotations

import os

from podwright.errors import VerifyError
from podwright.host import clock
from podwright.stage0.judge import pgp
from podwright.stage0.judge.gpgstatus import DIGESTS, Finding, key_facts, read_status
from podwright.stage0.verdict import Signature, not_trusted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.stage0.judge.gpg import Gpg
    from podwright.stage0.judge.gpgstatus import KeyFacts
    from podwright.stage0.trust import TrustedKey

WEAK_NAMES = {1: "MD5", 2: "SHA-1", 3: "RIPEMD-160", 11: "SHA-224"}
ALGORITHMS = (1, 3, 19, 22)


def read_signatures(data: bytes, where: str) -> tuple[pgp.Signature, ...]:
    """The signatures in a file; `where` names it in the error."""
    try:
        return pgp.signatures(data)
    except pgp.Malformed as err:
        raise VerifyError(
            f"signature {where} {err.message}",
            "make it with: gpg --armor --detach-sign IMAGE.aci",
            object=where,
            reason=err.reason,
        ) from None


def check_issuer(name: str, found: tuple[pgp.Signature, ...], keys: list[TrustedKey]) -> None:
    """Refuse before the download when no signature even claims to be by a trusted key."""
    if not keys:
        raise VerifyError(
            f"no key is trusted for image {name}",
            f"trust one with: podwright trust --prefix={name} KEYFILE",
            object=name,
            reason="no-key",
        )
    known = frozenset().union(*(key.block.names() for key in keys))
    claimed = [issuer for signature in found for issuer in signature.issuers]
    if found and all(each.issuers for each in found) and not known.intersection(claimed):
        raise not_trusted(name, claimed[0])


def verify(
    name: str,
    data: int,
    found: tuple[pgp.Signature, ...],
    keys: list[TrustedKey],
    kind: str = "openpgp",
) -> tuple[Signature, ...]:
    """The good signatures by trusted keys over the bytes read from the descriptor `data`.

    kind  goes into what is returned
    Raises VerifyError with the one reason that matters most when there is none, or a bad one.
    """
    from podwright.stage0.judge.gpg import Gpg

    check_issuer(name, found, keys)
    with Gpg(b"".join(key.block.packets for key in keys)) as gpg:
        facts = key_facts(gpg)
        findings = [_examine(gpg, signature, data, facts) for signature in found]
    known = {key.fingerprint.upper(): key for key in keys}
    good = _decide(name, findings, frozenset(known))
    accepted = [_recorded(each, known[each.fingerprint], kind) for each in good]
    return tuple(dict.fromkeys(accepted))


def _recorded(good: Finding, key: TrustedKey, kind: str) -> Signature:
    return Signature(
        kind=kind,
        key=key.fingerprint,
        key_sha256=key.sha256,
        prefix=key.prefix,
        signed_at=clock.rfc3339(good.signed),
        digest=good.digest,
        expires=clock.rfc3339(good.expires) if good.expires else "",
    )


def _decide(name: str, findings: list[Finding], trusted: frozenset[str]) -> list[Finding]:
    """The good findings by trusted keys, in the order of the file; VerifyError without any."""
    for finding in findings:
        if finding.kind == "bad":
            raise VerifyError(
                f"image {name}: {finding.sentence}",
                "do not use this image; fetch it again from its maker",
                object=name,
                reason="bad-signature",
            )
    for finding in findings:
        if finding.kind == "gpg-failed":
            raise VerifyError(
                f"image {name}: {finding.sentence}",
                "see that the gpg of this host works",
                object=name,
                reason="gpg-failed",
            )
    good = [each for each in findings if each.kind == "good" and each.fingerprint in trusted]
    if good:
        return good
    telling = [f for f in findings if f.kind not in ("good", "unknown-key")] or findings
    worst = telling[0]
    if worst.kind in ("good", "unknown-key"):
        raise not_trusted(name, worst.fingerprint or "an unnamed key")
    raise VerifyError(
        f"image {name}: {worst.sentence}",
        "have it signed again by a trusted key",
        object=name,
        reason=worst.kind,
    )


def _examine(gpg: Gpg, signature: pgp.Signature, data: int, facts: dict[str, KeyFacts]) -> Finding:
    """Judge one signature on its own."""
    issuer = signature.issuers[0] if signature.issuers else ""
    if signature.version != 4:
        return Finding("unsupported", issuer, f"signature of version {signature.version}")
    if signature.kind != 0:
        return Finding(
            "wrong-class",
            issuer,
            f"signature by {issuer} is of class {signature.kind:02x}, not a signature over binary data",
        )
    if signature.digest not in DIGESTS:
        digest = WEAK_NAMES.get(signature.digest, f"digest algorithm {signature.digest}")
        return Finding(
            "weak-digest", issuer, f"signature by {issuer} uses {digest}, which is refused"
        )
    if signature.algorithm not in ALGORITHMS:
        shown = pgp.ALGORITHMS.get(signature.algorithm, f"algorithm {signature.algorithm}")
        return Finding("weak-key", issuer, f"signature by {issuer} uses {shown}, which is refused")
    os.lseek(data, 0, os.SEEK_SET)
    return read_status(gpg.verify_detached(signature.packet, data), issuer, signature, facts)
