# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""AppArmor as this host has it: on or not, and which profiles are loaded."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

FS = "/sys/kernel/security/apparmor"
ENABLED = "/sys/module/apparmor/parameters/enabled"


def enabled(root: str = "") -> bool:
    """Whether AppArmor is on."""
    try:
        with open(f"{root}{ENABLED}") as file:
            return file.read(1) == "Y"
    except OSError:
        return False


def profiles(root: str = "") -> dict[str, str]:
    """The loaded profiles and their modes (enforce, complain, kill, unconfined)."""
    found = {}
    with open(f"{root}{FS}/profiles", encoding="utf-8", errors="backslashreplace") as file:
        for line in file:
            name, _, mode = line.rstrip("\n").rpartition(" (")
            found[name] = mode.rstrip(")")
    return found


def why_not(profile: str, root: str = "") -> Optional[str]:
    """Why a process cannot be confined by this profile, or None when it can."""
    if not enabled(root):
        return "AppArmor is not enabled on this host"
    if profile == "unconfined":
        return None
    try:
        loaded = profiles(root)
    except OSError as err:
        return f"the loaded profiles cannot be read: {os.path.basename(FS)}: {err.strerror}"
    return None if profile in loaded else "no such profile is loaded: load it with apparmor_parser"
