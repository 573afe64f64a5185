# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is used, from the files of control groups of either version: what is not there is no zero."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from podwright.host import usage
from podwright.host.cgrouptree import read
from podwright.host.usage import Traffic, Usage


def group(place: Path, **files: str) -> str:
    place.mkdir(parents=True)
    for name, content in files.items():
        (place / name.replace("__", ".")).write_text(content)
    return str(place)


def test_a_group_of_version_2(tmp_path: Path) -> None:
    pod = group(
        tmp_path / "pod",
        cpu__stat="usage_usec 2500000\nuser_usec 2000000\n",
        memory__current="4096\n",
        memory__max="max\n",
        pids__current="3\n",
        pids__max="64\n",
        io__stat="8:0 rbytes=10 wbytes=20 rios=1 wios=2\n8:16 rbytes=1 wbytes=2\n",
    )
    app = group(
        tmp_path / "pod/web",
        cpu__stat="usage_usec 1\n",
        memory__current="1\n",
        memory__max="1048576\n",
    )
    assert app == f"{pod}/web"
    assert usage.of((pod,)) == Usage(2.5, 4096, None, 3, 64, 11, 22)
    assert usage.of((pod,), "web") == Usage(1e-6, 1, 1 << 20)


def test_what_held_a_pod_up_is_counted(tmp_path: Path) -> None:
    stalls = "some avg10=0.00 avg60=0.00 avg300=0.00 total={}\nfull avg10=0.00 total=9\n"
    v2 = group(
        tmp_path / "v2",
        cpu__stat="usage_usec 1000000\nnr_throttled 4\nthrottled_usec 250000\n",
        memory__current="8192\n",
        memory__swap__current="4096\n",
        memory__events="low 0\noom 3\noom_kill 2\noom_group_kill 0\n",
        cpu__pressure=stalls.format(1500000),
        memory__pressure=stalls.format(0),
        io__pressure="",
    )
    found = usage.of((v2,))
    assert (found.swap, found.throttled, found.oom_kills) == (4096, 0.25, 2)
    assert (found.cpu_waiting, found.memory_waiting, found.io_waiting) == (1.5, 0.0, None)
    v1 = group(
        tmp_path / "v1",
        cpu__stat="nr_throttled 4\nthrottled_time 500000000\n",
        memory__usage_in_bytes="8192\n",
        memory__memsw__usage_in_bytes="9192\n",
        memory__oom_control="oom_kill_disable 0\nunder_oom 0\noom_kill 1\n",
    )
    found = usage.of((v1,))
    assert (found.swap, found.throttled, found.oom_kills) == (1000, 0.5, 1)


def test_a_pod_had_no_killed_processes_although_its_app_had_on_version_1(tmp_path: Path) -> None:
    for place, kills in (("pod", 1), ("pod/web", 2), ("pod/web/_app", 4), ("pod/db", 8)):
        group(tmp_path / place, memory__oom_control=f"under_oom 0\noom_kill {kills}\n")
    found = [usage.of((str(tmp_path / "pod"),), app).oom_kills for app in ("", "web", "db")]
    assert found == [15, 6, 8]


def test_a_group_that_goes_while_it_is_read_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    group(tmp_path / "pod", memory__oom_control="under_oom 0\noom_kill 3\n")

    def last(path: str) -> str:
        found = read(path)
        if found:
            shutil.rmtree(tmp_path / "pod")
        return found

    monkeypatch.setattr(usage, "read", last)
    assert usage.of((str(tmp_path / "pod"),)).oom_kills == 3


def test_what_held_up_the_inner_group_of_an_app_counts_too(tmp_path: Path) -> None:
    """Its limits are those of the outer one; an app can make its own smaller, and not forge the outer one's."""
    group(
        tmp_path / "pod/web",
        cpu__stat="usage_usec 9000000\nthrottled_usec 250000\n",
        memory__events="oom_kill 0\n",
        memory__max="1048576\n",
    )
    group(
        tmp_path / "pod/web/_app",
        cpu__stat="usage_usec 1\nthrottled_usec 500000\n",
        memory__events="oom_kill 2\n",
        memory__max="max\n",
    )
    found = usage.of((str(tmp_path / "pod"),), "web")
    assert (found.cpu, found.throttled, found.oom_kills) == (9.0, 0.5, 2)
    assert found.memory_limit == 1 << 20


def test_groups_of_version_1_are_one_for_each_controller(tmp_path: Path) -> None:
    places = (
        group(tmp_path / "cpuacct", cpuacct__usage="1500000000\n"),
        group(
            tmp_path / "memory",
            memory__usage_in_bytes="8192\n",
            memory__limit_in_bytes="9223372036854771712\n",
        ),
        group(tmp_path / "pids", pids__current="2\n", pids__max="max\n"),
        group(
            tmp_path / "blkio",
            blkio__throttle__io_service_bytes="8:0 Read 5\n8:0 Write 6\n8:0 Total 11\nTotal 11\n",
        ),
    )
    assert usage.of(places) == Usage(1.5, 8192, None, 2, None, 5, 6)


def test_what_nobody_counts_is_not_zero(tmp_path: Path) -> None:
    assert usage.of(()) == Usage()
    assert usage.of((str(tmp_path / "gone"),), "web") == Usage()
    assert usage.of((group(tmp_path / "pids", pids__current="1\n"),)) == Usage(pids=1)


def test_processes_tell_what_their_groups_do_not_count(tmp_path: Path) -> None:
    place = group(tmp_path / "pids", pids__current="1\n", cgroup__procs=f"{os.getpid()}\n")
    found = usage.of((place,))
    assert found.cpu is not None and found.cpu > 0
    assert found.memory is not None and found.memory > 1 << 20
    assert (found.pids, found.read) == (1, None)


def test_a_pod_without_groups_is_its_first_process_and_what_is_below() -> None:
    found = usage.of((), init=os.getpid())
    assert found.cpu is not None and found.memory is not None
    assert usage.of((), "web", init=os.getpid()) == Usage()


def test_links() -> None:
    text = (
        "Inter-|   Receive                                                |  Transmit\n"
        " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets\n"
        "    lo: 1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0\n"
        "  eth0: 100 2 0 0 0 0 0 0 200 3 0 0 0 0 0 0\n"
    )
    assert usage.parse_links(text) == (Traffic("eth0", 100, 200),)
    assert usage.parse_links("") == ()


def test_a_limit_is_a_number() -> None:
    assert [usage.limit(text) for text in ("max", "", "7\n", "x", "9223372036854771712")] == [
        None,
        None,
        7,
        None,
        None,
    ]
