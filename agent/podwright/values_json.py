# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values as plain JSON data, for canonical comparison and for files."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def to_json(obj: Any) -> Any:
    """A value, tuple or plain datum as JSON data: values become objects, tuples lists."""
    fields = getattr(type(obj), "__fields__", None)
    if fields is not None:
        return {name: to_json(getattr(obj, name)) for name in fields}
    if isinstance(obj, (list, tuple)):
        return [to_json(item) for item in obj]
    if isinstance(obj, (set, frozenset)):
        return sorted(obj)
    if isinstance(obj, dict):
        return {key: to_json(item) for key, item in obj.items()}
    return obj
