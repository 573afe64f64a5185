# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Streams between a pod's descriptors and its machine's channel: windows, ends, and who is never waited for."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator

import pytest

from podwright.guest.channel import MUCH, Channel, HungUp
from podwright.guest.streams import Stream
from podwright.stage1.kvm import frames
from podwright.stage1.kvm.frames import Decoder, Frame


class Host:
    """The other end of a channel."""

    def __init__(self) -> None:
        self.end, theirs = socket.socketpair()
        self.end.settimeout(60)
        theirs.setblocking(False)
        self.channel = Channel(theirs.detach())
        self.decoder = Decoder()

    def frames(self) -> list[Frame]:
        """Everything that the guest has said by now."""
        out: list[Frame] = []
        while not self.channel.flush():
            out += self.decoder.feed(self.end.recv(1 << 20))
        self.end.setblocking(False)
        try:
            while True:
                out += self.decoder.feed(self.end.recv(1 << 20))
        except BlockingIOError:
            return out
        finally:
            self.end.settimeout(60)

    def close(self) -> None:
        self.end.close()
        os.close(self.channel.fd)


@pytest.fixture
def host() -> Iterator[Host]:
    made = Host()
    yield made
    made.close()


def data(said: list[Frame]) -> bytes:
    return b"".join(frame.data for frame in said if frame.kind == frames.DATA)


def kinds(said: list[Frame]) -> list[int]:
    return [frame.kind for frame in said if frame.kind != frames.DATA]


def test_no_more_is_read_of_an_app_than_the_host_has_asked_for(host: Host) -> None:
    reader, writer = os.pipe()
    stream = Stream(host.channel, 2, reader)
    os.set_blocking(writer, False)
    sent = 0
    said: list[Frame] = []
    for _ in range(40):
        with contextlib.suppress(BlockingIOError):
            sent += os.write(writer, b"x" * 16384)
        stream.pump()
        said += host.frames()
    assert len(data(said)) == frames.WINDOW
    assert sent > frames.WINDOW  # the rest is in the pipe: the app is held up
    assert stream.events() == {}
    stream.granted(1000)
    stream.pump()
    assert len(data(host.frames())) == 1000
    stream.close()
    os.close(writer)


def test_what_an_app_has_written_last_comes_before_its_end(host: Host) -> None:
    reader, writer = os.pipe()
    stream = Stream(host.channel, 2, reader)
    os.write(writer, b"last")
    os.close(writer)
    assert stream.pump()
    said = host.frames()
    assert [frame.kind for frame in said] == [frames.DATA, frames.EOF]
    assert data(said) == b"last"
    assert stream.over


def test_nothing_is_read_while_the_channel_is_full(host: Host) -> None:
    reader, writer = os.pipe()
    stream = Stream(host.channel, 2, reader)
    host.channel.send(frames.REPORT, 0, b"x" * (MUCH // 2))
    host.channel.send(frames.REPORT, 0, b"x" * (MUCH // 2))
    os.write(writer, b"later")
    assert not stream.pump()
    assert stream.events() == {}
    host.frames()
    assert stream.pump()
    assert data(host.frames()) == b"later"
    stream.close()
    os.close(writer)


def test_the_host_may_send_again_what_was_read(host: Host) -> None:
    reader, writer = os.pipe()
    stream = Stream(host.channel, 2, sink=writer)
    stream.put(b"x" * frames.WINDOW)
    granted, read = 0, 0
    while read < frames.WINDOW:
        read += len(os.read(reader, 1 << 16))
        stream.flush()
        granted += sum(int(frame.data) for frame in host.frames() if frame.kind == frames.GRANT)
    assert frames.WINDOW // 2 <= granted <= frames.WINDOW
    stream.end()
    assert os.read(reader, 1) == b""
    assert stream.over
    os.close(reader)


def test_input_that_nobody_reads_any_more_ends_the_stream(host: Host) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    stream = Stream(host.channel, 2, sink=writer)
    stream.put(b"x")
    assert stream.over
    assert kinds(host.frames()) == [frames.CLOSE]


def test_what_was_typed_last_was_lost_when_its_reader_was_slow(host: Host) -> None:
    """Whoever sends it says that this was all and goes, while some of it waits for room in a pipe."""
    reader, writer = os.pipe()
    stream = Stream(host.channel, 1, sink=writer)
    sent = b"x" * 100_000
    stream.put(sent)
    stream.end()
    stream.dropped()
    came = b""
    while piece := os.read(reader, 1 << 16):
        came += piece
        if not stream.over:
            stream.flush()
    assert came == sent
    assert stream.over
    os.close(reader)


def test_a_sockets_two_directions_end_one_by_one(host: Host) -> None:
    ours, theirs = socket.socketpair()
    fd = ours.detach()
    stream = Stream(host.channel, 3, fd, fd, of=1)
    stream.put(b"question")
    stream.end()
    assert theirs.recv(100) == b"question"
    assert theirs.recv(100) == b""
    theirs.sendall(b"answer")
    theirs.close()
    while not stream.over:
        stream.pump()
    said = host.frames()
    assert data(said) == b"answer"
    assert kinds(said) == [frames.EOF]


def test_an_app_whose_output_the_host_does_not_want_goes_on(host: Host) -> None:
    reader, writer = os.pipe()
    stream = Stream(host.channel, 2, reader, ours=True)
    stream.dropped()
    for _ in range(30):
        os.write(writer, b"x" * 16384)
        stream.pump()
    os.close(writer)
    while not stream.over:
        stream.pump()
    assert host.frames() == []


def test_a_host_that_has_gone_is_noticed(host: Host) -> None:
    host.end.close()
    with pytest.raises(HungUp):
        host.channel.receive()
