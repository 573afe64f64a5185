# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""`podwright image list | cat-manifest`, and how the other sub-commands find their image."""

from __future__ import annotations

import os
import time

from podwright.cli import durations
from podwright.cli.context import Context, answer, note, print_document, say
from podwright.cli.table import fitting
from podwright.errors import NotFoundError, StoreError, UsageError
from podwright.model.imageref import parse_ref
from podwright.stage0 import imagereport, images, store, usage, verdict
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from podwright.cli.options import Arguments
    from podwright.host.paths import Layout
    from podwright.stage0.images import StoredImage
    from podwright.stage0.verdict import Verdict

TITLES = {
    "id": "ID",
    "name": "NAME",
    "size": "SIZE",
    "importtime": "IMPORT TIME",
    "lastused": "LAST USED",
    "verdict": "VERDICT",
    "transport": "TRANSPORT",
}
DROPPED = ("LAST USED", "IMPORT TIME", "SIZE", "VERDICT")
"""What a narrow terminal does not show, the least important first."""
RKT_FIELDS = "id,name,size,importtime,lastused"
SHORT = len("sha512-") + 12


def list_(context: Context, args: Arguments) -> int:
    """Print the images of the store."""
    usual = RKT_FIELDS if context.layout.rkt else f"{RKT_FIELDS},verdict"
    fields = _fields(args.text("fields", usual))
    sort = _fields(args.text("sort", "importtime"))
    found = images.list_images(context.layout, lambda err: note(err.sentence()))
    found.sort(
        key=lambda image: [_key(image, field) for field in sort],
        reverse=args.text("order") == "desc",
    )
    if not found and not store.check(context.layout):
        note(f"there is no store at {context.layout.data}")
    if args.text("format"):
        used = imagereport.users(context.layout)
        answer(args, [imagereport.as_json(image, used) for image in found])
        return 0
    full = args.true("full")
    rows = [tuple(_cell(image, field, full) for field in fields) for image in found]
    if rows or not args.true("no-legend"):
        drop = DROPPED if not full and not args.given("fields") else ()
        titles = tuple(TITLES[field] for field in fields)
        say(fitting(titles, rows, not args.true("no-legend"), drop))
    return 0


def _fields(text: str) -> list[str]:
    fields = [field.strip() for field in text.split(",")]
    for field in fields:
        if field not in TITLES:
            raise UsageError(
                f"unknown column {safe(field, 40)!r}", f"columns are {', '.join(TITLES)}"
            )
    return fields


def _key(image: StoredImage, field: str) -> Any:
    return {
        "id": image.id,
        "name": imagereport.full_name(image),
        "size": image.size,
        "importtime": image.imported,
        "lastused": image.last_used,
        "verdict": verdict.text(image.verdict),
        "transport": image.transport,
    }[field]


def _cell(image: StoredImage, field: str, full: bool) -> str:
    if field == "id":
        return image.id if full else image.id[:SHORT]
    if field == "size":
        return str(image.size) if full else _size(image.size)
    if field == "name":
        return _name(image, full)
    if field == "verdict" and not full:
        return _short(image.verdict)
    if field in ("importtime", "lastused") and not full:
        import calendar

        text = image.imported if field == "importtime" else image.last_used
        then = calendar.timegm(time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S"))
        return durations.ago(then, time.time())
    return str(_key(image, field))


def _name(image: StoredImage, full: bool) -> str:
    """name:version, or the digest that an image was pinned by."""
    shown = imagereport.full_name(image)
    _, at, digest = image.identity.partition("@sha256:")
    if image.transport != "docker" or not at or shown != image.name:
        return shown
    return f"{shown}@sha256:{digest if full else digest[:12]}"


def _short(found: Verdict) -> str:
    """A verdict in a word or two: the key by its first eight digits."""
    if found.kind != "signed":
        return "accepted" if found.kind == "accepted" else "unsigned"
    keys = list(dict.fromkeys(each.key for each in found.signatures))
    return f"signed {keys[0][:8].upper()}..." + (f" +{len(keys) - 1}" if len(keys) > 1 else "")


def _size(count: int) -> str:
    amount = float(count)
    for unit in ("B", "KiB", "MiB"):
        if amount < 1024:
            return f"{amount:.0f}{unit}"
        amount /= 1024
    return f"{amount:.1f}GiB"


def find_one(layout: Layout, text: str) -> StoredImage:
    """The stored image that an argument means. Raises NotFoundError, UsageError."""
    found = images.find_images(layout, text)
    if not found:
        raise NotFoundError(
            f"no image {safe(text, 100)!r} is in the store", "podwright image list shows them"
        )
    if len(found) > 1 and text.startswith("sha512-"):
        raise _ambiguous(text)
    return found[-1]


def find_id(layout: Layout, text: str) -> tuple[str, str]:
    """(ID, name) of the stored image that an argument means, also of a damaged one by its ID."""
    ref = parse_ref(text, os.path.isfile)
    if ref.kind != "id":
        image = find_one(layout, text)
        return image.id, imagereport.full_name(image)
    ids = [each for each in store.image_ids(layout) if each.startswith(ref.location)]
    if len(ids) > 1:
        raise _ambiguous(text)
    if not store.check(layout) or not ids:
        raise NotFoundError(
            f"no image {safe(text, 100)!r} is in the store", "podwright image list shows them"
        )
    try:
        record = store.read_record(layout, ids[0])
    except StoreError:
        record = None
    return ids[0], usage.full_name(record.name, record.labels) if record else ids[0]


def _ambiguous(text: str) -> UsageError:
    return UsageError(f"image ID {safe(text, 100)!r} is ambiguous", "give more digits")


def cat_manifest(context: Context, args: Arguments) -> int:
    """Print the manifest of an image."""
    if len(args.rest) != 1:
        raise UsageError("image cat-manifest needs one image")
    print_document(args, find_one(context.layout, args.rest[0]).manifest.raw)
    return 0
