# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""cgroup v2: limits of a pod's unit are in its group, above all its apps, and change while it runs."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support import tiny_image
from tests.vm import bed
from tests.vm.machine import Machine

pytestmark = pytest.mark.vm_full


@pytest.fixture(scope="module")
def seen(plain: Machine) -> dict[str, Any]:
    return bed.told(plain, "scenario_units.py", files={"tiny.aci": tiny_image.build()})


def test_limits_of_the_unit_are_in_its_group(seen: dict[str, Any]) -> None:
    assert seen["error"] is None
    assert seen["limits"] == {
        "memory.max": str(64 * 2**20),
        "memory.swap.max": "0",
        "cpu.max": "50000 100000",
        "pids.max": "40",
    }


def test_they_change_without_a_restart(seen: dict[str, Any]) -> None:
    assert (seen["actions"], seen["changed"], seen["same"]) == (["configure"], "50", True)
