# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""appc names: AC Name, AC Identifier, image IDs, and the prefix relation between names."""

from __future__ import annotations

import re

from podwright.errors import UsageError
from podwright.text import safe

AC_NAME = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*\Z")
AC_IDENTIFIER = re.compile(r"[a-z0-9]+(?:[-._~/][a-z0-9]+)*\Z")
IMAGE_ID = re.compile(r"sha512-[0-9a-f]{64}\Z")
POD_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\Z")
UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")


def ac_name(text: object, where: str) -> str:
    """Check an AC Name (app, volume and port names): lower-case words joined by single `-`."""
    if not isinstance(text, str) or len(text) > 128 or not AC_NAME.match(text):
        raise UsageError(
            f"{where}: {safe(text, 80)!r} is not an AC name",
            "use lower-case letters and digits joined by single hyphens",
        )
    return text


def ac_identifier(text: object, where: str) -> str:
    """Check an AC Identifier (image and label names): words joined by single `- . _ ~ /`."""
    if not isinstance(text, str) or len(text) > 255 or not AC_IDENTIFIER.match(text):
        raise UsageError(
            f"{where}: {safe(text, 80)!r} is not an AC identifier",
            "use lower-case letters and digits joined by single - . _ ~ /",
        )
    return text


def pod_name(text: object, where: str) -> str:
    """Check a pod name: a DNS label, since it becomes a unit and a host name."""
    if not isinstance(text, str) or not POD_NAME.match(text) or "--" in text or UUID.match(text):
        raise UsageError(
            f"{where}: {safe(text, 80)!r} is not a pod name",
            "use up to 63 lower-case letters, digits and single hyphens",
        )
    return text


def app_name_from(image_name: str) -> str:
    """The default app name: the last element of the image name as an AC Name (A2)."""
    return re.sub(r"[^a-z0-9]+", "-", image_name.rsplit("/", 1)[-1].lower()).strip("-") or "app"


def within_prefix(name: str, prefix: str) -> bool:
    """Whether `prefix` covers `name`, at path element boundaries: a/b covers a/b/c, not a/bc."""
    return name == prefix or name.startswith(prefix + "/")
