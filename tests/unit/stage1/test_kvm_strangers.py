# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A guest that is broken, or hostile, ends its machine, and a sentence says so (T80)."""

from __future__ import annotations

import json
import os
import select
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from podwright.stage1.kvm import frames, reports
from podwright.stage1.kvm.channel import Channel
from podwright.stage1.kvm.frames import Frame
from podwright.stage1.kvm.ports import Input, own_input
from podwright.stage1.namespaces import link
from tests.support.paths import CHECKOUT

STRANGER = Path(__file__).with_name("kvm_stranger.py")
HELLO = Frame(
    frames.HELLO, 0, json.dumps({"protocol": frames.PROTOCOL, "boot": 1, "ready": 0.1}).encode()
)


def socketpair() -> tuple[int, int]:
    """As descriptors."""
    one, other = socket.socketpair()
    return one.detach(), other.detach()


def report(*fields: str) -> Frame:
    """A line of the guest's PID 1."""
    return Frame(frames.REPORT, 0, link.encode(*fields).rstrip(b"\n"))


def kept(data: bytes, *options: str) -> str:
    """What becomes of a machine whose guest says this, and nothing more."""
    command = [sys.executable, str(STRANGER), str(CHECKOUT / "agent"), *options]
    done = subprocess.run(command, input=data, capture_output=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode().strip()


def said(*all_of_it: Frame, options: tuple[str, ...] = ()) -> str:
    """The same, of frames."""
    return kept(b"".join(map(frames.encode, all_of_it)), *options)


@pytest.mark.threat("T80")
@pytest.mark.parametrize(
    "data",
    [
        b"\xff" * 64,
        frames.encode(report("ready")),
        frames.encode(Frame(frames.HELLO, 0, b'{"protocol":99}')),
        frames.encode(HELLO) + frames.encode(report("begun", "other", "1", "0")),
        frames.encode(HELLO) + frames.encode(Frame(frames.START)),
        frames.encode(HELLO) * 2,
        frames.encode(HELLO) + frames.encode(Frame(frames.OPEN, 2, b'{"for":"input"}')),
        frames.encode(HELLO)
        + frames.encode(Frame(frames.OPEN, 2, b'{"app":"x","for":"output","name":"stdout"}')),
        frames.encode(HELLO)
        + frames.encode(Frame(frames.OPEN, 2, b'{"app":["x"],"for":"output","name":"stdout"}')),
        frames.encode(HELLO)
        + frames.encode(Frame(frames.OPEN, 2, b'{"app":"web","for":"output","name":{}}')),
        frames.encode(HELLO) + frames.encode(Frame(frames.OPEN, 1, b'{"for":"output"}')),
    ],
    ids=[
        "bytes",
        "no-greeting",
        "protocol",
        "other-app",
        "hosts-word",
        "twice",
        "input",
        "output",
        "output-of-a-list",
        "output-by-an-object",
        "number",
    ],
)
def test_nonsense_ends_the_machine(data: bytes) -> None:
    assert kept(data).startswith(
        "failed launch-failed the guest of the pod's machine says nonsense: "
    )


@pytest.mark.threat("T80")
def test_a_second_stream_for_the_input_does_not_hang_the_keeper() -> None:
    both = [Frame(frames.OPEN, number, b'{"for":"input"}') for number in (2, 4)]
    sent = b"".join(map(frames.encode, [HELLO, report("entered"), *both]))
    text = kept(sent, "input")
    assert text.endswith("says nonsense: a stream that nobody has asked for")


@pytest.mark.threat("T80")
def test_a_guest_that_asks_and_never_reads_is_not_heard_any_more() -> None:
    ask = b'{"for":"terminal","of":9}'
    flood = [Frame(frames.OPEN, 2 * number, ask) for number in range(1, 8000)]
    text = said(HELLO, *flood, Frame(frames.HELLO), options=("hurried",))
    assert "the pod's machine has not started the pod within 2 s" in text


@pytest.mark.threat("T80")
def test_a_guest_that_reports_without_end_is_not_heard_for_a_while() -> None:
    text = said(HELLO, *[report("isolated")] * 9000, Frame(frames.HELLO), options=("hurried",))
    assert "the pod's machine has not started the pod within 2 s" in text


def test_reports_are_listened_to_at_a_pace() -> None:
    pace = reports.Pace(2)
    for _ in range(108):
        pace.count(1000.0)
        assert not pace.wait(1000.0)
    for _ in range(6):
        pace.count(1000.0)
    assert pace.wait(1000.0) == pytest.approx(0.5)
    assert not pace.wait(1000.5)
    pace.count(2000.0)
    assert not pace.wait(2000.0)


@pytest.mark.parametrize("make", [os.pipe, socketpair], ids=["pipe", "socket"])
def test_input_that_another_reader_has_taken_holds_nobody_up(
    make: Callable[[], tuple[int, int]],
) -> None:
    reader, writer = make()
    channel, guest = socketpair()
    ours = Channel(channel, 1, lambda number, asked: None, lambda frame: None)
    port = Input(ours, 2, {}, source=own_input(reader))
    port.ready(port.source, select.POLLIN)
    assert not ours.waiting
    os.write(writer, b"a line\n")
    port.ready(port.source, select.POLLIN)
    assert os.read(guest, 4096) == frames.encode(Frame(frames.DATA, 2, b"a line\n"))
    for fd in (reader, writer, channel, guest, port.source):
        os.close(fd)


@pytest.mark.threat("T80")
def test_who_talks_nonsense_in_the_midst_of_it_is_killed_and_that_is_noted() -> None:
    text = said(HELLO, report("entered"), report("ready"), report("ready"))
    assert text.startswith("lost machine\t{")
    assert text.splitlines()[-1].startswith("note\tthe guest of the pod's machine says nonsense")


@pytest.mark.threat("T80")
def test_nothing_is_believed_after_the_last_word() -> None:
    text = said(
        HELLO, report("entered"), report("done", "0", "exited"), report("done", "3", "failed")
    )
    assert "note\tthe guest of the pod's machine says nonsense: it goes on after its end" in text


def test_an_orderly_end_is_the_pods_end() -> None:
    assert (
        said(HELLO, report("entered"), report("done", "3", "failed"), Frame(frames.BYE))
        == "ended 3 failed"
    )
    text = said(
        HELLO, report("failed", "launch-failed", "launch", "no \x1b[0m way", ""), Frame(frames.BYE)
    )
    assert text == "failed launch-failed no \\x1b[0m way"


def test_a_machine_that_dies_says_the_last_of_its_console() -> None:
    text = kept(b"kill")
    assert "the pod's machine has ended: QEMU was killed by signal 9" in text
    assert text.endswith("the last that was said: a last word \\x1b[2J")


def test_status_shows_what_a_machine_is_that_did_not_begin() -> None:
    assert kept(b"kill", "told").splitlines()[-1].startswith("machine\t{")


def test_qemu_that_has_died_is_named_and_not_virtiofsd_that_ends_with_it() -> None:
    assert "the pod's machine has ended: QEMU was killed by signal 9" in kept(b"both")


def test_virtiofsd_that_has_ended_alone_is_named() -> None:
    assert "the pod's machine has ended: virtiofsd was killed by signal 9" in kept(b"files")
