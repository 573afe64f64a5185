# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lines of apps on their way to a log, and back."""

from __future__ import annotations

import os
import random
import socket
import threading
import time
from pathlib import Path

import pytest

from podwright.host import journal, logfiles
from podwright.host.logread import Joiner, Line, Query
from podwright.kernel import fs, logfile, unixsocket
from podwright.stage2 import logsinks, streams
from podwright.stage2.appstate import NEVER
from podwright.stage2.logsinks import LONGEST, FileSink, JournalSink, RotatedFile, Splitter


@pytest.mark.parametrize("seed", range(20))
def test_what_was_split_is_what_was_written(seed: int) -> None:
    """Whatever the pieces in which it comes; no piece is longer than the longest."""
    chance = random.Random(seed)
    data = b"".join(
        bytes(chance.choices(b"ab\n\0\xff", k=chance.choice((1, 5, 3 * LONGEST)))) + b"\n"
        for _ in range(8)
    )
    splitter, lines, at = Splitter(), [], 0
    while at < len(data):
        size = chance.choice((1, 7, 5000, 40000))
        lines += splitter.split(data[at : at + size])
        at += size
    lines += splitter.end()
    assert b"".join(text + (b"\n" if whole else b"") for text, whole in lines) == data
    assert all(len(text) <= LONGEST for text, _ in lines)


def test_entries_of_the_journal_carry_their_length() -> None:
    """So that a text cannot become a field; several go in one message."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    sink = JournalSink(ours, "app", "stderr", (("PODWRIGHT_UUID", "u"),))
    sink.put([(b"x\x00PRIORITY=0", True), (b"part", False)])
    first, second = theirs.recv(65536).split(b"\n\n")
    assert b"\nMESSAGE\n" + (12).to_bytes(8, "little") + b"x\x00PRIORITY=0" in first
    assert b"PRIORITY\n" + (1).to_bytes(8, "little") + b"5\n" in second
    assert b"PODWRIGHT_PARTIAL\n" in second and b"PODWRIGHT_PARTIAL" not in first
    ours.close()
    theirs.close()


def test_who_ends_waits_until_the_journal_has_taken_the_last_entry() -> None:
    """It looks up whose an entry is when it reads it: the sender must still be there."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    ours.setblocking(False)
    JournalSink(ours, "app", "stdout", ()).put([(b"last", True)])
    before = time.monotonic()
    logsinks.settle(ours, before + 0.2)
    assert time.monotonic() >= before + 0.2  # nobody reads
    assert b"last" in theirs.recv(65536)
    assert unixsocket.unread(ours)
    settled = threading.Thread(target=logsinks.settle, args=(ours, time.monotonic() + 1000))
    settled.start()
    assert theirs.recv(65536) == b"" == theirs.recv(65536)
    settled.join()
    theirs.close()
    logsinks.settle(ours, time.monotonic() + 1000)  # it has gone
    ours.close()


def test_a_journal_that_is_slow_gets_all_of_it_later() -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    ours.setblocking(False)
    sink = JournalSink(ours, "app", "stdout", ())
    total = 0
    while sink.flush():
        sink.put([(b"a" * LONGEST, True)] * 8)
        total += 8
    seen = 0
    theirs.setblocking(False)
    while True:
        try:
            seen += theirs.recv(1 << 17).count(b"MESSAGE\n")
        except BlockingIOError:
            if not sink.waiting:
                break
            sink.flush()
    assert seen == total
    ours.close()
    theirs.close()


def test_an_app_goes_on_when_a_slow_journal_takes_entries_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It waited for ever when that was between two looks: a pipe that is full says nothing more."""
    monkeypatch.setattr("podwright.kernel.unixsocket.notify", lambda fd: None)  # no SIGIO
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    ours.setblocking(False)
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    sink = JournalSink(ours, "app", "stdout", ())
    output = streams.Output(reader, sink)
    while sink.flush():
        sink.put([(b"a" * LONGEST, True)] * 8)
    os.write(writer, b"more\n")
    assert not output.pump()
    while not sink.flush():
        theirs.recv(1 << 17)
    assert output.stuck()  # so it is looked at again soon
    pod = object.__new__(streams.Streams)
    pod.more, pod.again, app = False, NEVER, object.__new__(streams.AppStreams)
    app.outputs, app.inputs = {"stdout": output}, {}
    pod.of = {"app": app}
    assert pod.due() == pod.due() != NEVER  # and not later and later
    seen = b""
    while b"more" not in seen:
        output.pump()
        seen = theirs.recv(1 << 17)
    assert not output.stuck()
    for end in (ours, theirs):
        end.close()
    for fd in (reader, writer):
        os.close(fd)


def test_a_disk_that_is_full_loses_lines_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fd = logfile.open_file(str(tmp_path / "log"), append=True)
    sink = FileSink(RotatedFile((fd,), 1 << 20), "stdout")
    real = fs.write_all

    def full(fd: int, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(fs, "write_all", full)
    sink.put([(b"lost", True)])
    monkeypatch.setattr(fs, "write_all", real)
    sink.put([(b"kept", True)])
    os.close(fd)
    lines = [line.split(b" ", 3)[2:] for line in (tmp_path / "log").read_bytes().split(b"\n")]
    assert lines[0][1].startswith(b"podwright: ") and lines[0][1].endswith(
        b" bytes of this log were lost"
    )
    assert lines[1] == [b"F", b"kept"]


def test_times_are_read_as_they_were_written() -> None:
    for number in (0, 1, 1_700_000_000_123_456_789):
        assert logfiles.nanoseconds(logsinks.stamp(number)) == number
    assert logfiles.nanoseconds(b"yesterday") is None
    line = b"2026-01-02T03:04:05.000000006Z stderr P a b"
    found = logfiles.parse(line, "app")
    assert found is not None
    assert (found.stream, found.text, found.whole, found.time % 10**9) == (
        "stderr",
        b"a b",
        False,
        6,
    )
    assert logfiles.parse(b"what else is there", "app") is None


def test_parts_of_lines_are_joined_per_app_and_stream() -> None:
    lines = [
        Line(1, "a", "stdout", b"x", False),
        Line(2, "b", "stdout", b"other"),
        Line(3, "a", "stdout", b"y"),
    ]
    assert [(one.time, one.text) for one in Joiner().join(lines)] == [(2, b"other"), (1, b"xy")]


def test_what_journalctl_is_asked() -> None:
    record = {"uuid": "u", "unit": "podwright-web.service", "namespace": "own"}
    words = journal.command(record, Query("app", "stderr", 5.0, 7, True))
    for wanted in (
        *("--namespace=own", "--since=@5.000000", "--lines=7", "--follow", "PODWRIGHT_UUID=u"),
        *("_SYSTEMD_UNIT=podwright-web.service", "PODWRIGHT_APP=app", "PODWRIGHT_STREAM=stderr"),
    ):
        assert wanted in words
    assert "--since=@5.000000" not in journal.command(record, Query(since=5.0), "s=1")


def test_entries_of_journalctl() -> None:
    head = b'{"__REALTIME_TIMESTAMP":"5","PODWRIGHT_APP":"a","PODWRIGHT_STREAM":"stdout"'
    text = journal.parse(head + b',"MESSAGE":"x"}')
    assert text == Line(5000, "a", "stdout", b"x")
    data = journal.parse(head + b',"PODWRIGHT_PARTIAL":"1","MESSAGE":[255,0]}')
    assert data == Line(5000, "a", "stdout", b"\xff\0", False)
    assert journal.parse(b'{"MESSAGE":"x"}') is None
    assert journal.parse(b"-- No entries --") is None
