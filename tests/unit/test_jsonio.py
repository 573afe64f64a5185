# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Untrusted JSON is refused with a reason; written JSON has one form."""

from __future__ import annotations

from typing import Union

import pytest

from podwright import jsonio
from podwright.errors import UsageError

DEEP = jsonio.MAX_DEPTH


@pytest.mark.threat("T27")
@pytest.mark.parametrize(
    "text, reason",
    [
        ('{"a": 1, "a": 2}', "key 'a' appears twice"),
        ('[{"b": {"a": 1, "a": 1}}]', "key 'a' appears twice"),
        ("NaN", "NaN is not a JSON number"),
        ('{"a": -Infinity}', "-Infinity is not a JSON number"),
        ("1e999", "a number is out of range"),
        ("-1e999", "a number is out of range"),
        ("1" * 5000, "a number has more than"),
        ("-" + "1" * 30, "a number has more than"),
        ('"\\ud800"', "not valid UTF-8 text"),
        ('{"\\udfff": 1}', "not valid UTF-8 text"),
        (b'"\xff"', "not valid UTF-8 text"),
        ("\ufeff{}".encode(), "not JSON at line 1 column 1"),
        ("", "not JSON at line 1 column 1"),
        ('{\n "a": }', "not JSON at line 2 column 7"),
        ("{} x", "not JSON at line 1 column 4: Extra data"),
        ("[" * (DEEP + 1) + "]" * (DEEP + 1), f"nested deeper than {DEEP} levels"),
        ("[" * 200_000, f"nested deeper than {DEEP} levels"),
        ('{"a":' * (DEEP + 1) + "1" + "}" * (DEEP + 1), f"nested deeper than {DEEP} levels"),
    ],
)
def test_refused(text: Union[str, bytes], reason: str) -> None:
    with pytest.raises(UsageError) as caught:
        jsonio.loads(text, "pods.json")
    assert caught.value.message.startswith("pods.json: ")
    assert reason in caught.value.message
    assert "\n" not in caught.value.message


@pytest.mark.parametrize("number", ["7731123456" * 4, "7731123456" * 40 + ".0"])
def test_a_secret_without_quotes_showed_its_first_digits(number: str) -> None:
    with pytest.raises(UsageError) as caught:
        jsonio.loads(f'{{"content": {number}}}', "desired state")
    assert "7731" not in caught.value.sentence()


@pytest.mark.threat("T27")
def test_an_oversized_body_is_refused_before_it_is_parsed() -> None:
    with pytest.raises(UsageError, match="11 bytes of JSON are more than the limit of 10"):
        jsonio.loads(b"not even js", "x", limit=10)


@pytest.mark.parametrize(
    "text, expected",
    [
        (b'{"a": [1, -2.5, true, null, "\xc3\xa9"]}', {"a": [1, -2.5, True, None, "\u00e9"]}),
        ('"\\ud83d\\ude00"', "\U0001f600"),
        ("[" * DEEP + "]" * DEEP, None),
        ('["' + "[" * 500 + '\\"' + "{" * 500 + '"]', ["[" * 500 + '"' + "{" * 500]),
        (str(2**63), 2**63),
    ],
)
def test_accepted(text: Union[str, bytes], expected: object) -> None:
    found = jsonio.loads(text, "x")
    assert expected is None or found == expected


@pytest.mark.threat("T27")
def test_hostile_keys_do_not_reach_the_terminal() -> None:
    with pytest.raises(UsageError) as caught:
        jsonio.loads('{"\\u001b[31m": 1, "\\u001b[31m": 2}', "x")
    assert "\x1b" not in caught.value.message


def test_equal_values_have_equal_bytes() -> None:
    first, second = {"b": [1, {"d": 1, "c": "\u00e9"}], "a": None}, {}
    for key in sorted(first):
        second[key] = first[key]
    assert jsonio.dumps(first) == jsonio.dumps(second) == '{"a":null,"b":[1,{"c":"\u00e9","d":1}]}'
    assert jsonio.pretty({"b": 1, "a": 2}) == '{\n  "a": 2,\n  "b": 1\n}'
