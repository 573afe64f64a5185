# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The other entry points of a pod's stage1 image: enter, stop, attach, app/*, and gc when it has ended.

They run where the pod's stage1 was started: in the mounts of the pod's launcher, with the pod's directory
as working directory. For `gc`, whose pod has ended, the stage1's root is mounted once more.
"""

from __future__ import annotations

import os
import select

from podwright.errors import HostError, LaunchError, PodwrightError
from podwright.host import identity, leftovers
from podwright.kernel import beneath, process, signals, terminal
from podwright.stage1.external import contract, keeper, program, record, roots
from podwright.stage1.external.contract import Contract
from podwright.stage1.namespaces import record as common
from podwright.stage1.namespaces.relay import Shown
from podwright.text import safe
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Optional

STOP_SECONDS = 60.0
FORCED_SECONDS = 10.0
GC_SECONDS = 120.0
APP_SECONDS = 60.0
"""What an entry point may take that somebody waits for."""
ALONE = (contract.GC, contract.STOP)
"""Those of which nothing goes on running when they have ended."""
ENDED_SECONDS = 5.0
"""For a pod to end whose stage1 says that it was stopped by force."""
FORWARDED = (
    *(signals.SIGTERM, signals.SIGINT, signals.SIGQUIT, signals.SIGHUP),
    *(signals.SIGUSR1, signals.SIGUSR2),
)
SHELLS = ("bin/bash", "bin/sh")
QUIET, LAST = 0.1, 1.0
"""Seconds for the last output of a terminal, as in `stage1/namespaces/enter.py`."""


@value
class Pod:
    """A pod that was started by a stage1 image.

    found    its record, see `record.read`
    """

    path: str
    uuid: str
    stage1: Contract
    found: dict[str, Any]


def load(pod_dir: str) -> Pod:
    """What is known of a pod."""
    uuid = os.path.basename(pod_dir)
    return Pod(pod_dir, uuid, program.contract_of(pod_dir), record.read(pod_dir))


def enter(pod_dir: str, app: str, argv: tuple[str, ...]) -> int:
    """Run a command in an app as its stage1 does it; its status. From the main thread."""
    pod = load(pod_dir)
    shown = tuple(fd for fd in range(3) if os.isatty(fd))

    def find() -> tuple[str, ...]:
        path, pid = _ready(pod, contract.ENTER)
        command = argv or (_shell(pod, app),)
        return (path, *contract.enter_arguments(pid, app, command))

    return _Session(pod, find, app, shown).follow()


def attach(pod_dir: str, app: str, action: str, streams: frozenset[str]) -> int:
    """Take part in an app's input and output as its stage1 does it; the status of that."""
    pod = load(pod_dir)
    _check(pod, contract.ATTACH, "is attached to")

    def find() -> tuple[str, ...]:
        path, _ = _ready(pod, contract.ATTACH)
        return (path, *contract.attach_arguments(action, app, streams))

    return _Session(pod, find, app, ()).follow()


def change(
    pod_dir: str,
    point: str,
    app: str,
    wish: contract.Wish,
    before: Optional[Callable[[], None]] = None,
) -> None:
    """One of app/add, app/start, app/stop, app/rm. Raises LaunchError, HostError.

    before  called first, in a child in the mounts of the pod's launcher
    """
    pod = load(pod_dir)
    contract.check_mutable(pod.stage1)

    def find() -> tuple[str, ...]:
        path, _ = _ready(pod, point)
        if before is not None:
            before()
        return (path, *contract.app_arguments(pod.stage1, point, app, wish))

    variables = program.environment(_crossing(pod, app))
    status = _bounded(pod, find, variables, APP_SECONDS, point)
    if status:
        raise _failed(pod, point, status)


def within(pod_dir: str, work: Callable[[], None]) -> None:
    """Do something in the mounts of a pod's launcher. Raises what that raises."""
    pod = load(pod_dir)

    def find() -> tuple[str, ...]:
        _join(pod)
        work()
        return ()

    _bounded(pod, find, program.environment({}), APP_SECONDS, "app")


def stop(pod_dir: str, force: bool) -> bool:
    """Ask a pod to end, or make it; False when nothing of it runs. Does not wait for its end."""
    pod = _load_to_stop(pod_dir, force)
    launcher = record.open_one(pod.found, "launcher")
    if launcher is None:
        return _end_rest(pod.uuid, pod.found)
    try:
        if force:
            common.write_forced(pod_dir)
        else:
            record.ask(pod_dir)
        if contract.STOP in pod.stage1.points:
            _stop_by_stage1(pod, launcher, force)
        elif not _signal(pod, signals.SIGKILL if force else signals.SIGTERM):
            return False
    finally:
        os.close(launcher)
    return True


