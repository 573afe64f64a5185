# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A failed system call shows itself."""

from __future__ import annotations

import errno
import os

import pytest

from podwright.kernel import calls, mounts, process


def test_a_failed_call_is_shown_with_its_arguments() -> None:
    with pytest.raises(calls.CallError) as caught:
        process.setns(-1, process.CLONE_NEWNET)
    assert str(caught.value) == "setns(-1, 0x40000000): Bad file descriptor"
    assert caught.value.errno == errno.EBADF
    assert isinstance(caught.value, OSError)


def test_paths_and_missing_arguments_are_shown_escaped() -> None:
    with pytest.raises(calls.CallError) as caught:
        calls.libc("umount2", os.fsencode("/no/such\x1b"), mounts.MNT_DETACH)
    assert str(caught.value).startswith("umount2('/no/such\\x1b', 2): ")


def test_descriptors_are_closed_but_for_those_to_keep() -> None:
    child = os.fork()
    if child == 0:
        try:
            null = os.open("/dev/null", os.O_RDWR)
            for number in (50, 51, 60, 99):
                os.dup2(null, number)
            process.close_all_but(frozenset((51, 60)))
            found = sorted(int(name) for name in os.listdir("/proc/self/fd") if int(name) > 2)
            # The listing's own descriptor is the lowest free one.
            os._exit(0 if found[1:] == [51, 60] and found[0] == 3 else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_the_command_line_can_be_hidden() -> None:
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            process.rename("podwright-init")
            with open("/proc/self/cmdline", "rb") as line, open("/proc/self/comm", "rb") as name:
                os.write(write, line.read().rstrip(b"\0") + b"|" + name.read())
        finally:
            os._exit(0)
    os.close(write)
    os.waitpid(child, 0)
    assert os.read(read, 4096) == b"podwright-init|podwright-init\n"
    os.close(read)
