# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""`podwright cat-manifest`: the manifest of a pod."""

from __future__ import annotations

from podwright.cli import which
from podwright.cli.context import Context, print_document
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
    print_document(args, manifest)
    return 0
