# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a hostile archive is: a shape that is written in several dialects, forms and compressions."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from tests.hostile.tarwriter import DIALECTS, FORMS, Writer

CANARY = b"/canary"
"""Where shapes point at when nobody says otherwise."""

Make = Callable[[Writer, bytes], bytes]
"""(writer, absolute path of the canary directory) → the plain archive."""


@dataclasses.dataclass(frozen=True)
class Shape:
    """One attack.

    row     the threat row; name  unique; kind  the class of attack, which several shapes may share
    expect  form → `refused` (the archive is refused) or `contained` (refused, or harmless when it is imported)
    spoil   done to the bytes after compression
    """

    row: str
    kind: str
    name: str
    make: Make
    expect: dict[str, str]
    dialects: tuple[str, ...] = DIALECTS
    spoil: Callable[[bytes], bytes] | None = None

    @property
    def forms(self) -> tuple[str, ...]:
        """The forms in which this attack exists."""
        return tuple(form for form in FORMS if form in self.expect)


class Collection:
    """Shapes in the order in which they were added."""

    def __init__(self) -> None:
        self.shapes: list[Shape] = []

    def add(
        self,
        row: str,
        kind: str,
        name: str,
        make: Make,
        *,
        aci: str = "refused",
        layer: str = "refused",
        dialects: tuple[str, ...] = DIALECTS,
        spoil: Callable[[bytes], bytes] | None = None,
    ) -> None:
        """Add a shape; a form whose expectation is "" does not exist."""
        name = f"{kind}/{name}"
        alike = sum(shape.name.partition("#")[0] == name for shape in self.shapes)
        name = f"{name}#{alike + 1}" if alike else name
        expect = {form: what for form, what in (("aci", aci), ("layer", layer)) if what}
        self.shapes.append(Shape(row, kind, name, make, expect, dialects, spoil))


def given(make: Callable[..., bytes], *values: object) -> Make:
    """The shape `make(writer, *values)`: a loop's variables as they are now."""
    return lambda w, canary: make(w, *values)


def shown(name: bytes) -> str:
    """Bytes as a part of a test's name."""
    text = name[:24].decode("latin-1")
    return "".join(char if char.isascii() and char.isprintable() else "~" for char in text) or "-"
