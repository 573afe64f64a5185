# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Configuration files (behaviour.md A10): the kinds `paths` and `stage1`."""

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


def stage1(layout: Layout) -> str:
    """The flavour that stage1.d says, or "". Raises UsageError for one that is not ours."""
    found = ""
    for directory in layout.config_dirs():
        found = _stage1(f"{directory}/stage1.d") or found
    return found


def _stage1(directory: str) -> str:
    """The flavour said by the files of one stage1.d; said twice is an error."""
    from podwright.cli import flavours

    found = ""
    for path, raw in files(directory):
        fields = Fields(raw, path)
        if fields.text("rktKind", ...) != "stage1" or fields.text("rktVersion", ...) != "v1":
            raise UsageError(f"{path}: is not rktKind stage1, rktVersion v1")
        name, location = fields.text("name"), fields.text("location")
        if bool(name) != bool(fields.text("version")):
            raise UsageError(f"{path}: name and version stand together")
        fields.finish()
        if found and (name or location):
            raise UsageError(f"{path}: stage1 is already set by another file of {directory}")
        if name:
            found = flavours.named(name)
        elif location:
            found = flavours.shipped(location, path)
    return found


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
