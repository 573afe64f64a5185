# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A first file system with nothing but an init of 150 bytes that says INIT and ends the machine (x86-64)."""

from __future__ import annotations

import struct
from pathlib import Path

from podwright.stage1.kvm import cpio

SAYS = b"INIT\n"
BASE = 0x400000
HEADERS = 64 + 56
REBOOT, RESTART = 169, 0x01234567


def init() -> bytes:
    """The program: write(1, "INIT\\n", 5), reboot(RB_AUTOBOOT), and a loop that is never reached."""

    def code(text_at: int) -> bytes:
        write = _move(0xB8, 1) + _move(0xBF, 1) + _move(0xBE, text_at) + _move(0xBA, len(SAYS))
        numbers = (0xBF, 0xFEE1DEAD), (0xBE, 0x28121969), (0xBA, RESTART)
        reboot = _move(0xB8, REBOOT) + b"".join(_move(*pair) for pair in numbers)
        return write + b"\x0f\x05" + reboot + b"\x0f\x05\xeb\xfe"

    text_at = BASE + HEADERS + len(code(0))
    body = code(text_at) + SAYS
    size = HEADERS + len(body)
    head = b"\x7fELF\x02\x01\x01" + bytes(9)
    head += struct.pack("<HHIQQQIHHHHHH", 2, 62, 1, BASE + HEADERS, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    program = struct.pack("<IIQQQQQQ", 1, 5, 0, BASE, BASE, size, size, 4096)
    return head + program + body


def _move(register: int, number: int) -> bytes:
    """`mov $number, register` of 32 bits."""
    return bytes((register,)) + struct.pack("<I", number)


def initrd(path: Path) -> Path:
    """Write it to a file."""
    nodes = [cpio.directory("dev"), cpio.device("dev/console", 5, 1)]
    path.write_bytes(b"".join(cpio.archive([*nodes, cpio.file("init", init(), 0o755)])))
    return path
