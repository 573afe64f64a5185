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
LIMITS = ("memory.max", "memory.swap.max", "pids.max")


@pytest.fixture(scope="module")
def seen(plain: Machine) -> dict[str, Any]:
    found = bed.told(plain, "scenario_own_group.py", files={"tiny.aci": tiny_image.build()})
    assert [found[name] for name in found if name.startswith("failed_")] == []
    return found


def test_an_app_reads_its_own_limits_and_has_no_name_for_anything_above(
    seen: dict[str, Any],
) -> None:
    facts = seen["seen"]["out"].partition("\nfacts\n")[0]
    own, *limits, mount, listed, init = facts.splitlines()
    assert own == "0::/"
    assert limits == [str(64 * 2**20), "0", "30", "50000 100000", "20"]
    assert mount.startswith("cgroup2 /sys/fs/cgroup cgroup2 ro,nosuid,nodev,noexec,")
    assert (listed, init) == ("cgroup", "0::/../../_init")


@pytest.mark.threat("T72")
@pytest.mark.parametrize(
    ("who", "why"), [("seen", "Permission denied"), ("host_users", "Operation not permitted")]
)
def test_nobody_changes_limits_leaves_or_kills_even_in_mounts_of_his_own(
    seen: dict[str, Any], who: str, why: str
) -> None:
    out = seen[who]["out"].partition("\nwithin\n")[0].partition("facts\n")
    out = out[2] or out[0]
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
def test_a_limit_was_lifted_in_a_cgroup_namespace_within_the_apps_own(seen: dict[str, Any]) -> None:
    """With the host's users an app divides its group; the limits of the group above hold for all of it."""
    within = seen["host_users"]["out"].partition("\nwithin\n")[2].splitlines()
    assert {f"sub-{name} done" for name in ("group", "join", "unshare", *LIMITS)} < set(within)
    assert within[within.index("sub-pids.max done") + 1 :][:2] == ["max", "max"], "what it sees"
    assert "all 40" not in within and "can't fork" in within[-1]
    assert seen["host_users"]["status"] == 137
    assert "app tiny: killed: over its memory limit of 64Mi" in seen["host_users"]["err"]
    assert seen["host_users"]["reason"] == "oom-killed"
    own = seen["seen"]["out"].partition("\nwithin\n")[2].splitlines()
    assert "sub-group refused Permission denied" in own
    assert not [line for line in own if line.endswith(" done") and line != "sub-unshare done"]
    assert own[own.index("sub-pids.max refused Permission denied") + 1] == str(64 * 2**20)


@pytest.mark.threat("T72")
@pytest.mark.parametrize("who", ["seen", "host_users"])
def test_the_whole_tree_was_read_by_a_handle_of_its_root(seen: dict[str, Any], who: str) -> None:
    """CAP_DAC_READ_SEARCH is not the system call by which it reaches files that have no path."""
    assert "handle refused Operation not permitted" in seen[who]["out"].splitlines()
    assert "handle done" in seen["fly"]["out"].splitlines(), "the control"


@pytest.mark.threat("T72")
def test_fly_sees_the_hosts_groups_and_there_the_same_words_do_it(seen: dict[str, Any]) -> None:
    """The control."""
    control = seen["fly"]
    assert "sees what is above" in control["out"]
    for name in ("memory", "pids", "swap", "freeze", "out"):
        assert f"{name} done" in control["out"].splitlines()
    assert control["out"].endswith("hog lives"), "without a limit nothing is killed"
    assert control["status"] == 137 and control["reason"] == "killed-by-signal", "by itself"


def test_limits_could_not_be_had_in_a_log_in_session(seen: dict[str, Any]) -> None:
    """Nothing is delegated to a session: the pod gets a scope, of which nothing is left."""
    ran = seen["session"]
    assert ran["out"] == str(32 * 2**20), ran["err"]
    started, *more = seen["scope_said"]
    assert started == f"Started podwright-{ran['uuid']}.scope - podwright pod {ran['uuid']}."
    about = ("Deactivated successfully", "Consumed", "OOM killer")
    assert all(any(word in line for word in about) for line in more), more
    assert seen["scope_left"] == ""


def test_an_app_that_ends_since_a_child_was_killed_for_want_of_memory_says_so(
    seen: dict[str, Any],
) -> None:
    ended = seen["session"]
    assert (ended["status"], ended["reason"]) == (137, "oom-killed")
    said = "app tiny: one of its processes was killed: over its memory limit of 32Mi"
    assert said in ended["err"]
