# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The group of a converted image whose user has no group of its own name (behaviour.md A7).

The image says only a user. Its group is the one of that name; where the image has none, the
user's number takes its place, as it would in the image's own world of numbers.
"""

from __future__ import annotations

import os
import stat

from podwright.kernel import beneath
from podwright.stage0 import store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from podwright.host.paths import Layout

MAX_FILE = 1 << 20
MAX_ID = 2**31 - 1


def settled(
    layout: Layout, manifest: dict[str, Any], stack: tuple[store.Layer, ...]
) -> dict[str, Any]:
    """The manifest, with the user's number as group when there is no group of the user's name."""
    app = manifest["app"]
    name = app["user"]
    if app["group"] != name or name.isdigit() or _entry(layout, stack, "etc/group", name):
        return manifest
    line = _entry(layout, stack, "etc/passwd", name)
    number = line[2] if line is not None and len(line) > 2 else ""
    if not (number.isascii() and number.isdigit() and int(number) <= MAX_ID):
        return manifest  # there is no such user, which starting the app will say
    return {**manifest, "app": {**app, "group": str(int(number))}}


def _entry(
    layout: Layout, stack: tuple[store.Layer, ...], file: str, name: str
) -> Optional[list[str]]:
    """The fields of the line for `name` in the highest layer that has the file."""
    for layer in reversed(stack):
        data = _read(store.tree_path(layout, layer.tree), file)
        if data is None:
            continue
        for line in data.decode("utf-8", "replace").split("\n"):
            fields = line.split(":")
            if fields[0] == name:
                return fields
        return None
    return None


def _read(root: str, file: str) -> Optional[bytes]:
    """A file of one layer: regular, not too large, reached without a link; None otherwise."""
    top = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fd = beneath.open_strict(top, file, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
    except OSError:
        return None
    finally:
        os.close(top)
    with open(fd, "rb") as opened:
        info = os.fstat(fd)
        if stat.S_ISCHR(info.st_mode):
            return b""  # a whiteout: layers below do not count
        if not stat.S_ISREG(info.st_mode) or info.st_size > MAX_FILE:
            return None
        return opened.read(MAX_FILE)
