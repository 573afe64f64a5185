# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a pod's cgroups are, and what is written into them; tests/agent/test_apps.py uses real ones."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TextIO

import pytest

from podwright.errors import LaunchError
from podwright.host import cgroups, cgrouptree, disks
from podwright.host.cgrouplimits import DEFAULT_PIDS, Limits, limits, settings
from podwright.host.cgroups import PodCgroup
from podwright.host.cgrouptree import Hierarchy, Place, is_login, parse
from podwright.model import isolators

V1 = """\
25 20 0:22 / /sys/fs/cgroup ro - tmpfs tmpfs ro,mode=755
26 25 0:23 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
27 25 0:24 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd
28 25 0:25 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
29 25 0:26 /outer /sys/fs/cgroup/memory rw shared:9 - cgroup cgroup rw,memory
30 25 0:27 / /sys/fs/cgroup/freezer rw - cgroup cgroup rw,freezer
"""
V1_OWN = (
    "6:freezer:/\n5:memory:/outer/inner\n4:cpu,cpuacct:/a b\n1:name=systemd:/x\n0::/unified/scope\n"
)


def test_v1_and_hybrid_machines() -> None:
    assert parse(V1_OWN, V1) == [
        Hierarchy(1, frozenset(["memory"]), "/sys/fs/cgroup/memory/inner"),
        Hierarchy(1, frozenset(["cpu"]), "/sys/fs/cgroup/cpu,cpuacct/a b"),
        Hierarchy(2, frozenset(), "/sys/fs/cgroup/unified/unified/scope"),
    ]


def test_v2_machines() -> None:
    mount = "30 24 0:27 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"
    assert parse("0::/\n", mount) == [Hierarchy(2, frozenset(), "/sys/fs/cgroup")]


def test_a_process_that_has_moved_itself_down_still_counts_as_where_it_was() -> None:
    mount = "30 24 0:27 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"
    own = "0::/system.slice/podwright-web.service/podwright-supervisor\n"
    assert parse(own, mount)[0].own == "/sys/fs/cgroup/system.slice/podwright-web.service"


@pytest.mark.parametrize(
    ("controller", "version", "asked", "expected"),
    [
        ("pids", 1, Limits(), [("pids.max", str(DEFAULT_PIDS))]),
        ("pids", 2, Limits(pids=3), [("pids.max", "3")]),
        (
            "memory",
            1,
            Limits(memory=4096),
            [("memory.limit_in_bytes", "4096"), ("memory.memsw.limit_in_bytes", "4096")],
        ),
        ("memory", 2, Limits(memory=4096), [("memory.max", "4096"), ("memory.swap.max", "0")]),
        ("io", 1, Limits(io_weight=50), [("blkio.bfq.weight", "50")]),
        ("io", 2, Limits(io_weight=50), [("io.weight", "50"), ("io.bfq.weight", "50")]),
        (
            "io",
            1,
            Limits(block_bandwidth=1000, block_iops=10),
            [
                ("blkio.throttle.read_bps_device", "8:0 1000"),
                ("blkio.throttle.write_bps_device", "8:0 1000"),
                ("blkio.throttle.read_iops_device", "8:0 10"),
                ("blkio.throttle.write_iops_device", "8:0 10"),
            ],
        ),
        (
            "io",
            2,
            Limits(block_bandwidth=1000, block_iops=10),
            [("io.max", "8:0 rbps=1000 wbps=1000"), ("io.max", "8:0 riops=10 wiops=10")],
        ),
        ("memory", 2, Limits(), []),
        (
            "cpu",
            1,
            Limits(cpu_milli=1500),
            [("cpu.cfs_period_us", "100000"), ("cpu.cfs_quota_us", "150000")],
        ),
        (
            "cpu",
            1,
            Limits(cpu_milli=1),
            [("cpu.cfs_period_us", "1000000"), ("cpu.cfs_quota_us", "1000")],
        ),
        (
            "cpu",
            1,
            Limits(cpu_milli=10),
            [("cpu.cfs_period_us", "100000"), ("cpu.cfs_quota_us", "1000")],
        ),
        ("cpu", 2, Limits(cpu_milli=5), [("cpu.max", "5000 1000000")]),
        (
            "cpu",
            2,
            Limits(cpu_milli=500, cpu_shares=1024),
            [("cpu.max", "50000 100000"), ("cpu.weight", "39")],
        ),
        ("cpu", 1, Limits(cpu_shares=2), [("cpu.shares", "2")]),
        ("cpu", 2, Limits(cpu_shares=2), [("cpu.weight", "1")]),
        ("cpu", 2, Limits(cpu_shares=262144), [("cpu.weight", "10000")]),
    ],
)
def test_limits_as_files(
    controller: str, version: int, asked: Limits, expected: list[tuple[str, str]]
) -> None:
    assert settings(controller, version, asked, ("8:0",)) == expected


