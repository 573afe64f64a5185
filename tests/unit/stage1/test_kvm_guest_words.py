# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a machine's guest says is a stranger's word: only what makes sense is passed on, and only so much (T80)."""

from __future__ import annotations

import os
import select
import socket
from typing import Any

import pytest

from podwright.stage1.kvm import clients, console, frames, reports, virtiofsd
from podwright.stage1.kvm.channel import MOST_STREAMS, Channel, Stream
from podwright.stage1.kvm.frames import WINDOW, Frame, Nonsense
from podwright.stage1.kvm.ports import Port
from podwright.stage1.namespaces import link

APPS = frozenset(("web", "db"))
GOOD = (
    ("ready",),
    ("unready",),
    ("note", "a sentence"),
    ("health", "web", "1", "", "", "1700000000.5"),
    ("begun", "web", "1700000000.25", "3"),
    ("ended", "db", "137", "killed-by-signal", "1.0", "2.0", "0", "1"),
    ("ended", "db", "", "never-started", "0.0", "0.0", "0", "1"),
    ("done", "0", "exited"),
    ("failed", "launch-failed", "launch", "cannot", "do this"),
)
BAD = (
    ("apps", "web", "other"),
    ("machine", "{}"),
    ("ready", "more"),
    ("note",),
    ("begun", "other", "1.0", "0"),
    ("begun", "../web", "1.0", "0"),
    ("begun", "web", "nan", "0"),
    ("begun", "web", "inf", "0"),
    ("begun", "web", "-1", "0"),
    ("begun", "web", "1.0", "-1"),
    ("ended", "web", "256", "exited", "1.0", "2.0", "0", "1"),
    ("ended", "web", "0", "made-up", "1.0", "2.0", "0", "1"),
    ("ended", "web", "0", "exited", "1.0", "2.0", "0", "2"),
    ("done", "0", "killed"),
    ("done", "zero", "exited"),
    ("failed", "../x", "launch", "", ""),
    ("failed", "fine", "no-stage", "", ""),
    ("",),
)


@pytest.mark.threat("T80")
@pytest.mark.parametrize("message", GOOD, ids=lambda message: message[0])
def test_what_makes_sense_is_passed_on(message: tuple[str, ...]) -> None:
    assert reports.check(link.encode(*message).rstrip(b"\n"), APPS)[0] == message[0]


@pytest.mark.threat("T80")
@pytest.mark.parametrize("message", BAD, ids=repr)
def test_what_makes_none_is_nonsense(message: tuple[str, ...]) -> None:
    with pytest.raises(Nonsense):
        reports.check(link.encode(*message).rstrip(b"\n"), APPS)


@pytest.mark.threat("T80")
def test_sentences_are_escaped_and_bounded() -> None:
    _, text = reports.check(link.encode("note", "\x1b[2J" + "x" * 100_000).rstrip(b"\n"), APPS)
    assert "\x1b" not in text and len(text) < 2100


@pytest.mark.threat("T80")
@pytest.mark.parametrize(
    "said",
    [
        None,
        [],
        {},
        {"protocol": 2},
        {"protocol": 1, "boot": "1"},
        {"protocol": 1, "boot": -1, "ready": 0},
    ],
)
def test_a_greeting_that_is_none_is_nonsense(said: object) -> None:
    with pytest.raises(Nonsense):
        reports.hello(said)


@pytest.mark.threat("T80")
def test_the_service_manager_hears_statuses_and_signs_of_life_only() -> None:
    said = b"STATUS=fine \x1b[0m\nMAINPID=1\nFDSTORE=1\nREADY=1\nWATCHDOG=1\nWATCHDOG=trigger\nSTOPPING=1"
    assert reports.outer(said) == b"STATUS=fine \\x1b[0m\nWATCHDOG=1"


