# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""`podwright enter`: which pod, app and program, statuses, what ends with what, and what is left (B10)."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.agent.enter_bed import LIVE, House
from tests.agent.launch_bed import Bed, isolator, sh
from tests.support.private_host import PrivateHost

DRIVER = Path(__file__).with_name("enter_driver.py")
UUID = "11111111-2222-4333-8444-555555555555"


@pytest.fixture
def house(private_host: PrivateHost, tmp_path: Path) -> House:
    return House(Bed(private_host, tmp_path))


@pytest.mark.kernel
def test_it_returns_the_commands_status_and_passes_input_and_output(house: House) -> None:
    with house.start(sh("app", LIVE)) as pod:
        ended = house.enter(pod, "sh", "-c", "cat; echo bad >&2; exit 7", stdin="in\n")
        killed = house.enter(pod, "sh", "-c", "kill -9 $$")
    assert (ended.exit, ended.stdout, ended.stderr) == (7, "in\n", "bad\n")
    assert killed.exit == 137


def test_without_a_command_it_is_the_images_shell(house: House) -> None:
    bash = "#!/bin/busybox sh\necho this is bash; exec /bin/sh\n"
    for files, expected in (({}, "3\n"), ({"bin/bash": bash}, "this is bash\n3\n")):
        tree = house.bed.tree(files)
        if files:
            (tree / "bin/bash").chmod(0o755)
        with house.start(sh("app", LIVE, tree=tree)) as pod:
            assert house.enter(pod, stdin="echo $((1+2))\n").stdout == expected


def test_an_image_without_a_shell_says_what_to_do(house: House) -> None:
    tree = house.bed.tree()
    live = sh("app", LIVE, tree=tree)
    live["app"]["exec"] = ["/bin/busybox", "sh", "-c", f"{LIVE}"]
    with house.start(live) as pod:
        house.enter(pod, "/bin/busybox", "rm", "/bin/sh").check()
        ended = house.enter(pod)
    assert ended.exit == 203
    assert ended.stderr == (
        "podwright: app app: its image has neither /bin/bash nor /bin/sh: say what to execute\n"
    )


def test_what_cannot_be_executed_is_203_and_says_why(house: House) -> None:
    tree = house.bed.tree({"bin/script": "#!/bin/none\n", "bin/text": "x\n", "bin/plain": ""})
    for name in ("script", "text"):
        (tree / "bin" / name).chmod(0o755)
    (tree / "bin/plain").chmod(0o644)
    expected = {
        "nothing": "nothing is in none of",
        "/bin/nothing": "/bin/nothing does not exist in its image",
        "/bin/plain": "/bin/plain is not executable",
        "/bin/script": "it needs /bin/none, which is missing in its image",
        "/bin/text": "neither a program for this machine nor a script",
    }
    with house.start(sh("app", LIVE, tree=tree)) as pod:
        ended = {name: house.enter(pod, name) for name in expected}
    assert {name: one.exit for name, one in ended.items()} == dict.fromkeys(expected, 203)
    for name, text in expected.items():
        assert ended[name].stderr.startswith(f"podwright: app app: cannot execute {name}: ")
        assert text in ended[name].stderr


def test_options_of_the_command_are_its_own(house: House) -> None:
    with house.start(sh("app", LIVE)) as pod:
        assert house.enter(pod, "echo", "--app=x", "-n", "--", "--help").stdout == (
            "--app=x -n -- --help\n"
        )
        assert house.enter(pod, "--", "echo", "-x").stdout == "-x\n"


def test_the_pod_can_come_from_a_file(house: House) -> None:
    with house.start(sh("app", LIVE)) as pod:
        file = house.bed.base / "uuid"
        file.write_text(f"{pod.pod_dir.name}\n")
        assert house.agent.ok("enter", f"--uuid-file={file}", "echo", "-n", "-x") == "-x"
        assert house.agent.ok("enter", pod.pod_dir.name[:8], "echo", "prefix") == "prefix\n"