def test_a_limit_that_was_asked_for_is_refused_and_our_default_only_noted() -> None:
    (note,) = PodCgroup({"a": Limits()}, {"pids": None}).notes
    cause = "controller pids: not available in the caller's cgroup"
    what = f"no limit on the number of processes of an app: {cause}"
    assert note == f"{what}; podwright check-host says what to do"
    for asked, controller in (
        (Limits(pids=5), "pids"),
        (Limits(memory=4096), "memory"),
        (Limits(cpu_shares=9), "cpu"),
        (Limits(io_weight=9), "io"),
    ):
        with pytest.raises(LaunchError, match=f"app b: its {controller} limit cannot be enforced"):
            PodCgroup({"a": Limits(), "b": asked}, {controller: None})
        with pytest.raises(LaunchError, match=f"the pod's {controller} limit cannot be enforced"):
            PodCgroup({"a": Limits()}, {controller: None}, asked)


@pytest.mark.parametrize(
    ("second", "optional"),
    [
        ([], True),
        ([{"name": "os/linux/cpu-shares", "value": 9, "optional": True}], True),
        ([{"name": "os/linux/cpu-shares", "value": 9}], False),
        ([{"name": "resource/pids", "value": {"limit": 9}}], True),
    ],
)
def test_a_controller_is_optional_when_all_that_need_it_are(
    second: list[dict[str, object]], optional: bool
) -> None:
    first = {"name": "resource/cpu", "value": {"limit": 1}, "optional": True}
    found = limits(isolators.parse([first, *second], "x"))
    assert ("cpu" in found.optional) is optional
    if optional:
        notes = PodCgroup({"a": found}, {"cpu": None}).notes
        assert notes == [
            "app a: its cpu limit is not enforced: not available in the caller's cgroup"
        ]
    else:
        with pytest.raises(LaunchError, match="app a: its cpu limit cannot be enforced"):
            PodCgroup({"a": found}, {"cpu": None})


def test_throttles_need_a_disk() -> None:
    place = Place(1, "/io", "/io/pod")
    group = PodCgroup({"a": Limits(block_iops=1)}, {"io": place}, disks=("8:0",))
    assert group.directories() == ["/io/pod"]
    with pytest.raises(LaunchError, match=r"app a: its io limit .* the pod's files are on no disk"):
        PodCgroup({"a": Limits(block_iops=1)}, {"io": place})
    optional = Limits(block_iops=1, optional=frozenset(("io",)))
    assert PodCgroup({"a": optional}, {"io": place}).directories() == []


def test_a_weight_was_accepted_though_the_disks_scheduler_ignored_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    scheduler = "none [mq-deadline] bfq"

    def opened(path: str) -> TextIO:
        return io.StringIO(scheduler) if path.endswith("queue/scheduler") else open(path)

    monkeypatch.setattr(disks, "open", opened, raising=False)
    own = tmp_path / "a" / "b"
    own.mkdir(parents=True)
    places = [Place(1, "/io", "/io/pod"), Place(2, str(own), str(own / "pod"))]
    asked = {"a": Limits(io_weight=9)}
    for place in places:
        with pytest.raises(
            LaunchError, match="scheduler of disk 8:0 has no weights: select bfq"
        ) as error:
            PodCgroup(asked, {"io": place}, disks=("8:0",))
        assert "Delegate" not in error.value.hint  # which would not help
    optional = {"a": Limits(io_weight=9, optional=frozenset(("io",)))}
    missed = PodCgroup(optional, {"io": places[0]}, disks=("8:0",))
    assert len(missed.notes) == 1 and missed.directories() == []
    (tmp_path / "io.cost.qos").write_text("8:0 enable=1 ctrl=auto\n")
    PodCgroup(asked, {"io": places[1]}, disks=("8:0",))
    (tmp_path / "io.cost.qos").write_text("8:0 enable=0 ctrl=auto\n8:16 enable=1\n")
    with pytest.raises(LaunchError, match=r"or enable io\.cost\.qos"):
        PodCgroup(asked, {"io": places[1]}, disks=("8:0",))
    scheduler = "none mq-deadline [bfq]"
    for place in places:
        PodCgroup(asked, {"io": place}, disks=("8:0",))


def test_a_hierarchy_that_cannot_be_written_is_refused_or_noted_and_leaves_nothing(
    tmp_path: Path,
) -> None:
    # Files of a controller do not exist in an ordinary directory, so setting a limit fails like on a read-only one.
    place = Place(1, str(tmp_path), str(tmp_path / "pod"))
    group = PodCgroup({"a": Limits()}, {"pids": place})
    group.make()
    assert len(group.notes) == 1
    assert group.directories() == []
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(LaunchError, match="app a: its pids limit cannot be enforced"):
        PodCgroup({"a": Limits(pids=4)}, {"pids": place}).make()


