# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""`podwright image push`."""

from __future__ import annotations

import os

from podwright import jsonio
from podwright.cli.build import open_signer
from podwright.cli.context import Context, note, say
from podwright.cli.progress import Printer
from podwright.errors import UsageError
from podwright.stage0.build import push as pushing
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.cli.options import Arguments

MAX_KEY = 65536


def push(context: Context, args: Arguments) -> int:
    """Push an image to a registry; prints the digest of its manifest."""
    if len(args.rest) != 2:
        raise UsageError(
            "image push needs an image and a place",
            "podwright image push app.aci docker://registry.example.com/app:1.0",
        )
    if args.given("sign-by") != args.given("lookaside"):
        raise UsageError("--sign-by and --lookaside belong together")
    pushing.target_of(args.rest[1])
    signer = open_signer(args, args.text("sign-by")) if args.given("sign-by") else None
    try:
        done = pushing.push(
            context.layout,
            pushing.Order(
                image=args.rest[0],
                target=args.rest[1],
                compression=args.text("compression", "gzip"),
                signer=signer,
                lookaside=os.path.abspath(args.text("lookaside")),
                sigstore_key=_key(args.text("sigstore-key")),
                sigstore_passphrase=_passphrase(args.text("sigstore-passphrase-file")),
                insecure=context.insecure,
            ),
            Printer("pushing"),
        )
    finally:
        if signer is not None:
            signer.close()
    for line in done.warnings:
        note(f"warning: {line}")
    if form := args.text("format"):
        show = jsonio.pretty if form == "json-pretty" else jsonio.dumps
        answer = {"digest": done.digest, "reference": done.reference, "changed": done.changed}
        say(show({**answer, "sent": done.sent, "signatures": list(done.signatures)}))
        return 0
    for place in done.signatures:
        note(f"signature {safe(place, 400)}")
    if not done.changed:
        note(f"{done.reference} is up to date")
    say(done.digest)
    return 0


def _key(path: str) -> bytes:
    if not path:
        return b""
    from podwright.stage0.web.sources import open_regular

    with open(open_regular(path, "sigstore key"), "rb") as file:
        if os.fstat(file.fileno()).st_mode & 0o077:
            raise UsageError(
                f"sigstore key {safe(path, 300)} may be read by others",
                f"chmod 600 {safe(path, 300)}",
                object=safe(path, 300),
            )
        return file.read(MAX_KEY)


def _passphrase(path: str) -> str:
    from podwright.stage0.build.sign import read_passphrase

    return read_passphrase(path) if path else ""
