# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""cgroup v2: limits of a pod's unit are in its group, above all its apps, and change while it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support import tiny_image
from tests.vm import bed, inside

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def seen() -> dict[str, Any]:
    files = {"tiny.aci": tiny_image.build()}
    result = bed.run(bed.image(bed.PLAIN), HERE / "scenario_units.py", files=files)
    print(result.output)
    assert result.status == 0, result.console[-3000:]
    return inside.told(result.output)


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
