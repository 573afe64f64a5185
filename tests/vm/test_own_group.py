# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""cgroup v2 as an app meets it: its own group, what it cannot do there, who was killed, and log-in sessions (T72)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support import tiny_image
from tests.vm import bed
from tests.vm.machine import Machine

REFUSED = ("memory", "pids", "swap", "freeze", "out", "kill")


@pytest.fixture(scope="module")
def seen(plain: Machine) -> dict[str, Any]:
    found = bed.told(plain, "scenario_own_group.py", files={"tiny.aci": tiny_image.build()})
    assert [found[name] for name in found if name.startswith("failed_")] == []
    return found


def test_an_app_reads_its_own_limits_and_has_no_name_for_anything_above(
    seen: dict[str, Any],
) -> None:
    own, *limits, mount, listed, init = seen["seen"]["out"].splitlines()
    assert own == "0::/"
    assert limits == [str(64 * 2**20), "0", "50", "50000 100000", "20"]
    assert mount.startswith("cgroup2 /sys/fs/cgroup cgroup2 ro,nosuid,nodev,noexec,")
    assert (listed, init) == ("cgroup", "0::/../_init")


@pytest.mark.threat("T72")
@pytest.mark.parametrize(
    ("who", "why"), [("own_users", "Permission denied"), ("host_users", "Operation not permitted")]
)
def test_nobody_changes_limits_leaves_or_kills_even_in_mounts_of_his_own(
    seen: dict[str, Any], who: str, why: str
) -> None:
    out = seen[f"attack_{who}"]["out"]
    first, _, rest = out.partition("mounted\n")
    own, _, writable = rest.partition("remounted\n")
    for name in REFUSED:
        assert f"{name} refused Read-only file system" in first.splitlines()
        for place in (own, writable):
            said = [line for line in place.splitlines() if line.startswith(f"{name} ")]
            assert len(said) == 1 and said[0].startswith(f"{name} refused "), place
    for name in ("memory", "pids", "swap", "freeze", "kill"):
        assert f"{name} refused {why}" in writable.splitlines()
    assert " done" not in out and "above" not in out
    assert writable.splitlines()[-2:] == ["0::/", str(64 * 2**20)], "and it is still what it was"


@pytest.mark.threat("T72")
def test_fly_sees_the_hosts_groups_and_there_the_same_words_do_it(seen: dict[str, Any]) -> None:
    """The control."""
    control = seen["attack_fly"]
    assert "sees what is above" in control["out"]
    for name in ("memory", "pids", "swap", "freeze", "out"):
        assert f"{name} done" in control["out"].splitlines()
    assert "kill" not in control["out"] and control["status"] == 137, "it has killed itself"


def test_an_app_that_was_killed_for_want_of_memory_has_that_as_its_reason(
    seen: dict[str, Any],
) -> None:
    for who, said in (
        ("itself", "killed: over"),
        ("child", "one of its processes was killed: over"),
    ):
        ended = seen[f"oom_{who}"]
        assert (ended["status"], ended["reason"]) == (137, "oom-killed")
        assert f"app tiny: {said} its memory limit of 32Mi" in ended["err"]
    assert (seen["oom_control"]["status"], seen["oom_control"]["reason"]) == (0, "exited")


def test_limits_could_not_be_had_in_a_log_in_session(seen: dict[str, Any]) -> None:
    """Nothing is delegated to a session: the pod gets a scope, of which nothing is left."""
    ran = seen["session"]
    assert (ran["status"], ran["out"]) == (0, str(64 * 2**20)), ran["err"]
    started, *more = seen["scope_said"]
    assert started == f"Started podwright-{ran['uuid']}.scope - podwright pod {ran['uuid']}."
    assert all("Deactivated successfully" in line or "Consumed" in line for line in more), more
    assert seen["scope_left"] == ""