def test_with_several_apps_one_must_be_named(house: House) -> None:
    with house.start(sh("one", LIVE), sh("two", LIVE)) as pod:
        said = house.agent.refused("enter", pod.pod_dir.name, "true")
        unknown = house.agent.refused("enter", "--app=\x1b[31mx", pod.pod_dir.name, "true")
        assert house.says(pod, "echo $AC_APP_NAME", app="two") == "two\n"
    assert said.endswith("has 2 apps; say which one: --app=one|two")
    assert "has no app called" in unknown
    assert "\x1b" not in unknown


@pytest.mark.parametrize(
    ("state", "says"),
    [
        ("prepared", f"is prepared, not running; start it: podwright run-prepared {UUID}"),
        ("run", f"has ended; see how it ended: podwright status {UUID}"),
    ],
)
def test_a_pod_that_does_not_run_is_refused(house: House, state: str, says: str) -> None:
    (house.agent.data / "pods" / state / UUID).mkdir(parents=True)
    assert house.agent.refused("enter", UUID, "true") == f"podwright: pod {UUID} {says}"


def test_only_root_enters(house: House) -> None:
    """The command says so; the socket lets nobody else connect either."""
    connect = "import socket,sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1])"
    with house.start(sh("app", LIVE)) as pod:
        for path in (*pod.pod_dir.parents, pod.pod_dir):
            if path.stat().st_uid == 0 and path.is_relative_to(house.bed.base):
                path.chmod(0o755)
        control = ["/usr/bin/python3", "-c", connect, f"/proc/self/cwd/{'control'}"]
        other = ["setpriv", "--reuid=1000", "--clear-groups"]
        ended = house.bed.host.run([*other, *house.command(pod, "true")])
        denied = house.bed.host.run([*other, *control], directory=pod.pod_dir)
        allowed = house.bed.host.run(control, directory=pod.pod_dir)
    assert (ended.exit, ended.stdout) == (254, "")
    assert "enter must be run as root" in ended.stderr
    assert "Permission denied" in denied.stderr
    assert allowed.exit == 0, allowed


def test_the_environment_is_the_apps_and_term(house: House) -> None:
    given = [{"name": "A", "value": "1"}]
    with house.start(sh("app", LIVE, environment=given)) as pod:
        seen = house.enter(pod, "/bin/env", env={"TERM": "vt100", "SECRET": "x"}).stdout.split()
    assert {"A=1", "TERM=vt100", "AC_APP_NAME=app"} <= set(seen)
    assert "SECRET=x" not in seen


def test_signals_reach_the_command(house: House) -> None:
    script = "trap 'echo got; exit 5' TERM; echo up > /dev/shm/script; while :; do sleep 0.05; done"
    with house.start(sh("app", LIVE)) as pod, house.begin(pod, "sh", "-c", script) as process:
        house.says(pod, "until [ -e /dev/shm/script ]; do sleep 0.01; done")
        os.killpg(process.pid, signal.SIGTERM)
        stdout, stderr = process.communicate()
    assert "got" in stdout, stderr


FAMILY = """
trap '' HUP TERM
setsid sh -c 'trap "" HUP; sleep 7777 & sleep 7777' &
sleep 7777 & echo up > /dev/shm/family; wait; wait; sleep 7777
"""


