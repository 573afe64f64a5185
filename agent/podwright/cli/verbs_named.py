# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The verbs for the life of pods: start, restart, history, rollback, export."""

from __future__ import annotations

from podwright.cli.flags import FORMAT, UUID_FILE
from podwright.cli.options import Option, Verb

EXPORT = Verb(
    "export",
    "export",
    "Write what an app of an ended pod has as its root as an ACI",
    "POD FILE.aci",
    (
        Option("app", "which app; needed where the pod has several", "APP"),
        Option("overwrite", "replace the file if it exists"),
        Option("same", "leave a file alone that is this already"),
        Option("check", "say whether it would be written, with --same; write nothing"),
        FORMAT,
        UUID_FILE,
    ),
    "The image's files with what the app changed, owners as the pod saw them, and the image's manifest\n"
    "without its dependencies. What is in volumes is not part of it. Prints the ID that it has as an image.",
    ("podwright export web web-changed.aci",),
)

NO_WAIT = Option("no-wait", "do not wait until it is ready")
LOCK_TIMEOUT = Option("lock-timeout", "seconds to wait for an apply", "SECONDS", "60")

START = Verb(
    "start",
    "start",
    "Start stopped named pod(s), or run an ended one without a name again, in the foreground",
    "POD...",
    (NO_WAIT, LOCK_TIMEOUT, FORMAT, UUID_FILE),
    "A named pod is started under its supervisor, and is waited for until it is ready; one that runs stays\n"
    "as it is. One pod without a name that has ended runs again in the foreground, as run-prepared does.",
    ("podwright start web",),
)

RESTART = Verb(
    "restart",
    "restart",
    "Stop and start named pod(s) again",
    "POD...",
    (NO_WAIT, LOCK_TIMEOUT, FORMAT, UUID_FILE),
    "Waits until each is ready. Prints its new UUID.",
    ("podwright restart web",),
)

HISTORY = Verb(
    "history",
    "history",
    "Show the revisions of a named pod",
    "POD",
    (
        Option("full", "print full image IDs and UUIDs"),
        Option("no-legend", "print no titles"),
        FORMAT,
        UUID_FILE,
    ),
    "The oldest first: what each was made of, when, by apply or by a rollback, and what became of it.",
    ("podwright history web",),
)

ROLLBACK = Verb(
    "rollback",
    "rollback",
    "Bring a named pod back to an earlier revision",
    "POD",
    (
        Option("to", "which one; else the last one that worked and was different", "REVISION"),
        Option("check", "say what would change, change nothing"),
        LOCK_TIMEOUT,
        FORMAT,
        UUID_FILE,
    ),
    "The earlier revision is applied again, as a new one: its images are judged by the policy of now, and the\n"
    "pod that runs is replaced as it always is.",
    ("podwright rollback web", "podwright rollback web --to=3"),
)

VERBS: tuple[Verb, ...] = (START, RESTART, HISTORY, ROLLBACK, EXPORT)
