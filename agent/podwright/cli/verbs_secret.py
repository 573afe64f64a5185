# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sub-commands of `secret`."""

from __future__ import annotations

from podwright.cli.flags import FORMAT
from podwright.cli.options import Option, Verb

SECRET_VERBS = (
    Verb(
        "list",
        "secret",
        "List the secrets that this host keeps, and the pods that have them",
        "",
        (Option("no-legend", "no column titles"), FORMAT),
        "Says how each is kept and how long it is, never what is in it.",
        ("podwright secret list",),
    ),
    Verb(
        "put",
        "secret",
        "Keep a secret, read from standard input or a file",
        "NAME [FILE|-]",
        (
            Option(
                "encrypt",
                "auto: if systemd can; require; off: a file of root's",
                "HOW",
                "auto",
                choices=("auto", "require", "off"),
            ),
            FORMAT,
        ),
        "Encrypted by systemd-creds for this host, with its TPM where it has one, so that only systemd opens\n"
        "it, for the units of pods. Where there is no systemd, in a file that only root can read. A pod has it\n"
        "with secrets: [{name: NAME, stored: NAME}] in its desired state; a changed content replaces the pod\n"
        "when that is applied again.",
        ("podwright secret put db-password </run/keys/db", "podwright secret put tls-key tls.key"),
    ),
    Verb(
        "rm",
        "secret",
        "Remove secrets that no pod has",
        "NAME...",
        (FORMAT,),
        "One that is not there is fine. Returns 254 when a pod still has one.",
        ("podwright secret rm db-password",),
    ),
)
