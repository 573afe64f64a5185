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
        FORMAT,
        UUID_FILE,
    ),
    "The image's files with what the app changed, owners as the pod saw them, and the image's manifest\n"
    "without its dependencies. What is in volumes is not part of it. Prints the ID that it has as an image.",
    ("podwright export web web-changed.aci",),
)

VERBS: tuple[Verb, ...] = (EXPORT,)