@pytest.mark.parametrize("users", ["true", ""])
def test_when_the_client_is_killed_everything_that_it_started_ends(
    house: House, users: str
) -> None:
    """Though it ignores the hang-up, and has sessions of its own. Nothing else ends."""
    other = f"sleep 8888 & {LIVE}"
    with house.start(sh("app", other), private_users=users) as pod:
        with house.begin(pod, "sh", "-c", FAMILY) as process:
            house.says(pod, "until [ -e /dev/shm/family ]; do sleep 0.01; done")
            pod.wait_until(lambda: "sleep 7777" in house.processes(pod), "started")
            os.killpg(process.pid, signal.SIGKILL)
        pod.wait_until(lambda: "sleep 7777" not in house.processes(pod), "ended")
        pod.wait_until(
            lambda: not any("7777" in line for line in house.processes(pod)), "all of it ended"
        )
        assert "sleep 8888" in house.processes(pod)

        def swept() -> bool:
            house.enter(pod, "true").check()  # sweeps what the dead client left
            return house.cgroups(pod) == []

        # a group is busy until the kernel has let go of the last process in it
        pod.wait_until(swept, "swept")


def test_what_a_command_leaves_in_the_background_lives_on(house: House) -> None:
    with house.start(sh("app", LIVE)) as pod:
        house.enter(pod, "sh", "-c", "sleep 9999 > /dev/null 2>&1 &").check()
        assert "sleep 9999" in house.processes(pod)
        house.enter(pod, "sh", "-c", "kill $(pidof sleep -s) || killall sleep; true")


@pytest.mark.parametrize("number", ["KILL", "TERM"])
def test_when_the_pod_ends_it_is_said_and_the_status_is_137(house: House, number: str) -> None:
    with (
        house.start(sh("app", f"trap 'exit 0' TERM; {LIVE}")) as pod,
        house.begin(pod, "sleep", "7777") as process,
    ):
        pod.wait_until(lambda: "sleep 7777" in house.processes(pod), "started")
        house.bed.host.run(["kill", f"-{number}", str(pod.init()["pid"])]).check()
        _, stderr = process.communicate()
        pod.ended()
    assert process.returncode == 137
    expected = f"podwright: pod {pod.pod_dir.name} has ended, and sleep with it\n"
    assert stderr == expected


@pytest.mark.parametrize("users", ["true", pytest.param("", marks=pytest.mark.thorough)])
def test_a_thousand_quick_enters_leave_nothing(house: House, users: str) -> None:
    """No process, no descriptor here or in PID 1, no control group, no memory to speak of."""
    with house.start(sh("app", LIVE), private_users=users) as pod:
        init = pod.init()["pid"]
        look = f"ls /proc/{init}/fd | wc -l"
        grown = (
            f"grep -E '^(Private_Dirty|Pss):' /proc/{init}/smaps_rollup | tail -n 1 | tr -dc 0-9"
        )
        drive = ["/usr/bin/python3", "-IS", str(DRIVER), str(pod.pod_dir), "app"]
        house.bed.host.run([*drive, "50", "/bin/true"]).check()
        before = house.bed.host.run(["sh", "-c", look]).stdout, house.processes(pod)
        memory = int(house.bed.host.run(["sh", "-c", grown]).stdout)
        house.bed.host.run([*drive, "1000", "/bin/true"], timeout=200).check()
        pod.wait_until(
            lambda: (house.bed.host.run(["sh", "-c", look]).stdout, house.processes(pod)) == before,
            "as before",
        )
        assert int(house.bed.host.run(["sh", "-c", grown]).stdout) <= memory + 256
        assert house.cgroups(pod) == []


@pytest.mark.kernel
def test_the_pods_control_groups_are_gone_with_what_was_entered(house: House) -> None:
    limit = isolator("resource/memory", {"limit": "64Mi"})
    with house.start(sh("app", LIVE, isolators=[limit])) as pod:
        house.enter(pod, "sh", "-c", "sleep 9999 > /dev/null 2>&1 &").check()
        assert house.cgroups(pod) != []
        groups = pod.init()["cgroups"]
        pod.signal(signal.SIGTERM)
        pod.ended()
    assert [path for path in groups if os.path.exists(path)] == []


