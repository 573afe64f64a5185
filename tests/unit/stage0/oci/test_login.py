# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Challenges of registries (RFC 9110, 11.6.1)."""

from __future__ import annotations

import pytest

from podwright.stage0.oci.login import parse_challenge


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('Basic realm="x y"', {"basic": {"realm": "x y"}}),
        ("basic", {"basic": {}}),
        ('Bearer realm="https://a/t",service="s",scope="repository:a:pull,push"',
         {"bearer": {"realm": "https://a/t", "service": "s", "scope": "repository:a:pull,push"}}),
        ('Bearer realm="https://a/t" , service=s', {"bearer": {"realm": "https://a/t", "service": "s"}}),
        ('Basic realm="b", Bearer realm="https://a/t",service="s"',
         {"basic": {"realm": "b"}, "bearer": {"realm": "https://a/t", "service": "s"}}),
        ('Bearer realm="a", Bearer realm="b"', {"bearer": {"realm": "a"}}),
        ('Negotiate abc, Basic realm="b"', {"basic": {"realm": "b"}}),
        ('Bearer realm="a\\"b"', {"bearer": {}}),
        ("Bearer " + "x" * 9000, {}),
        ("", {}),
    ],
)  # fmt: skip
def test_a_challenge_is_read(text: str, found: dict[str, dict[str, str]]) -> None:
    assert parse_challenge(text) == found
