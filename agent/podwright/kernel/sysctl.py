# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kernel settings under /proc/sys; network ones are those of the caller's namespace."""

from __future__ import annotations

import os

from podwright.errors import HostError
from podwright.kernel.step import step
from podwright.text import safe

ROOT = "/proc/sys"


def read(key: str) -> str:
    """The setting (`net/ipv4/ip_forward`) without its newline; "" when the kernel has none."""
    try:
        fd = os.open(f"{ROOT}/{key}", os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return ""
    try:
        return os.read(fd, 4096).decode().strip()
    finally:
        os.close(fd)


def put(key: str, text: str) -> None:
    """Set it. Raises OSError."""
    step("sysctl")
    fd = os.open(f"{ROOT}/{key}", os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)


def write(key: str, text: str) -> None:
    """Set it. Raises HostError naming the file, also when the kernel has no such setting."""
    path = f"{ROOT}/{key}"
    try:
        put(key, text)
    except OSError as err:
        raise HostError(
            f"{safe(path)}: cannot be set to {safe(text, 40)}: {err.strerror}",
            "/proc/sys must be writable where podwright runs",
            object=path,
        ) from None
