# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""`podwright fetch`: images into the store; prints one ID per line."""

from __future__ import annotations

import os

from podwright.cli import apps
from podwright.cli.context import answer, note, say
from podwright.cli.progress import printer
from podwright.stage0 import images

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

    from podwright.cli.context import Context
    from podwright.cli.progress import Progress

SHORT = len("sha512-") + 32


def run(context: Context, args: apps.MultiArguments) -> int:
    """Fetch every image named; the first failure ends it."""
    done = []
    for text, own, _ in args.apps:
        options = images.FetchOptions(
            pull_policy=args.text("pull-policy", "update"),
            insecure=context.insecure,
            signature=own.text("signature"),
            accept_key=context.accept_key,
        )
        image_id = _fetch(context, text, options, printer(args.text("progress")))
        done.append({"image": text, "id": image_id})
        if not args.text("format"):
            say(image_id if args.true("full") else image_id[:SHORT])
    answer(args, done)
    return 0


def _fetch(
    context: Context, text: str, options: images.FetchOptions, progress: Optional[Progress]
) -> str:
    """The ID of an image that is in the store now, or in its inbox when we are not root."""
    if os.geteuid() == 0:
        return images.resolve(context.layout, text, options, progress).id
    from podwright.stage0 import member

    image_id, named = member.leave(context.layout, text, options, progress)
    note(f"{text}: left in the inbox, where root's next fetch, run or apply of {named} finds it")
    return image_id
