# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""`podwright stop`."""

from __future__ import annotations

from podwright.cli import which
from podwright.cli.context import Context, note, say
from podwright.errors import PodwrightError
from podwright.stage0 import pods, stop

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.cli.options import Arguments


def run(context: Context, args: Arguments) -> int:
    """Stop every pod named; a pod that has ended already is fine. 254 if any failed."""
    context.need_root("stop")
    failed = False
    for text in which.names(args, "stop"):
        try:
            pod = pods.find(context.layout, text)
            stop.stop(context.layout, pod, force=args.true("force"))
            say(f'"{pod.uuid}"')
        except PodwrightError as err:
            note(err.sentence())
            failed = True
    return 254 if failed else 0
