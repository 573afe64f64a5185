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


DOMAIN = """\
<domain type='qemu'>
  <name>empty</name>
  <memory unit='MiB'>64</memory>
  <os><type machine='q35'>hvm</type></os>
  <devices>
    <interface type='ethernet'><target dev='tap7'/></interface>
    <controller type='usb' model='none'/>
    <memballoon model='none'/>
  </devices>
</domain>
"""


@pytest.mark.thorough
def test_a_libvirt_host_runs_a_machine_that_machined_knows(tmp_path: Path) -> None:
    state = tmp_path / "fleet"
    try:
        fleet = hosts.create(state, 1, variant="libvirt")
        (host,) = fleet.hosts
        script = f"cat > /root/domain.xml <<'END'\n{DOMAIN}END\nvirsh -c qemu:///system create /root/domain.xml"
        created = ssh(fleet, host, script)
        assert created.returncode == 0, created
        seen = ssh(
            fleet,
            host,
            "virsh -c qemu:///system list --name; ip -brief link show tap7; machinectl --no-legend;"
            " ps -C qemu-system-x86_64 -o user:20=; virsh -c qemu:///system destroy empty > /dev/null;"
            " virsh -c qemu:///system list --name",
        )
        words = seen.stdout.split()
        assert {"empty", "tap7", "qemu-1-empty"} <= set(words), seen
        assert words[-1] == "libvirt-qemu", seen
    finally:
        hosts.destroy(state)


def test_a_fleet_whose_process_was_killed_can_be_destroyed(fleet: Fleet) -> None:
    running = Running.load(fleet.state / "running.json")
    assert running is not None
    subprocess.run(["kill", "-KILL", str(running.pid)], check=True)
    hosts.destroy(fleet.state)
    assert not fleet.state.exists()
