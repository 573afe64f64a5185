# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What came from an image or the network reaches a terminal only as printable text."""

from __future__ import annotations

import pytest

from podwright.text import safe


@pytest.mark.parametrize(
    "raw, shown",
    [
        ("plain text, \u00e9\u4e2d\U0001f600", "plain text, \u00e9\u4e2d\U0001f600"),
        ("\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"),
        ("a\nb\tc\rd\0", "a\\x0ab\\x09c\\x0dd\\x00"),
        ("\x7f\x9b2J", "\\x7f\\x9b2J"),
        ("abc\u202egpj", "abc\\u202egpj"),
        ("\u2066\u2069\u200b\ufeff", "\\u2066\\u2069\\u200b\\ufeff"),
        ("line\u2028sep\u00a0nbsp", "line\\u2028sep\\xa0nbsp"),
        ("\udcff", "\\udcff"),
        ("\U000e0001", "\\U000e0001"),
        (b"ok \xff\x1b", "ok \\xff\\x1b"),
        (ValueError("x\ny"), "x\\x0ay"),
        (17, "17"),
        ("", ""),
    ],
)
def test_escapes(raw: object, shown: str) -> None:
    assert safe(raw) == shown


def test_every_character_comes_out_printable() -> None:
    for code in range(0x11000):
        assert safe(chr(code)).isprintable(), hex(code)


@pytest.mark.parametrize(
    "raw, limit, shown",
    [
        ("abcdef", 6, "abcdef"),
        ("abcdefg", 6, "abcdef..."),
        ("\n\n\n", 6, "\\x0a\\x..."),
        ("a", 1, "a"),
    ],
)
def test_is_cut_at_the_limit(raw: str, limit: int, shown: str) -> None:
    assert safe(raw, limit) == shown
