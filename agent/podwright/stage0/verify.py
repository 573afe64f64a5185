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
import re
import time

from podwright.errors import VerifyError
from podwright.host import clock
from podwright.stage0 import pgp
from podwright.stage0.verdict import Signature, not_trusted
from podwright.text import safe
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.stage0.gpg import Gpg, StatusLog
    from podwright.stage0.trust import TrustedKey

DIGESTS = {8: "sha256", 9: "sha384", 10: "sha512"}
WEAK_NAMES = {1: "MD5", 2: "SHA-1", 3: "RIPEMD-160", 11: "SHA-224"}
ALGORITHMS = (1, 3, 19, 22)
MIN_RSA_BITS = 2048
CLOCK_SKEW = 300
_RESULTS = ("GOODSIG", "BADSIG", "ERRSIG", "EXPSIG", "EXPKEYSIG", "REVKEYSIG")
_VALIDSIG = re.compile(
    r"([0-9A-F]{40}) \S+ ([0-9]{1,12}) ([0-9]{1,12}) ([0-9]+) \S+ ([0-9]+) ([0-9]+)"
    r" ([0-9A-F]{2}) ([0-9A-F]{40})\Z"
)


@value
class Finding:
    """What one signature amounts to: `good`, `bad`, or a reason why it counts as nothing.

    fingerprint  of the primary key, or what the signature names as its issuer
    expires      seconds since the epoch when signature, key or subkey expires first, or 0
    """

    kind: str
    fingerprint: str = ""
    sentence: str = ""
    signed: int = 0
    expires: int = 0
    digest: str = ""


@value
class KeyFacts:
    """What gpg knows of a key or subkey: `expires` is 0 for never, `usage` has an s for signing."""

    algorithm: int
    bits: int
    expires: int
    created: int = 0
    usage: str = ""


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
    from podwright.stage0.gpg import Gpg

    check_issuer(name, found, keys)
    with Gpg(b"".join(key.block.packets for key in keys)) as gpg:
        facts = _key_facts(gpg)
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


def read_status(
    log: StatusLog, issuer: str, signature: pgp.Signature, facts: dict[str, KeyFacts]
) -> Finding:
    """What gpg's status lines for one signature amount to."""
    lines = log.lines
    results = [(key, text) for key, text in lines if key in _RESULTS]
    if len(results) != 1 or sum(key == "NEWSIG" for key, _ in lines) != 1:
        return Finding("gpg-failed", issuer, _no_answer(log))
    key, text = results[0]
    if key == "BADSIG":
        return Finding(
            "bad", issuer, f"the signature by {issuer} is bad: this is not what was signed"
        )
    if key == "ERRSIG":
        return _unchecked(lines, text, issuer, facts)
    if key in ("EXPKEYSIG", "EXPSIG", "REVKEYSIG"):
        return Finding(*_lapsed(key, lines, issuer))
    valid = [_VALIDSIG.match(text) for key, text in lines if key == "VALIDSIG"]
    if len(valid) != 1 or valid[0] is None or log.returncode != 0:
        return Finding("gpg-failed", issuer, _no_answer(log))
    return _valid(valid[0], signature, facts)


def _valid(match: re.Match[str], signature: pgp.Signature, facts: dict[str, KeyFacts]) -> Finding:
    """A signature that gpg calls good and valid: our own conditions."""
    signed, expires, version, algorithm, digest = (int(match.group(n)) for n in (2, 3, 4, 5, 6))
    signer, primary = match.group(1), match.group(8)
    said = (version, algorithm, digest, int(match.group(7), 16))
    if said != (signature.version, signature.algorithm, signature.digest, signature.kind):
        return Finding("gpg-failed", primary, "gpg and the agent read the signature differently")
    if signed > time.time() + CLOCK_SKEW:
        when = clock.rfc3339(signed)
        return Finding(
            "from-the-future",
            primary,
            f"signature by {primary} is dated {when}, which is yet to come",
        )
    keys = [facts.get(fingerprint) for fingerprint in (signer, primary)]
    moments = [expires]
    for key in keys:
        if key is None:
            return Finding("gpg-failed", primary, f"gpg does not list the key {signer} it used")
        if key.algorithm == 17 or (key.algorithm in (1, 3) and key.bits < MIN_RSA_BITS):
            shown = f"{key.bits}-bit {pgp.ALGORITHMS.get(key.algorithm, '')}"
            return Finding("weak-key", primary, f"key {primary} is a {shown} key, which is refused")
        moments.append(key.expires)
    until = min((moment for moment in moments if moment), default=0)
    return Finding("good", primary, "", signed, until, DIGESTS[digest])


