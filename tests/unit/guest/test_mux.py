# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A guest's first process between a pod's PID 1 and the host, here with a child that plays PID 1."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import threading
from collections.abc import Iterator

import pytest

from podwright.guest.channel import Channel, HungUp
from podwright.guest.mux import Mux
from podwright.guest.pod import Running
from podwright.stage1.kvm import frames
from podwright.stage1.kvm.frames import Decoder, Frame
from podwright.stage1.kvm.protocol import OUTPUT
from podwright.stage1.namespaces import link


class Bed:
    """A mux that runs in a thread, and both who it stands between."""

    def __init__(self, script: str) -> None:
        self.host, theirs = socket.socketpair()
        self.host.settimeout(60)
        theirs.setblocking(False)
        self.channel = Channel(theirs.detach())
        report, report_end = os.pipe()
        out, out_end = os.pipe()
        actions = [
            (os.POSIX_SPAWN_DUP2, out_end, 1),
            (os.POSIX_SPAWN_DUP2, report_end, 5),
            (os.POSIX_SPAWN_CLOSE, report_end),
            (os.POSIX_SPAWN_CLOSE, out_end),
        ]
        argv = ["/bin/sh", "-c", script]
        pid = os.posix_spawn("/bin/sh", argv, dict(os.environ), file_actions=actions)
        os.close(report_end)
        os.close(out_end)
        self.running = Running(pid, report, -1, -1, "/nowhere")
        self.told: list[object] = []
        self.mux = Mux(self.channel, self.running, self.told.append)
        self.mux.open(OUTPUT, out, app="a", name="stdout")
        self.failure: list[BaseException] = []
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self) -> None:
        try:
            self.mux.run([])
            while not self.channel.flush():
                pass
        except HungUp as err:
            self.failure.append(err)
        os.close(self.channel.fd)

    def say(self, kind: int, stream: int = 0, data: bytes = b"") -> None:
        """As the host."""
        self.host.sendall(frames.encode(Frame(kind, stream, data)))

    def hear(self) -> list[Frame]:
        """Everything until the guest has no more to say; the host takes all that it is sent."""
        decoder, out = Decoder(), list[Frame]()
        while True:
            try:
                data = self.host.recv(1 << 16)
            except ConnectionResetError:  # it has ended without having read our last word
                return out
            if not data:
                return out
            for frame in decoder.feed(data):
                out.append(frame)
                if frame.kind == frames.DATA:
                    with contextlib.suppress(BrokenPipeError):
                        self.say(frames.GRANT, frame.stream, b"%d" % len(frame.data))

    def close(self) -> None:
        self.host.close()
        self.thread.join(60)


@pytest.fixture
def beds() -> Iterator[list[Bed]]:
    made: list[Bed] = []
    yield made
    for bed in made:
        bed.close()


DONE = link.encode(link.DONE, "0", "exited").decode().replace("\n", "\\n").replace("\t", "\\t")


def test_the_pods_last_word_comes_when_all_of_its_output_is_on_the_way(beds: list[Bed]) -> None:
    lines = "head -c 1000000 /dev/zero"
    bed = Bed(f"printf 'ready\\n' >&5; printf '{DONE}' >&5; {lines}")
    beds.append(bed)
    said = bed.hear()
    reports = [at for at, frame in enumerate(said) if frame.kind == frames.REPORT]
    data = [at for at, frame in enumerate(said) if frame.kind == frames.DATA]
    assert said[reports[0]].data == b"ready"
    assert link.decode(said[reports[-1]].data) == ["done", "0", "exited"]
    assert sum(len(said[at].data) for at in data) == 1000000
    assert max(data) < reports[-1]
    assert json.loads(said[0].data) == {"app": "a", "for": "output", "name": "stdout"}


def test_signals_of_the_host_are_passed_on(beds: list[Bed]) -> None:
    bed = Bed("trap 'echo told; exit' USR1; printf 'ready\\n' >&5; while :; do :; done")
    beds.append(bed)
    decoder, said = Decoder(), list[Frame]()
    while not any(frame.kind == frames.REPORT for frame in said):
        said += decoder.feed(bed.host.recv(1 << 16))
    bed.say(frames.SIGNAL, 0, b"10")
    assert b"told\n" in b"".join(frame.data for frame in bed.hear() if frame.kind == frames.DATA)


def test_what_the_host_says_of_the_network_is_handed_on_once(beds: list[Bed]) -> None:
    bed = Bed("read x < /dev/null; printf 'ready\\n' >&5; trap exit USR1; while :; do :; done")
    beds.append(bed)
    decoder, said = Decoder(), list[Frame]()
    while not any(frame.kind == frames.REPORT for frame in said):
        said += decoder.feed(bed.host.recv(1 << 16))
    bed.say(frames.GO, 0, b'{"address":"10.0.0.2"}')
    bed.say(frames.SIGNAL, 0, b"10")
    bed.hear()
    assert bed.told == [{"address": "10.0.0.2"}]


def test_a_host_that_has_gone_ends_it(beds: list[Bed]) -> None:
    bed = Bed("sleep 0.01")
    beds.append(bed)
    bed.host.close()
    bed.thread.join(60)
    assert not bed.thread.is_alive()
