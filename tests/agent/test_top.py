# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""`top` on a terminal, which it leaves as it was whatever ends it; and where there is none."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Iterator

import pytest

from tests.agent.metadata_bed import host_with_image
from tests.conftest import Keys
from tests.support.namespaces import nsenter
from tests.support.network_lab import PATIENCE, SLEEP, Host, Pod

LEFT = b"\x1b[?25h\x1b[?1049l"


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory, lab: Keys) -> Iterator[Host]:
    with host_with_image(tmp_path_factory.mktemp("top"), lab.key) as made:
        yield made


@pytest.fixture(scope="module")
def pod(host: Host) -> Pod:
    return host.run("a", SLEEP, app=("--memory=64M",))


class Terminal:
    """`podwright top` on a terminal of ours."""

    def __init__(self, host: Host, *options: str) -> None:
        self.master, slave = pty.openpty()
        self.size(24, 120)
        self.before = termios.tcgetattr(slave)
        self.slave = slave
        self.screen = b""
        command = [*host.agent.command, "top", "--interval=200ms", *options]
        self.process = subprocess.Popen(
            nsenter(host.base.pid, command, "/"),
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )

    def size(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def until(self, text: bytes) -> bytes:
        """Read until `text` appears; what came since the last call."""
        deadline = time.monotonic() + PATIENCE
        while text not in self.screen:
            assert time.monotonic() < deadline, (text, self.screen[-2000:])
            self._read()
        end = self.screen.index(text) + len(text)
        found, self.screen = self.screen[:end], self.screen[end:]
        return found

    def _read(self) -> bool:
        if not select.select([self.master], [], [], 0.2)[0]:
            return False
        self.screen += os.read(self.master, 65536)
        return True

    def type(self, text: bytes) -> None:
        os.write(self.master, text)

    def child(self) -> int:
        """The agent's process, which nsenter waits for, or is."""
        place = f"/proc/{self.process.pid}/task/{self.process.pid}/children"
        with open(place) as file:
            words = file.read().split()
        return int(words[0]) if words else self.process.pid

    def ended(self) -> int:
        """How it ended; reads on, since it would wait for that."""
        deadline = time.monotonic() + PATIENCE
        while self.process.poll() is None:
            assert time.monotonic() < deadline
            self._read()
        while self._read():
            continue
        return self.process.returncode

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.master)
        os.close(self.slave)


@pytest.fixture
def terminal(host: Host, pod: Pod) -> Iterator[Terminal]:
    assert pod.process.poll() is None
    made = Terminal(host)
    try:
        made.until(b"q quit")
        yield made
    finally:
        made.close()


def test_a_live_table_sorts_grows_and_goes(terminal: Terminal, pod: Pod) -> None:
    shown = terminal.until(b"q quit")
    assert b"POD" in shown and pod.uuid[:8].encode() in shown and b"61.0M" in shown
    for key in (b"m", b"n", b"c", b"\x1b[A"):  # an arrow is none of our letters
        terminal.type(key)
        terminal.until(b"q quit")
    terminal.size(8, 40)
    terminal.until(b"\x1b[8;1H")
    lines = re.split(b"\n|\x1b\\[H", terminal.until(b"\x1b[8;1H"))
    assert max(map(len, lines)) < 60
    terminal.type(b"q")
    assert terminal.ended() == 0
    assert terminal.screen.endswith(LEFT)
    assert termios.tcgetattr(terminal.slave) == terminal.before


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_the_terminal_is_as_before_whatever_ends_it(terminal: Terminal, number: int) -> None:
    os.kill(terminal.child(), number)
    assert terminal.ended() == (0 if number == signal.SIGINT else 128 + number)
    assert terminal.screen.endswith(LEFT)
    assert termios.tcgetattr(terminal.slave) == terminal.before


def test_it_ends_with_its_terminal(host: Host, pod: Pod) -> None:
    made = Terminal(host)
    made.until(b"q quit")
    os.close(made.slave)
    os.close(made.master)
    assert made.process.wait(PATIENCE) != -signal.SIGKILL
    assert pod.process.poll() is None


def test_no_terminal_no_screen(host: Host, pod: Pod) -> None:
    text = host.agent.ok("top", "--interval=100ms")
    assert "\x1b" not in text
    title, line = text.splitlines()
    assert title.split()[:6] == ["POD", "APP", "CPU", "MEMORY", "LIMIT", "PIDS"]
    assert line.split()[:2] == [pod.uuid[:8], "tiny"]
    (row,) = json.loads(host.agent.ok("top", "--interval=100ms", "--format=json", pod.uuid[:8]))
    assert row["name"] == pod.uuid
    assert row["apps"][0]["memory_limit"] == 64_000_000
    assert row["cpu_percent"] is not None and row["pids"] >= 1
    assert row["network_in"] is not None


def test_who_asks_for_nonsense_is_told(host: Host) -> None:
    assert "no pod is called" in host.agent.refused("top", "--once", "nobody")
    assert "--interval" in host.agent.refused("top", "--once", "--interval=0s")
    assert "--sort" in host.agent.refused("top", "--sort=colour")


def test_a_pod_that_its_limit_held_back_most_of_the_time_was_shown_as_free(host: Host) -> None:
    busy = host.run("b", "while :; do :; done", app=("--cpu=100m",))
    try:
        held = "0%"
        deadline = time.monotonic() + PATIENCE
        while held == "0%":
            assert time.monotonic() < deadline
            title, line = host.agent.ok("top", "--interval=500ms", busy.uuid[:8]).splitlines()
            cells = dict(zip(title.split(), line.split()))
            held = cells["THROTTLED"]
        assert held.endswith("%"), line
    finally:
        busy.close()
