# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""`--net` of run and run-prepared, also by the name that rkt had for it first."""

from __future__ import annotations

from podwright.errors import UsageError
from podwright.model import netchoice

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.cli.options import Arguments

OLD = "private-net"


def chosen(args: Arguments, default: str) -> str:
    """The choice in its one form; `default` when nothing is said."""
    if args.given("net") and args.given(OLD):
        raise UsageError(f"--net and --{OLD} are the same option", "say one of them")
    if args.given("net"):
        return netchoice.parse(args.text("net")).text()
    if not args.given(OLD):
        return default
    said = args.text(OLD)
    return netchoice.DEFAULT if said == "true" else netchoice.parse(said, f"--{OLD}").text()
