# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Xen's own toolstack, xl(1): what we ask of it."""

from __future__ import annotations

import os
import time

from podwright.errors import HostError
from podwright.kernel import fs, spawn
from podwright.stage1.xen import cfg
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.stage1.xen.machine import Domain

PLACES = ("/usr/sbin/xl", "/usr/local/sbin/xl", "/usr/bin/xl")
GONE = "(null)"
UNKNOWN = ("is an invalid domain identifier", "does not exist")
"""How xl says that there is no such domain; whatever else it says is no word about the domain."""
UNABLE = ("(rc=-3)", "(rc=-5)")
"""Where that means that it could not look: libxl's ERROR_FAIL and ERROR_NOMEM."""
TO_CREATE, TO_ANSWER = 600.0, 120.0
"""Seconds that it may take: another xl may be at work, which it waits for."""
TO_GO, MOMENT = 10.0, 0.2
"""Seconds after which a domain that was destroyed is gone, and between two looks."""


def find() -> str:
    """Its path. Raises HostError."""
    for place in PLACES:
        if os.access(place, os.X_OK):
            return place
    raise HostError("xl is not installed, which runs domains of Xen", "install xen-utils")


def is_there() -> bool:
    """Whether there is one: else there are no domains."""
    return any(os.access(place, os.X_OK) for place in PLACES)


def create(domain: Domain, path: str, lock: int = -1) -> int:
    """Make a domain, which does not run yet; its number. Raises HostError.

    path  where its configuration is written, as xl reads no pipes
    lock  what xl holds as well, as long as it is at work
    """
    fs.write_atomic(path, cfg.text(domain).encode(), 0o600, durable=False)
    argv = [find(), "create", "-p", "-e", path]
    status, text = spawn.run(argv, timeout=TO_CREATE, keep=lock)
    if status:
        raise HostError(f"xl cannot make the domain: {reason(text)}", object=domain.name)
    return domid(domain.name)


def domid(name: str) -> int:
    """The number of a domain. Raises HostError."""
    status, text = _asked("domid", name)
    if status or not is_number(text.strip()):
        raise HostError(f"xl does not know the domain {name}: {reason(text)}", object=name)
    return int(text)


def unpause(name: str) -> None:
    """Let it run. Raises HostError."""
    status, text = _asked("unpause", name)
    if status:
        raise HostError(f"xl cannot start the domain: {reason(text)}", object=name)


def destroy(name: str) -> None:
    """End it at once, and see that it is gone. Raises HostError."""
    status, text = _asked("destroy", name)
    until = time.monotonic() + TO_GO
    while state(name):
        if time.monotonic() > until:
            why = reason(text) if status else "it is there still"
            raise HostError(
                f"domain {name} cannot be ended: {why}",
                f"it goes on running; end it with xl destroy {name}, and then run podwright gc",
                object=name,
            )
        time.sleep(MOMENT)


def state(name: str) -> str:
    """The letters of xl list for a domain (r b p s c d), such as `-b----`; "" when it is not there.

    Raises HostError where xl tells neither.
    """
    status, text = _asked("list", name)
    if not status:
        words = (text.strip().splitlines() or [""])[-1].split()
        if len(words) == 6:
            return words[4] if words[0] != GONE else ""
    elif any(said in text for said in UNKNOWN) and not any(said in text for said in UNABLE):
        return ""
    raise HostError(
        f"xl does not tell whether the domain {name} is there: {reason(text)}",
        "xl list shows domains",
        object=name,
    )


def named(prefix: str) -> list[str]:
    """Domains whose name is this and their UUID: nobody has made them but us. Raises HostError."""
    status, text = _asked("list", "-v")
    if status:
        raise HostError(f"xl does not tell which domains there are: {reason(text)}")
    rows = [line.split() for line in text.splitlines()]
    return [row[0] for row in rows if len(row) > 6 and row[0] == f"{prefix}{row[6]}"]


def _asked(*words: str) -> tuple[int, str]:
    return spawn.run([find(), *words], timeout=TO_ANSWER)


def is_number(text: str) -> bool:
    """Whether this is the number of a domain."""
    return text.isascii() and text.isdigit() and len(text) < 10


def cpus() -> int:
    """How many processors the hypervisor has; 1 when it does not say."""
    _, text = _asked("info")
    for line in text.splitlines():
        name, _, number = line.partition(":")
        if name.strip() == "nr_cpus" and is_number(number.strip()):
            return int(number)
    return 1


def reason(text: str) -> str:
    """What of xl's many words says what went wrong: the first error, escaped."""
    lines = [" ".join(line.split()) for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if "error" in line.lower()] or lines[-1:]
    said = errors[0] if errors else "it says nothing"
    _, colon, rest = said.partition(": ")
    if said.startswith("libxl:") and colon:
        said = rest.rpartition("Domain ")[2] if "Domain " in rest else rest
    return safe(said, 300)
