# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where an app reads from and writes to, and how much of it is kept (B11).

In a pod manifest it stands in annotations of the app: `podwright.io/stdin` and so on.
"""

from __future__ import annotations

from podwright.errors import UsageError
from podwright.text import safe
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from podwright.model.fields import Fields

NULL, LOG, STREAM, TTY, INTERACTIVE = "null", "log", "stream", "tty", "interactive"
INPUTS = (NULL, STREAM, TTY)
"""What stdin may be; `interactive` is a pod's, tied to the terminal that it is started from."""
OUTPUTS = (LOG, NULL, STREAM, TTY)
NAMES = ("stdin", "stdout", "stderr", "log_path")
LONGEST_PATH = 4000
SMALLEST, LARGEST = 1 << 16, 1 << 40
MOST_FILES = 100


@value
class Streams:
    """One app's.

    stdin           null, stream (of who attaches) or tty (a terminal of its own, to attach to)
    stdout, stderr  log, null, stream or tty
    log_path        file on the host for what goes to the log, in the form of Kubernetes; "": none
    """

    stdin: str = NULL
    stdout: str = LOG
    stderr: str = LOG
    log_path: str = ""

    def attachable(self) -> tuple[str, ...]:
        """What can be attached to: some of stdin, stdout, stderr, tty-in, tty-out."""
        names = (("stdin", self.stdin), ("stdout", self.stdout), ("stderr", self.stderr))
        found = [name for name, mode in names if mode == STREAM]
        if self.stdin == TTY:
            found.append("tty-in")
        if TTY in (self.stdout, self.stderr):
            found.append("tty-out")
        return tuple(found)


PLAIN = Streams()


@value
class LogLimits:
    """How much of an app's log is kept where it goes to files: so many bytes in each of so many."""

    max_size: int = 10 << 20
    max_files: int = 5


def check(streams: Streams, where: str) -> Streams:
    """Refuse what cannot be at the same time."""
    modes = (streams.stdin, streams.stdout, streams.stderr)
    if TTY in modes and STREAM in modes:
        raise UsageError(
            f"{where}: tty and stream exclude each other",
            "an app is either at a terminal or at streams",
            object=where,
        )
    path = streams.log_path
    if path and (
        not path.startswith("/")
        or len(path) > LONGEST_PATH
        or ".." in path.split("/")
        or "\0" in path
    ):
        raise UsageError(
            f"{where}: log path {safe(path, 120)!r} is not an absolute path",
            "write it like /var/log/pods/web/0.log",
            object=where,
        )
    return streams


def of_fields(fields: Fields) -> Optional[Streams]:
    """What the fields of an app say; None where they say nothing that is not so anyway."""
    if all(fields.raw(name) is None for name in NAMES):
        return None
    found = Streams(
        fields.choice("stdin", INPUTS, NULL),
        fields.choice("stdout", OUTPUTS, LOG),
        fields.choice("stderr", OUTPUTS, LOG),
        fields.text("log_path"),
    )
    check(found, fields.path)
    return None if found == PLAIN else found


def dump(streams: Streams) -> dict[str, str]:
    """The annotations' names, without their prefix, and texts."""
    texts = {name: getattr(streams, name) for name in NAMES}
    plain = {name: getattr(PLAIN, name) for name in NAMES}
    return {name.replace("_", "-"): texts[name] for name in NAMES if texts[name] != plain[name]}


def limits_of(fields: Fields) -> Optional[LogLimits]:
    """What the desired state says about a pod's log; None for nothing."""
    own = fields.child("log")
    if own is None:
        return None
    plain = LogLimits()
    found = LogLimits(
        _size(own, "max_size", plain.max_size),
        own.integer("max_files", plain.max_files, 1, MOST_FILES),
    )
    own.finish()
    return found


def _size(fields: Fields, name: str, default: int) -> int:
    from podwright.model.isolator_values import quantity

    raw: Any = fields.raw(name, default)
    found = raw if type(raw) is int else int(quantity(raw, fields.at(name)))
    if not SMALLEST <= found <= LARGEST:
        raise UsageError(
            f"{fields.at(name)}: must be from 64Ki to 1Ti", "such as 10Mi", object=fields.at(name)
        )
    return found
