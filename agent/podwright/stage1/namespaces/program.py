# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which file of an app's root a command line starts, and why it could not be started (A2, B9)."""

from __future__ import annotations

import errno
import os
import stat

from podwright.kernel import beneath
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional


def find(root: int, command: str, directory: str, path: str) -> tuple[str, str]:
    """(path to execute, "") or ("", why there is none), for the first word of a command line.

    Absolute; with a `/`: relative to the working directory; bare: searched in `path`, or, when
    that is empty, in the working directory, /bin and /usr/bin.
    """
    if "/" in command:
        place = command if command.startswith("/") else f"{directory.rstrip('/')}/{command}"
        why = _why_not(root, place)
        return (place, "") if why is None else ("", f"{safe(place, 120)} {why}")
    places = path.split(":") if path else [directory, "/bin", "/usr/bin"]
    last = ""
    for above in places:
        place = f"{(above or directory).rstrip('/')}/{command}"
        if not place.startswith("/"):
            place = f"{directory.rstrip('/')}/{place}"
        why = _why_not(root, place)
        if why is None:
            return place, ""
        if why != MISSING:
            last = f"{safe(place, 120)} {why}"
    return "", last or f"{safe(command, 120)} is in none of {safe(':'.join(places), 200)}"


MISSING = "does not exist in its image"
MOST_OFFSET = 1 << 62
"""In a file; a header may say anything."""


def _why_not(root: int, place: str) -> Optional[str]:
    try:
        fd = beneath.open_in_root(root, place)
    except OSError as err:
        if err.errno in (errno.ENOENT, errno.ENOTDIR):
            return MISSING
        return f"cannot be opened: {err.strerror}"
    try:
        mode = os.fstat(fd).st_mode
    finally:
        os.close(fd)
    if not stat.S_ISREG(mode):
        return "is not a regular file"
    return None if mode & 0o111 else "is not executable"


def explain(root: str, place: str, code: int) -> str:
    """Why execve(2) of an existing file failed with `code`, as the end of a sentence.

    Never raises: the file is the app's, which may have made anything of it meanwhile.
    """
    if code == errno.ENOEXEC:
        return "it is neither a program for this machine nor a script with an interpreter line"
    if code == errno.ENOENT:
        try:
            wanted = _missing(root, place)
        except Exception:
            wanted = ""
        if wanted:
            return f"it needs {safe(wanted, 120)}, which is missing in its image"
    return os.strerror(code)


def _missing(root: str, place: str) -> str:
    """The interpreter that a program lacks, or ""."""
    fd = os.open(root, beneath.DIRECTORY)
    try:
        wanted = _interpreter(fd, place)
        return wanted if wanted and _why_not(fd, wanted) is not None else ""
    finally:
        os.close(fd)


def _interpreter(root: int, place: str) -> str:
    """The interpreter of a script, or the dynamic linker of an ELF program; "" if unknown."""
    # What was a program may be a terminal, a FIFO or a leased file by now.
    fd = beneath.open_in_root(root, place, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            return ""
        head = os.read(fd, 4096)
        if head.startswith(b"#!"):
            words = head[2:].split(b"\n", 1)[0].split()
            return os.fsdecode(words[0]) if words else ""
        if head.startswith(b"\x7fELF") and head[4:6] == b"\x02\x01":
            return _linker(fd, head)
        return ""
    finally:
        os.close(fd)


def _linker(fd: int, head: bytes) -> str:
    """PT_INTERP of a 64-bit little-endian ELF file (elf(5))."""

    def number(data: bytes, offset: int, size: int) -> int:
        return int.from_bytes(data[offset : offset + size], "little")

    def part(offset: int, size: int) -> bytes:
        return os.pread(fd, min(size, 4096), offset) if offset <= MOST_OFFSET else b""

    table, size, count = number(head, 32, 8), number(head, 54, 2), number(head, 56, 2)
    for index in range(min(count, 64)):
        entry = part(table + index * size, 56)
        if number(entry, 0, 4) == 3:
            return os.fsdecode(part(number(entry, 8, 8), number(entry, 32, 8))).rstrip("\0")
    return ""
