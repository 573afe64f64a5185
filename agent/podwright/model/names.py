# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""appc names: AC Name, AC Identifier, image IDs, and the prefix relation between names.

Plain string methods, since importing `re` would take a third of a pod's start.
"""

from __future__ import annotations

from podwright.errors import UsageError
from podwright.text import safe

DIGITS = "0123456789"
HEX = DIGITS + "abcdef"
LOWER = "abcdefghijklmnopqrstuvwxyz"
LETTERS = LOWER + LOWER.upper()
RESERVED = ("api", "gc", "journal", "metadata", "metrics", "pull")
"""No names for pods: podwright-NAME.service and .socket are units that come with the agent."""


def made_of(text: str, characters: str) -> bool:
    """Whether there is text, and all of it is of these characters."""
    return bool(text) and not text.strip(characters)


def is_words(text: str, joiners: str) -> bool:
    """Whether it is lower-case letters and digits in runs joined by single `joiners`."""
    for joiner in joiners[1:]:
        text = text.replace(joiner, joiners[0])
    return all(made_of(word, LOWER + DIGITS) for word in text.split(joiners[0]))


def is_hex(text: str, length: int) -> bool:
    """Whether it is exactly so many lower-case hexadecimal digits."""
    return len(text) == length and made_of(text, HEX)


def is_image_id(text: str) -> bool:
    """Whether it is a whole image ID: `sha512-` and 64 digits."""
    return text.startswith("sha512-") and is_hex(text[7:], 64)


def is_uuid(text: str) -> bool:
    """Whether it is a UUID in its usual form, lower case."""
    parts = text.split("-")
    return [len(part) for part in parts] == [8, 4, 4, 4, 12] and is_hex("".join(parts), 32)


def is_pod_name(text: str) -> bool:
    """Whether it can be the name of a pod: a DNS label, and not a UUID."""
    return len(text) <= 63 and is_words(text, "-") and not is_uuid(text)


def is_reserved(name: str) -> bool:
    """Whether a unit of the agent's own has the name that a pod's would have."""
    return name in RESERVED


def is_variable_name(text: str) -> bool:
    """Whether it can name an environment variable (A2)."""
    return made_of(text, LETTERS + DIGITS + "_.-") and text[0] in LETTERS + "_"


def ac_name(text: object, where: str) -> str:
    """Check an AC Name (app, volume and port names): lower-case words joined by single `-`."""
    if not isinstance(text, str) or len(text) > 128 or not is_words(text, "-"):
        raise UsageError(
            f"{where}: {safe(text, 80)!r} is not an AC name",
            "use lower-case letters and digits joined by single hyphens",
        )
    return text


def ac_identifier(text: object, where: str) -> str:
    """Check an AC Identifier (image and label names): words joined by single `- . _ ~ /`."""
    if not isinstance(text, str) or len(text) > 255 or not is_words(text, "-._~/"):
        raise UsageError(
            f"{where}: {safe(text, 80)!r} is not an AC identifier",
            "use lower-case letters and digits joined by single - . _ ~ /",
        )
    return text


def pod_name(text: object, where: str) -> str:
    """Check a pod name: a DNS label, since it becomes a unit and a host name."""
    if not isinstance(text, str) or not is_pod_name(text):
        raise UsageError(
            f"{where}: {safe(text, 80)!r} is not a pod name",
            "use up to 63 lower-case letters, digits and single hyphens",
        )
    return text


def host_name(text: object, where: str) -> str:
    """Check a host name: RFC 1123 labels joined by dots, as long as the kernel's may be."""
    if (
        not isinstance(text, str)
        or len(text) > 64
        or not all(_is_label(label) for label in text.split("."))
    ):
        raise UsageError(
            f"{where}: {safe(text, 80)!r} is not a host name",
            "use letters, digits and inner hyphens, with dots between labels, up to 64 in all",
        )
    return text


def _is_label(text: str) -> bool:
    """Whether it is a label of a host name (RFC 1123)."""
    ends = len(text) == len(text.strip("-")) <= 63
    return ends and made_of(text, LETTERS + DIGITS + "-")


def app_name_from(image_name: str) -> str:
    """The default app name: the last element of the image name as an AC Name (A2)."""
    last = image_name.rsplit("/", 1)[-1].lower()
    spaced = "".join(char if char in LOWER + DIGITS else " " for char in last)
    return "-".join(spaced.split()) or "app"


def within_prefix(name: str, prefix: str) -> bool:
    """Whether `prefix` covers `name`, at path element boundaries: a/b covers a/b/c, not a/bc."""
    return name == prefix or name.startswith(prefix + "/")
