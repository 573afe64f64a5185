# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Built-in plugins of a chain that change what the first one has made, one module each.

A module has
    KEYS                        what its object may have
    alter(attached, plugin)     -> Attachment: pure; for what has to be known beforehand
    steps(attached, plugin)     -> tuple[Step, ...]: pure; after those of the link
"""

from __future__ import annotations

from importlib import import_module

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

BUILTIN = {"tuning": "tuning", "portmap": "portmap", "bandwidth": "bandwidth"}
"""Type of a plugin -> name of its module."""


def module(kind: str) -> Any:
    """The module of a built-in plugin."""
    return import_module(f"podwright.net.meta.{BUILTIN[kind]}")
