# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""`--net` of run and run-prepared."""

from __future__ import annotations

from podwright.model import netchoice

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.cli.options import Arguments


def chosen(args: Arguments, default: str) -> str:
    """The choice in its one form; `default` when nothing is said."""
    return netchoice.parse(args.text("net")).text() if args.given("net") else default
