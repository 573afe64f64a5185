# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The JSON that a container signature signs: which manifest, under which reference, since when.

containers-signature(5) for `atomic container signature`; cosign's `cosign container image
signature` has the same shape. Strict: in `critical`, what is not known is refused.
"""

from __future__ import annotations

from podwright import jsonio
from podwright.errors import UsageError, VerifyError
from podwright.host import clock
from podwright.text import safe
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

ATOMIC = "atomic container signature"
COSIGN = "cosign container image signature"
MAX_PAYLOAD = 1024 * 1024


@value
class Claim:
    """What was signed: the manifest's digest, a docker reference, and the time or "" (RFC 3339)."""

    digest: str
    reference: str
    signed_at: str


def parse(data: bytes, kind: str, name: str) -> Claim:
    """Read a payload whose signature is known to be good. Raises VerifyError naming the image."""
    try:
        raw = jsonio.loads(data, "payload", limit=MAX_PAYLOAD)
        return _claim(raw, kind)
    except UsageError as err:
        raise VerifyError(
            f"image {name}: a signature signs something else than an image ({err.message})",
            "have it signed again",
            object=name,
            reason="bad-payload",
        ) from None


def _claim(raw: Any, kind: str) -> Claim:
    top = _object(raw, "payload", ("critical", "optional"))
    critical = _object(top["critical"], "critical", ("identity", "image", "type"))
    if critical["type"] != kind:
        raise UsageError(f"critical.type is {safe(critical['type'], 60)!r}, not {kind!r}")
    image = _object(critical["image"], "critical.image", ("docker-manifest-digest",))
    identity = _object(critical["identity"], "critical.identity", ("docker-reference",))
    digest, reference = image["docker-manifest-digest"], identity["docker-reference"]
    if type(digest) is not str or type(reference) is not str:
        raise UsageError("digest and reference must be text")
    optional = top["optional"]
    if optional is None and kind == COSIGN:
        optional = {}
    if not isinstance(optional, dict):
        raise UsageError("optional must be an object")
    stamp = optional.get("timestamp")
    if stamp is not None and (type(stamp) is not int or not 0 <= stamp < 2**40):
        raise UsageError("optional.timestamp must be a number of seconds")
    if type(optional.get("creator", "")) is not str:
        raise UsageError("optional.creator must be text")
    return Claim(digest, reference, "" if stamp is None else clock.rfc3339(stamp))


def _object(raw: Any, path: str, keys: tuple[str, ...]) -> dict[str, Any]:
    """An object with exactly these keys."""
    if not isinstance(raw, dict) or sorted(raw) != sorted(keys):
        raise UsageError(f"{path} must be an object of exactly {', '.join(keys)}")
    return raw
