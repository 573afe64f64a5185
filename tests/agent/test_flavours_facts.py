# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an app is, sees and is given, in each flavour: one pod of many apps, each of which wrote down one thing."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.agent.flavour_bed import Told

Facts = dict[str, str]

DEFAULT, NONE = "00000000000005fb", "0000000000000000"
NO_WRITE = "Read-only file system"
DEVICES = "fd full null ptmx pts random shm stderr stdin stdout tty urandom zero"


def status(text: str) -> dict[str, str]:
    """Lines of /proc/PID/status."""
    pairs = (line.split(":", 1) for line in text.splitlines() if ":" in line)
    return {key: " ".join(value.split()) for key, value in pairs}


@pytest.mark.parametrize(
    ("app", "expected"),
    [
        ("root", {"Uid": "0 0 0 0", "CapEff": DEFAULT, "CapBnd": DEFAULT, "CapAmb": NONE, "Groups": ""}),
        ("user", {"Uid": "1001 1001 1001 1001", "Gid": "100 100 100 100", "Groups": "7 65535"}),
        ("user", {"CapEff": NONE, "CapPrm": NONE, "CapInh": NONE, "CapBnd": DEFAULT}),
        ("retain", {"CapEff": "0000000000001001", "CapBnd": "0000000000001001", "CapAmb": NONE}),
        ("remove", {"CapEff": "00000000000005da", "CapBnd": "00000000000005da"}),
        ("privileges", {"NoNewPrivs": "0", "Seccomp": "2"}),
        ("root", {"NoNewPrivs": "1", "Seccomp": "2", "Umask": "0022"}),
    ],
)  # fmt: skip
def test_identity_and_capabilities(facts: Facts, app: str, expected: dict[str, str]) -> None:
    found = status(facts[app])
    assert {key: found[key] for key in expected} == expected


def test_users_by_name_are_the_images(facts: Facts) -> None:
    assert facts["named"].split() == ["tiny", "1000", "1000"]


def test_the_environment_has_what_was_said_and_the_constants(facts: Facts) -> None:
    found = dict(line.split("=", 1) for line in facts["environment"].splitlines())
    for name in ("SHLVL", "PWD", "OLDPWD", "_"):
        found.pop(name, None)
    assert found == {
        "A": "1 2",
        "AC_APP_NAME": "root",
        "EVERY": "app",
        "HOME": "/root",
        "LOGNAME": "root",
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "SHELL": "/bin/sh",
        "USER": "root",
        "container": "rkt",
    }


def test_working_directory_umask_and_root(facts: Facts) -> None:
    assert facts["place"].split() == ["/var/tmp", "0022", "/"]


def test_names_of_the_pod_and_of_others(facts: Facts) -> None:
    lines = facts["names"].splitlines()
    assert lines[:2] == ["web-1", "web-1"]
    assert lines[-1] == "../proc/self/mounts"
    assert "192.0.2.7 neighbour" in " ".join(facts["names"].split())
    assert "nameserver 192.0.2.53" in lines
    assert "search example.com" in lines


def test_dev_holds_the_golden_list_and_nothing_else(facts: Facts) -> None:
    *listed, count = facts["devices"].split()
    assert listed == [*DEVICES.split(), "ptmx"]
    assert count == "4"
    assert [line.split()[-3:] for line in facts["devicemodes"].splitlines()] == [
        ["666", "0", "0"]
    ] * 6


@pytest.mark.threat("T61")
def test_no_device_can_be_made(facts: Facts) -> None:
    lines = facts["mknod"].splitlines()
    assert len(lines) == 8
    assert all(line.endswith("Operation not permitted") for line in lines), lines


@pytest.mark.threat("T77")
@pytest.mark.parametrize("app", ["hidden", "hiddendirs", "settings"])
def test_what_the_kernel_tells_and_takes_is_covered(facts: Facts, app: str) -> None:
    own = "cgroup\n" if app == "hiddendirs" and of_version_2(facts) else ""
    assert facts[app] == own


def test_pid_1_tells_nothing(facts: Facts) -> None:
    assert facts["pid1"].split() == ["podwright-init", "podwright-init"]
    assert facts["pid1links"] == ""


def test_standard_descriptors_only_and_an_empty_input(facts: Facts) -> None:
    # ls has the directory open, too.
    assert facts["descriptors"].split() == ["4", "0"]


def of_version_2(facts: Facts) -> bool:
    """Whether the app is in a control group of version 2, as in every machine: it sees its own there."""
    return "/sys/fs/cgroup" in mounts_of(facts)


def test_no_control_group_is_seen_but_of_version_2_the_own_one(facts: Facts, flavour: str) -> None:
    own, *listed = facts["cgroup"].splitlines()
    assert own == "/"
    if of_version_2(facts):
        assert "ro" in mounts_of(facts)["/sys/fs/cgroup"].split(",")
        assert all(name.count(".") for name in listed), "files only"
        assert "memory.max" in listed
    else:
        assert flavour != "kvm"
        assert "No such file" in listed[0]


def mounts_of(facts: Facts) -> dict[str, str]:
    """Targets and options of what is mounted."""
    return dict(line.split(" ") for line in facts["mounts"].splitlines())


def test_the_root_and_every_mount_but_devices_are_without_devices(facts: Facts) -> None:
    mounts = mounts_of(facts)
    assert mounts["/out"].startswith("rw,nosuid,nodev")
    for target in ("/", "/dev", "/dev/shm", "/out", "/etc/hosts", "/proc", "/sys"):
        assert "nodev" in mounts[target].split(","), mounts


def test_ipc_is_the_pods_own(facts: Facts) -> None:
    # three headings
    assert facts["sysvipc"].strip() == "3"


def test_kernel_settings_that_were_asked_for_hold(facts: Facts) -> None:
    assert facts["sysctl"].strip() == "512"


