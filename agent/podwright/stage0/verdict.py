# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The verdict on an image: why it may run, and whether it still may.

The verdict is made once, by `stage0/verify.py`, and stored with the image. It is evaluated
again whenever the image is used, here, without running gpg: the same bytes of the same key
must still be trusted for the image's name, and neither key nor signature may have expired.
"""

from __future__ import annotations

from podwright.errors import VerifyError
from podwright.host import clock
from podwright.stage0 import trustring
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from podwright.host.paths import Layout


@value
class Verdict:
    """Why an image was admitted.

    kind         `openpgp`, or `insecure` when the signature check was lifted
    fingerprint  the primary key, 40 lower-case hex digits
    prefix       the trust store prefix under which the key was found, "" for a root key
    key_sha256   digest of the key file as it was
    signed_at    RFC 3339
    digest       digest algorithm of the signature (`sha512`)
    options      the fetch checks that were lifted (`image`, `tls`, `http`, `pubkey`)
    expires      RFC 3339: when the first of signature, key and subkey expires, or ""
    """

    kind: str
    fingerprint: str = ""
    prefix: str = ""
    key_sha256: str = ""
    signed_at: str = ""
    digest: str = ""
    options: tuple[str, ...] = ()
    expires: str = ""


def read(raw: dict[str, Any]) -> Verdict:
    """A verdict as it stands in a record; TypeError or KeyError when it is not one."""
    return Verdict(**{**raw, "options": tuple(raw["options"])})


class Stale(VerifyError):
    """The verdict no longer follows from what is recorded; gpg must look at the image again."""

    reason = "verdict-stale"


def reevaluate(layout: Layout, name: str, verdict: Verdict, insecure: frozenset[str]) -> None:
    """Return when the verdict still holds for the image name; raise VerifyError otherwise.

    Raises Stale when the key file has changed, so that only a full verification can tell.
    """
    if "image" in insecure:
        _same_transport(name, verdict, insecure)
        return
    if verdict.kind != "openpgp":
        raise VerifyError(
            f"image {name} was stored without a signature check",
            "fetch it again with its signature, or say --insecure-options=image again",
            object=name,
            reason="insecure-image",
        )
    key = trustring.find(layout, name, verdict.fingerprint)
    if key is None:
        raise not_trusted(name, verdict.fingerprint)
    if trustring.sha256(key.data) != verdict.key_sha256:
        raise Stale(f"the key file {key.path} has changed", object=name)
    if verdict.expires and verdict.expires <= clock.now():
        raise VerifyError(
            f"image {name}: its signature or key {verdict.fingerprint.upper()} "
            f"expired on {verdict.expires}",
            "trust the renewed key, or fetch an image that was signed again",
            object=name,
            reason="key-expired",
        )


def _same_transport(name: str, verdict: Verdict, insecure: frozenset[str]) -> None:
    """Refuse an unsigned image that came over a connection that this call would not accept.

    All that vouches for it is the server it came from; without TLS nothing does (T55).
    """
    lifted = [word for word in ("tls", "http") if word in verdict.options and word not in insecure]
    if verdict.kind != "openpgp" and lifted:
        words = ",".join(("image", *lifted))
        raise VerifyError(
            f"image {name} was stored unsigned, from a connection that was not checked",
            f"fetch it again, or say --insecure-options={words} again",
            object=name,
            reason="insecure-image",
        )


def not_trusted(name: str, fingerprint: str) -> VerifyError:
    """The error for a key that is not, or no longer, trusted for an image name."""
    return VerifyError(
        f"image {name} is signed by {fingerprint.upper()}, which is not trusted for {name}",
        f"if it should be: podwright trust --prefix={name} KEYFILE",
        object=name,
        reason="not-trusted",
    )
