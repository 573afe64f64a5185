# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The verdict on an image: why it may run, and whether it still may.

The verdict is made once, by `stage0/judge/admission.py`, and stored with the image. It is evaluated
again whenever the image is used, here, without running gpg: the same bytes of the same key must
still be trusted for the image's name, and neither key nor signature may have expired. Hosts with
a policy file decide by `stage0/judge/admission.py` again, from the same record.
"""

from __future__ import annotations

import os

from podwright.errors import VerifyError
from podwright.host import clock
from podwright.stage0 import trustring
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from podwright.host.paths import Layout


@value
class Signature:
    """One accepted signature, as recorded.

    kind        `openpgp` (over an ACI), `simple-signing` or `sigstore` (over an OCI manifest)
    key         the primary key's fingerprint, 40 lower-case hex digits, or the SHA-256 of a
                public key's DER, 64
    key_sha256  digest of the key file as it was
    prefix      the trust store prefix under which the key was found, else ""
    signed_at   RFC 3339, or "" where the format has no such time
    digest      digest algorithm of the signature (`sha512`)
    expires     RFC 3339: when the first of signature, key and subkey expires, or ""
    identity    the docker reference that was signed, "" for an ACI
    """

    kind: str
    key: str
    key_sha256: str = ""
    prefix: str = ""
    signed_at: str = ""
    digest: str = ""
    expires: str = ""
    identity: str = ""


@value
class Verdict:
    """Why an image was admitted.

    kind        `signed`, `accepted` (the policy asks for no signature) or `insecure` (the check
                was lifted by --insecure-options=image)
    signatures  those that the policy, or else the trust store, accepted
    options     the fetch checks that were lifted (`image`, `tls`, `http`, `pubkey`)
    scope       the policy scope that decided, "" without a policy file
    """

    kind: str
    signatures: tuple[Signature, ...] = ()
    options: tuple[str, ...] = ()
    scope: str = ""

    def _of_first(self, field: str) -> str:
        return getattr(self.signatures[0], field) if self.signatures else ""

    @property
    def fingerprint(self) -> str:
        """The first signature's key, or ""."""
        return self._of_first("key")

    @property
    def prefix(self) -> str:
        """The first signature's trust store prefix."""
        return self._of_first("prefix")

    @property
    def key_sha256(self) -> str:
        """Digest of the first signature's key file."""
        return self._of_first("key_sha256")

    @property
    def signed_at(self) -> str:
        """When the first signature was made."""
        return self._of_first("signed_at")

    @property
    def digest(self) -> str:
        """Digest algorithm of the first signature."""
        return self._of_first("digest")

    @property
    def expires(self) -> str:
        """When the first signature expires."""
        return self._of_first("expires")


@value
class Subject:
    """What is judged.

    transport  appc, docker, oci, docker-archive, oci-archive
    identity   what the policy's scopes are compared with, see `model/policyscope.py`
    name       the appc name, by which the trust store knows keys
    digest     `sha256:<hex>` of an OCI manifest, "" for an ACI
    """

    transport: str
    identity: str
    name: str
    digest: str = ""


def aci(name: str) -> Subject:
    """An ACI by the name in its manifest."""
    return Subject("appc", name, name)


def subject_of(image: Any) -> Subject:
    """A stored image (a record, or what is loaded of it) as what is judged."""
    return Subject(image.transport, image.identity or image.name, image.name, image.digest)


def read(raw: dict[str, Any]) -> Verdict:
    """A verdict as it stands in a record of any format; TypeError or KeyError when it is not one."""
    options = tuple(raw["options"])
    if "signatures" in raw:
        found = tuple(Signature(**each) for each in raw["signatures"])
        return Verdict(raw["kind"], found, options, raw["scope"])
    if raw["kind"] != "openpgp":
        return Verdict(raw["kind"], (), options)
    fields = ("key_sha256", "prefix", "signed_at", "digest", "expires")
    only = Signature("openpgp", raw["fingerprint"], **{field: raw[field] for field in fields})
    return Verdict("signed", (only,), options)


def text(verdict: Verdict) -> str:
    """The verdict in a few words, for people."""
    if verdict.kind == "signed":
        return "signed by " + ", ".join(dict.fromkeys(each.key for each in verdict.signatures))
    if verdict.kind == "accepted":
        return f"accepted by policy ({verdict.scope})"
    return "not verified (" + ", ".join(verdict.options) + ")"