@pytest.mark.threat("T80")
@pytest.mark.parametrize(
    "line",
    [
        b"started\tx",
        b"exited\t256",
        b"exited\t-1",
        b"exited",
        b"missed\tall\t3",
        b"made-up",
        b"failed\t1",
    ],
)
def test_an_answer_to_a_client_that_makes_none_is_nonsense(line: bytes) -> None:
    with pytest.raises(Nonsense):
        clients.answer(line)


def test_answers_that_make_sense_are_passed_on_escaped() -> None:
    assert clients.answer(b"exited\t3") == ["exited", "3"]
    assert clients.answer(b"failed\t203\tno \x07 such") == ["failed", "203", "no \\x07 such"]
    assert clients.answer(b"ended\t\tstopped-by-pod") == ["ended", "", "stopped-by-pod"]


@pytest.mark.threat("T79")
def test_virtiofsds_command_line_is_made_of_nothing_of_the_pods() -> None:
    old = virtiofsd.command(virtiofsd.Server("/usr/lib/qemu/virtiofsd", virtiofsd.C), 7)
    assert old[:4] == ["/usr/lib/qemu/virtiofsd", "--fd=7", "-f", "-o"]
    assert old[4].split(",")[:3] == ["source=/share", "sandbox=chroot", "xattr"]
    new = virtiofsd.command(virtiofsd.Server("/usr/libexec/virtiofsd", virtiofsd.RUST), 7)
    assert {"--fd=7", "--shared-dir=/share", "--sandbox=chroot"} <= set(new)


def test_the_last_line_of_a_console_is_shown_escaped() -> None:
    assert (
        console.last_line(b"one\r\nKernel panic \x1b[1m!\r\n\r\n---\r\n")
        == "Kernel panic \\x1b[1m!"
    )
    assert console.last_line(b"\r\n") == ""


class Ends:
    """A channel, and the other end of it as plain frames."""

    def __init__(self) -> None:
        ours, self.theirs = socket.socketpair()
        self.decoder = frames.Decoder()
        self.heard: list[Frame] = []
        self.opened: list[Stream] = []
        self.channel = Channel(ours.detach(), 1, self._open, self.heard.append)

    def _open(self, number: int, asked: Any) -> Stream | None:
        if asked == "no":
            return None
        self.opened.append(Stream(self.channel, number, asked))
        return self.opened[-1]

    def says(self, *said: Frame) -> None:
        """The other side says something, and we hear it."""
        for frame in said:
            self.theirs.sendall(frames.encode(frame))
        wait = select.poll()
        wait.register(self.channel.fd, select.POLLIN)
        while wait.poll(0):
            self.channel.read()

    def hears(self) -> list[Frame]:
        """What we have said."""
        self.theirs.setblocking(False)
        out: list[Frame] = []
        while True:
            self.channel.flush()
            try:
                out += self.decoder.feed(self.theirs.recv(1 << 20))
            except BlockingIOError:
                return out

    def close(self) -> None:
        """Let go."""
        os.close(self.channel.fd)
        self.theirs.close()


@pytest.fixture
def ends() -> Any:
    made = Ends()
    yield made
    made.close()


def test_no_more_is_sent_than_the_other_side_takes(ends: Ends) -> None:
    stream = ends.channel.begin(Stream, {"for": "nothing"})
    stream.put(b"x" * (WINDOW + 1000))
    stream.end()
    said = ends.hears()
    assert sum(len(one.data) for one in said if one.kind == frames.DATA) == WINDOW
    assert frames.EOF not in {one.kind for one in said}
    ends.says(Frame(frames.GRANT, 1, b"5000"))
    said = ends.hears()
    assert [one.kind for one in said] == [frames.DATA, frames.EOF]
    assert len(said[0].data) == 1000


