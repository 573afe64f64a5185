# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The little of YAML that registries.d is written in: nested block mappings of plain scalars.

The standard library has no YAML. What is not understood here (lists, flow style, anchors, tags,
tabs, several documents, text over several lines) is refused rather than guessed.
"""

from __future__ import annotations

from podwright.errors import UsageError
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

MAX_LINES = 10_000
MAX_DEPTH = 8
_SPECIAL = tuple("-?[]{},&*!|>%@`\"'")
_BOOLEAN = {"true": True, "false": False}
_AMBIGUOUS = ("yes", "no", "on", "off", "y", "n", "null", "~")


def loads(data: bytes, what: str) -> dict[str, Any]:
    """The mapping in a document; `what` stands before the reason in the UsageError otherwise.

    A key without a value is an empty mapping.
    """
    try:
        lines = data.decode("utf-8").split("\n")
    except UnicodeDecodeError:
        raise UsageError(f"{what} is not UTF-8 text") from None
    if len(lines) > MAX_LINES:
        raise UsageError(f"{what} has more than {MAX_LINES} lines")
    top: dict[str, Any] = {}
    reader = _Reader(top)
    for number, line in enumerate(lines, 1):
        try:
            text = _bare(line[:-1] if line.endswith("\r") else line)
            if text and not (text == "---" and number == 1):
                reader.line(text)
        except UsageError as err:
            raise UsageError(f"{what} is not understood in line {number}: {err.message}") from None
    return top


class _Reader:
    """The mappings that are open, by indentation, and the one that a deeper line would begin."""

    def __init__(self, top: dict[str, Any]) -> None:
        self._open: list[tuple[int, dict[str, Any]]] = []
        self._next: Optional[dict[str, Any]] = top

    def line(self, text: str) -> None:
        """Take one line that has neither comment nor trailing spaces."""
        indent = len(text) - len(text.lstrip(" "))
        mapping = self._mapping(indent)
        key, found = _pair(text[indent:])
        if key in mapping:
            raise UsageError(f"key {safe(key, 100)} appears twice")
        self._next = {} if found is None else None
        mapping[key] = self._next if found is None else found

    def _mapping(self, indent: int) -> dict[str, Any]:
        """The mapping that a line of this indentation belongs to."""
        if self._next is not None and (not self._open or indent > self._open[-1][0]):
            if len(self._open) == MAX_DEPTH:
                raise UsageError("nested too deep")
            self._open.append((indent, self._next))
        while self._open and self._open[-1][0] > indent:
            self._open.pop()
        if not self._open or self._open[-1][0] != indent:
            raise UsageError("its indentation fits no line above")
        return self._open[-1][1]


def _pair(text: str) -> tuple[str, Any]:
    """(key, scalar) of `key: scalar`; the scalar is None where nothing stands."""
    if text[:1] in ("'", '"'):
        end = text.find(text[0], 1)
        key, rest = text[1:end], text[end + 1 :].lstrip(" ")
        if end < 2 or "\\" in key or not rest.startswith(":"):
            raise UsageError("a quoted key that is not plain")
        rest = rest[1:]
    else:
        key, colon, rest = (text[:-1], ":", "") if text.endswith(":") else text.partition(": ")
        key = key.rstrip(" ")
        if not colon or not key or key.startswith(_SPECIAL) or ": " in key:
            raise UsageError("not `key: value`")
    return key, _scalar(rest.strip(" "))


def _scalar(text: str) -> Any:
    if not text:
        return None
    if text[0] in ("'", '"'):
        inner = text[1:-1]
        if len(text) < 2 or text[-1] != text[0] or text[0] in inner or "\\" in inner:
            raise UsageError("a quoted value that is not plain")
        return inner
    if text in _BOOLEAN:
        return _BOOLEAN[text]
    if text.startswith(_SPECIAL) or ": " in text or text.endswith(":"):
        raise UsageError("a value that is not plain")
    if text.lower() in _AMBIGUOUS:
        raise UsageError(f"{text} may mean several things; write true or false, or quote it")
    return text


def _bare(line: str) -> str:
    """A line without its comment and trailing spaces."""
    if "\t" in line or not line.isprintable():
        raise UsageError("it has tabs or control characters")
    quote = ""
    for at, char in enumerate(line):
        if quote:
            quote = "" if char == quote else quote
        elif char in "'\"" and (at == 0 or line[at - 1] == " "):
            quote = char
        elif char == "#" and (at == 0 or line[at - 1] == " "):
            return line[:at].rstrip(" ")
    return line.rstrip(" ")
