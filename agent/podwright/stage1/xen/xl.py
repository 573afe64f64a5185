# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Xen's own toolstack, xl(1): what we ask of it."""

from __future__ import annotations

import os

from podwright.errors import HostError
from podwright.kernel import fs, spawn
from podwright.stage1.xen import cfg
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.stage1.xen.machine import Domain

PLACES = ("/usr/sbin/xl", "/usr/local/sbin/xl", "/usr/bin/xl")
HEADING = "Name "
GONE = "(null)"


def find() -> str:
    """Its path. Raises HostError."""
    for place in PLACES:
        if os.access(place, os.X_OK):
            return place
    raise HostError("xl is not installed, which runs domains of Xen", "install xen-utils")


def is_there() -> bool:
    """Whether there is one: else there are no domains."""
    return any(os.access(place, os.X_OK) for place in PLACES)


def create(domain: Domain, path: str) -> int:
    """Make a domain, which does not run yet; its number. `path`: where its configuration is written, as
    xl reads no pipes. Raises HostError.
    """
    fs.write_atomic(path, cfg.text(domain).encode(), 0o600, durable=False)
    status, text = spawn.run([find(), "create", "-p", "-e", path])
    if status:
        raise HostError(f"xl cannot make the domain: {reason(text)}", object=domain.name)
    return domid(domain.name)


def domid(name: str) -> int:
    """The number of a domain. Raises HostError."""
    status, text = spawn.run([find(), "domid", name])
    if status or not text.strip().isdigit():
        raise HostError(f"xl does not know the domain {name}: {reason(text)}", object=name)
    return int(text)


def unpause(name: str) -> None:
    """Let it run. Raises HostError."""
    status, text = spawn.run([find(), "unpause", name])
    if status:
        raise HostError(f"xl cannot start the domain: {reason(text)}", object=name)


def destroy(name: str) -> None:
    """End it at once; one that is not there is no error."""
    spawn.run([find(), "destroy", name])


def state(name: str) -> str:
    """The letters of xl list for a domain (r b p s c d), such as `-b----`; "" when it is not there."""
    status, text = spawn.run([find(), "list", name])
    if status:
        return ""
    words = text.strip().splitlines()[-1].split()
    return words[4] if len(words) == 6 and words[0] != GONE else ""


def cpus() -> int:
    """How many processors the hypervisor has; 1 when it does not say."""
    _, text = spawn.run([find(), "info"])
    for line in text.splitlines():
        name, _, number = line.partition(":")
        if name.strip() == "nr_cpus" and number.strip().isdigit():
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
