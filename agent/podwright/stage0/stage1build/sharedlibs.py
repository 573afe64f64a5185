# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The libraries that programs need, found where the loader would find them."""

from __future__ import annotations

import glob
import os

from podwright.errors import HostError
from podwright.stage0.stage1build import elf

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

CONF = "/etc/ld.so.conf"
DEFAULT = ("/lib64", "/usr/lib64", "/lib", "/usr/lib")


def closure(programs: Iterable[str]) -> dict[str, str]:
    """For each library and loader below the programs: where it is wanted -> the file that it is.

    Raises HostError for a library that is nowhere.
    """
    found: dict[str, str] = {}
    todo = list(programs)
    seen: set[str] = set()
    loaders: set[str] = set()
    configured = directories()
    while todo:
        path = os.path.realpath(todo.pop(0))
        if path in seen:
            continue
        seen.add(path)
        needs = elf.needs(read(path))
        wanted = [needs.loader] if needs.loader else []
        own = [one.replace("$ORIGIN", os.path.dirname(path)) for one in needs.paths]
        loaders.update(map(os.path.basename, wanted))
        others = [name for name in needs.libraries if name not in loaders]
        wanted += [_locate(name, [*own, *configured], path) for name in others]
        for one in wanted:
            found[one] = os.path.realpath(one)
            todo.append(one)
    return found


def _locate(name: str, places: list[str], user: str) -> str:
    for place in places:
        if os.path.isfile(f"{place}/{name}"):
            return f"{place}/{name}"
    raise HostError(
        f"library {name}, which {user} needs, is nowhere", "install the package that it belongs to"
    )


def directories() -> list[str]:
    """Where the loader looks, as its configuration has it."""
    return list(dict.fromkeys([*_configured(CONF), *DEFAULT]))


def _configured(path: str) -> list[str]:
    out: list[str] = []
    try:
        lines = read(path).decode("utf-8", "replace").splitlines()
    except OSError:
        return out
    for line in lines:
        words = line.partition("#")[0].split()
        if words[:1] == ["include"]:
            for pattern in words[1:]:
                for name in sorted(glob.glob(os.path.join(os.path.dirname(path), pattern))):
                    out += _configured(name)
        else:
            out += words
    return out


def read(path: str) -> bytes:
    """A whole file."""
    with open(path, "rb") as file:
        return file.read()
