# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""`podwright image publish`."""

from __future__ import annotations

from podwright import jsonio
from podwright.cli.build import open_signer
from podwright.cli.context import Context, note, say
from podwright.errors import UsageError
from podwright.stage0.build import publish as publishing
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.cli.options import Arguments

MAX_KEY = 1024 * 1024


def publish(context: Context, args: Arguments) -> int:
    """Write images into a web root; prints the files that are new."""
    if len(args.rest) < 2:
        raise UsageError(
            "image publish needs a directory and images", "podwright image publish /srv/www app.aci"
        )
    signer = open_signer(args, args.text("sign")) if args.text("sign") else None
    try:
        done = publishing.publish(
            publishing.Order(
                root=args.rest[0],
                images=tuple(args.rest[1:]),
                keys=tuple(_key(path) for path in args.texts("key")),
                signer=signer,
                prefix=args.text("prefix"),
                latest=args.true("latest"),
                replace=args.true("replace"),
            )
        )
    finally:
        if signer is not None:
            signer.close()
    if form := args.text("format"):
        show = jsonio.pretty if form == "json-pretty" else jsonio.dumps
        answer = {"changed": done.changed, "host": done.host}
        say(show({**answer, "images": list(done.images), "files": list(done.files)}))
        return 0
    for file in done.files:
        say(safe(file, 400))
    if not done.changed:
        note(f"{safe(args.rest[0], 300)} is up to date")
    return 0


def _key(path: str) -> bytes:
    from podwright.stage0.web.sources import open_regular

    with open(open_regular(path, "key"), "rb") as file:
        return file.read(MAX_KEY + 1)
