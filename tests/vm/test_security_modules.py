# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""AppArmor at work: what it keeps apps from, and the same without it. SELinux is in test_selinux.py."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support import tiny_image
from tests.vm import bed
from tests.vm.machine import Machine


@pytest.fixture(scope="module")
def apparmor(plain: Machine) -> dict[str, Any]:
    return bed.told(plain, "scenario_apparmor.py", files={"tiny.aci": tiny_image.build()})


@pytest.mark.threat("T65")
def test_an_apparmor_profile_confines_whoever_runs_in_the_app(apparmor: dict[str, Any]) -> None:
    for way in ("confined", "user", "host_users"):
        assert "podwright-test (enforce)" in apparmor[way]
        assert "can't open '/etc/group': Permission denied" in apparmor[way]
        assert "root:x:0:0:" in apparmor[way]


def test_without_the_profile_or_its_rule_nothing_is_denied(
    apparmor: dict[str, Any],
) -> None:
    """The controls."""
    assert "unconfined" in apparmor["free"]
    assert "podwright-test (enforce)" in apparmor["rule_taken_away"]
    for way in ("free", "rule_taken_away"):
        assert "root:x:0:\n" in apparmor[way]


def test_a_profile_that_is_not_loaded_is_refused(apparmor: dict[str, Any]) -> None:
    assert "apparmor" in apparmor["lsm"]
    assert apparmor["unloaded"].startswith("254 ")
    assert "no such profile is loaded: load it with apparmor_parser" in apparmor["unloaded"]


def test_selinux_cannot_be_required_where_apparmor_is(apparmor: dict[str, Any]) -> None:
    assert "SELinux is not enabled on this host" in apparmor["require_selinux"]
