# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Start one process of an app: its main program, a hook, a probe, or one that was asked for later.

All go the same way, so that all are confined in the same way. The child tells over a pipe that
closes on exec whether it got there. The first one makes the app's own mount and cgroup namespaces
and hands their descriptors to PID 1; the later ones join them.
"""

from __future__ import annotations

import errno
import os

from podwright.kernel import beneath, mounts, process, signals, terminal, unixsocket
from podwright.kernel.calls import CallError
from podwright.kernel.step import step
from podwright.stage1.namespaces import views
from podwright.stage1.namespaces.identity import Identity
from podwright.stage2.confine import confine
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    import _socket
    from typing import Optional

    from podwright.stage1.namespaces.plan import AppPlan
    from podwright.stage2.score import Score

EXEC_FAILED = 203
"""systemd's and rkt's status for a program that could not be executed."""
SETUP_FAILED = 254
MOMENT = 1.0
"""Seconds that PID 1 may do nothing but wait for a process of its own."""


class Spaces:
    """An app's own namespaces, as PID 1 holds them once the app's first process has made them.

    kinds    (name below /proc/self/ns, clone(2)'s flag), in the order in which they are joined
    """

    def __init__(self, *kinds: tuple[str, int]) -> None:
        self.kinds = kinds
        self.fds: tuple[int, ...] = ()
        self._channel: Optional[_socket.socket] = None

    def begin(self) -> Optional[_socket.socket]:
        """Where the process that is about to be forked sends them; None when they are there."""
        self.settle()
        if self.fds:
            return None
        self._channel, theirs = unixsocket.pair()
        self._channel.settimeout(MOMENT)
        return theirs

    def settle(self) -> None:
        """Receive what the first process sends, if it was started and has not been asked yet.

        A process of ours sends them before it executes anything of the app's. It is not waited
        for long, since what runs in the pod may stop it. Raises OSError (EAGAIN).
        """
        if self._channel is None:
            return
        try:
            _, self.fds = unixsocket.receive(self._channel, 1)
        except TimeoutError:
            raise OSError(errno.EAGAIN, "its first process is still being started") from None
        self._channel.close()
        self._channel = None

    def give_up(self) -> None:
        """There is no first process after all."""
        if self._channel is not None:
            self._channel.close()
            self._channel = None

    def close(self) -> None:
        """Let go of them, also of those that nobody has asked for yet: the app is no more."""
        self.give_up()
        for fd in self.fds:
            os.close(fd)
        self.fds = ()

    def make(self) -> None:
        """In the child: leave the pod's for new ones."""
        process.unshare(sum(flag for _, flag in self.kinds))

    def hand_over(self, channel: _socket.socket) -> None:
        """In the child that made them, in its own root: send them to PID 1."""
        flags = os.O_RDONLY | os.O_CLOEXEC
        fds = tuple(os.open(f"/proc/self/ns/{name}", flags) for name, _ in self.kinds)
        unixsocket.send(channel, b".", fds)

    def renew(self) -> None:
        """The next process is the app's main program."""

    def descend(self, first: bool, born: int) -> None:
        """In the child: be in another pid namespace, see `system.System`."""
        raise NotImplementedError

    def enter(self, root: str, plan: AppPlan, channel: _socket.socket) -> int:
        """In the first process: make what is the app's own, see `system.System`."""
        raise NotImplementedError

    def join(self) -> None:
        """In the child: go where the app's other processes are; the root is the app's then."""
        for fd, (_, flag) in zip(self.fds, self.kinds):
            process.setns(fd, flag)


def app_spaces(kept: frozenset[str] = frozenset()) -> Spaces:
    """What every app has of its own, but for the host namespaces that its pod keeps."""
    mount = ("mnt", process.CLONE_NEWNS)
    if "cgroup" in kept:
        return Spaces(mount)
    return Spaces(("cgroup", process.CLONE_NEWCGROUP), mount)


@value
class Target:
    """An app as PID 1 knows it when all is prepared.

    root          path of its root, as seen from the pod's root
    capabilities  bits of the set it gets; `drop` the numbers to take out of the bounding set
    joins         descriptors of cgroup files to write "0" to
    filter        BPF, or b"" for none
    spaces        the app's own namespaces
    own_users     the pod has a user namespace of its own
    score         its oom_score_adj, where that is to be set in the fork
    rlimits       (name, soft, hard) to set
    main_environment   what only its main program is told
    listening     (descriptor, name) of sockets that its main program inherits, sd_listen_fds(3)
    shows_group   its /sys/fs/cgroup is its control group (v2)
    """

    plan: AppPlan
    root: str
    identity: Identity
    capabilities: int
    drop: tuple[int, ...]
    joins: tuple[int, ...]
    filter: bytes
    spaces: Spaces
    own_users: bool = False
    score: Optional[Score] = None
    rlimits: tuple[tuple[str, int, int], ...] = ()
    main_environment: tuple[tuple[str, str], ...] = ()
    listening: tuple[tuple[int, str], ...] = ()
    shows_group: bool = False


@value
class Started:
    """A child, and the pipe that says whether it executed its program: SIGIO tells when."""

    pid: int
    pipe: int


@value
class Stdio:
    """Descriptors for 0, 1 and 2; None keeps what PID 1 has.

    terminal      path, in the app's root, of a terminal for those that are None
    controlling   it becomes the controlling one of the process's session
    """

    stdin: Optional[int] = None
    stdout: Optional[int] = None
    stderr: Optional[int] = None
    terminal: str = ""
    controlling: bool = False


class StartError(OSError):
    """The child could not become what it should; `executing` tells whether exec was reached."""

    def __init__(self, code: int, text: str, executing: bool) -> None:
        super().__init__(code, text)
        self.executing = executing


def spawn(
    target: Target,
    path: str,
    argv: tuple[str, ...],
    identity: Identity,
    stdio: Stdio,
    more: tuple[tuple[str, str], ...] = (),
    listening: tuple[tuple[int, str], ...] = (),
) -> Started:
    """Fork a process of an app that executes `path`; `more` is added to its environment.

    listening   (descriptor, name) of sockets that it inherits, sd_listen_fds(3)
    """
    channel = target.spaces.begin()
    fds: list[int] = []
    try:
        fds += os.pipe()
        if target.plan.system:
            fds += os.pipe()
        pid = _fork(target.score)
    except BaseException:  # no processes or descriptors are left: PID 1 is as before
        for fd in fds:
            os.close(fd)
        if channel is not None:
            channel.close()
            target.spaces.give_up()
        raise
    pipe, report, *born = fds
    if pid:
        os.close(report)
        unixsocket.notify(pipe)
        if channel is not None:
            channel.close()
        if born:
            os.close(born[1])
            pid = _begotten(born[0], pid)
        return Started(pid, pipe)
    executing = False
    try:
        if born:
            target.spaces.descend(channel is not None, born[1])
        passed = tuple(fd for fd, _ in listening)
        report = _become(target, identity, stdio, report, channel, passed)
        if listening:
            more += _listening([name for _, name in listening])
        executing = True
        os.execve(path, argv, {**dict(target.plan.environment), **dict(more)})
    except OSError as err:
        text = str(err) if isinstance(err, CallError) else err.strerror or str(err)
        _tell(report, err.errno or 0, executing, text)
    except BaseException as err:
        _tell(report, 0, executing, f"{type(err).__name__}: {err}")
    finally:
        os._exit(EXEC_FAILED if executing else SETUP_FAILED)


def _begotten(born: int, pid: int) -> int:
    """The process in another pid namespace that our child `pid` has begotten (`Spaces.descend`).

    It is waited for: it executes nothing of the pod's, and nobody in the pod can reach it. When it
    failed, it is itself the process that ends, and has said why.
    """
    number = os.read(born, 32)
    os.close(born)
    if not number:
        return pid
    os.waitpid(pid, 0)
    return int(number)


def _fork(score: Optional[Score]) -> int:
    """Fork with an app's score; PID 1 has its own again, also when that fails."""
    if score is None:
        return os.fork()
    pid = -1
    score.lend()
    try:
        pid = os.fork()
    finally:
        if pid:
            score.back()
    return pid


def _tell(report: int, code: int, executing: bool, text: str) -> None:
    os.write(report, f"{code} {int(executing)} {text}".encode("utf-8", "surrogateescape"))


def failure(data: bytes) -> StartError:
    """Why a child did not execute its program, from what came out of its pipe."""
    code, executing, text = data.decode("utf-8", "surrogateescape").split(" ", 2)
    return StartError(int(code), text, executing == "1")


def _become(
    target: Target,
    identity: Identity,
    stdio: Stdio,
    report: int,
    channel: Optional[_socket.socket],
    listening: tuple[int, ...] = (),
) -> int:
    """Everything between fork and exec; returns the pipe's new descriptor."""
    signals.pthread_sigmask(signals.SIG_SETMASK, ())
    os.setsid()
    process.new_session_keyring()
    for join in target.joins:
        os.write(join, b"0")
    here = _enter(target, channel)
    restrictions = target.plan.restrictions
    if restrictions.oom_score_adj is not None and target.score is None:
        _write("/proc/self/oom_score_adj", str(restrictions.oom_score_adj))
    _connect(stdio, identity)
    directory = beneath.open_in_root(here, target.plan.directory, beneath.DIRECTORY)
    os.fchdir(directory)
    report = _only(report, listening)
    os.umask(0o022)
    confine(target, identity)
    return report


def _enter(target: Target, channel: Optional[_socket.socket]) -> int:
    """Go to the app's own mounts and root; a descriptor of it."""
    if channel is None:
        target.spaces.join()
        return os.open("/", beneath.DIRECTORY)
    if target.plan.system:
        return target.spaces.enter(target.root, target.plan, channel)
    target.spaces.make()
    os.chdir(target.root)
    here = os.open(".", beneath.DIRECTORY)
    if target.own_users:
        mounts.enter_inherited_root(here)
        os.close(here)
        here = os.open("/", beneath.DIRECTORY)
    else:
        mounts.enter_root(here)
    if target.shows_group:
        views.show_groups(here)
    target.spaces.hand_over(channel)
    return here


def _connect(stdio: Stdio, identity: Identity) -> None:
    """Set 0, 1 and 2. A terminal is opened here, where its path is what the app will see."""
    tty: Optional[int] = None
    if stdio.terminal:
        tty = os.open(stdio.terminal, os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
    for number, fd in enumerate((stdio.stdin, stdio.stdout, stdio.stderr)):
        chosen = tty if fd is None else fd
        if chosen is not None:
            os.dup2(chosen, number)
    if tty is not None and stdio.controlling:
        step("chown")
        os.fchown(tty, identity.uid, -1)
        terminal.take_control(tty)


def _write(path: str, text: str) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)


def _listening(names: list[str]) -> tuple[tuple[str, str], ...]:
    """What a program must know of the sockets that it finds from 3 on; from ourselves, its pid."""
    return (
        ("LISTEN_FDS", str(len(names))),
        ("LISTEN_PID", str(os.getpid())),
        ("LISTEN_FDNAMES", ":".join(names)),
    )


def _only(report: int, listening: tuple[int, ...] = ()) -> int:
    """Close every descriptor but 0, 1, 2, `listening`, which become 3 and so on, and `report`, which
    comes after them and closes on exec."""
    last = 3 + len(listening)
    kept = (*listening, report)
    if kept != tuple(range(3, last + 1)):
        # Out of the way first: one may have the number that another one is to get.
        kept = tuple(process.duplicate(fd, last + 1) for fd in kept)
        for number, fd in enumerate(kept, 3):
            os.dup2(fd, number, inheritable=number != last)
    for number in range(3, last):
        os.set_inheritable(number, True)
    process.close_from(last + 1)
    return last
