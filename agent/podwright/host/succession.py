# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A named pod's supervisor is followed by another one, and for a while there are two.

`<data>/named/<name>/succession` says who comes after whom, as long as that is going on. The supervisor
that runs is told by a signal to look at it. It starts the next one, as a process of the same unit, with
its own environment and output; and when the next one's revision has become the current one, it makes it
the unit's main process. So the unit keeps its name, never stops, and whatever happens in between
it starts the current revision.
"""

from __future__ import annotations

import os

from podwright.host import identity, systemd
from podwright.kernel import fs, signals
from podwright.kernel.step import step
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from podwright.host.paths import Layout

SIGNAL = signals.SIGURG
"""Tells a supervisor to look; who does not know that is not hurt by it."""
OF_ANOTHER = ("LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PID")
"""Variables that are about descriptors which only the first process of a unit has."""


@value
class Succession:
    """Who comes after whom.

    revision   the number of the successor's
    old, new   the pods
    """

    revision: int
    old: str
    new: str


def _path(layout: Layout, name: str) -> str:
    return f"{layout.named}/{name}/succession"


def begin(layout: Layout, name: str, plan: Succession) -> None:
    """Write down what is about to happen; durable, for it has to be tidied up after a power cut."""
    from podwright import jsonio

    fs.unlink(_own(layout, name))
    raw = {"revision": plan.revision, "old": plan.old, "new": plan.new}
    fs.write_atomic(_path(layout, name), jsonio.dumps(raw).encode())


def read(layout: Layout, name: str) -> Optional[Succession]:
    """What is going on, or None."""
    raw = _object(_path(layout, name))
    try:
        return Succession(int(raw["revision"]), str(raw["old"]), str(raw["new"])) if raw else None
    except (KeyError, TypeError, ValueError):
        return None


def end(layout: Layout, name: str) -> None:
    """It is over."""
    fs.unlink(_path(layout, name))
    fs.unlink(_own(layout, name))


def _own(layout: Layout, name: str) -> str:
    return f"{layout.named}/{name}/successor"


def record(layout: Layout, name: str) -> None:
    """Called by the successor: who it is."""
    from podwright import jsonio

    data = jsonio.dumps(identity.of(os.getpid())).encode()
    fs.write_atomic(_own(layout, name), data, durable=False)


def successor(layout: Layout, name: str) -> dict[str, Any]:
    """The identity of the successor, or {} as long as it has not begun."""
    return _object(_own(layout, name))


def _object(path: str) -> dict[str, Any]:
    from podwright import jsonio
    from podwright.errors import PodwrightError

    try:
        with open(path, "rb") as file:
            raw = jsonio.loads(file.read(), path)
    except (FileNotFoundError, PodwrightError):
        return {}
    return raw if isinstance(raw, dict) else {}


def abandon(layout: Layout, name: str, timeout: float) -> None:
    """End the successor and forget it: the one before it stays. Fine when there is none."""
    if not os.path.lexists(_path(layout, name)):
        return
    fs.unlink(_path(layout, name))  # first: who has not begun yet will not
    identity.end(successor(layout, name), timeout)
    fs.unlink(_own(layout, name))


def parent_of(pod_dir: str) -> dict[str, Any]:
    """The identity of the process that waits for a pod, or {}."""
    from podwright.stage1.namespaces import record as records

    init = records.read(pod_dir)
    if init is None or not identity.alive(init.process):
        return {}
    try:
        with open(f"/proc/{init.process['pid']}/stat", "rb") as file:
            found = identity.of(int(file.read().rpartition(b")")[2].split()[1]))
    except OSError:
        return {}
    return found if found["start_time"] is not None else {}


def hears(process: dict[str, Any]) -> bool:
    """Whether a process waits for our signal: one of an agent of before does not."""
    try:
        masks = _awaited(process.get("pid", 0))
    except (OSError, KeyError, ValueError):
        return False
    return bool(masks >> (SIGNAL - 1) & 1)


def _awaited(pid: int) -> int:
    """The signals that a supervisor does something about, as a mask.

    While it is small (`kernel/waiter.py`), the kernel shows none; they end its program then.
    """
    with open(f"/proc/{pid}/status", "rb") as file:
        lines = dict(line.split(b":\t", 1) for line in file.read().splitlines() if b":\t" in line)
    masks = int(lines[b"SigBlk"], 16) | int(lines[b"SigCgt"], 16)
    if not masks:
        with open(f"/proc/{pid}/exe", "rb") as program:
            masks = int.from_bytes(program.read()[-8:], "little")
    return masks


def tell(process: dict[str, Any]) -> bool:
    """Have a supervisor look at what is going on; False when it is gone."""
    fd = identity.open_pidfd(process)
    if fd is None:
        return False
    try:
        step("kill")
        signals.pidfd_send_signal(fd, SIGNAL)
    except ProcessLookupError:
        return False
    finally:
        os.close(fd)
    return True


def heard(layout: Layout, name: str, current: int, argv: list[str]) -> None:
    """Called by the supervisor that was told: start the next one, or let it be the main process.

    current  the number of the current revision
    argv     what the next one executes, but for the revision's number
    """
    plan = read(layout, name)
    if plan is None:
        return
    known = successor(layout, name)
    if plan.revision == current:
        if identity.alive(known):
            systemd.notify(f"MAINPID={known['pid']}\nREADY=1\nSTATUS=pod {plan.new} is ready")
    elif not identity.alive(known):
        spawn([*argv, f"--takeover={plan.revision}"])


def spawn(argv: list[str]) -> None:
    """Start the next supervisor: a child of init's, with our environment and output, no more of ours."""
    step("fork")
    child = os.fork()
    if child == 0:
        try:
            os.setsid()
            if os.fork() == 0:
                _become(argv)
        finally:
            os._exit(127)
    os.waitpid(child, 0)


def _become(argv: list[str]) -> None:
    signals.pthread_sigmask(signals.SIG_SETMASK, ())
    os.closerange(3, 4096)
    os.chdir("/")
    environment = {key: text for key, text in os.environ.items() if key not in OF_ANOTHER}
    if "WATCHDOG_PID" in environment:
        environment["WATCHDOG_PID"] = str(os.getpid())
    os.execve(argv[0], argv, environment)
