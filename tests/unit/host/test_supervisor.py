# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether something supervises a pod, and what it left behind when it failed."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from podwright.host import detached, supervisor, systemd
from podwright.host.paths import Layout


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    found = Layout(data=f"{tmp_path}/data")
    os.makedirs(f"{found.named}/web")
    return found


@pytest.mark.parametrize(
    "state, active",
    [
        ("active", True),
        ("reloading", True),
        ("activating", True),  # also between two restarts: it would come back if left alone
        ("deactivating", True),
        ("inactive", False),
        ("failed", False),
    ],
)
def test_a_unit_between_two_restarts_counts_as_active(
    layout: Layout, monkeypatch: pytest.MonkeyPatch, state: str, active: bool
) -> None:
    monkeypatch.setattr(systemd, "running", lambda: True)
    monkeypatch.setattr(systemd, "read_unit", lambda name: "a unit")
    said = f"Id=podwright-other.service\nActiveState=active\n\nId=podwright-web.service\nActiveState={state}"
    monkeypatch.setattr(systemd, "_ask", lambda args: (0, said))
    assert supervisor.active(layout, "web", systemd.ActiveStates()) is active
    assert not supervisor.active(layout, "unloaded", systemd.ActiveStates())


@pytest.fixture
def without_systemd(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(systemd, "running", lambda: False)


@pytest.mark.usefixtures("without_systemd")
def test_the_background_supervisor_is_known_by_what_it_recorded(layout: Layout) -> None:
    assert not supervisor.active(layout, "web", systemd.ActiveStates())
    child = os.fork()
    if child == 0:
        supervisor.record_supervisor(layout, "web")
        os._exit(0)
    os.waitpid(child, 0)
    assert supervisor.supervisor_of(layout, "web")["pid"] == child
    assert not supervisor.active(layout, "web", systemd.ActiveStates())
    supervisor.record_supervisor(layout, "web")
    assert supervisor.active(layout, "web", systemd.ActiveStates())


@pytest.mark.usefixtures("without_systemd")
@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"pid": "x"}', b"\xff"])
def test_a_damaged_record_is_no_supervisor(layout: Layout, content: bytes) -> None:
    Path(layout.named, "web", "supervisor").write_bytes(content)
    assert not supervisor.active(layout, "web", systemd.ActiveStates())


def test_problems_are_kept_for_whoever_waits(layout: Layout) -> None:
    assert supervisor.problem(layout, "web") == ""
    supervisor.record_problem(layout, "web", "image is not trusted")
    assert supervisor.problem(layout, "web") == "image is not trusted"
    supervisor.record_problem(layout, "web", "")
    assert supervisor.problem(layout, "web") == ""


SETTINGS = {"ready": {"timeout": 5.0}, "stop_timeout": 60.0, "restart": "no"}


@pytest.mark.usefixtures("without_systemd")
def test_a_pod_that_takes_long_to_stop_leaves_the_new_one_its_time(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]

    def stop(*_: object) -> None:
        now[0] += 60

    monkeypatch.setattr(supervisor, "stop", stop)
    monkeypatch.setattr(detached, "spawn", lambda *_: 4711)
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    starting = supervisor.Starting(layout, "web", SETTINGS, ["/usr/bin/podwright"])
    assert (starting.pid, starting.since) == (4711, 1060.0)


def test_we_wait_longer_than_systemd_does(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []

    class Restart:
        """systemctl, and how long it was waited for."""

        def __init__(self, *_: object, **__: object) -> None:
            pass

        def wait(self, timeout: float) -> int:
            waited.append(timeout)
            return 0

    monkeypatch.setattr(systemd, "running", lambda: True)
    monkeypatch.setattr(systemd, "systemctl", lambda *_, **__: 0)
    monkeypatch.setattr(subprocess, "Popen", Restart)
    supervisor.Starting(layout, "web", SETTINGS, ["/usr/bin/podwright"]).wait()
    unit = systemd.unit_text("web", SETTINGS, ["/usr/bin/podwright"])
    limits = [int(found) for found in re.findall(r"^Timeout\w+Sec=(\d+)$", unit, re.MULTILINE)]
    assert len(limits) == 2
    assert len(waited) == 1 and waited[0] > sum(limits)


def test_restarts_come_less_and_less_often() -> None:
    assert [detached.backoff(attempt) for attempt in (0, 1, 2, 5, 6, 7, 1000)] == [
        *(1, 2, 4, 32, 60, 60, 60)
    ]
