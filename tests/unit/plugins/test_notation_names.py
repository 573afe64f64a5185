# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""`dns` and `hosts` of the module pod, as words, texts and mappings."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.podwright.fleet.plugins.module_utils.notation_names import dns, hosts
from ansible_collections.podwright.fleet.plugins.module_utils.options import OptionError


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("host", "host"),
        ({"servers": "192.0.2.53", "search": None}, {"servers": ["192.0.2.53"]}),
        ({"unknown": ["x"]}, {"unknown": ["x"]}),
    ],
)
def test_dns(given: Any, expected: Any) -> None:
    assert dns(given, "dns") == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("host", "host"),
        ("192.0.2.7=db,db2", [{"ip": "192.0.2.7", "names": ["db", "db2"]}]),
        (
            ["192.0.2.7=db, ::1=b"],
            [{"ip": "192.0.2.7", "names": ["db"]}, {"ip": "::1", "names": ["b"]}],
        ),
        ([{"ip": "192.0.2.7", "names": "db"}], [{"ip": "192.0.2.7", "names": ["db"]}]),
        ([{"ip": "192.0.2.7"}], [{"ip": "192.0.2.7", "names": None}]),
    ],
)
def test_hosts(given: Any, expected: Any) -> None:
    assert hosts(given, "hosts") == expected


@pytest.mark.parametrize(
    "given", ["db", ["=db"], ["192.0.2.7="], [7], [["x"]], [{"ip": "x", "names": [True]}]]
)
def test_what_cannot_be_understood_is_refused_by_its_path(given: Any) -> None:
    with pytest.raises(OptionError, match=r"^hosts\[0\]"):
        hosts(given, "hosts")
