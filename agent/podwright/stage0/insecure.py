# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The words of `--insecure-options` (behaviour.md A12)."""

from __future__ import annotations

from podwright.errors import UsageError
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

FETCH = ("image", "tls", "http", "pubkey")
RUN = ("capabilities", "paths", "seccomp")
WORDS = frozenset((*FETCH, *RUN, "ondisk"))
GROUPS = {
    "all-fetch": frozenset(FETCH),
    "all-run": frozenset(RUN),
    "all": WORDS,
}


def sentence(lifted: frozenset[str]) -> str:
    """What is lifted, for people and for `status`."""
    return f"checks lifted by insecure options: {', '.join(sorted(lifted))}"


def expand(words: Iterable[str]) -> frozenset[str]:
    """The checks that the words lift, groups replaced by their members.

    `none` and the empty word lift nothing. Raises UsageError for any word that is not known.
    """
    out: set[str] = set()
    for word in words:
        if word in WORDS:
            out.add(word)
        elif word in GROUPS:
            out |= GROUPS[word]
        elif word not in ("", "none"):
            known = ", ".join(("none", *sorted(WORDS), *GROUPS))
            raise UsageError(f"insecure option {safe(word, 60)!r} is not known", f"known: {known}")
    return frozenset(out)