def test_files_to_join() -> None:
    apps = {"web": Limits()}
    first = PodCgroup(apps, {"pids": Place(1, "/p", "/p/pod"), "cpu": Place(1, "/c", "/c/pod")})
    second = PodCgroup(apps, {"pids": Place(2, "/u", "/u/pod"), "cpu": Place(2, "/u", "/u/pod")})
    assert first.init_files() == ["/c/pod/tasks", "/p/pod/tasks"]
    assert first.app_files("web") == ["/c/pod/web/tasks", "/p/pod/web/tasks"]
    assert second.init_files() == ["/u/pod/_init/cgroup.procs"]
    assert second.app_files("web") == ["/u/pod/web/_app/cgroup.procs"]
    assert second.directories() == ["/u/pod"]


def test_a_group_without_controllers_has_no_limits_to_set(tmp_path: Path) -> None:
    """What an app leaves behind is found by it (where systemd delegates nothing but its own hierarchy)."""
    place = Place(1, str(tmp_path), str(tmp_path / "pod"))
    group = PodCgroup({"web": Limits()}, {"pids": None})
    group.places["name=systemd"] = place
    group.make()
    assert group.app_files("web") == [f"{tmp_path}/pod/web/tasks"]
    assert (tmp_path / "pod/web").is_dir()
    group.remove()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("own", "login"),
    [
        ("user.slice/user-0.slice/session-3.scope", True),
        ("system.slice/session-cleaner.service", False),
        ("system.slice/session-of-a-timer.scope", False),
        ("user.slice/user-0.slice/user@0.service/app.slice/run-u1.service", True),
        ("system.slice/ssh.service", True),
        ("system.slice/system-getty.slice/getty@tty1.service", True),
        ("system.slice/cron.service", False),
        ("machine.slice/podwright-web.service/podwright-supervisor", False),
        ("", False),
    ],
)
def test_people_log_in_to_some_units(own: str, login: bool) -> None:
    assert is_login(f"/sys/fs/cgroup/{own}") is login


def test_only_sessions_of_v2_alone_need_a_scope(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = Hierarchy(2, frozenset(), "/sys/fs/cgroup/user.slice/session-3.scope")
    service = Hierarchy(2, frozenset(), "/sys/fs/cgroup/system.slice/cron.service")
    hybrid = [Hierarchy(1, frozenset(["memory"]), "/sys/fs/cgroup/memory"), session]
    monkeypatch.setattr(cgrouptree, "RUNNING", str(tmp_path))
    assert cgrouptree.needs_scope([session])
    assert not cgrouptree.needs_scope([service])
    assert not cgrouptree.needs_scope(hybrid)
    assert not cgrouptree.needs_scope([])
    monkeypatch.setattr(cgrouptree, "delegated", lambda _: True)
    assert not cgrouptree.needs_scope([session])
    monkeypatch.setattr(cgrouptree, "delegated", lambda _: False)
    monkeypatch.setattr(cgrouptree, "RUNNING", f"{tmp_path}/no systemd")
    assert not cgrouptree.needs_scope([session])


def test_what_every_pod_uses_is_counted_where_that_costs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """v2 only: a v1 controller that nobody asked for would make every start slower."""
    own = tmp_path / "own"
    own.mkdir()
    (own / "cgroup.controllers").write_text("cpu io memory pids\n")
    v2 = Hierarchy(2, frozenset(), str(own))
    v1 = Hierarchy(1, frozenset(["memory", "blkio", "pids", "cpu"]), str(tmp_path))
    for found, controllers in (([v2], {"io", "memory", "pids"}), ([v1, v2], {"pids"})):
        monkeypatch.setattr(cgroups, "find", lambda found=found: found)
        assert set(cgroups.plan("pod", {"app": Limits()}).places) == controllers


def test_groups_that_an_app_has_nested_without_end_are_removed(tmp_path: Path) -> None:
    """gc ended with a RecursionError."""
    top = tmp_path / "pod"
    deep = top
    for _ in range(1200):
        deep.mkdir()
        deep /= "d"
    (top / "_init").mkdir()
    cgroups.remove([str(top), str(tmp_path / "never")])
    assert list(tmp_path.iterdir()) == []


def test_who_joins_an_app_joins_the_inner_group_of_those_that_have_one(tmp_path: Path) -> None:
    """Pods of an older agent have a single one."""
    assert cgrouptree.leaf(str(tmp_path)) == str(tmp_path)
    (tmp_path / "_app").mkdir()
    assert cgrouptree.leaf(str(tmp_path)) == f"{tmp_path}/_app"