def test_an_app_that_has_ended_can_still_be_entered(house: House) -> None:
    brief = sh("brief", "echo up > /dev/shm/up")
    with house.start(brief, sh("app", LIVE), wait=False) as pod:
        pod.init()
        house.says(pod, "until [ -e /dev/shm/up ]; do sleep 0.01; done", app="brief")
        assert house.says(pod, "echo $AC_APP_NAME", app="brief") == "brief\n"


def test_an_interactive_pod_can_be_entered(house: House) -> None:
    with house.start(sh("app", LIVE), interactive=True) as pod:
        assert house.says(pod, "echo in") == "in\n"


HOSTILE = r"""
import os, socket, sys, array
def connect():
    s = socket.socket(socket.AF_UNIX)
    s.connect("/proc/self/cwd/control")
    return s
def drained(s):
    s.settimeout(20)
    try:
        while s.recv(65536): pass
    except ConnectionResetError:
        pass
kept = []
for data in (b"", b"\n", b"nonsense\n", b"spawn\n", b"spawn\tapp\t\t\tkill\t0\t0\t-1\n",
             b"spawn\tapp\t\t012\t\tx\ty\tz\n", b"spawn\tnoapp\t\t012\t\t0\t0\t0\n", b"\xff\xfe\n",
             b"spawn\tapp\t\t012\tno\t0\t0\t0\n", b"spawn\tapp\t\t012\t\t99999999\t0\t0\n",
             b"signal\t9\n", b"x" * 300000, b"spawn\tapp\t\t\t\t0\t0\t0\ttrue\n"):
    s = connect()
    try:
        s.sendall(data)
        s.shutdown(socket.SHUT_WR)
    except BrokenPipeError:
        pass
    drained(s)
many = array.array("i", [0] * 30)
for _ in range(20):
    s = connect()
    try:
        for _ in range(4):
            s.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, many)])
    except OSError:
        pass
    kept.append(s)
for _ in range(60):   # half a message, and silence
    s = connect()
    try:
        s.sendall(b"spawn\tapp")
    except OSError:
        pass
    kept.append(s)
print("sent", flush=True)
for s in kept: s.close()
s = connect()          # says what it wants and never reads
s.sendall(b"spawn\tapp\t\t012\t\t24\t80\t0\tyes\n")
for _ in range(5000):
    try:
        s.sendall(b"signal\t18\n")
    except OSError:
        break
"""


@pytest.mark.parametrize("users", ["true", ""])
def test_a_hostile_client_neither_ends_nor_stops_the_pod(house: House, users: str) -> None:
    with house.start(sh("app", LIVE), private_users=users) as pod:
        look = ["sh", "-c", f"ls /proc/{pod.init()['pid']}/fd | wc -l"]
        before = house.bed.host.run(look).stdout
        house.bed.host.run(["/usr/bin/python3", "-c", HOSTILE], directory=pod.pod_dir).check()
        assert house.says(pod, "echo still there") == "still there\n"
        pod.wait_until(lambda: house.bed.host.run(look).stdout == before, "all is let go")
        pod.wait_until(lambda: "yes" not in house.processes(pod), "what it started has ended")


@pytest.mark.parametrize("fault", ["kill", "ENOSPC"])
def test_killed_or_failing_at_any_step_it_leaves_nothing(house: House, fault: str) -> None:
    """Each call of the client that changes something is the last one, or fails, once; the next one cleans up."""
    with house.start(sh("app", LIVE)) as pod:
        for number in range(1, 50):
            step = {"PODWRIGHT_FAULT": f"{fault}@{number}"}
            ended = house.enter(pod, "sleep", "0.01", env=step)
            assert "Traceback" not in ended.stderr
            if ended.exit == 0:
                break
        else:
            raise AssertionError("it never came to its end")
        assert number > 2
        pod.wait_until(lambda: "sleep 0.01" not in house.processes(pod), "ended")
        house.enter(pod, "true").check()
        pod.wait_until(
            lambda: house.enter(pod, "true").exit == 0 and not house.cgroups(pod), "swept"
        )
