# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a key is fit to be trusted, and trusting it only then.

A key whose signatures `stage0/judge/verify.py` would refuse anyway is refused when somebody is there to
read why, not months later at a deployment. And a location that gave one key before and gives
another now is never taken silently (threats.md T60): `.FINGERPRINT.from` beside a key file says
where the key came from.
"""

from __future__ import annotations

from podwright.errors import VerifyError
from podwright.stage0 import trust, trustfiles, trustring
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

    from podwright.host.paths import Layout
    from podwright.stage0.trust import KeyChange, KeyInfo

STRONG = ("RSA", "ECDSA", "EdDSA")
MIN_RSA_BITS = 2048
SOON = 30 * 86400
"""Seconds before its end in which a key's expiry is worth a warning."""


def require(info: KeyInfo) -> None:
    """Raise VerifyError when no signature by this key would be accepted."""
    shown = f"key {info.fingerprint.upper()}"
    if info.algo not in STRONG or (info.algo == "RSA" and info.bits < MIN_RSA_BITS):
        raise VerifyError(
            f"{shown} is a {info.bits}-bit {info.algo} key, too weak to sign images",
            "use Ed25519, ECDSA, or RSA of at least 2048 bits",
            object=info.fingerprint,
            reason="weak-key",
        )
    if info.state == "revoked":
        raise VerifyError(
            f"{shown} has been revoked by its owner",
            "get the owner's new key",
            object=info.fingerprint,
            reason="key-revoked",
        )
    if info.state == "expired":
        raise VerifyError(
            f"{shown} expired on {info.expires[:10]}",
            "get the renewed key from its owner",
            object=info.fingerprint,
            reason="key-expired",
        )


def warnings(info: KeyInfo, now: Optional[float] = None) -> list[str]:
    """What should be known of a key that is fit."""
    if not info.expires:
        return []
    import calendar
    import time

    ends = calendar.timegm(time.strptime(info.expires[:19], "%Y-%m-%dT%H:%M:%S"))
    if ends - (time.time() if now is None else now) > SOON:
        return []
    return [
        (
            f"key {info.fingerprint.upper()} expires on {info.expires[:10]}:"
            " images that it signed are refused from then on"
        )
    ]


def admit_key(
    layout: Layout,
    armoured: bytes,
    *,
    prefix: Optional[str],
    fingerprint: Optional[str] = None,
    location: str = "",
    dry_run: bool = False,
) -> KeyChange:
    """`trust.add_key`, but an unfit key is refused; one that is trusted already is not looked at.

    location  where the key came from, remembered beside it when it is a URL
    """
    planned = trust.add_key(layout, armoured, prefix=prefix, fingerprint=fingerprint, dry_run=True)
    if planned.changed:
        require(trust.inspect_key(armoured))
    if dry_run:
        return planned
    if "://" in location:
        _remember(layout, trust.directory(prefix), planned.fingerprint, location)
    if planned.changed:
        trust.add_key(layout, armoured, prefix=prefix, fingerprint=fingerprint)
    return planned


def earlier(layout: Layout, location: str, prefix: Optional[str]) -> list[str]:
    """Fingerprints that are trusted for a prefix (None: root) and came from this location."""
    below = trust.directory(prefix)
    return [
        fingerprint
        for fingerprint, _, data in trustring.key_files(trustfiles.base(layout), below)
        if data and _location(layout, below, fingerprint) == location
    ]


def require_unchanged(layout: Layout, location: str, prefix: Optional[str], own: str) -> None:
    """Refuse, for callers that ask nobody, a key other than the one this location gave before."""
    before = [known for known in earlier(layout, location, prefix) if known != own]
    if before:
        raise VerifyError(
            f"key at {safe(location, 200)} has changed: it was {before[0].upper()},"
            f" it is {own.upper()}",
            "ask its owner, then trust it by --fingerprint or at a terminal",
            object=safe(location, 200),
            reason="key-changed",
        )


def _remember(layout: Layout, below: str, fingerprint: str, location: str) -> None:
    if _location(layout, below, fingerprint) != location:
        trustfiles.write(layout, below, f".{fingerprint}.from", location.encode())


def _location(layout: Layout, below: str, fingerprint: str) -> str:
    """Where a key file came from, "" when nobody noted it."""
    return trustfiles.note(layout, below, f".{fingerprint}.from")
