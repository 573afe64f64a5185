# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What `top` makes of two looks: rates, order, lines."""

from __future__ import annotations

from typing import Any

from podwright.cli import top_rows
from podwright.host.usage import Traffic, Usage
from podwright.stage0.sample import Sample


def pod(name: str, at: float, usage: Usage, links: tuple[Traffic, ...] = (), **more: Any) -> Sample:
    app = {"name": "web", "state": "running", "restarts": 1, "started_at": "2026-01-01T00:00:00Z"}
    seen = {"name": f"{name}-uuid", "pod_name": name, "state": "running", "ready": True}
    seen |= {"started_at": "2026-01-01T00:00:00Z", "apps": [app], **more}
    return Sample(seen, usage, {"web": usage}, links, at)


def test_rates_are_of_the_time_between_two_looks() -> None:
    before = pod("a", 10.0, Usage(cpu=1.0, read=0, written=10), (Traffic("eth0", 0, 100),))
    now = pod("a", 12.0, Usage(cpu=2.0, read=100, written=10), (Traffic("eth0", 2000, 100),))
    (row,) = top_rows.rows([before], [now], "cpu")
    assert (row["cpu_percent"], row["io_read"], row["io_written"]) == (50.0, 50, 0)
    assert (row["network_in"], row["network_out"]) == (1000, 0)
    assert (row["apps"][0]["cpu_percent"], row["restarts"]) == (50.0, 1)


def test_what_is_not_known_is_not_zero() -> None:
    new, began_again = pod("a", 1.0, Usage()), pod("b", 1.0, Usage(cpu=1.0))
    found = top_rows.rows([pod("b", 0.0, Usage(cpu=5.0))], [new, began_again], "name")
    assert [row["cpu_percent"] for row in found] == [None, None]
    assert found[0]["memory"] is found[0]["network_in"] is found[0]["pids"] is None
    (line, _) = top_rows.cells(found, 0.0)
    assert line[2:10] == ("-",) * 8


def test_order() -> None:
    before = [pod(name, 0.0, Usage(cpu=0.0)) for name in "abc"]
    now = [
        pod("c", 1.0, Usage(cpu=0.1, memory=1)),
        pod("a", 1.0, Usage(cpu=0.3, memory=3)),
        pod("b", 1.0, Usage(cpu=0.2, memory=9)),
    ]

    def order(key: str) -> str:
        return "".join(row["pod_name"] for row in top_rows.rows(before, now, key))

    assert [order(key) for key in ("cpu", "memory", "name")] == ["abc", "bac", "abc"]


def test_a_pod_that_does_not_run_is_not_shown() -> None:
    assert top_rows.rows([], [pod("a", 1.0, Usage(), state="exited")], "cpu") == []


def test_apps_have_lines_when_there_are_several() -> None:
    app = {"name": "web", "state": "running", "restarts": 0, "started_at": None}
    one = pod("a", 1.0, Usage(), apps=[app, {**app, "name": "db", "state": "exited"}])
    lines = top_rows.cells(top_rows.rows([], [one], "cpu"), 0.0)
    assert [line[:2] for line in lines] == [("a", ""), ("", "web"), ("", "db")]
    assert lines[2][-1] == "exited"


def test_a_pod_with_one_app_that_was_held_back_and_killed_showed_nothing_of_that() -> None:
    before, now = (pod("a", at, Usage(throttled=0.0, oom_kills=0)) for at in (0.0, 1.0))
    now = Sample(now.pod, now.usage, {"web": Usage(throttled=0.8, oom_kills=1)}, (), 1.0)
    (line,) = top_rows.cells(top_rows.rows([before], [now], "cpu"), 0.0)
    assert dict(zip(top_rows.TITLES, line))["THROTTLED"] == "80%"
    assert dict(zip(top_rows.TITLES, line))["OOM"] == "1"
    both = pod("b", 1.0, Usage())
    (line,) = top_rows.cells(top_rows.rows([], [both], "cpu"), 0.0)
    assert line[10:12] == ("-", "-")


def test_sizes_and_ages() -> None:
    sizes = (None, 0, 999, 1000, 64 << 20, 5 << 30, 1 << 60)
    assert [top_rows.size(count) for count in sizes] == [
        "-", "0B", "999B", "1.0K", "64.0M", "5.0G", "1048576T",
    ]  # fmt: skip
    begin = "2026-01-01T00:00:00.000Z"
    base = 1767225600.0
    assert [top_rows.age(begin, base + passed) for passed in (0, 59, 60, 7199, 7200, 200000)] == [
        "0s", "59s", "1m", "119m", "2h", "2d",
    ]  # fmt: skip
    assert top_rows.age(None, base) == "-"