@pytest.mark.threat("T80")
def test_who_sends_more_than_it_may_is_not_heard_any_more(ends: Ends) -> None:
    class Full(Stream):
        def on_data(self, data: bytes) -> None:
            """Take nothing."""

    ends.channel.begin(Full, {})
    piece = Frame(frames.DATA, 1, bytes(frames.LONGEST))
    ends.says(*[piece] * (WINDOW // frames.LONGEST))
    with pytest.raises(Nonsense):
        ends.says(piece)


@pytest.mark.threat("T80")
@pytest.mark.parametrize("number", [1, 3, 0x7FFFFFFF])
def test_a_stream_with_a_number_of_ours_is_nonsense(ends: Ends, number: int) -> None:
    with pytest.raises(Nonsense):
        ends.says(Frame(frames.OPEN, number, b"{}"))


@pytest.mark.threat("T80")
def test_a_number_is_used_once_and_streams_are_counted(ends: Ends) -> None:
    ends.says(Frame(frames.OPEN, 2, b"{}"), Frame(frames.CLOSE, 2))
    with pytest.raises(Nonsense):
        ends.says(Frame(frames.OPEN, 2, b"{}"))
    for number in range(MOST_STREAMS):
        ends.says(Frame(frames.OPEN, 4 + 2 * number, b"{}"))
    with pytest.raises(Nonsense):
        ends.says(Frame(frames.OPEN, 4 + 2 * MOST_STREAMS, b"{}"))


@pytest.mark.threat("T80")
@pytest.mark.parametrize("data", [b"", b"{", b"\xff", b"[" * 100, b'{"a":1,"a":2}', b"NaN"])
def test_what_a_stream_is_for_is_json(ends: Ends, data: bytes) -> None:
    with pytest.raises(Nonsense):
        ends.says(Frame(frames.OPEN, 2, data))


def test_frames_of_streams_that_are_not_there_are_passed_over(ends: Ends) -> None:
    ends.says(
        Frame(frames.DATA, 9, b"late"), Frame(frames.OPEN, 2, b'"no"'), Frame(frames.DATA, 2, b"x")
    )
    assert [one.kind for one in ends.hears()] == [frames.CLOSE]


def test_a_port_passes_on_and_ends_both_ways(ends: Ends) -> None:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    fd = ours.detach()
    port = ends.channel.begin(Port, {})
    assert isinstance(port, Port)
    port.source = port.sink = fd
    theirs.sendall(b"typed")
    theirs.shutdown(socket.SHUT_WR)
    for _ in range(2):
        port.ready(fd, select.POLLIN)
    ends.says(Frame(frames.DATA, 1, b"shown"), Frame(frames.EOF, 1))
    assert theirs.recv(100) == b"shown"
    assert theirs.recv(100) == b""
    kinds = [(one.kind, one.data) for one in ends.hears() if one.kind in (frames.DATA, frames.EOF)]
    assert kinds == [(frames.DATA, b"typed"), (frames.EOF, b"")]
    theirs.close()


class Unread:
    """What an `enter` whose output nobody reads has of a client and of a port."""

    def __init__(self) -> None:
        self.full = True
        self.heard: list[tuple[str, ...]] = []

    def pending(self) -> bool:
        return self.full

    def reply(self, *message: str, fds: tuple[int, ...] = ()) -> None:
        self.heard.append(message)


@pytest.mark.threat("T80", "T92")
def test_a_guest_says_no_more_to_a_client_that_does_not_read_than_its_window(ends: Ends) -> None:
    """It had as much of the keeper's memory as it wanted, as long as somebody left a pager open."""
    unread: Any = Unread()
    task = clients.Proxied(unread, ends.channel)
    task.ports.append(unread)
    line = b"missed\tstdin\t5\n"
    count = WINDOW // len(line)
    task.lines.take(Frame(frames.DATA, task.lines.number, line * count))
    assert len(task.answers) == count
    with pytest.raises(Nonsense, match="more than it may"):
        task.lines.take(Frame(frames.DATA, task.lines.number, line * 100))
    unread.full = False
    task.tick()
    assert unread.heard == [("missed", "stdin", "5")] * count
    task.lines.take(Frame(frames.DATA, task.lines.number, line * 100))
    assert len(unread.heard) == count + 100