def _unchecked(
    lines: list[tuple[str, str]], text: str, issuer: str, facts: dict[str, KeyFacts]
) -> Finding:
    """ERRSIG: gpg could not check the signature (doc/DETAILS: key ID, ..., 5th time, 6th reason)."""
    fields = text.split()
    if any(key == "NO_PUBKEY" for key, _ in lines) or fields[5:6] == ["9"]:
        return Finding("unknown-key", issuer)
    keyid = fields[0] if fields else ""
    who = issuer or safe(keyid, 20)
    signed = int(fields[4]) if fields[4:5] and fields[4].isdigit() else 0
    key = next((facts[name] for name in facts if keyid and name.endswith(keyid)), None)
    if key is not None and key.created > time.time() + CLOCK_SKEW:
        when = clock.rfc3339(key.created)
        return Finding(
            "key-not-yet-valid", issuer, f"the key {who} that signed it begins on {when}"
        )
    if key is not None and signed < key.created:
        return Finding("older-than-key", issuer, f"the signature by {who} is older than that key")
    if key is not None and key.usage and "s" not in key.usage.lower():
        return Finding(
            "not-for-signing", issuer, f"the key {who} that signed it is not for signing"
        )
    return Finding(
        "unconfirmed-subkey",
        issuer,
        f"the signature by {who} cannot be checked (subkey and key do not vouch for each other)",
    )


def _lapsed(key: str, lines: list[tuple[str, str]], issuer: str) -> tuple[str, str, str]:
    if key == "REVKEYSIG":
        return "key-revoked", issuer, f"the key {issuer} that signed it has been revoked"
    if key == "EXPSIG":
        when = "".join(f" on {clock.rfc3339(int(m.group(3)))}" for m in _valids(lines))
        return "signature-expired", issuer, f"the signature by {issuer} expired{when}"
    stamps = [text for status, text in lines if status == "KEYEXPIRED" and text.isdigit()]
    when = f" on {clock.rfc3339(int(stamps[-1]))}" if stamps else ""
    return "key-expired", issuer, f"the key {issuer} that signed it expired{when}"


def _valids(lines: list[tuple[str, str]]) -> list[re.Match[str]]:
    matches = (_VALIDSIG.match(text) for key, text in lines if key == "VALIDSIG")
    return [match for match in matches if match]


def _no_answer(log: StatusLog) -> str:
    said = safe(log.stderr.strip().splitlines()[-1] if log.stderr.strip() else "nothing", 200)
    return f"gpg gave no clear answer (status {log.returncode}, it said: {said})"


def _key_facts(gpg: Gpg) -> dict[str, KeyFacts]:
    """Facts of every key and subkey by fingerprint."""
    out: dict[str, KeyFacts] = {}
    for key in gpg.list_keys():
        out[key["fingerprint"]] = _facts(key)
        for keyid, _, fingerprint, *_ in key["subkeys"]:
            out[fingerprint] = _facts(key["subkey_info"][keyid])
    return out


def _facts(part: dict[str, str]) -> KeyFacts:
    numbers = [part[name] for name in ("algo", "length", "expires", "date")]
    algorithm, bits, expires, created = (int(text) if text.isdigit() else 0 for text in numbers)
    return KeyFacts(algorithm, bits, expires, created, part["cap"])
