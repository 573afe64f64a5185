# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which pod is meant: by UUID, prefix or name, or read from --uuid-file."""

from __future__ import annotations

from podwright.errors import UsageError
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.cli.options import Arguments


def names(args: Arguments, verb: str) -> list[str]:
    """The pods named on the command line, at least one."""
    found = list(args.rest)
    path = args.text("uuid-file")
    if path:
        try:
            with open(path, encoding="utf-8") as file:
                found.append(file.read(200).strip())
        except (OSError, UnicodeDecodeError) as err:
            raise UsageError(
                f"--uuid-file: {safe(path, 200)} cannot be read: {safe(err, 200)}"
            ) from None
    if not found:
        raise UsageError(
            f"{verb} needs a pod", f"podwright {verb} UUID-OR-NAME; 'podwright list' shows the pods"
        )
    return found


def one(args: Arguments, verb: str) -> str:
    """The only pod named."""
    found = names(args, verb)
    if len(found) != 1:
        raise UsageError(f"{verb} takes one pod, not {len(found)}")
    return found[0]
