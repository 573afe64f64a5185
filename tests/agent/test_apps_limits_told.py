# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What people are told of apps that the kernel ended, and settings that mean the pod's own numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.agent.launch_bed import Bed, app, isolator, sh
from tests.support.private_host import PrivateHost

FILLS = ("/bin/dd", "if=/dev/zero", "of=/dev/null", "bs=64M", "count=1")
LIMIT = isolator("resource/memory", {"limit": "32Mi"})
GROUPS = "net.ipv4.ping_group_range"
READ = "cat /proc/sys/net/ipv4/ping_group_range"


@pytest.fixture
def bed(private_host: PrivateHost, tmp_path: Path) -> Bed:
    return Bed(private_host, tmp_path)


@pytest.mark.parametrize("users", ["", "true"])
def test_an_app_over_its_memory_limit_was_oom_killed_and_which_limit_is_said(
    bed: Bed, users: str
) -> None:
    ended = bed.run(app("app", *FILLS, isolators=[LIMIT]), private_users=users)
    assert ended.outcome == [137, "failed"]
    assert ended.reasons() == {"app": "oom-killed"}
    assert ended.notes == ["app app: killed: over its memory limit of 32Mi"]
    control = bed.run(app("app", *FILLS), private_users=users)
    assert (control.outcome, control.notes) == ([0, "exited"], [])


def test_the_limit_of_a_pod_is_named_as_the_pods(bed: Bed) -> None:
    ended = bed.run(app("app", *FILLS), pod_isolators=[LIMIT])
    assert ended.reasons() == {"app": "oom-killed"}
    assert ended.notes == ["app app: killed: over its pod's memory limit of 32Mi"]


def test_a_child_that_was_over_the_limit_is_said_to_be_one(bed: Bed) -> None:
    ended = bed.run(sh("app", f"{' '.join(FILLS)}; exit 3", isolators=[LIMIT]))
    assert ended.reasons() == {"app": "failed"}
    said = "app app: one of its processes was killed: over its memory limit of 32Mi"
    assert ended.notes == [said]


def test_somebody_elses_kill_is_not_put_down_to_memory(bed: Bed) -> None:
    ended = bed.run(sh("app", "kill -9 $$", isolators=[LIMIT]))
    assert (ended.reasons(), ended.notes) == ({"app": "killed-by-signal"}, [])


def test_a_death_by_a_refused_system_call_is_said_to_be_one(bed: Bed) -> None:
    remove: dict[str, Any] = {"set": ["mkdir", "mkdirat"]}
    asked = [isolator("os/linux/seccomp-remove-set", remove)]
    ended = bed.run(app("app", "/bin/mkdir", "/tmp/new", isolators=asked))
    assert ended.outcome == [159, "failed"]
    assert ended.reasons() == {"app": "killed-by-signal"}
    assert ended.notes == ["app app: killed: it made a system call that is refused (seccomp)"]


@pytest.mark.parametrize("users", ["", "true"])
@pytest.mark.parametrize("numbers", ["5 6", "0 65535"])
def test_the_groups_that_may_ping_are_the_pods_own(bed: Bed, users: str, numbers: str) -> None:
    setting = isolator("os/unix/sysctl", {GROUPS: numbers})
    ended = bed.run(sh("app", READ), pod_isolators=[setting], private_users=users)
    assert ended.stdout.split() == numbers.split()


def test_every_group_of_a_pod_may_ping_when_nothing_is_said(bed: Bed) -> None:
    assert bed.run(sh("app", READ), private_users="true").stdout.split() == ["0", "65535"]
    found = bed.run(sh("app", READ), private_users="").stdout.split()
    assert found == ["0", "2147483647"]


@pytest.mark.parametrize(
    ("numbers", "said"),
    [("0 70000", "the pod's groups are 0 to 65535"), ("7", "the first and the last group")],
)
def test_groups_that_the_pod_does_not_have_are_refused(bed: Bed, numbers: str, said: str) -> None:
    setting = isolator("os/unix/sysctl", {GROUPS: numbers})
    ended = bed.run(sh("app", READ), pod_isolators=[setting], private_users="true")
    assert said in ended.refused


PING = (
    "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP);"
    " print('may ping')"
)


def test_who_is_in_the_range_may_ping_in_a_pod_of_its_own_users(bed: Bed) -> None:
    def pings(numbers: str) -> str:
        setting = isolator("os/unix/sysctl", {GROUPS: numbers})
        code = f"try:\n  exec({PING!r})\nexcept PermissionError:\n  print('may not')"
        return bed.python(
            code, user="7", group="7", pod_isolators=[setting], private_users="true"
        ).strip()

    assert (pings("0 65535"), pings("7 7"), pings("8 9")) == ("may ping", "may ping", "may not")
