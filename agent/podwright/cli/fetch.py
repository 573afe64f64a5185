# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""`podwright fetch`: images into the store; prints one ID per line."""

from __future__ import annotations

from podwright.cli import apps
from podwright.cli.context import say
from podwright.cli.progress import Printer
from podwright.stage0 import images

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.cli.context import Context

SHORT = len("sha512-") + 32


def run(context: Context, args: apps.MultiArguments) -> int:
    """Fetch every image named; the first failure ends it."""
    for text, own, _ in args.apps:
        options = images.FetchOptions(
            pull_policy=args.text("pull-policy", "update"),
            insecure=context.insecure,
            signature=own.text("signature"),
            trust_keys_from_https=context.trust_keys_from_https,
        )
        image = images.resolve(context.layout, text, options, Printer())
        say(image.id if args.true("full") else image.id[:SHORT])
    return 0
