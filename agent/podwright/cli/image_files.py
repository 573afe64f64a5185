# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""`podwright image export | extract | render`."""

from __future__ import annotations

from podwright.cli.context import Context, answer, say
from podwright.cli.image import find_one
from podwright.errors import UsageError
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.cli.options import Arguments


def export(context: Context, args: Arguments) -> int:
    """Write an image as an ACI file."""
    from podwright.stage0 import export as files

    if len(args.rest) != 2:
        raise UsageError(
            "image export needs an image and a file", "podwright image export IMAGE FILE.aci"
        )
    image = find_one(context.layout, args.rest[0])
    changed, overwrite = True, args.true("overwrite")
    if args.true("same") or args.true("check"):
        check = args.true("check")
        changed = files.have_archive(context.layout, image, args.rest[1], overwrite, check=check)
    else:
        files.to_archive(context.layout, image, args.rest[1], overwrite)
    _answer(args, image.id, changed)
    return 0


def extract(context: Context, args: Arguments) -> int:
    """Write what an image itself holds."""
    return _write(context, args, "extract")


def render(context: Context, args: Arguments) -> int:
    """Write an image with all that it is built on, or make its files in the store again."""
    if not args.true("force"):
        return _write(context, args, "render")
    context.need_root("image render --force")
    if len(args.rest) != 1 or args.true("same") or args.true("check"):
        raise UsageError(
            "image render --force needs one image, and no directory, --same or --check",
            "podwright image render --force IMAGE",
        )
    from podwright.stage0 import again

    image = find_one(context.layout, args.rest[0])
    again.render_anew(context.layout, image.id)
    if not answer(args, {"id": image.id, "path": ""}):
        say(f"rendered {image.id}")
    return 0


def _write(context: Context, args: Arguments, verb: str) -> int:
    from podwright.stage0 import export as files

    if len(args.rest) != 2:
        raise UsageError(
            f"image {verb} needs an image and a directory", f"podwright image {verb} IMAGE DIR"
        )
    context.need_root(f"image {verb}")  # owners and modes of all files are given
    image = find_one(context.layout, args.rest[0])
    how = {
        "whole": verb == "render",
        "rootfs_only": args.true("rootfs-only"),
        "overwrite": args.true("overwrite"),
    }
    changed, check = True, args.true("check")
    if check or args.true("same"):
        from podwright.stage0 import samedir

        changed = samedir.have(context.layout, image, args.rest[1], check=check, **how)
    else:
        files.to_directory(context.layout, image, args.rest[1], **how)
    _answer(args, image.id, changed)
    return 0


def _answer(args: Arguments, image_id: str, changed: bool) -> None:
    """What was written, and for people whether, where that is the question."""
    asked = args.true("same") or args.true("check")
    if not answer(args, {"id": image_id, "path": args.rest[1], "changed": changed}) and asked:
        done = "would be written" if args.true("check") else "written"
        say(f"{safe(args.rest[1], 200)}: {done if changed else 'unchanged'}")
