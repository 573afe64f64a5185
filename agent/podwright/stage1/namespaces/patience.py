# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pod's parent that has had nothing to do for a while becomes a program of a few kilobytes.

`kernel/waiter.py` waits in its place for a signal, a message of PID 1 or its end, and then executes
the agent again (`podwright resume`) with what is needed to go on, in an anonymous file: who the
pod's PID 1 is, what has been told of its apps, what has to be given back at the end. It is the
same process all the time, so systemd, the pod and its locks notice nothing. A newer agent may be the one
that goes on: what is handed over has a format number, and older ones are read.
"""

from __future__ import annotations

import os

from podwright.kernel import signals, waiter
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Optional

    from podwright.stage1.namespaces.follow import Follower

FORMAT = 1
QUIET = 5.0
"""Seconds without a message, after the pod has become ready, until the parent becomes small."""
TITLE = "podwright-wait"
AWAITED = (
    *(signals.SIGTERM, signals.SIGINT, signals.SIGQUIT, signals.SIGHUP),
    *(signals.SIGUSR1, signals.SIGUSR2, signals.SIGWINCH, signals.SIGCHLD, signals.SIGIO),
    signals.SIGURG,
)


Numbered = tuple[str, int, int]
"""A slot of ours: its path, its number, the descriptor that holds it."""


@value
class Owned:
    """What a parent gives back when its pod has ended.

    lock      descriptor of the pod's lock
    cgroups   directories
    network   {net_dir, links, netns}, or None; netns is a descriptor, or -1
    label     the MCS pair
    users     the range of user ids; `nspawn`: path and descriptor of systemd-nspawn's lock on it
    machine   the UUID by which systemd-machined knows the pod, or ""
    domain    the run directory that has the place of its domain of Xen, or ""
    """

    lock: int
    cgroups: tuple[str, ...]
    network: Optional[dict[str, Any]] = None
    label: Optional[Numbered] = None
    users: Optional[Numbered] = None
    nspawn: tuple[str, int] = ("", -1)
    machine: str = ""
    domain: str = ""

    def descriptors(self) -> list[int]:
        """All that has to stay open."""
        slots = [slot[2] for slot in (self.label, self.users) if slot is not None]
        netns = self.network.get("netns", -1) if self.network is not None else -1
        return [fd for fd in (self.lock, *slots, self.nspawn[1], netns) if fd >= 0]


class Patience:
    """Counts the quiet time of one parent.

    uuid      the pod
    owned     says what has to be given back
    command   the command line that goes on; `--state=N` and two digits are added
    """

    def __init__(self, uuid: str, owned: Callable[[], Owned], command: tuple[str, ...]) -> None:
        self.uuid = uuid
        self.owned = owned
        self.command = command
        self.begun = False

    def begin(self) -> None:
        """The pod is ready."""
        self.begun = True

    def idle(self, follower: Follower) -> None:
        """Wait for a message of PID 1 for `QUIET` seconds; become small when none has come."""
        if not self.begun or follower.relay is not None:
            return
        if not _readable(follower.report, QUIET):
            self._become_small(follower)
            self.begun = False  # it could not be done here, and will not be later

    def _become_small(self, follower: Follower) -> None:
        before = signals.pthread_sigmask(signals.SIG_BLOCK, AWAITED)
        owned = self.owned()
        state = _memory_file(self._state(follower, owned))
        kept = [follower.report, state, *owned.descriptors()]
        try:
            _signal_on_data(follower.report)
            if _readable(follower.report, 0) or follower.has_ended():
                return
            for fd in kept:
                os.set_inheritable(fd, True)
            waiter.wait(TITLE, AWAITED, [*self.command, f"--state={state}"])
        finally:
            for fd in kept:
                os.set_inheritable(fd, False)
            os.close(state)
            awake(follower.report)
            signals.pthread_sigmask(signals.SIG_SETMASK, before)

    def _state(self, follower: Follower, owned: Owned) -> bytes:
        from podwright import jsonio
        from podwright.values_json import to_json

        return jsonio.dumps(
            {
                "format": FORMAT,
                "uuid": self.uuid,
                "pod_dir": follower.pod_dir,
                "root": follower.root,
                "names": list(follower.names),
                "changing": follower.changing,
                "pid": follower.pid,
                "report": follower.report,
                "owned": to_json(owned),
                "apps": [to_json(app) for app in follower.apps.values()],
                "notes": follower.notes,
                "reports": follower.reports,
            }
        ).encode()


def awake(report: int) -> None:
    """Forget what has only woken us up, and let messages come without signals again."""
    import fcntl

    flags = fcntl.fcntl(report, fcntl.F_GETFL)
    fcntl.fcntl(report, fcntl.F_SETFL, flags & ~os.O_ASYNC)
    while signals.sigtimedwait((signals.SIGCHLD, signals.SIGIO), 0) is not None:
        continue


def _readable(fd: int, seconds: float) -> bool:
    import select

    poll = select.poll()
    poll.register(fd, select.POLLIN)
    return bool(poll.poll(seconds * 1000))


def _signal_on_data(fd: int) -> None:
    """Have SIGIO sent to us when `fd` becomes readable; it still blocks."""
    import fcntl

    fcntl.fcntl(fd, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(fd, fcntl.F_SETFL, fcntl.fcntl(fd, fcntl.F_GETFL) | os.O_ASYNC)


def _memory_file(data: bytes) -> int:
    fd = os.memfd_create("podwright-state")
    os.write(fd, data)
    os.lseek(fd, 0, os.SEEK_SET)
    return fd


def read(fd: int) -> dict[str, Any]:
    """What `Patience` handed over; the descriptor is closed. Raises StoreError for a newer format."""
    from podwright import jsonio
    from podwright.errors import StoreError

    with open(fd, "rb") as file:
        state: dict[str, Any] = jsonio.loads(file.read(), "state of the pod's parent")
    if state["format"] != FORMAT:
        raise StoreError("a newer agent has started this pod", "install it again, or stop the pod")
    return state
