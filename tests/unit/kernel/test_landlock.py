# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Landlock as the kernel enforces it, in forked children; needs no root."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from podwright.kernel import landlock, process

pytestmark = pytest.mark.skipif(not landlock.version(), reason="this kernel has no Landlock")


def confined(action: Callable[[], object], **options: object) -> int:
    """The errno of an action after `restrict(**options)`; 0 when it succeeds."""
    pid = os.fork()
    if pid == 0:
        code = 255
        try:
            process.no_new_privileges()
            landlock.restrict(**options)  # type: ignore[arg-type]
            action()
            code = 0
        except OSError as err:
            code = err.errno or 255
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_nothing_is_listed_nothing_can_be_read_or_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    assert confined(lambda: (tmp_path / "file").read_text()) == errno.EACCES
    assert confined(lambda: os.listdir(tmp_path)) == errno.EACCES
    assert confined(lambda: (tmp_path / "new").write_text("x")) == errno.EACCES
    assert confined(lambda: (tmp_path / "file").unlink()) == errno.EACCES
    assert confined(lambda: (tmp_path / "dir").mkdir()) == errno.EACCES
    assert confined(lambda: os.truncate(tmp_path / "file", 0)) == errno.EACCES
    assert os.listdir(tmp_path) == ["file"]
    assert (tmp_path / "file").read_text() == "x"


def test_what_is_listed_can_be_read_but_not_changed(tmp_path: Path) -> None:
    readable = tmp_path / "readable"
    readable.mkdir()
    (readable / "file").write_text("x")
    paths = (str(readable), str(tmp_path / "missing"))
    assert confined(lambda: (readable / "file").read_text(), read_paths=paths) == 0
    assert confined(lambda: os.listdir(readable), read_paths=paths) == 0
    assert confined(lambda: os.listdir(tmp_path), read_paths=paths) == errno.EACCES
    change = confined(lambda: (readable / "file").write_text("y"), read_paths=paths)
    assert change == errno.EACCES
    assert (readable / "file").read_text() == "x"


def test_one_file_can_be_listed(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "other").write_text("x")
    paths = (str(tmp_path / "file"),)
    assert confined(lambda: (tmp_path / "file").read_text(), read_paths=paths) == 0
    assert confined(lambda: (tmp_path / "other").read_text(), read_paths=paths) == errno.EACCES


def test_programs_run_only_from_where_they_may() -> None:
    def run() -> None:
        os.execv("/usr/bin/true", ["true"])

    readable = ("/usr", "/lib", "/lib64", "/bin", "/etc/ld.so.cache")
    assert confined(run, read_paths=readable) == errno.EACCES
    assert confined(run, run_paths=readable) == 0


def test_an_open_descriptor_keeps_working(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    fd = os.open(tmp_path / "file", os.O_RDONLY)
    try:
        assert confined(lambda: os.read(fd, 1)) == 0
    finally:
        os.close(fd)


@pytest.mark.skipif(landlock.version() < 4, reason="this kernel's Landlock has no TCP rules")
def test_tcp_connects_only_when_it_may_and_never_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        place = server.getsockname()

        def connect() -> None:
            with socket.socket() as made:
                made.connect(place)

        assert confined(connect) == errno.EACCES
        assert confined(connect, connect=True) == 0

    def listen() -> None:
        socket.create_server(("127.0.0.1", 0)).close()

    assert confined(listen, connect=True) == errno.EACCES


@pytest.mark.skipif(landlock.version() < 6, reason="this kernel's Landlock has no scopes")
def test_signals_do_not_reach_those_outside() -> None:
    parent = os.getpid()
    assert confined(lambda: os.kill(parent, 0)) == errno.EPERM


def test_what_an_older_kernel_cannot_enforce_is_said() -> None:
    assert landlock.missing(0)[0] == "access to files"
    assert "TCP ports" in landlock.missing(3)
    assert landlock.missing(7) == ()
