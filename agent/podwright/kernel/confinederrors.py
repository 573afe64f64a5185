# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the error of a confined child reaches its parent: a bounded JSON object on a pipe.

The parent believes none of it: a known class, short texts, or it is an error of the child itself.
"""

from __future__ import annotations

import json  # noqa: F401  a confined child cannot load what jsonio may need
import os
import select
import time

from podwright import errors, jsonio
from podwright.errors import HostError, PodwrightError
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MAX_BYTES = 16384
_FIELDS = {"message": 2000, "hint": 500, "object": 500, "reason": 60, "stage": 20}


def send(fd: int, err: BaseException) -> None:
    """Write an error; called in the child. Never raises."""
    try:
        data = jsonio.dumps(describe(err)).encode("ascii", "backslashreplace")
        os.write(fd, data[:MAX_BYTES])
    except BaseException:
        return


def describe(err: BaseException) -> dict[str, str]:
    """An error as an object of texts."""
    kind = next((c.__name__ for c in type(err).__mro__ if c.__module__ == errors.__name__), "")
    if isinstance(err, PodwrightError):
        values = {name: str(getattr(err, name)) for name in _FIELDS}
    elif isinstance(err, MemoryError):
        values = {"message": "it needs more memory than it may have", "reason": "too-large"}
    else:
        values = {"message": f"{type(err).__name__}: {err}"}
    return {"kind": kind, **{name: text[: _FIELDS[name]] for name, text in values.items()}}


def receive(fd: int, deadline: float) -> bytes:
    """What the child wrote until it closed the pipe or the time is up."""
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    parts = b""
    while len(parts) <= MAX_BYTES:
        if not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
            break
        part = os.read(fd, MAX_BYTES)
        if not part:
            break
        parts += part
    return parts


def decode(data: bytes, what: str) -> PodwrightError:
    """The error that a child sent."""
    try:
        raw = jsonio.loads(data[:MAX_BYTES], what)
    except PodwrightError:
        raw = None
    return restore(raw, what)


def restore(raw: Any, what: str) -> PodwrightError:
    """An error from its description, of which nothing is believed."""
    if not isinstance(raw, dict) or not isinstance(raw.get("message"), str):
        return HostError(f"{what} failed without saying why", reason="confined-child-failed")
    texts = {
        name: safe(raw[name], most)
        for name, most in _FIELDS.items()
        if isinstance(raw.get(name), str)
    }
    kind = getattr(errors, str(raw.get("kind")), None)
    if not (isinstance(kind, type) and issubclass(kind, PodwrightError)):
        reason = texts.get("reason") or "confined-child-failed"
        return HostError(f"{what} failed: {texts['message']}", reason=reason)
    return kind(
        texts["message"],
        texts.get("hint", ""),
        object=texts.get("object", ""),
        reason=texts.get("reason"),
        stage=texts.get("stage"),
    )
