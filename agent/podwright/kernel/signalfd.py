# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Signals as something to be read, for who waits with poll(2) (signalfd(2))."""

from __future__ import annotations

import ctypes
import os

from podwright.kernel import calls
from podwright.values import value

_CLOEXEC_NONBLOCK = 0o2000000 | 0o4000
_SIZE = 128
_BITS = 128


@value
class Came:
    """A signal: its number, how it was sent (si_code), and by which process and user."""

    number: int
    code: int
    pid: int
    uid: int


def open_signals(numbers: tuple[int, ...]) -> int:
    """A descriptor on which these signals arrive; they are blocked by the caller. It does not block."""
    mask = ctypes.create_string_buffer(_BITS)
    for number in numbers:
        at, bit = divmod(number - 1, 8)
        mask[at] = bytes((mask.raw[at] | 1 << bit,))
    return calls.libc("signalfd", -1, mask, _CLOEXEC_NONBLOCK)


def read(fd: int) -> list[Came]:
    """What has arrived: struct signalfd_siginfo begins with number, errno, code, pid, uid."""
    out: list[Came] = []
    while True:
        try:
            data = os.read(fd, 16 * _SIZE)
        except BlockingIOError:
            return out
        for at in range(0, len(data), _SIZE):
            words = [
                int.from_bytes(data[at + 4 * n : at + 4 * n + 4], "little", signed=n == 2)
                for n in range(5)
            ]
            out.append(Came(words[0], words[2], words[3], words[4]))
