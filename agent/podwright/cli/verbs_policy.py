# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sub-commands of `policy`."""

from __future__ import annotations

from podwright.cli.flags import FORMAT
from podwright.cli.options import Option, Verb

POLICY_VERBS = (
    Verb(
        "check",
        "policy",
        "Explain why images are admitted or refused",
        "IMAGE...",
        (Option("signature", "detached signature of the image", "FILE"), FORMAT),
        "Shows for each image the scope of the policy that decides, each of its requirements, whether it\n"
        "holds and by which key, and the weakest isolation that is allowed. Of images that are not in the\n"
        "store, signatures and manifest are fetched and looked at. Returns 254 when one is refused.",
        (
            "podwright policy check example.com/redis:7",
            "podwright policy check docker://registry.example.com/app:1 --format=json",
        ),
    ),
)