class Stale(VerifyError):
    """The record does not decide; signatures and image must be looked at again."""

    reason = "verdict-stale"


def has_policy(layout: Layout) -> bool:
    """Whether there is something where a policy file would be, in whatever state it is."""
    for directory in (layout.local_config, layout.system_config):
        try:
            os.lstat(f"{directory}/policy.json")
        except FileNotFoundError:
            continue
        except OSError:
            return True  # whoever reads it says why it cannot
        return True
    return False


def reevaluate(
    layout: Layout,
    subject: Subject,
    verdict: Verdict,
    insecure: frozenset[str],
    *,
    stage1: str = "",
) -> None:
    """Return when the verdict still holds, here and now; raise VerifyError otherwise.

    stage1  the isolation that the image is to run in, a rank of the policy or a stage1 image's ID;
            "" when it does not run
    Raises Stale when only a full verification of what is stored can tell.
    """
    if has_policy(layout):
        from podwright.stage0.judge import admission

        admission.reevaluate(layout, subject, verdict, insecure, stage1)
        return
    if "image" in insecure:
        if not verdict.signatures:
            same_transport(subject.name, verdict, insecure)
        return
    if verdict.scope:
        raise Stale("the policy that decided is not there any more", object=subject.name)
    if not verdict.signatures:
        raise not_checked(subject.name)
    failures = [trusted_still(layout, subject.name, each) for each in verdict.signatures]
    if all(failures):
        raise failures[0] or Stale("no signature is recorded")


def standing(
    layout: Layout, subject: Subject, verdict: Verdict, insecure: frozenset[str]
) -> tuple[str, tuple[Signature, ...]]:
    """Why an admitted image is one here and now: a verdict's kind, and the signatures that count.

    The record may say more, of when it was fetched: keys that are trusted no more, or nobody asks for.
    """
    if has_policy(layout):
        from podwright.stage0.judge import admission

        return admission.standing(layout, subject, verdict, insecure)
    if "image" in insecure:
        return "insecure", ()
    found = (one for one in verdict.signatures if trusted_still(layout, subject.name, one) is None)
    return "signed", tuple(found)


def check_stage1(
    layout: Layout, subject: Subject, stage1: str, below: tuple[str, ...] = ()
) -> None:
    """Refuse an isolation weaker than the policy's `minimumStage1` for the image.

    below  IDs of the images that it is built on, which run with it
    """
    if has_policy(layout):
        from podwright.stage0.judge import admission

        admission.check_stage1(layout, subject, stage1, below)


def trusted_still(layout: Layout, name: str, signature: Signature) -> Optional[Stale]:
    """Why the trust store of this moment does not vouch for a recorded signature; None when it does."""
    key = trustring.find(layout, name, signature.key)
    if key is None:
        return Stale(f"the key {signature.key} is not trusted any more", object=name)
    if trustring.sha256(key.data) != signature.key_sha256:
        return Stale(f"the key file {key.path} has changed", object=name)
    return expired(name, signature)


def expired(name: str, signature: Signature) -> Optional[Stale]:
    """The reason when a recorded signature or its key has expired."""
    if signature.expires and signature.expires <= clock.now():
        return Stale(f"the signature by {signature.key} has expired", object=name)
    return None


def same_transport(name: str, verdict: Verdict, insecure: frozenset[str]) -> None:
    """Refuse an unsigned image that came over a connection that this call would not accept.

    All that vouches for it is the server it came from; without TLS nothing does (T55).
    """
    lifted = [word for word in ("tls", "http") if word in verdict.options and word not in insecure]
    if lifted:
        words = ",".join(("image", *lifted))
        raise VerifyError(
            f"image {name} was stored unsigned, from a connection that was not checked",
            f"fetch it again, or say --insecure-options={words} again",
            object=name,
            reason="insecure-image",
        )


def not_checked(name: str) -> VerifyError:
    """The error for an image that was stored with its check lifted, when it is not lifted now."""
    return VerifyError(
        f"image {name} was stored without a signature check",
        "have it signed and fetch it again with podwright fetch, or say --insecure-options=image"
        " again",
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
