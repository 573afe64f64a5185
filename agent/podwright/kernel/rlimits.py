# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Limits of a process (setrlimit(2)), by names such as NOFILE; -1 is no limit."""

from __future__ import annotations

import resource

from podwright.kernel.step import step

NAMES = (
    *(
        "AS",
        "CORE",
        "CPU",
        "DATA",
        "FSIZE",
        "MEMLOCK",
        "MSGQUEUE",
        "NICE",
        "NOFILE",
        "NPROC",
        "RSS",
    ),
    *("RTPRIO", "SIGPENDING", "STACK"),
)


def every() -> tuple[tuple[str, int, int], ...]:
    """All of our own: (name, soft, hard)."""
    return tuple((name, *get(name)) for name in NAMES)


def get(name: str) -> tuple[int, int]:
    """Our own soft and hard limit."""
    return resource.getrlimit(_number(name))


def put(name: str, soft: int, hard: int) -> None:
    """Set our own. Raises OSError, also for what is more than the kernel takes."""
    step("setrlimit")
    try:
        resource.setrlimit(_number(name), (soft, hard))
    except ValueError as err:  # what Python makes of EINVAL and EPERM
        raise PermissionError(1, str(err)) from None


def raise_of(pid: int, name: str, hard: int) -> None:
    """Let another process, and what it starts, go up to `hard`. Raises OSError as `put` does."""
    soft, before = resource.prlimit(pid, _number(name))
    if before == -1 or (hard != -1 and hard <= before):
        return
    step("setrlimit")
    try:
        resource.prlimit(pid, _number(name), (soft, hard))
    except ValueError as err:
        raise PermissionError(1, str(err)) from None


def _number(name: str) -> int:
    number: int = getattr(resource, f"RLIMIT_{name}")
    return number
