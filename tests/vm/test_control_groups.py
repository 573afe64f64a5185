# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""cgroup v2 with all its controllers: files and effects of every isolator (B3; T71, T72)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support import tiny_image
from tests.vm import bed
from tests.vm.machine import Machine


@pytest.fixture(scope="module")
def seen(plain: Machine) -> dict[str, Any]:
    found = bed.told(plain, "scenario_cgroups.py", files={"tiny.aci": tiny_image.build()})
    assert [name for name in found if name.startswith("failed_")] == []
    return found


def test_limits_of_an_app_are_in_its_group_and_go_with_it(seen: dict[str, Any]) -> None:
    assert seen["files"] == {
        "memory.max": str(64 * 2**20),
        "memory.swap.max": "0",
        "cpu.max": "50000 100000",
        "cpu.weight": "20",
        "pids.max": "50",
        "io.max": f"{seen['disk']} rbps=1000000 wbps=1000000 riops=100 wiops=100",
    }
    assert seen["gone"] is True
    assert seen["plain"] == {"pids.max": "1024", "memory.max": "max"}


def test_an_io_weight_is_written_where_a_scheduler_has_weights(seen: dict[str, Any]) -> None:
    assert "has no weights" in seen["io_weight_idle"]
    assert seen["io_weight"].split()[:2] == ["0", "started"]


def test_memory_processes_and_processors_are_limited(seen: dict[str, Any]) -> None:
    assert (seen["memory"].split()[:3], seen["memory_free"].split()[:3]) == (
        ["0", "ended", "137"],
        ["0", "ended", "0"],
    )
    assert "all 20" not in seen["pids"]
    assert "all 20" in seen["pids_free"]
    assert seen["cpu_free"] is True  # the other one was waited for until it was throttled


def test_a_disk_is_throttled(seen: dict[str, Any]) -> None:
    assert seen["io_free"].split()[:2] == ["0", "all"]
    assert seen["io_running"] is True
    assert sum(seen["io_read"]) < 4 * 2**20


@pytest.mark.threat("T71")
def test_a_program_on_the_group_closes_devices(seen: dict[str, Any]) -> None:
    assert not seen["device"].startswith("0 ")
    assert "Operation not permitted" in seen["device"]
    assert seen["device_own"].startswith("0 ") and "1+0 records in" in seen["device_own"]


@pytest.mark.threat("T72")
def test_an_app_cannot_change_its_limits(seen: dict[str, Any]) -> None:
    for how in ("attack", "attack_plain"):
        assert "raised" not in seen[how] and "made" not in seen[how]
        assert "0::/" in seen[how].split()  # its own group is all that it knows of
    assert "mounted" in seen["attack"] and "Permission denied" in seen["attack"]


def test_limits_of_a_pod_as_a_whole_under_its_own_unit(seen: dict[str, Any]) -> None:
    assert seen["applied"] == 0, seen["apply_said"]
    (group,) = seen["groups"]
    assert group.startswith("/sys/fs/cgroup/machine.slice/podwright-limited.service/")
    assert (seen["members"], seen["of_app"]) == (["_init", "tiny"], "20")
    whole = seen["whole"]
    assert (whole["memory.max"], whole["pids.max"]) == (str(96 * 2**20), "40")
    assert whole["cpu.max"] == "150000 100000"
    assert "riops=77 wiops=77" in whole["io.max"]


def test_a_group_that_is_not_ours_is_left_alone(seen: dict[str, Any]) -> None:
    assert seen["undelegated"].startswith("254 ")
    assert "its memory limit cannot be enforced" in seen["undelegated"]
    assert seen["undelegated_plain"].startswith("0 started")
    assert "no limit on the number of processes" in seen["undelegated_plain"]
