# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How far a host's downloads are: what it has told, read as a stranger's, and in words. Pure."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from ansible_collections.podwright.fleet.plugins.plugin_utils.status_values import (
    items,
    mapping,
    number,
    text,
)

MOST_TOLD = 32768
"""Characters of what a host tells at once."""
MOST_IMAGES = 20
LONGEST_NAME = 300
QUARTERS = 4
"""Parts of a download after each of which a log gets a line."""
UNSIZED = 60.0
"""Seconds between two lines about what has no known size."""


class Fetch(NamedTuple):
    """A download: bytes done, and in all, or None while nobody knows."""

    image: str
    done: int
    total: int | None

    @property
    def is_done(self) -> bool:
        """Whether all bytes have come."""
        return self.total is not None and self.done >= self.total


def told(raw: str) -> Fetch | None:
    """The download that a host is at, of the agent's file of them: see the agent's host/watched.py."""
    line = next((one for one in raw[:MOST_TOLD].splitlines() if one.startswith("{")), "")
    try:
        content = mapping(json.loads(line))
    except (ValueError, RecursionError):
        return None
    if content.get("version") != 1:
        return None
    found = [one for one in map(fetch, items(content.get("images"), MOST_IMAGES)) if one]
    going = [one for one in found if not one.is_done]
    return going[-1] if going else found[-1] if found else None


def fetch(raw: dict[str, Any]) -> Fetch | None:
    """A download of `image`, `done` and `total`; nothing where the numbers are none."""
    done, total = number(raw.get("done")), number(raw.get("total"))
    image = text(raw.get("image"), LONGEST_NAME)
    if done is None or not image or (total is not None and done > total):
        return None
    return Fetch(image, int(done), int(total) if total else None)


def short(image: str) -> str:
    """The last part of an image's name, which may be a file's or an address; never empty."""
    return image.rstrip("/").rpartition("/")[2] or image


def words(one: Fetch) -> str:
    """`31.4 of 120 MiB`, `0.7 of 1.2 GiB`, `31.4 MiB`, or `120 MiB fetched`."""
    unit, size = ("GiB", 2**30) if (one.total or one.done) >= 1000 * 2**20 else ("MiB", 2**20)
    if one.is_done:
        return f"{digits(one.done / size)} {unit} fetched"
    return (
        f"{digits(one.done / size)}{f' of {digits(one.total / size)}' if one.total else ''} {unit}"
    )


def digits(count: float) -> str:
    """A number with one place after its point, or with three places or more before it."""
    return f"{count:.0f}" if count >= 99.5 else f"{count:.1f}"


class Log:
    """When a host's downloads are worth a line in a log: those that take long, and then each quarter."""

    def __init__(self, patience: float, now: float) -> None:
        self._patience, self._began = patience, now
        self._image = ""
        self._part = -1
        self._spoke = 0.0

    def line(self, one: Fetch, now: float) -> str:
        """What to say now; "" for nothing."""
        if one.image != self._image:
            self._began = now if self._image else self._began
            self._image, self._part = one.image, -1
        part = one.done * QUARTERS // one.total if one.total else 0
        quiet = now - self._began < self._patience or one.is_done
        fresh = part != self._part if one.total else now - self._spoke >= UNSIZED
        if quiet or not (fresh or self._part < 0):
            return ""
        self._part, self._spoke = part, now
        share = f" ({one.done * 100 // one.total} %)" if one.total else ""
        return f"fetching {one.image}: {words(one)}{share}"
