# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an image must turn out to be: its ID, or the digest of its OCI manifest, said beforehand."""

from __future__ import annotations

from podwright.errors import UsageError, VerifyError
from podwright.model.names import HEX, made_of
from podwright.text import safe

HINT = "write sha256: and 64 digits for an OCI manifest, or sha512- and 64 or 128 for an image ID"


def parse(text: str, where: str) -> str:
    """A digest in the form that `matches` compares. Raises UsageError."""
    kind, digits = text[:7], text[7:]
    if made_of(digits, HEX):
        if kind == "sha512-" and len(digits) in (64, 128):
            return f"sha512-{digits[:64]}"
        if kind == "sha256:" and len(digits) == 64:
            return text
    raise UsageError(f"{where}: {safe(text, 160)!r} is not a digest", HINT, object=where)


def matches(wanted: str, image_id: str, digest: str) -> bool:
    """Whether an image with this ID and manifest digest ("" for an ACI) is the wanted one."""
    return not wanted or wanted in (image_id, digest)


def require(wanted: str, shown: str, image_id: str, digest: str) -> None:
    """Raise VerifyError for another image than the wanted one."""
    if not matches(wanted, image_id, digest):
        found = digest if wanted.startswith("sha256:") and digest else image_id
        raise VerifyError(
            f"image {safe(shown, 200)} is {found}, not {wanted}",
            "ask whoever publishes it, or correct the digest",
            object=safe(shown, 200),
            reason="wrong-digest",
        )
