# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest

from tests.support import cgroups
from tests.support.private_host import PrivateHost


def test_links_processes_and_mounts_are_its_own(private_host: PrivateHost) -> None:
    private_host.run(["ip", "link", "add", "inside", "type", "bridge"]).check()
    private_host.run(["mount", "-t", "tmpfs", "inside", "/run/lock"]).check()
    assert "inside" in private_host.run(["ls", "/sys/class/net"]).check().stdout
    assert not Path("/sys/class/net/inside").exists()
    assert "inside" not in Path("/proc/self/mounts").read_text()
    assert int(private_host.run(["sh", "-c", "ls -d /proc/[0-9]* | wc -l"]).check().stdout) < 5


def test_cgroups_made_there_are_below_ours_and_go_with_it(tmp_path: Path) -> None:
    with PrivateHost(tmp_path) as host:
        made = host.run(
            [
                "sh",
                "-c",
                "for h in /sys/fs/cgroup/*/; do mkdir -p $h/a/b; done; cat /proc/self/cgroup",
            ]
        )
        assert all(line.endswith(":/") for line in made.check().stdout.splitlines())
    name = f"pwtest-{os.getpid()}-*"
    assert [path for h in cgroups.hierarchies() for path in h.own_cgroup().glob(name)] == []


def test_what_runs_there_ends_with_it(tmp_path: Path) -> None:
    marker = f"{time.time_ns()}"
    with PrivateHost(tmp_path) as host:
        host.run(["sh", "-c", f"setsid sleep 1{marker} >/dev/null 2>&1 </dev/null &"]).check()
        assert marker in host.run(["ps", "-eo", "args"]).stdout
    assert (
        marker
        not in subprocess.run(
            ["ps", "-eo", "args"], check=True, capture_output=True, text=True
        ).stdout
    )


def test_orphans_are_reaped(private_host: PrivateHost) -> None:
    private_host.run(["sh", "-c", "(true &) ; sleep 0.1"]).check()
    assert "defunct" not in private_host.run(["ps", "-e"]).stdout


def test_a_command_that_hangs_is_ended(private_host: PrivateHost) -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        private_host.run(["sleep", "100"], timeout=0.2)
    deadline = time.monotonic() + 5
    while (
        "sleep" in private_host.run(["ps", "-eo", "stat,args"]).stdout
        and time.monotonic() < deadline
    ):
        time.sleep(0.05)
    assert "sleep 100" not in private_host.run(["ps", "-eo", "args"]).stdout


def test_sockets_listen_and_connect_inside(private_host: PrivateHost) -> None:
    with private_host.listen(port=443) as server, private_host.connect("127.0.0.1", 443) as client:
        accepted, _ = server.accept()
        with accepted:
            client.sendall(b"hello")
            assert accepted.recv(5) == b"hello"
