# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Docker references as signatures and policies write them, and when a signed one fits an image.

Normalised as everywhere: `busybox:1` is `docker.io/library/busybox:1`. No tag is added.
"""

from __future__ import annotations

from podwright.errors import UsageError
from podwright.model import policyscope
from podwright.model.ociref import parse_docker
from podwright.text import safe
from podwright.values import replace, value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.model.policy import SignedIdentity


@value
class Named:
    """A reference in full: `host` may have a port; `tag` and `digest` exclude each other or are ""."""

    host: str
    path: str
    tag: str = ""
    digest: str = ""

    @property
    def name(self) -> str:
        """Host and repository."""
        return f"{self.host}/{self.path}"

    def __str__(self) -> str:
        tail = f":{self.tag}" if self.tag else f"@{self.digest}" if self.digest else ""
        return self.name + tail


def parse_named(text: str, where: str) -> Named:
    """Read a reference; a missing registry is docker.io, a missing tag stays missing.

    Raises UsageError; also for a reference with both tag and digest, which means two things.
    """
    try:
        found = parse_docker(text)
    except UsageError as err:
        raise UsageError(f"{where}: {err.message}", err.hint) from None
    tagged = ":" in text.partition("@")[0].rpartition("/")[2]
    if tagged and found.digest:
        raise UsageError(f"{where}: {safe(text, 200)!r} has both a tag and a digest")
    return Named(found.registry, found.repository, found.tag if tagged else "", found.digest)


def parse_prefix(text: str, where: str) -> str:
    """A host, namespace or repository, without tag and digest. Raises UsageError."""
    repository = text.partition("/")[2]
    why = policyscope.problem("docker", text) if text else "is empty"
    if why or text.startswith("*") or ":" in repository or "@" in repository:
        raise UsageError(
            f"{where}: {safe(text, 200)!r} is not a registry host, namespace or repository", why
        )
    return text


def fits(identity: SignedIdentity, image: str, signed: str) -> str:
    """Why a signature that says `signed` is not about `image` (both references); "" when it is.

    image  the reference under which the image was asked for, "" when it has none (a layout on
           disk), which only the `exact` kinds allow
    """
    claim = parse_named(signed, "signature")
    if identity.kind in ("exactReference", "exactRepository"):
        said = str(claim) if identity.kind == "exactReference" else claim.name
        return "" if said == identity.reference else f"it is for {said}, not {identity.reference}"
    if not image:
        return "only signedIdentity exactReference or exactRepository can be used for such images"
    own = parse_named(image, "image")
    if identity.kind == "remapIdentity":
        own = _remapped(own, identity)
    if identity.kind == "matchRepository":
        return "" if claim.name == own.name else f"it is for {claim.name}, not {own.name}"
    if not claim.tag and not claim.digest:
        return f"it is for {claim} without a tag"
    if own.digest and identity.kind != "matchExact":
        return "" if claim.name == own.name else f"it is for {claim.name}, not {own.name}"
    return (
        ""
        if str(claim) == str(own) and (own.tag or own.digest)
        else f"it is for {claim}, not {own}"
    )


def _remapped(own: Named, identity: SignedIdentity) -> Named:
    name = own.name
    if name != identity.prefix and not name.startswith(identity.prefix + "/"):
        return own
    host, _, path = (identity.signed_prefix + name[len(identity.prefix) :]).partition("/")
    return replace(own, host=host, path=path)