def _load_to_stop(pod_dir: str, force: bool) -> Pod:
    """As `load`; what is to be stopped by force needs nothing of its stage1."""
    try:
        return load(pod_dir)
    except LaunchError:
        if not force:
            raise
    return Pod(pod_dir, os.path.basename(pod_dir), Contract("", {}), record.read(pod_dir))


def _stop_by_stage1(pod: Pod, launcher: int, force: bool) -> None:
    """By its entry point; with force, what that does not end we do."""

    def find() -> tuple[str, ...]:
        _join(pod)
        path = program.known(pod.path, pod.stage1, contract.STOP)
        return (path, *contract.stop_arguments(pod.uuid, force=force))

    failure: Optional[PodwrightError] = None
    try:
        seconds = FORCED_SECONDS if force else STOP_SECONDS
        status = _bounded(pod, find, program.environment({}), seconds, contract.STOP)
        if status:
            failure = _failed(pod, contract.STOP, status)
    except PodwrightError as err:
        failure = err
    if not force:
        if failure is not None:
            raise failure
        return
    if failure is not None or not select.select([launcher], [], [], ENDED_SECONDS)[0]:
        _signal(pod, signals.SIGKILL)


def _signal(pod: Pod, number: int) -> bool:
    """Signal the pod's process, or that of `run` where there is none; with SIGKILL both."""
    fds = [
        fd
        for fd in (identity.open_pidfd(pod.found), record.open_one(pod.found, "run"))
        if fd is not None
    ]
    reached = False
    for fd in fds if number == signals.SIGKILL else fds[:1]:
        try:
            signals.pidfd_send_signal(fd, number)
            reached = True
        except ProcessLookupError:
            continue
    for fd in fds:
        os.close(fd)
    return reached


def _end_rest(uuid: str, found: dict[str, Any]) -> bool:
    """End what a pod has left whose launcher was killed."""
    groups = found.get("cgroups", ())
    before = any(map(_members, groups))
    left = leftovers.end(groups)
    if left:
        raise HostError(
            f"pod {uuid}: process {min(left)} does not end",
            "find out what it waits for",
            object=uuid,
        )
    return before


def _members(directory: str) -> frozenset[int]:
    from podwright.host import freezer

    return frozenset(freezer.members(directory))


def end_orphan(pod_dir: str) -> None:
    """End a pod whose launcher was killed and whose stage1 goes on holding its lock."""
    found = record.read(pod_dir)
    launcher = record.open_one(found, "launcher")
    if launcher is not None:
        os.close(launcher)
    elif found.get("launcher"):
        _end_rest(os.path.basename(pod_dir), found)


def collect(pod_dir: str, trees: tuple[str, ...], local_config: str) -> None:
    """Have the stage1 of an ended pod take back what it has made.

    Raises LaunchError where it cannot be executed, HostError where it fails.
    """
    pod = load(pod_dir)

    def find() -> tuple[str, ...]:
        try:
            roots.own_mounts()
            roots.again(pod_dir, trees)
        except OSError as err:
            raise LaunchError(f"its root cannot be mounted: {safe(err, 200)}") from None
        path = program.known(pod_dir, pod.stage1, contract.GC)
        words = contract.gc_arguments(pod.stage1, pod.uuid, debug=False, local_config=local_config)
        os.dup2(2, 1)
        return (path, *words)

    status = _bounded(pod, find, program.environment({}), GC_SECONDS, contract.GC)
    if status:
        raise _failed(pod, contract.GC, status)


def _check(pod: Pod, point: str, verb: str) -> None:
    if point not in pod.stage1.points:
        raise LaunchError(
            f"pod {pod.uuid}: no app of it {verb}: stage1 {safe(pod.stage1.name, 200)} has no entry"
            f" point {point}",
            "use another stage1",
            object=pod.uuid,
            reason="not-supported",
        )


def _ready(pod: Pod, point: str) -> tuple[str, int]:
    """In a child: where the pod's stage1 runs, with the pod's limits; the entry point and the pod's process."""
    _join(pod)
    own = identity.open_pidfd(pod.found)
    if own is None:
        raise LaunchError(
            f"pod {pod.uuid}: its stage1 has not said which process it is, or that has ended",
            "try again when the pod is ready",
            object=pod.uuid,
        )
    os.close(own)
    path = program.known(pod.path, pod.stage1, point)
    program.join(tuple(_files(pod)))
    return path, int(pod.found["pid"])


def _files(pod: Pod) -> list[str]:
    """Where a process joins the pod's control groups."""
    out = []
    for group in pod.found.get("cgroups", ()):
        names = (f"{group}/_init/cgroup.procs", f"{group}/tasks")
        out += [name for name in names if os.path.exists(name)][:1]
    return out


