# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import hosts
from tests.support.fleet import Fleet, Host
from tests.support.processes import Running


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    state = tmp_path / "fleet"
    try:
        yield hosts.create(state, 1)
    finally:
        hosts.destroy(state)


def ssh(fleet: Fleet, host: Host, command: str) -> subprocess.CompletedProcess[str]:
    options = ["-F", str(fleet.ssh_config), "-oBatchMode=yes", "-oConnectTimeout=5"]
    return subprocess.run(
        ["ssh", *options, host.name, command],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_a_host_has_systemd_reboots_and_leaves_nothing(fleet: Fleet) -> None:
    host = fleet.hosts[0]
    assert ssh(fleet, host, "systemctl is-system-running").stdout == "running\n"
    first = ssh(
        fleet, host, "systemctl show -P UserspaceTimestampMonotonic; touch /var/tmp/mark"
    ).stdout
    ssh(fleet, host, "reboot")
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        again = ssh(fleet, host, "systemctl show -P UserspaceTimestampMonotonic; ls /var/tmp/mark")
        if again.returncode == 0 and again.stdout.split()[0] != first.strip():
            break
        time.sleep(0.2)
    assert again.stdout.split()[1:] == ["/var/tmp/mark"], again
    hosts.destroy(fleet.state)
    assert not fleet.state.exists()
    assert str(fleet.state) not in Path("/proc/self/mounts").read_text()
    processes = subprocess.run(["ps", "-eo", "args"], check=True, capture_output=True, text=True)
    assert str(fleet.state) not in processes.stdout


def test_a_fleet_whose_process_was_killed_can_be_destroyed(fleet: Fleet) -> None:
    running = Running.load(fleet.state / "running.json")
    assert running is not None
    subprocess.run(["kill", "-KILL", str(running.pid)], check=True)
    hosts.destroy(fleet.state)
    assert not fleet.state.exists()
