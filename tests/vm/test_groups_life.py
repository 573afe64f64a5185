# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""cgroup v2 and all ways to run a pod: who is in which group, what is counted, delegation, and that nothing is left."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support import aci, tiny_image
from tests.vm import bed
from tests.vm.machine import Machine

pytestmark = pytest.mark.vm_full
MIB = 2**20


def hooked() -> Path:
    """An image whose pre-start hook says in which group it is."""
    app = aci.app(["/bin/sleep", "1000"])
    hook = ["/bin/sh", "-c", "sed s/-.*// /proc/self/cgroup >/data/hook"]
    app["eventHandlers"] = [{"name": "pre-start", "exec": hook}]
    return tiny_image.build("example.com/hooked", app=app)


@pytest.fixture(scope="module")
def seen(plain: Machine) -> dict[str, Any]:
    files = {"tiny.aci": tiny_image.build(), "hooked.aci": hooked()}
    found = bed.told(plain, "scenario_groups_life.py", files=files)
    assert [found[name] for name in found if name.startswith("failed_")] == []
    return found


def test_a_named_pod_is_a_tree_below_its_unit_that_systemd_shows(seen: dict[str, Any]) -> None:
    pod = "podwright-UUID"
    groups = [f"{pod}/{name}" for name in ("_init", "a", "a/_app", "b", "b/_app")]
    assert seen["tree"] == sorted([pod, *groups, "podwright-supervisor"])
    for name in ("_init", "a", "b", "podwright-supervisor"):
        assert f"─{name}" in seen["shown"]
    assert "podwright-init" in seen["listed"]


def test_systemd_has_nothing_to_complain_about_and_nothing_is_left(seen: dict[str, Any]) -> None:
    assert seen["complaints"] == []
    assert (seen["stopped"].split()[0], seen["left"], seen["box_left"]) == ("0", False, False)


def test_hooks_probes_and_main_are_in_the_apps_group(seen: dict[str, Any]) -> None:
    places = seen["places"]
    assert places["hook"] == ["0::/"]
    assert places["seen"][:2] == ["main", "0::/"]
    assert places["probe"] == ["0::/"]


@pytest.mark.threat("T72")
def test_who_enters_an_app_has_its_limits_and_its_namespace(seen: dict[str, Any]) -> None:
    assert seen["entered"].split()[:3] == ["0", "0::/enter", str(64 * MIB)]
    assert "all 30" not in seen["entered_forks"]
    assert "can't fork" in seen["entered_forks"]
    assert seen["entered_hog"].split()[:2] == ["0", "137"]
    assert seen["host_hog"].split()[:2] == ["0", "0"], "the control"
    assert (seen["no_group_of_enter"], seen["same_group"]) == ([], True)


@pytest.mark.threat("T72")
def test_root_of_a_pod_lifts_no_limit_by_entering(seen: dict[str, Any]) -> None:
    assert "raised" not in seen["privileged"]
    assert seen["privileged"].count("Permission denied") == 3
    assert "nonexistent directory" in seen["privileged"] or "No such file" in seen["privileged"]


def test_top_and_metrics_say_what_the_kernel_counts(seen: dict[str, Any]) -> None:
    a, b = seen["top"]["a"], seen["top"]["b"]
    kills = dict(line.split() for line in seen["kernel"]["a/memory.events"].splitlines())
    assert (a["oom_kills"], a["memory_limit"]) == (int(kills["oom_kill"]), 64 * MIB)
    assert a["oom_kills"] >= 1 and b["oom_kills"] == 0
    assert (a["pids_limit"], b["pids_limit"], b["memory_limit"]) == (20, 1024, None)
    assert 0 < b["memory"] < 64 * MIB
    points = seen["metrics"]
    assert points["app_oom_kills_total a"] == a["oom_kills"]
    assert points["app_cpu_throttled_seconds_total a"] > 0
    assert points["app_io_read_bytes_total a"] > MIB
    assert points["app_cpu_seconds_total a"] > points["app_cpu_seconds_total b"]
    for what in ("cpu", "memory", "io"):
        assert f"app_{what}_waiting_seconds_total a" in points
    assert "app_memory_limit_bytes b" not in points


def test_apps_that_come_later_have_groups_of_their_own(seen: dict[str, Any]) -> None:
    assert seen["sees"]["one"].split()[:3] == ["0", "0::/enter", str(32 * MIB)]
    assert seen["sees"]["two"].split()[:3] == ["0", "0::/enter", str(48 * MIB)]
    assert (seen["groups"], seen["two_lives"]) == (["_init", "two"], True), seen["removed"]


def test_limits_of_fly(seen: dict[str, Any]) -> None:
    assert seen["fly"].split()[:2] == ["137", str(32 * MIB)]
    assert seen["fly_reason"] == "oom-killed"


def test_a_volume_in_the_place_of_the_group_stays(seen: dict[str, Any]) -> None:
    assert seen["volume"].split()[:3] == ["0", "mine", "podwright:"]


def test_what_is_swapped_out_counts(seen: dict[str, Any]) -> None:
    assert seen["swap_on"].split()[0] == "0"
    assert seen["swap"].split()[:2] == ["0", "137"]
    assert seen["swap_control"].split()[:2] == ["0", "0"], "with swap it lives on"


def test_every_disk_of_a_pod_is_limited(seen: dict[str, Any]) -> None:
    assert seen["loop"].split()[0] == "0"
    status, *words = seen["disk_limits"].partition(" podwright:")[0].split()
    assert status == "0"
    found = " ".join(words)
    for number in seen["disk_numbers"]:
        assert f"{number} rbps=max wbps=max riops=55 wiops=55" in found


def test_a_delegated_shell_runs_one_pod_after_the_other(seen: dict[str, Any]) -> None:
    words = seen["delegated"].partition(" podwright:")[0].split()
    assert words[:3] == ["0", str(48 * MIB), str(48 * MIB)]
    assert [Path(word).name for word in words[3:]] == ["podwright-supervisor"]


def test_a_service_that_is_not_delegated_is_refused_with_what_to_do(seen: dict[str, Any]) -> None:
    assert seen["service"].startswith("254 ")
    assert "its memory limit cannot be enforced" in seen["service"]
    assert "Delegate=yes" in seen["service"]


def test_the_limit_of_a_unit_is_the_reason_of_an_end_too(seen: dict[str, Any]) -> None:
    assert seen["of_unit"].startswith("137 ")
    assert "killed: over the memory that its unit, or its host, has" in seen["of_unit"]
    assert seen["of_unit_reason"] == "oom-killed"


def test_a_killed_pod_leaves_no_group(seen: dict[str, Any]) -> None:
    assert seen["doomed_left"] == ""


def test_apps_have_groups_of_their_own_where_controllers_cannot_be_had(
    seen: dict[str, Any],
) -> None:
    """What an app left behind was not found there, and went on beside the app's next life."""
    status, group = seen["foreign"].split()[:2]
    assert (status, group.rpartition("/podwright-")[2].partition("/")[2]) == ("0", "tiny/_app")
    assert seen["foreign_limit"].split()[0] == "254"
    assert "never" not in seen["foreign_limit"]
    assert "memory limit cannot be enforced" in seen["foreign_limit"]
