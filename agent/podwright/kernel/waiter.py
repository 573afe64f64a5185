# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wait for a signal as a program of three system calls, then become the interpreter again.

A pod's parent does nothing for days, and an interpreter that does nothing holds 2-3 MiB of memory of
its own. So it executes a static program of some 100 bytes, whose source is tools/waiter/*.s (a
test assembles it and compares). That waits with rt_sigtimedwait(2) for the signals, which stay
blocked all the time so that none is lost, and executes the given command with the number of
the signal. Process, children, descriptors and locks stay the same.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn, Optional

CODE = {
    "x86_64": (
        62,
        (
            "4989e46a0f5f498b742408b89d0000000f05488d3d4b00000031f631d26a08415ab8800000000f0585c07e"
            "e6498b0c24498b3ccc6a0a5e99f7f6043080c2308807885701498d54cc10498b7c2410498d7424106a3b58"
            "0f05bffe000000b8e70000000f05"
        ),
    ),
    "aarch64": (
        183,
        (
            "f3030091e00180d2610640f9e81480d2010000d440030010010080d2020080d2030180d2281180d2010000"
            "d41f0000f12dffff54640240f9657a64f8460180d20708c69ae080069be7c0001100c00011a7000039a004"
            "0039620e048b42400091600a40f961420091a81b80d2010000d4c01f80d2c80b80d2010000d4"
        ),
    ),
}
"""ELF machine number and code, by the machine's name."""

_BASE = 0x400000
_HEADERS = 64 + 2 * 56
_MFD_CLOEXEC = 1
_MFD_EXEC = 0x10


def program(machine: str, signals: tuple[int, ...]) -> Optional[bytes]:
    """The program as an ELF file; None for a machine that it was not written for."""
    if machine not in CODE:
        return None
    import struct

    number, code = CODE[machine][0], bytes.fromhex(CODE[machine][1])
    body = code + sum(1 << (signal - 1) for signal in signals).to_bytes(8, "little")
    size = _HEADERS + len(body)
    identity = b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
    header = struct.pack(
        "<16sHHIQQQIHHHHHH", identity, 2, number, 1, _BASE + _HEADERS, 64, 0, 0, 64, 56, 2, 0, 0, 0
    )
    load = struct.pack("<IIQQQQQQ", 1, 5, 0, _BASE, _BASE, size, size, 0x10000)
    stack = struct.pack("<IIQQQQQQ", 0x6474E551, 6, 0, 0, 0, 0, 0, 16)
    return header + load + stack + body


def wait(title: str, signals: tuple[int, ...], command: list[str]) -> None:
    """Become a process called `title` that executes `command` with two digits, the number of
    the signal of `signals` that came, as a further argument.

    All of `signals` must be blocked. Returns where this cannot be done: another machine, or a
    kernel that executes no files in memory (`vm.memfd_noexec`); nothing has changed then.
    """
    image = program(os.uname().machine, signals)
    if image is None:
        return
    try:
        fd = _executable(title)
    except OSError:
        return
    try:
        os.write(fd, image)
        _execute(fd, [title, *command, "00"])
    except OSError:
        return
    finally:
        os.close(fd)


def _executable(title: str) -> int:
    """An anonymous file that may be executed; kernels before 6.3 do not know the flag."""
    try:
        return os.memfd_create(title, _MFD_CLOEXEC | _MFD_EXEC)
    except OSError:
        return os.memfd_create(title, _MFD_CLOEXEC)


def _execute(fd: int, argv: list[str]) -> NoReturn:
    os.execve(fd, argv, os.environ)
