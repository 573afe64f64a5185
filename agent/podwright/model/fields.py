# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read untrusted JSON objects field by field; every error names the path of the bad field."""

from __future__ import annotations

from podwright.errors import UsageError
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, Optional

_KINDS = {
    str: "a string",
    int: "a whole number",
    bool: "true or false",
    list: "a list",
    dict: "an object",
    float: "a number",
}


def kind_of(value: Any) -> str:
    """The JSON kind of a value, for messages."""
    return "null" if value is None else _KINDS.get(type(value), type(value).__name__)


def wrong(path: str, wanted: str, got: Any) -> UsageError:
    """The error for a field of the wrong kind."""
    return UsageError(
        f"{path or 'the document'}: must be {wanted}, not {kind_of(got)}", object=path
    )


class Fields:
    """One JSON object being read; `path` is where it stands in the document (`pods[0].apps`).

    Each reader takes the field's name and its default; a default of `...` makes it required.
    null counts as absent. `finish` refuses the fields that nobody asked for.
    """

    def __init__(self, obj: Any, path: str) -> None:
        if not isinstance(obj, dict):
            raise wrong(path, "an object", obj)
        self.obj: dict[str, Any] = obj
        self.path = path
        self.read: set[str] = set()

    def at(self, name: str) -> str:
        """The path of a field of this object."""
        return f"{self.path}.{name}" if self.path else name

    def raw(self, name: str, default: Any = None) -> Any:
        """The field as it is."""
        self.read.add(name)
        found = self.obj.get(name)
        if found is None:
            if default is ...:
                raise UsageError(f"{self.at(name)}: is missing", object=self.at(name))
            return default
        return found

    def _typed(self, name: str, default: Any, kind: type, wanted: str) -> Any:
        found = self.raw(name, default)
        if found is not default and (type(found) is not kind):
            raise wrong(self.at(name), wanted, found)
        return found

    def text(self, name: str, default: Any = "") -> str:
        """A string without NUL."""
        found: str = self._typed(name, default, str, "a string")
        if found and "\0" in found:
            raise UsageError(f"{self.at(name)}: contains a NUL character", object=self.at(name))
        return found

    def integer(self, name: str, default: Any = 0, low: int = 0, high: int = 2**31 - 1) -> int:
        """A whole number in a range."""
        found: int = self._typed(name, default, int, "a whole number")
        if found is not default and not low <= found <= high:
            raise UsageError(
                f"{self.at(name)}: {found} is not between {low} and {high}", object=self.at(name)
            )
        return found

    def optional_integer(self, name: str, low: int = 0, high: int = 2**31 - 1) -> Optional[int]:
        """A whole number in a range, or None when absent."""
        return self.integer(name, None, low, high)

    def boolean(self, name: str, default: Any = False) -> bool:
        """true or false."""
        found: bool = self._typed(name, default, bool, "true or false")
        return found

    def optional_boolean(self, name: str) -> Optional[bool]:
        """true, false, or None when absent."""
        return self.boolean(name, None)

    def choice(self, name: str, allowed: tuple[str, ...], default: Any) -> str:
        """One of a few words."""
        found = self.text(name, default)
        if found not in allowed:
            raise UsageError(
                f"{self.at(name)}: {safe(found, 60)!r} is not one of {', '.join(filter(None, allowed))}",
                object=self.at(name),
            )
        return found

    def items(self, name: str) -> Iterator[tuple[str, Any]]:
        """(path, value) of each element of a list; an absent list is empty."""
        found = self._typed(name, None, list, "a list")
        for index, element in enumerate(found or ()):
            yield f"{self.at(name)}[{index}]", element

    def objects(self, name: str) -> Iterator[Fields]:
        """Each element of a list of objects."""
        for path, element in self.items(name):
            yield Fields(element, path)

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of strings."""
        out = []
        for path, element in self.items(name):
            if type(element) is not str or "\0" in element:
                raise wrong(path, "a string without NUL", element)
            out.append(element)
        return tuple(out)

    def integers(self, name: str, low: int, high: int) -> tuple[int, ...]:
        """A list of whole numbers in a range."""
        out = []
        for path, element in self.items(name):
            if type(element) is not int:
                raise wrong(path, "a whole number", element)
            if not low <= element <= high:
                raise UsageError(f"{path}: {element} is not between {low} and {high}", object=path)
            out.append(element)
        return tuple(out)

    def mapping(self, name: str) -> dict[str, str]:
        """An object whose values are all strings."""
        found = self._typed(name, None, dict, "an object") or {}
        for key, element in found.items():
            if type(element) is not str or "\0" in element or "\0" in key:
                raise wrong(f"{self.at(name)}.{safe(key, 60)}", "a string without NUL", element)
        return dict(found)

    def child(self, name: str) -> Optional[Fields]:
        """A nested object, or None when absent."""
        found = self.raw(name)
        return None if found is None else Fields(found, self.at(name))

    def finish(self) -> None:
        """Refuse fields that nobody read."""
        unknown = sorted(set(self.obj) - self.read)
        if unknown:
            import difflib

            known = ", ".join(sorted(self.read))
            close = difflib.get_close_matches(unknown[0], sorted(self.read), 1)
            meant = f"did you mean {close[0]}? " if close else ""
            path = self.at(safe(unknown[0], 60))
            raise UsageError(f"{path}: unknown field", f"{meant}known here: {known}", object=path)
