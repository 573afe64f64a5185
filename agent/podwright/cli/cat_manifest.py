# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""`podwright cat-manifest`: the manifest of a pod."""

from __future__ import annotations

from podwright import jsonio
from podwright.cli import which
from podwright.cli.context import Context, say
from podwright.errors import NotFoundError
from podwright.stage0 import pods

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.cli.options import Arguments


def run(context: Context, args: Arguments) -> int:
    """Print the manifest as JSON."""
    pod = pods.find(context.layout, which.one(args, "cat-manifest"))
    manifest = pod.read_json("pod")
    if manifest is None:
        raise NotFoundError(f"pod {pod.uuid} has no readable manifest", object=pod.uuid)
    pretty = args.text("pretty-print", "true") == "true"
    say(jsonio.pretty(manifest) if pretty else jsonio.dumps(manifest))
    return 0
