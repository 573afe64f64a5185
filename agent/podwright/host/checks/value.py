# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one look at the host gives, and how something is tried without leaving a trace."""

from __future__ import annotations

import os
import select
import signal
import time

from podwright.text import safe
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

OK, LIMITED, MISSING = "ok", "limited", "missing"
PATIENCE = 5.0
"""Seconds that one trial may take."""


@value
class Check:
    """One thing that a host may be able to do.

    status   ok; limited: there, but not all of it; missing
    detail   what was found, in a few words
    hint     what to install or enable, "" when there is nothing to do
    """

    name: str
    status: str
    detail: str = ""
    hint: str = ""


class TrialError(Exception):
    """Something that was tried does not work."""


def attempt(trial: Callable[[], str], patience: float = PATIENCE) -> str:
    """Run `trial` in a process of its own; what it returns.

    Whatever it changes of itself (namespaces, mounts) goes with the process. Raises TrialError
    with one clause when it fails, is killed, or takes too long.
    """
    out, report = os.pipe()
    child = os.fork()
    if child == 0:
        _try(trial, report)
    os.close(report)
    try:
        text = _hear(out, time.monotonic() + patience)
    finally:
        os.close(out)
        os.kill(child, signal.SIGKILL)  # not reaped yet, so it is ours
        os.waitpid(child, 0)
    if not text.startswith("+"):
        raise TrialError(text[1:] or "ended without an answer")
    return text[1:]


def _try(trial: Callable[[], str], report: int) -> None:
    """In the child: tell how it went; never returns."""
    try:
        text = f"+{trial()}"
    except OSError as err:
        text = f"-{safe(err.strerror or str(err), 120)}"
    except BaseException as err:
        text = f"-{safe(err, 120) or type(err).__name__}"
    os.write(report, text.encode("utf-8", "surrogateescape")[:4096])
    os._exit(0)


def _hear(out: int, deadline: float) -> str:
    data = b""
    while True:
        left = max(0.0, deadline - time.monotonic())
        if not select.select([out], [], [], left)[0]:
            return "-no answer in time"
        piece = os.read(out, 4096)
        if not piece:
            return data.decode("utf-8", "surrogateescape")
        data += piece


def read(path: str) -> str:
    """A small file's text without the last newline; "" when it cannot be read."""
    try:
        with open(path, encoding="utf-8", errors="backslashreplace") as file:
            return file.read(65536).rstrip("\n")
    except OSError:
        return ""


def program(name: str) -> str:
    """The path of a program in the system's own directories, or ""."""
    for directory in (
        "/usr/bin",
        "/usr/sbin",
        "/bin",
        "/sbin",
        "/usr/local/bin",
        "/usr/local/sbin",
    ):
        path = f"{directory}/{name}"
        if os.access(path, os.X_OK) and os.path.isfile(path):
            return path
    return ""


def version_line(path: str, *arguments: str) -> str:
    """The first line that a program says about itself, or ""."""
    import subprocess

    try:
        done = subprocess.run(
            [path, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=PATIENCE,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"},
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return safe(done.stdout.decode("utf-8", "backslashreplace").split("\n")[0], 80)
