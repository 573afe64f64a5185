# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""`podwright rm`: remove pods that do not run."""

from __future__ import annotations

from podwright.cli import which
from podwright.cli.context import Context, note, say
from podwright.errors import PodwrightError
from podwright.stage0 import collect, pods

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.cli.options import Arguments


def run(context: Context, args: Arguments) -> int:
    """Remove every pod named; 254 if any could not be."""
    context.need_root("rm")
    failed = False
    for text in which.names(args, "rm"):
        try:
            pod = pods.find(context.layout, text)
            collect.remove(context.layout, pod)
            say(f'"{pod.uuid}"')
        except PodwrightError as err:
            note(err.sentence())
            failed = True
    return 254 if failed else 0
