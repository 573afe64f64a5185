# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sub-commands of `selinux`."""

from __future__ import annotations

from podwright.cli.flags import FORMAT, UUID_FILE
from podwright.cli.options import Verb

SELINUX_VERBS = (
    Verb(
        "verify",
        "selinux",
        "Check that what runs carries the pod's SELinux label",
        "POD",
        (FORMAT, UUID_FILE),
        "Looks at every process of the pod, at the mounts made for its apps and at their files, as the\n"
        "kernel shows them. Returns 1 when something carries another label, 254 when the pod has none.",
        ("podwright selinux verify web", "podwright selinux verify web --format=json"),
    ),
)
