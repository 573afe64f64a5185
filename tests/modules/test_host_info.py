# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module host_info on the real agent."""

from __future__ import annotations

import json

from tests.modules.conftest import AdHoc


def test_it_tells_what_check_host_tells(adhoc: AdHoc) -> None:
    answer = adhoc("host_info")
    assert answer["changed"] is False
    found = {check["name"]: check["status"] for check in answer["checks"]}
    told = json.loads(adhoc.agent.ok("check-host", "--format=json"))
    assert list(found) == [check["name"] for check in told]
    assert found["seccomp"] == "ok" and {"kernel", "xen", "tpm"} <= found.keys()
    assert set(found.values()) <= {"ok", "limited", "missing"}


def test_it_tells_only_what_was_asked_for(adhoc: AdHoc) -> None:
    (found,) = adhoc("host_info", {"name": ["kernel"]})["checks"]
    assert (found["name"], found["hint"]) == ("kernel", "")


def test_a_name_that_no_check_has_fails_and_the_known_ones_are_named(adhoc: AdHoc) -> None:
    failed = adhoc.refused("host_info", {"name": ["kernel", "nonsense"]})
    assert "no check is called 'nonsense'; known are kernel, " in failed["msg"]
    assert (failed["reason"], failed["object"]) == ("bad-input", "name")
