# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an app gets by default, seen from inside and compared with golden files, with and without a user namespace.

Whoever changes one of these files changes what every pod of every host can do.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.agent.software_bed import Software, software_on
from tests.agent.test_isolation_seccomp import TRY, number_of
from tests.conftest import Keys

GOLDEN = Path(__file__).parent / "golden"
SYSCALLS = Path(__file__).parents[1] / "unit/stage1/golden/syscalls-x86_64.txt"
USERS = {"plain": "--private-users=false", "user-namespaced": "--private-users=true"}

LOOK = """
import json, os, stat, subprocess, sys
opened = sorted(int(name) for name in os.listdir("/proc/self/fd"))[:-1]
status = dict(line.split(":", 1) for line in open("/proc/self/status") if ":" in line)
devices = []
for name in sorted(os.listdir("/dev")):
    found = os.lstat("/dev/" + name)
    kind = "link" if stat.S_ISLNK(found.st_mode) else "directory" if stat.S_ISDIR(found.st_mode) else "c"
    number = f" {os.major(found.st_rdev)}:{os.minor(found.st_rdev)} {found.st_mode & 0o777:o}" if kind == "c" else ""
    devices.append(name + " " + kind + number)
def empty(path):
    try:
        return os.listdir(path) == [] if os.path.isdir(path) else open(path, "rb").read(1) == b""
    except PermissionError:
        return True
hidden = {path: empty(path) for path in sys.argv[1].split() if os.path.lexists(path)}
there = [path for path in sys.argv[2].split() if os.path.lexists(path)]
read_only = {path: bool(os.statvfs(path).f_flag & os.ST_RDONLY) for path in there}
mounts = sorted(line.split()[4] for line in open("/proc/self/mountinfo"))
print(json.dumps({
    "opened": opened, "devices": devices, "hidden": hidden, "read_only": read_only, "mounts": mounts,
    "capabilities": {name: status["Cap" + name].strip() for name in ("Inh", "Prm", "Eff", "Bnd", "Amb")},
    "uid_map": open("/proc/self/uid_map").read().split(), "no_new": status["NoNewPrivs"].strip(),
    "session": os.getsid(0) == os.getpid(), "umask": status["Umask"].strip(),
}))
"""
KEYRING = "import ctypes; print(ctypes.CDLL(None).syscall(250, 0, -3, 0))"
"""The number of the session keyring: KEYCTL_GET_KEYRING_ID."""


@pytest.fixture(scope="module")
def software(tmp_path_factory: pytest.TempPathFactory, lab: Keys) -> Iterator[Software]:
    with software_on(tmp_path_factory.mktemp("golden"), lab.key) as bed:
        yield bed


@pytest.fixture(scope="module", params=USERS)
def mode(request: pytest.FixtureRequest) -> str:
    """With or without a user namespace."""
    return str(request.param)


def golden(path: Path) -> list[str]:
    """The lines of a golden file."""
    return [line for line in path.read_text().splitlines() if not line.startswith("#")]


def python(software: Software, mode: str, code: str, *options: str, arguments: list[str]) -> str:
    """What Python code prints as the only app, as an app is by default."""
    command = [*options, "run", "--net=none", USERS[mode], "example.com/software"]
    words = ["--exec=/usr/bin/python3", "--", "-IS", "-c", code, *arguments]
    return software.agent(*command, *words, timeout=120).check().stdout


@pytest.fixture(scope="module")
def seen(software: Software, mode: str) -> dict[str, Any]:
    """What an app sees."""
    paths = [" ".join(golden(GOLDEN / f"{name}.txt")) for name in ("hidden", "read-only")]
    found: dict[str, Any] = json.loads(python(software, mode, LOOK, arguments=paths))
    return found


def test_the_mode_is_what_it_says(seen: dict[str, Any], mode: str) -> None:
    own = seen["uid_map"] != ["0", "0", "4294967295"]
    assert own == (mode == "user-namespaced")


@pytest.mark.threat("T69")
def test_capabilities(seen: dict[str, Any]) -> None:
    from podwright.stage1.namespaces import capabilities

    names = golden(GOLDEN / "capabilities.txt")
    assert len(names) <= 9
    mask = f"{capabilities.mask(tuple(names)):016x}"
    none = "0" * 16
    assert seen["capabilities"] == {"Inh": none, "Prm": mask, "Eff": mask, "Bnd": mask, "Amb": none}
    assert seen["no_new"] == "1"


@pytest.mark.threat("T71")
def test_devices(seen: dict[str, Any]) -> None:
    assert seen["devices"] == golden(GOLDEN / "devices.txt")


@pytest.mark.threat("T62")
def test_descriptors(seen: dict[str, Any]) -> None:
    assert [str(fd) for fd in seen["opened"]] == golden(GOLDEN / "descriptors.txt")
    assert seen["session"], "a session of its own"
    assert seen["umask"] == "0022"


@pytest.mark.threat("T64")
def test_hidden_paths(seen: dict[str, Any]) -> None:
    assert [path for path, empty in seen["hidden"].items() if not empty] == []
    there = {path for path in golden(GOLDEN / "hidden.txt") if os.path.lexists(path)}
    covered = {path for path in there if any(path.startswith(point) for point in seen["mounts"])}
    assert covered == there


@pytest.mark.threat("T64")
def test_read_only_paths(seen: dict[str, Any]) -> None:
    assert [path for path, kept in seen["read_only"].items() if not kept] == []
    assert {"/proc/sys", "/sys"} <= set(seen["read_only"])


@pytest.mark.threat("T64")
def test_what_is_hidden_is_there_without_the_mask(software: Software, mode: str) -> None:
    """The control: the kernel has these paths, and only the mask makes them empty."""
    paths = [" ".join(golden(GOLDEN / f"{name}.txt")) for name in ("hidden", "read-only")]
    lifted = json.loads(python(software, mode, LOOK, "--insecure-options=paths", arguments=paths))
    assert not lifted["hidden"]["/proc/interrupts"] and not lifted["hidden"]["/sys/fs"]


@pytest.mark.threat("T68")
@pytest.mark.skipif(platform.machine() != "x86_64", reason="numbers are those of x86-64")
def test_system_calls(software: Software, mode: str) -> None:
    allowed = set(golden(SYSCALLS))
    assert len(allowed) <= 269
    arguments = ["0", "470"]
    filtered = python(software, mode, TRY, arguments=arguments).splitlines()
    lifted = python(
        software, mode, TRY, "--insecure-options=seccomp", arguments=arguments
    ).splitlines()
    names = {number: name for name, number in number_of().items()}
    wrong = []
    for line, without in zip(filtered, lifted, strict=True):
        number, answer = line.split(" ", 1)
        name = names.get(int(number))
        if answer == "skipped" or name in ("clone", "socket", "personality", "ioctl", "prlimit64"):
            continue
        if name in allowed:
            expected = without.split(" ", 1)[1]
        elif int(number) in (335, 336):
            continue  # uretprobe and uprobe, which no filter sees
        else:
            expected = "38" if name is None or name == "clone3" else "1"
        if answer != expected:
            wrong.append((number, name, answer, expected))
    assert wrong == []


@pytest.mark.threat("T77")
def test_session_keyring(software: Software, mode: str) -> None:
    lifted = "--insecure-options=seccomp"
    keyrings = {python(software, mode, KEYRING, lifted, arguments=[]) for _ in range(2)}
    keyrings.add(software.agent.host.run(["/usr/bin/python3", "-IS", "-c", KEYRING]).check().stdout)
    assert len(keyrings) == 3
    assert python(software, mode, KEYRING, arguments=[]) == "-1\n", "keyctl is no default call"
