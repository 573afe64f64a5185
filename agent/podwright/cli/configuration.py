# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Configuration files (behaviour.md A10): the kind `paths`; stage0/stage1choice.py reads `stage1`."""

from __future__ import annotations

import os

from podwright import jsonio
from podwright.errors import UsageError
from podwright.model.fields import Fields
from podwright.values import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from podwright.host.paths import Layout

DEFAULT_DATA = "/var/lib/podwright"


def with_data_dir(layout: Layout) -> Layout:
    """The layout with the data directory that paths.d says, or the default."""
    data = DEFAULT_DATA
    for directory in layout.config_dirs():
        data = _paths(f"{directory}/paths.d") or data
    return replace(layout, data=data)


def _paths(directory: str) -> str:
    """The data directory said by the files of one paths.d; said twice is an error."""
    found = ""
    for path, raw in files(directory):
        fields = Fields(raw, path)
        if fields.text("rktKind", ...) != "paths" or fields.text("rktVersion", ...) != "v1":
            raise UsageError(f"{path}: is not rktKind paths, rktVersion v1")
        data = fields.text("data")
        fields.text("stage1-images")
        fields.finish()
        if data and found:
            raise UsageError(f"{path}: data is already set by another file of {directory}")
        if data and not data.startswith("/"):
            raise UsageError(f"{path}: data must be an absolute path")
        found = data or found
    return found


def files(directory: str) -> list[tuple[str, Any]]:
    """The regular *.json files directly inside a directory, in lexical order, parsed."""
    try:
        names = sorted(os.listdir(directory))
    except (FileNotFoundError, NotADirectoryError):
        return []
    except PermissionError:
        raise UsageError(f"{directory} cannot be read", "check its owner and mode") from None
    out = []
    for name in names:
        path = f"{directory}/{name}"
        if name.endswith(".json") and os.path.isfile(path) and not os.path.islink(path):
            try:
                with open(path, "rb") as file:
                    out.append((path, jsonio.loads(file.read(jsonio.MAX_BYTES + 1), path)))
            except PermissionError:
                raise UsageError(f"{path} cannot be read", "check its owner and mode") from None
    return out
