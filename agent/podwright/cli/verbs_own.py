# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The verbs that only the agent itself and the role call: a pod's parent, from its unit or from its sleep."""

from __future__ import annotations

from podwright.cli.flags import FORMAT
from podwright.cli.options import Option, Verb

VERBS = (
    Verb(
        "check-data",
        "check_data",
        "Say whether this agent can go on with what is on this host, which the role asks before it installs it",
        "",
        (FORMAT,),
        hidden=True,
    ),
    Verb(
        "complete",
        "complete",
        "Say what may stand at the cursor; what the scripts of `completion` ask",
        "-- WORD...",
        hidden=True,
    ),
    Verb(
        "journal-service",
        "journal_service",
        "Keep a journal for each pod that is a machine",
        "",
        hidden=True,
    ),
    Verb(
        "resume",
        "resume",
        "Go on as the parent of a pod that runs",
        "[NAME] SIGNAL",
        (
            Option("state", "descriptor of what is known about the pod", "FD"),
            Option("detached", "restart it ourselves, since there is no systemd"),
            Option("attempt", "how often it was restarted", "N", "0"),
            Option("began", "when this life began", "SECONDS", "0"),
            Option("takeover", "the revision that takes over", "N", "0"),
        ),
        hidden=True,
    ),
    Verb(
        "supervise",
        "supervise",
        "Run a named pod under a supervisor",
        "NAME",
        (
            Option("detached", "restart it ourselves, since there is no systemd"),
            Option("attempt", "how often it was restarted", "N", "0"),
            Option("takeover", "run this revision, and take over from the current one", "N", "0"),
        ),
        hidden=True,
    ),
)
