# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sub-commands of `policy`."""

from __future__ import annotations

from podwright.cli.flags import FORMAT
from podwright.cli.options import Option, Verb

POLICY_VERBS = (
    Verb(
        "show",
        "policy",
        "Show the admission policy that is in force",
        "",
        (FORMAT,),
        "Without a policy file every image must be signed by a key of the trust store. Returns 254 when the file\n"
        "is not in order, so that every image is refused.",
        ("podwright policy show", "podwright policy show --format=json | jq .document.default"),
    ),
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
