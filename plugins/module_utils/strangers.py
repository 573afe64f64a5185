# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Options that there are not, and which ones may be meant by them."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import Any, NamedTuple, Optional


class Stranger(NamedTuple):
    """An option that is in no table: its path, such as `pods[0].port`, and what to do about it."""

    path: str
    hint: str

    @property
    def text(self) -> str:
        """In words."""
        return f"{self.path}: there is no such option; {self.hint}"


def unknown(spec: dict[str, Any], params: Any, manual: str) -> Optional[Stranger]:
    """The first option that is not in an argument spec, at whatever depth; None if all are.

    manual  where it stands which ones there are
    """
    for path, name, known in _strangers(spec, params, ""):
        holders = [
            f"`{one}`" for one, option in spec.items() if name in (option.get("options") or ())
        ]
        if path == name and holders:
            each = "each of " if spec[holders[0].strip("`")].get("type") == "list" else ""
            return Stranger(path, f"it belongs in {each}{' or '.join(holders)}")
        close = difflib.get_close_matches(str(name), known, 1)
        hint = f"did you mean `{close[0]}`?" if close else f"{manual} says what its options are"
        return Stranger(path, hint)
    return None


def _strangers(
    spec: dict[str, Any], given: Any, where: str
) -> Iterator[tuple[str, Any, list[str]]]:
    """(path, name, the names that are known there) of all options that are in no table."""
    if not isinstance(given, dict):
        return
    names = {
        word: name for name, option in spec.items() for word in (name, *option.get("aliases", ()))
    }
    for name, content in given.items():
        path = f"{where}{name}"
        if name not in names and not str(name).startswith("_ansible_"):
            yield path, name, list(names)
        inner = spec.get(names.get(name, ""), {}).get("options")
        if inner and isinstance(content, list):
            for index, item in enumerate(content):
                yield from _strangers(inner, item, f"{path}[{index}].")
        elif inner:
            yield from _strangers(inner, content, f"{path}.")
