# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""`podwright stage1 build`."""

from __future__ import annotations

import os

from podwright.cli.build import open_signer
from podwright.cli.context import Context, answer, note, say
from podwright.cli.verbs_stage1 import KINDS
from podwright.errors import UsageError
from podwright.stage0.stage1build import build as builder
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.cli.options import Arguments

USAGE = f"podwright stage1 build {'|'.join(KINDS)} OUT.aci"


def build(context: Context, args: Arguments) -> int:
    """Make a stage1 image; prints its ID."""
    if len(args.rest) != 2:
        raise UsageError(
            f"stage1 build takes a kind and the file to make, not {len(args.rest)} words",
            f"write: {USAGE}",
        )
    if args.rest[0] not in KINDS:
        raise UsageError(
            f"there is no stage1 {safe(args.rest[0], 60)!r} that can be made: only {', '.join(KINDS)}",
            f"write: {USAGE}",
        )
    _check_place(args.rest[1])
    order = _order(args)
    signer = open_signer(args, args.text("sign")) if args.text("sign") else None
    try:
        built = builder.build(order, note)
        signed = False
        if signer is not None:
            from podwright.stage0.build.sign import sign_archive

            signed = sign_archive(built.path, signer)
    finally:
        if signer is not None:
            signer.close()
    facts = {
        "path": built.path,
        "id": built.image_id,
        "kernel": built.release,
        "package": built.package or None,
        "kinds": list(built.kinds),
        "modules": list(built.modules),
        "changed": built.changed or signed,
    }
    if not answer(args, facts):
        say(built.image_id)
        if not built.changed:
            note(f"{safe(built.path, 300)} is up to date")
    return 0


def _check_place(path: str) -> None:
    """Refuse a file that could not be made, before anything is fetched for it."""
    directory = os.path.dirname(os.path.abspath(path))
    why = ""
    if not os.path.isdir(directory):
        why = f"{safe(directory, 200)} is no directory"
    elif os.path.isdir(path):
        why = "it is a directory"
    elif os.path.exists(path) and not os.path.isfile(path):
        why = "it is no file"
    if why:
        raise UsageError(f"{safe(path, 200)} cannot be made: {why}", "check the path", object=path)


def _order(args: Arguments) -> builder.Order:
    kernel, modules = args.text("kernel"), args.text("modules")
    if bool(modules) != ("/" in kernel):
        raise UsageError(
            "a kernel's file and its modules belong together",
            "give --kernel=/boot/vmlinuz-RELEASE --modules=/lib/modules/RELEASE, or --kernel=PACKAGE",
        )
    return builder.Order(
        args.rest[1],
        kernel,
        modules,
        args.text("version"),
        args.text("compression", "gzip"),
        args.rest[0],
    )
