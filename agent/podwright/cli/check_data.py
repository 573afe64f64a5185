# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""`podwright check-data`: whether this agent can go on with what is on this host.

The role asks the agent that it is about to install, from a temporary directory, before anything is
changed: an older one must not be put in the place of one that has written what it cannot read.
Looked at are the numbers of formats, nothing is repaired, and what is damaged is not its business.
"""

from __future__ import annotations

import os

from podwright import jsonio
from podwright.cli.context import Context, answer, say
from podwright.errors import UsageError
from podwright.host.paths import FORMAT
from podwright.net import ledger
from podwright.pull import keep
from podwright.reconcile import revisions
from podwright.stage0 import pods, prepare, store
from podwright.stage1.namespaces import patience
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from podwright.cli.options import Arguments
    from podwright.host.paths import Layout

    Newer = dict[str, object]

MOST = 64 << 20
STATE = "/memfd:podwright-state"


def run(context: Context, args: Arguments) -> int:
    """0, or 1 when a newer agent has written something that this one does not read."""
    context.need_root("check-data")
    found = [*_files(context.layout), *_parents()]
    if not answer(args, {"newer": found}):
        for one in found:
            say(f"{safe(str(one['path']), 400)}: format {one['format']}, known is {one['known']}")
    return 1 if found else 0


def _files(layout: Layout) -> Iterator[Newer]:
    revision = max(revisions.FORMAT, revisions.LATER_FORMAT)
    yield from _newer([f"{layout.data}/version"], FORMAT)
    yield from _newer(_each(layout.images, "record.json"), store.RECORD_FORMAT)
    for state in (pods.PREPARED, pods.RUN):
        configs = _each(f"{layout.pods}/{state}", "runtime-config")
        yield from _newer(configs, max(prepare.RUNTIME_FORMAT, prepare.WITH_IMAGE_FORMAT))
    for folder in _each(f"{layout.data}/named", "revisions"):
        yield from _newer(_each(folder, ""), revision)
    yield from _newer(_each(ledger.directory(layout.net), ""), ledger.FORMAT)
    for record in keep.RECORDS:
        yield from _newer(_each(f"{layout.data}/pull", record), keep.FORMAT)


def _each(folder: str, file: str) -> Iterator[str]:
    """The paths of `file` in each directory of `folder`, or of what is in `folder` itself."""
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return
    for name in names:
        if not name.startswith("."):
            yield f"{folder}/{name}/{file}" if file else f"{folder}/{name}"


def _newer(paths: Iterator[str] | list[str], known: int) -> Iterator[Newer]:
    for path in paths:
        number = _number(path)
        if number > known:
            yield {"path": path, "format": number, "known": known}


def _number(path: str) -> int:
    """The number of the format that a file says it has, or 0."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK)
    except OSError:
        return 0
    try:
        with open(fd, "rb") as file:
            raw = jsonio.loads(file.read(MOST + 1), path, limit=MOST)
    except (OSError, UsageError):
        return 0
    number = raw.get("format") if isinstance(raw, dict) else None
    return number if type(number) is int else 0


def _parents() -> Iterator[Newer]:
    """Parents of running pods that sleep: what they will hand over to the agent that they wake up as."""
    for name in sorted(os.listdir("/proc")):
        if name.isdigit() and _may_be_ours(f"/proc/{name}"):
            for path in _each(f"/proc/{name}/fd", ""):
                if _target(path).startswith(STATE):
                    yield from _newer([path], patience.FORMAT)


def _may_be_ours(process: str) -> bool:
    """Whether a process is root's, and of the host: anybody can make such a file, and would stand in the way."""
    if _target(f"{process}/ns/pid") != _target("/proc/self/ns/pid"):
        return False
    try:
        with open(f"{process}/status", "rb") as file:
            users = next((line.split()[1:] for line in file if line.startswith(b"Uid:")), [])
    except OSError:
        return False
    return bool(users) and all(int(user) == os.geteuid() for user in users)


def _target(path: str) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return ""