def _join(pod: Pod) -> None:
    """Enter the mounts of the pod's launcher."""
    launcher = record.open_one(pod.found, "launcher")
    if launcher is None:
        raise LaunchError(
            f"pod {pod.uuid} has lost the process that started it",
            f"end what is left of it: podwright stop --force {pod.uuid}",
            object=pod.uuid,
        )
    try:
        process.setns(launcher, process.CLONE_NEWNS)
    finally:
        os.close(launcher)


def _crossing(pod: Pod, app: str) -> dict[str, str]:
    helper = f"{pod.path}/{roots.ROOT}{pod.stage1.points[contract.ENTER]}"
    return contract.crossing(helper, int(pod.found.get("pid", 0)), app)


def _shell(pod: Pod, app: str) -> str:
    """What is run where nothing is said: a shell that the app has."""
    root = os.open(f"{pod.path}/{roots.ROOT}/opt/stage2/{app}/rootfs", beneath.DIRECTORY)
    for path in SHELLS:
        try:
            os.close(beneath.open_in_root(root, path))
        except OSError:
            continue
        return f"/{path}"
    raise LaunchError(f"app {app} has no shell", "say what is to be run", object=app)


def _bounded(
    pod: Pod,
    find: Callable[[], tuple[str, ...]],
    variables: dict[str, str],
    seconds: float,
    point: str,
) -> int:
    """Run an entry point, in a session of its own and for so long at most; its status."""

    alone = point in ALONE

    def prepare() -> tuple[str, ...]:
        if alone:
            keeper.stay()
        os.setsid()
        null = os.open(os.devnull, os.O_RDWR)
        os.dup2(null, 0)
        return find()

    pid = program.spawn(prepare, variables, pod.path)
    fd = os.pidfd_open(pid)
    try:
        in_time = bool(select.select([fd], [], [], seconds)[0])
        if not in_time:
            if alone:
                signals.pidfd_send_signal(fd, keeper.END)
            else:
                os.killpg(pid, signals.SIGKILL)
        _, status = os.waitpid(pid, 0)
    finally:
        os.close(fd)
    if not in_time:
        raise HostError(
            f"pod {pod.uuid}: {point} of stage1 {safe(pod.stage1.name, 200)} took longer than"
            f" {seconds:g} s and was ended",
            "see what it has written",
            object=pod.uuid,
            reason="timeout",
        )
    return _status(status)


def _status(status: int) -> int:
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def _failed(pod: Pod, point: str, status: int) -> HostError:
    return HostError(
        f"pod {pod.uuid}: {point} of stage1 {safe(pod.stage1.name, 200)} ended with status {status}",
        "see what it has written",
        object=pod.uuid,
        reason="stage1-failed",
    )


class _Session:
    """An entry point that somebody works with: our descriptors, or a terminal of its own in place of ours."""

    def __init__(
        self, pod: Pod, find: Callable[[], tuple[str, ...]], app: str, shown: tuple[int, ...]
    ) -> None:
        self.shown: Optional[Shown] = None
        self.slave = -1
        self.handlers: dict[int, Any] = {}
        master = -1
        if shown:
            pts = os.open("/dev/pts", beneath.DIRECTORY)
            master, self.slave, _ = terminal.open_pair(pts)
            os.close(pts)

        def prepare() -> tuple[str, ...]:
            os.setsid()
            if self.slave >= 0:
                terminal.take_control(self.slave)
                for fd in shown:
                    os.dup2(self.slave, fd)
            return find()

        variables = program.environment(_crossing(pod, app))
        self.pid = program.spawn(prepare, variables, pod.path)
        if self.slave >= 0:
            os.close(self.slave)
            self.shown = Shown(master, shown)
        self.fd = os.pidfd_open(self.pid)

    def follow(self) -> int:
        """Until its end; its status."""
        for each in FORWARDED:
            self.handlers[each] = signals.signal(each, self._forward)
        self.handlers[signals.SIGWINCH] = signals.signal(signals.SIGWINCH, self._resized)
        try:
            if self.shown is not None:
                self.shown.start()
                while not self.shown.wait(self.fd):
                    pass
                self.shown.drain(QUIET, LAST)
            _, status = os.waitpid(self.pid, 0)
        finally:
            if self.shown is not None:
                self.shown.end()
            for number, handler in self.handlers.items():
                signals.signal(number, handler)
            os.close(self.fd)
        return _status(status)

    def _forward(self, number: int, _frame: object) -> None:
        try:
            signals.pidfd_send_signal(self.fd, number)
        except ProcessLookupError:
            return

    def _resized(self, _number: int, _frame: object) -> None:
        if self.shown is not None:
            self.shown.resized()
