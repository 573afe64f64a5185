# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sub-commands of `trust`; other words are keys."""

from __future__ import annotations

from podwright.cli.flags import FORMAT
from podwright.cli.options import Option, Verb

TRUST_VERBS = (
    Verb(
        "list",
        "trust_store",
        "List trusted keys, and what masks them",
        "",
        (
            Option("prefix", "only keys of this prefix", "PREFIX"),
            Option("root", "only keys that are trusted for every image"),
            Option("full", "whole fingerprints"),
            Option("no-legend", "no column titles"),
            FORMAT,
        ),
        "Keys of the scope `system` were shipped by packages, those of `local` were added here. A key is\n"
        "masked by an empty file of its name in a place that is read later.",
        (
            "podwright trust list",
            "podwright trust list --format=json | jq -r '.[] | select(.state == \"trusted\").file'",
        ),
    ),
    Verb(
        "remove",
        "trust_store",
        "Stop trusting keys",
        "--prefix=PREFIX|--root FINGERPRINT...",
        (
            Option("prefix", "not for image names at and below PREFIX any more", "PREFIX"),
            Option("root", "not for every image any more"),
            FORMAT,
        ),
        "Deletes the administrator's key file. A key that was shipped in the same place is masked by an\n"
        "empty file instead, which `podwright trust` lifts again. Pods that run go on running; images that\n"
        "only this key had signed are refused from the next start on.",
        ("podwright trust remove --prefix=example.com $FINGERPRINT",),
    ),
)