def test_without_a_network_there_is_loopback_and_it_works(facts: Facts) -> None:
    assert facts["network"].split() == ["lo", "unknown", "over-loopback"]


def test_the_clock_is_the_hosts(told: Told) -> None:
    # Nothing here takes a quarter of an hour; a guest whose clock was never set is years away.
    assert abs(int(told["many"]["facts"]["clock"]) - time.time()) < 900


def test_random_numbers_are_there(facts: Facts) -> None:
    assert facts["random"].strip() == "random"


def test_process_limits_and_scores(facts: Facts) -> None:
    assert facts["limits"].split() == ["256", "512", "0"]
    assert facts["score"].strip() == "321"


@pytest.mark.threat("T61")
def test_system_calls_of_the_filter_fail_as_it_says(facts: Facts) -> None:
    assert facts["calls"].splitlines()[-2:] == [
        "mkdir: can't create directory '/tmp/new': Invalid cross-device link",
        "then",
    ]


@pytest.mark.threat("T61")
def test_what_only_the_host_may_do_is_refused(facts: Facts) -> None:
    text = facts["forbidden"]
    assert text.count("Operation not permitted") + text.count("permission denied") >= 4, text


def test_a_read_only_root_is_read_only(facts: Facts) -> None:
    assert facts["readonly"].count(NO_WRITE) == 2
    assert "shm\n" in facts["readonly"]


def test_a_root_can_be_written_and_is_the_apps_own(facts: Facts) -> None:
    assert facts["writable"].splitlines() == ["x", "ls: /home: No such file or directory"]
    assert facts["apart"].splitlines()[-1] == "/home"
    assert facts["apart"].count("No such file") == 2


def test_volumes_of_the_host(facts: Facts) -> None:
    text = facts["volumes"].splitlines()
    assert text[0] == "from the host"
    assert [NO_WRITE in line for line in text[1:3]] == [True, True]
    assert text[3] == "one file"
    assert text[4] == "5:6 644"
    assert "Permission denied" in text[5]  # a device in a volume is not one
    assert text[6:] == ["/etc/passwd", "4755 0", "2"]


def test_the_host_sees_what_apps_wrote_as_they_wrote_it(told: Told) -> None:
    assert told["many"]["host"] == {
        "data/by-hard": "5:6 100644 'by root\\n'",
        "data/by-root": "5:6 100644 'by root\\n'",
        "users/by-user": "1000:1000 100644 'mine\\n'",
    }


@pytest.mark.threat("T62")
def test_an_ordinary_user_in_volumes_is_an_ordinary_user(facts: Facts) -> None:
    lines = facts["uservolume"].splitlines()
    assert lines[:2] == ["1000:1000 755", "1000:1000"]
    assert "Operation not permitted" in lines[2]
    assert "Permission denied" in lines[3]
    assert lines[4] == "1000"  # a set-user-id file of a volume gives nothing


def test_empty_volumes_are_shared_and_can_be_read_only(facts: Facts) -> None:
    assert facts["writer"].splitlines()[0] == "1000:7 770"
    assert facts["reader"].splitlines()[0] == "said"
    assert NO_WRITE in facts["reader"]


def test_volumes_in_memory_have_owner_mode_and_size(facts: Facts) -> None:
    lines = facts["memory"].splitlines()
    assert lines[0] == "3:4 750"
    assert lines[-1] == "1048576"


@pytest.mark.threat("T38")
def test_a_secret_is_in_memory_read_only_and_its_owners(facts: Facts) -> None:
    lines = facts["secret"].splitlines()
    assert lines[0] == "400 1000"
    assert lines[1] == "s3cret"
    assert [NO_WRITE in line for line in lines[2:5]] == [True] * 3
    assert "Permission denied" in facts["nosecret"]


ENDS: dict[str, Any] = {
    "root": (0, "exited"),
    "ends7": (7, "failed"),
    "killed": (137, "killed-by-signal"),
    "missing": (203, "failed"),
    "hooked": (3, "failed"),
    "greedy": (137, "oom-killed"),
    "again": (0, "exited"),
}


@pytest.mark.parametrize("app", ENDS)
def test_how_apps_end(told: Told, app: str) -> None:
    (found,) = (one for one in told["many"]["status"]["apps"] if one["name"] == app)
    assert (found["exit_code"], found["exit_reason"]) == ENDS[app]
    assert found["state"] == "exited"


def test_an_app_that_failed_is_started_again(told: Told, facts: Facts) -> None:
    (found,) = (one for one in told["many"]["status"]["apps"] if one["name"] == "again")
    assert found["restarts"] == 2
    assert facts["again"].strip() == "3"
    assert "app again: failed: ended with 1; restart 2 in 2 s" in told["many"]["stderr"]


def test_hooks_run_as_root_before_and_after_in_the_same_root(facts: Facts) -> None:
    assert facts["hooks"].split() == ["pre", "0", "main", "1000", "post", "0"]


def test_memory_and_process_limits_hold_and_are_told(told: Told, facts: Facts) -> None:
    assert "over its memory limit of 24Mi" in told["many"]["stderr"]
    assert "can't fork" in facts["forks"]
    assert "all" not in facts["forks"]


def test_an_app_starts_when_what_it_needs_is_ready(facts: Facts) -> None:
    assert facts["second"].strip() == "/common/first"


def test_orphans_are_reaped_and_end_with_the_pod(facts: Facts) -> None:
    assert facts["orphans"].strip() == "reaped"


def test_outputs_and_errors_are_ours(told: Told) -> None:
    assert told["many"]["stdout"] == "out\n"
    assert "err" in told["many"]["stderr"].splitlines()
    assert "cannot execute /bin/nothing-here" in told["many"]["stderr"]
