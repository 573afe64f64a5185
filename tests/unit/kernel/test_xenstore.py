# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The client of Xenstore, against a daemon that speaks its protocol."""

from __future__ import annotations

import errno
import os
import socket
import struct
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from podwright.kernel.xenstore import Store

HEAD = struct.Struct("=IIII")
READ, WATCH, WRITE, RM, PERMS, BEGIN, COMMIT, EVENT, ERROR = 2, 4, 11, 13, 14, 6, 7, 15, 16
DIRECTORY = 1


class Daemon:
    """Nodes, and one watch that fires whenever something is written."""

    def __init__(self, path: str) -> None:
        self.nodes: dict[str, bytes] = {"/a": b"1", "/a/b": b"2"}
        self.permissions: dict[str, list[str]] = {}
        self.transactions: list[int] = []
        self.watched = ""
        self.busy = False
        self.late = b""
        self.server = socket.socket(socket.AF_UNIX)
        self.server.bind(path)
        self.server.listen(1)
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()

    def serve(self) -> None:
        client, _ = self.server.accept()
        with client, client.makefile("rb") as file:
            while True:
                head = file.read(HEAD.size)
                if not head:
                    return
                kind, number, transaction, length = HEAD.unpack(head)
                self.transactions.append(transaction)
                name, answer = self.answer(kind, file.read(length))
                event = b""
                if self.watched and kind in (WRITE, WATCH):
                    data = f"{self.watched}\0token\0".encode()
                    event = HEAD.pack(EVENT, 0, 0, len(data)) + data
                message = (
                    self.late + event + HEAD.pack(name, number, transaction, len(answer)) + answer
                )
                for at in range(0, len(message), 7):  # it comes in pieces
                    client.sendall(message[at : at + 7])

    def answer(self, kind: int, data: bytes) -> tuple[int, bytes]:
        path, _, rest = data.partition(b"\0")
        where = path.decode()
        if kind in (READ, RM, DIRECTORY) and where not in self.nodes:
            return ERROR, b"ENOENT\0"
        if kind == READ:
            return kind, self.nodes[where]
        if kind == DIRECTORY:
            below = [name.rpartition("/")[2] for name in self.nodes if name.startswith(f"{where}/")]
            return kind, b"".join(name.encode() + b"\0" for name in below)
        if kind == WRITE:
            if where == "/refused":
                return ERROR, b"EACCES\0"
            self.nodes[where] = rest
        if kind == RM:
            del self.nodes[where]
        if kind == PERMS:
            self.permissions[where] = rest.decode().rstrip("\0").split("\0")
        if kind == WATCH:
            self.watched = where
        if kind == BEGIN:
            return kind, b"5\0"
        if kind == COMMIT and self.busy:
            return ERROR, b"EAGAIN\0"
        return kind, b"OK\0"


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    found = Daemon(str(tmp_path / "socket"))
    yield found
    found.server.close()
    found.thread.join(60)
    assert not found.thread.is_alive()


@pytest.fixture
def store(daemon: Daemon, tmp_path: Path) -> Iterator[Store]:
    found = Store((str(tmp_path / "none"), str(tmp_path / "socket")))
    yield found
    found.close()


def test_nodes(store: Store, daemon: Daemon) -> None:
    assert store.read("/a") == "1"
    assert store.read("/none") is None
    assert store.children("/a") == ["b"]
    assert store.children("/none") == []
    store.write("/a/c", "text")
    store.permit("/a/c", ("n0", "r7"))
    assert daemon.nodes["/a/c"] == b"text"
    assert daemon.permissions["/a/c"] == ["n0", "r7"]
    store.remove("/a/c")
    store.remove("/a/c")
    assert "/a/c" not in daemon.nodes


def test_what_is_refused_is_an_error_with_its_number(store: Store) -> None:
    with pytest.raises(OSError, match="xenstored") as caught:
        store.write("/refused", "x")
    assert caught.value.errno == errno.EACCES
    with pytest.raises(OSError, match="too long"):
        store.write("/a", "x" * 5000)
    assert store.read("/a") == "1"


def test_the_answer_to_an_earlier_question_is_not_taken_for_the_next_ones(
    store: Store, daemon: Daemon
) -> None:
    assert store.read("/a") == "1"
    daemon.late = HEAD.pack(READ, 1, 0, 3) + b"old"
    assert store.read("/a/b") == "2"


def test_a_watch_is_told_between_answers(store: Store) -> None:
    store.watch("/a", "token")
    assert store.wait(60) == [("/a", "token")]
    store.write("/a", "3")
    assert store.read("/a") == "3"
    assert store.wait(60) == [("/a", "token")]
    assert store.wait(0) == []


def test_a_transaction(store: Store, daemon: Daemon) -> None:
    store.begin()
    store.write("/a", "4")
    assert store.commit()
    store.read("/a")
    assert daemon.transactions == [0, 5, 5, 0]
    daemon.busy = True
    store.begin()
    assert not store.commit()


def test_a_daemon_that_has_gone_away(tmp_path: Path) -> None:
    path = str(tmp_path / "socket")
    server = socket.socket(socket.AF_UNIX)
    server.bind(path)
    server.listen(1)
    store = Store((path,))
    client, _ = server.accept()
    client.close()
    server.close()
    with pytest.raises(OSError, match=f"gone away|{os.strerror(errno.EPIPE)}"):
        store.read("/a")
    store.close()
    with pytest.raises(FileNotFoundError):
        Store((str(tmp_path / "none"),))
