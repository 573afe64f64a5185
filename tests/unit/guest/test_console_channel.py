# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The channel of a Xen guest: a terminal that must change no byte, a backend that keeps what nobody reads, and
no word when the host has gone.
"""

from __future__ import annotations

import hashlib
import os
import select
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from podwright.guest import boot
from podwright.guest.channel import EACH, UNANSWERED, WINDOW, Channel, HungUp
from podwright.stage1.kvm import channel as hosts
from podwright.stage1.kvm import frames, parameters
from podwright.stage1.kvm.frames import Frame

EVERY = bytes(range(256))
"""What a terminal that is not raw eats, changes, or answers to, is in it."""
MEGABYTES = 3


class Backend:
    """A pseudo terminal in the place of the console: the host reads and writes the other side."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.host, slave = os.openpty()
        monkeypatch.setattr(boot, "SECOND_CONSOLE", os.ttyname(slave))
        self.guest = Channel(boot.channel({"channel": "hvc"}), WINDOW)
        os.close(slave)

    def close(self) -> None:
        os.close(self.guest.fd)
        os.close(self.host)


@pytest.fixture
def backend(monkeypatch: pytest.MonkeyPatch) -> Iterator[Backend]:
    made = Backend(monkeypatch)
    yield made
    made.close()


class Sum(hosts.Stream):
    """Counts and hashes what comes."""

    def __init__(self, channel: hosts.Channel, number: int, asked: object) -> None:
        super().__init__(channel, number, asked)
        self.count, self.hash, self.over = 0, hashlib.sha256(), False

    def on_data(self, data: bytes) -> None:
        self.count += len(data)
        self.hash.update(data)
        self.taken(len(data))

    def on_eof(self) -> None:
        self.over = True


def test_megabytes_go_both_ways_over_a_terminal_and_every_byte_arrives(backend: Backend) -> None:
    """Both ends of the product; what each sends is every byte there is, in pieces that no size divides."""
    pieces = [EVERY * (17 + at % 29) for at in range(MEGABYTES * 130)]
    sent = hashlib.sha256(b"".join(pieces)).hexdigest()
    streams: list[Sum] = []

    def heard(frame: Frame) -> None:
        assert frame.kind == frames.PING
        host.send(frames.PONG)

    def opened(number: int, asked: object) -> Sum:
        streams.append(Sum(host, number, asked))
        return streams[-1]

    host = hosts.Channel(backend.host, 1, opened, heard)

    def keep() -> None:
        out = host.begin(Sum, {"for": "test"})
        for piece in pieces:
            out.put(piece)
        out.end()
        while not (streams and streams[0].over and out.ended):
            wait = select.poll()
            wait.register(host.fd, select.POLLIN | (select.POLLOUT if host.waiting else 0))
            assert wait.poll(120_000), "nothing moves"
            host.flush()
            host.read()

    keeper = threading.Thread(target=keep)
    keeper.start()
    got = _guest(backend.guest, pieces)
    keeper.join(120)
    assert not keeper.is_alive()
    assert streams[0].hash.hexdigest() == sent and got == sent


def _guest(guest: Channel, pieces: list[bytes]) -> str:
    """Send the pieces as a stream's data, within its window; the hash of what the host sends."""
    guest.send(frames.OPEN, 2, b"{}")
    left, window, over, found = list(pieces), frames.WINDOW, False, hashlib.sha256()
    while left or not over or guest.waiting():
        while left and len(left[0]) <= window and guest.roomy():
            window -= len(left[0])
            guest.send(frames.DATA, 2, left.pop(0))
            if not left:
                guest.send(frames.EOF, 2)
        wait = select.poll()
        wait.register(guest.fd, guest.events())
        assert wait.poll(120_000), "nothing moves"
        guest.flush()
        for frame in guest.receive():
            if frame.kind == frames.DATA:
                found.update(frame.data)
                guest.send(frames.GRANT, frame.stream, b"%d" % len(frame.data))
            elif frame.kind == frames.GRANT:
                window += int(frame.data)
            elif frame.kind == frames.EOF:
                over = True
    return found.hexdigest()


