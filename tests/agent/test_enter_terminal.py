# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""`podwright enter` at a terminal: a shell as one is used to, and our terminal as it was (B10)."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.agent.enter_bed import LIVE, House
from tests.agent.launch_bed import Bed, sh
from tests.support.private_host import PrivateHost


@pytest.fixture
def house(private_host: PrivateHost, tmp_path: Path) -> House:
    return House(Bed(private_host, tmp_path))


def test_a_shell_has_job_control_and_keys_make_signals_inside(house: House) -> None:
    job = """sh -c "trap 'exit 9' INT; echo be''gun; while :; do sleep 0.05; done"; echo was $?\n"""
    user = [("# ", job), ("begun", "\x03"), ("was 9", "exit 5\n")]
    with house.start(sh("app", LIVE)) as pod:
        ended = house.at_terminal(pod, user, "/bin/sh", "-i")
    assert "job control turned off" not in ended.stdout
    assert ended.exit == 5, ended


def test_the_size_of_our_terminal_is_passed_on_and_so_are_changes(house: House) -> None:
    script = "trap 'stty size; exit 0' WINCH; stty size; touch /dev/shm/ready; while :; do sleep 0.05; done"
    flag = house.bed.base / "flag"
    change = f"stty rows 33 cols 111; (until [ -e {flag} ]; do sleep 0.02; done; stty rows 50 cols 60 </dev/tty) & "
    with house.start(sh("app", LIVE)) as pod:
        user = ["/usr/bin/python3", str(Path(__file__).with_name("launch_terminal.py")), "[]"]
        wrap = [*user, "sh", "-c", f'{change} exec "$@"', "sh"]
        with house.begin(pod, "sh", "-c", script, wrap=wrap) as process:
            house.says(pod, "until [ -e /dev/shm/ready ]; do sleep 0.01; done")
            flag.touch()
            stdout, _ = process.communicate()
    assert stdout.split() == ["33", "111", "50", "60"]


@pytest.mark.parametrize("ends", ["exit", "raw", "killed", "pod", "missing"])
def test_our_terminal_is_as_before_whatever_happens(house: House, ends: str) -> None:
    around = [
        "sh",
        "-c",
        'stty -a > "$0.1"; "$@"; echo $? > "$0.3"; stty -a > "$0.2"',
        str(house.bed.base / "stty"),
    ]
    words = {
        "exit": ["sh", "-c", "exit 3"],
        "raw": ["sh", "-c", "stty raw -echo"],
        "killed": ["sh", "-c", "kill -9 $$"],
        "pod": ["sh", "-c", "echo going; sleep 1000"],
        "missing": ["/bin/missing"],
    }[ends]
    statuses = {"exit": "3", "raw": "0", "killed": "137", "pod": "137", "missing": "203"}
    user = ["/usr/bin/python3", str(Path(__file__).with_name("launch_terminal.py")), "[]"]
    with (
        house.start(sh("app", LIVE)) as pod,
        house.begin(pod, *words, wrap=[*user, *around]) as process,
    ):
        if ends == "pod":
            pod.wait_until(lambda: any("1000" in one for one in house.processes(pod)), "up")
            house.bed.host.run(["kill", "-KILL", str(pod.init()["pid"])]).check()
        process.communicate()
    before, after = ((house.bed.base / f"stty.{number}").read_text() for number in (1, 2))
    assert before == after
    assert "icanon" in before
    assert (house.bed.base / "stty.3").read_text().strip() == statuses[ends]


@pytest.mark.parametrize("number", ["TERM", "HUP"])
def test_our_terminal_is_as_before_when_the_agent_is_told_to_end(house: House, number: str) -> None:
    around = ["sh", "-c", 'stty -a > "$0.1"; "$@"; stty -a > "$0.2"', str(house.bed.base / "stty")]
    user = ["/usr/bin/python3", str(Path(__file__).with_name("launch_terminal.py")), "[]"]
    with house.start(sh("app", LIVE)) as pod:
        with house.begin(pod, "sleep", "7777", wrap=[*user, *around]) as process:
            pod.wait_until(lambda: "sleep 7777" in house.processes(pod), "up")
            house.bed.host.run(["kill", f"-{number}", house.client(pod)]).check()
            process.communicate()
        pod.wait_until(lambda: "sleep 7777" not in house.processes(pod), "ended")
    assert (house.bed.base / "stty.1").read_text() == (house.bed.base / "stty.2").read_text()


def test_what_is_not_our_terminal_is_passed_as_it_is(house: House) -> None:
    """Output to a file has no carriage returns, though there is a terminal to type at."""
    out = house.bed.base / "out"
    around = ["sh", "-c", f'"$@" > {out}', "sh"]
    script = "[ -t 0 ] && echo typed at; [ -t 1 ] || echo to a file; printf 'a\\nb\\n'"
    with house.start(sh("app", LIVE)) as pod:
        house.at_terminal(pod, [], "sh", "-c", script, wrap=around).check()
        assert out.read_bytes() == b"typed at\nto a file\na\nb\n"
        ended = house.at_terminal(
            pod, [], "sh", "-c", "tty; [ -t 1 ] && echo shown", options=["--no-tty"]
        )
    assert "/dev/pts/" not in ended.stdout.replace("not a tty", "")
    assert "shown" in ended.stdout


def test_much_output_arrives_whole_and_in_order(house: House) -> None:
    with house.start(sh("app", LIVE)) as pod:
        ended = house.at_terminal(pod, [], "seq", "1", "20000").check()
        piped = house.enter(pod, "seq", "1", "200000").check()
    assert ended.stdout.split() == [str(number) for number in range(1, 20001)]
    assert piped.stdout.count("\n") == 200000


def test_an_ordinary_user_owns_its_terminal(house: House) -> None:
    for users in ("true", ""):
        with house.start(sh("app", LIVE, user="1000", group="1000"), private_users=users) as pod:
            seen = house.at_terminal(pod, [], "sh", "-c", "echo x > $(tty) && stat -c %u $(tty)")
            assert seen.stdout.split() == ["x", "1000"], seen


def test_an_interactive_app_and_who_enters_have_different_terminals(house: House) -> None:
    user = ["/usr/bin/python3", str(Path(__file__).with_name("launch_terminal.py")), "[]"]
    with house.start(sh("app", f"tty > /dev/shm/tty; {LIVE}"), interactive=True, wrap=user) as pod:
        seen = house.at_terminal(pod, [], "sh", "-c", "cat /dev/shm/tty; tty").stdout.split()
    assert seen == ["/dev/pts/0", "/dev/pts/1"]


def test_terminals_are_let_go(house: House) -> None:
    with house.start(sh("app", LIVE)) as pod:
        for _ in range(5):
            house.at_terminal(pod, [], "true").check()
        assert house.says(pod, "ls /dev/pts") == "ptmx\n"
        with house.begin(pod, "cat") as process:
            os.killpg(process.pid, signal.SIGKILL)
