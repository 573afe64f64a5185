# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said about an option that there is not."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.podwright.fleet.plugins.module_utils import strangers

SPEC: dict[str, Any] = {
    "apps": {
        "type": "list",
        "elements": "dict",
        "options": {"pod": {"type": "str"}, "image": {"type": "str"}},
    },
    "proxy": {"type": "dict", "options": {"host": {"type": "str"}}, "aliases": ["via"]},
    "timeout": {"type": "int"},
}


@pytest.mark.parametrize(
    ("given", "path", "hint"),
    [
        ({"image": "x"}, "image", "it belongs in each of `apps`"),
        ({"apps": [], "pod": "box"}, "pod", "it belongs in each of `apps`"),
        ({"host": "x"}, "host", "it belongs in `proxy`"),
        ({"timeuot": 1}, "timeuot", "did you mean `timeout`?"),
        ({"apps": [{"pod": "a"}, {"imag": "x"}]}, "apps[1].imag", "did you mean `image`?"),
        ({"colour": "red"}, "colour", "MANUAL says what its options are"),
    ],
)
def test_a_hint_says_where_an_option_belongs(given: dict[str, Any], path: str, hint: str) -> None:
    assert strangers.unknown(SPEC, given, "MANUAL") == (path, hint)


def test_what_is_known_is_no_stranger() -> None:
    assert strangers.unknown(SPEC, {"via": {"host": "x"}, "apps": [{"pod": "a"}]}, "MANUAL") is None