class Pipe:
    """A host that takes everything at once and answers only when it is told to."""

    def __init__(self) -> None:
        self.reader, self.writer = os.pipe()
        self.back, self.answers = os.pipe()
        self.guest = Channel(self.writer, WINDOW)
        self.decoder = frames.Decoder()
        self.taken = 0
        os.set_blocking(self.writer, False)
        os.set_blocking(self.reader, False)
        os.set_blocking(self.back, False)

    def drain(self) -> int:
        """Take all that the guest sends; how many PINGs are in it."""
        pings = 0
        while True:
            done = self.guest.flush()
            try:
                data = os.read(self.reader, 1 << 16)
            except BlockingIOError:
                return pings
            self.taken += len(data)
            pings += sum(one.kind == frames.PING for one in self.decoder.feed(data))
            if done and not select.select([self.reader], [], [], 0)[0]:
                return pings

    def answer(self) -> None:
        os.write(self.answers, frames.encode(Frame(frames.PONG)))
        self.guest.fd = self.back
        assert self.guest.receive() == []
        self.guest.fd = self.writer

    def close(self) -> None:
        for fd in (self.reader, self.writer, self.back, self.answers):
            os.close(fd)


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    made = Pipe()
    yield made
    made.close()


def test_a_backend_that_keeps_what_the_host_does_not_read_is_never_handed_more_than_the_window(
    pipe: Pipe,
) -> None:
    for _ in range(40):
        pipe.guest.send(frames.DATA, 2, bytes(frames.LONGEST))
    pings = pipe.drain()
    assert pings and pipe.taken == WINDOW
    assert not pipe.guest.events() & select.POLLOUT  # it waits for the host, and not for the device
    pipe.answer()
    pipe.drain()
    assert WINDOW < pipe.taken <= 2 * WINDOW


def test_it_all_arrives_when_the_host_answers(pipe: Pipe) -> None:
    for _ in range(40):
        pipe.guest.send(frames.DATA, 2, bytes(frames.LONGEST))
    unanswered = pipe.drain()
    while unanswered:
        pipe.answer()
        unanswered += pipe.drain() - 1
    assert not pipe.guest.waiting()


def test_a_guest_whose_host_is_silent_gives_up_and_one_that_hears_it_does_not(pipe: Pipe) -> None:
    now = 1000.0
    for _ in range(20):
        assert pipe.guest.look(now) == now + EACH
        assert pipe.drain() == 1
        pipe.answer()
        now += EACH
    for _ in range(UNANSWERED + 1):
        pipe.guest.look(now)
        now += EACH
    with pytest.raises(HungUp, match="does not answer"):
        pipe.guest.look(now)


def test_a_machine_that_was_paused_for_an_hour_does_not_think_that_its_host_has_gone(
    pipe: Pipe,
) -> None:
    pipe.guest.look(1000.0)
    assert pipe.guest.look(1000.0 + 3600) == 4600.0 + EACH
    pipe.drain()
    pipe.answer()
    for at in range(UNANSWERED):
        pipe.guest.look(4610.0 + EACH * at)


def test_a_channel_that_tells_by_itself_needs_no_pings(pipe: Pipe) -> None:
    plain = Channel(pipe.writer)
    assert plain.look(1e9) == float("inf") and not plain.waiting()


def test_a_guest_under_xen_knows_that_without_being_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = tmp_path / "type"
    monkeypatch.setattr(boot, "HYPERVISOR", str(kind))
    assert boot._around("") == {}
    kind.write_text("xen\n")
    assert boot._around("") == {"bus": "xen", "channel": "hvc", "share": "9p"}
    assert boot._around("pci") == {}


def test_a_guest_that_is_told_only_its_bus_looks_for_its_files_where_that_bus_has_them() -> None:
    """It looked for virtiofs: "the machine cannot run the pod: fsconfig(...): Invalid argument"."""
    said = boot.words(" ".join(parameters.words(parameters.XEN, parameters.HVC)))
    assert {**boot._around(said["bus"]), **said}["share"] == "9p"
    assert boot._around(parameters.MMIO) == {}
