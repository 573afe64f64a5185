# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Children without rights, for whatever reads bytes that strangers made.

`spawn` forks, and the child gives away, in this order: the other descriptors, root's identity,
every way to gain privileges, resources, files (Landlock), and all system calls but those that its
work needs (seccomp). The same works, less the change of user, when we are not root.

What the child calls must be imported before `spawn`: afterwards it cannot open a file. Its memory
is a copy of ours, so secrets that it does not need must not be in it yet. Spawn it from the thread
that waits for it: it dies with that thread.
"""

from __future__ import annotations

import gc
import os
import resource
import select
import signal
import time

from podwright.errors import HostError, PodwrightError
from podwright.kernel import confinedcalls, confinederrors, landlock, process, step

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Optional

USER = "podwright"
NOBODY = 65534
MEMORY = 1 << 30
"""Bytes of private memory of a confined child (RLIMIT_DATA)."""
FILES = 256
THREADS = 512
KILL_SECONDS = 10.0

NETWORK_PATHS = (
    "/etc/ca-certificates",
    "/etc/crypto-policies",
    "/etc/gai.conf",
    "/etc/host.conf",
    "/etc/hosts",
    "/etc/nsswitch.conf",
    "/etc/pki",
    "/etc/resolv.conf",
    "/etc/services",
    "/etc/ssl",
    "/lib",
    "/lib64",
    "/run/systemd/resolve",
    "/usr/lib",
    "/usr/lib64",
    "/usr/share/ca-certificates",
    "/usr/share/crypto-policies",
)
"""What looking up names and TLS read."""


LIBRARY_PATHS = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib")
PROGRAM_PATHS = ("/dev/null", "/dev/urandom", "/etc/ld.so.cache", "/etc/gcrypt", "/proc")
"""What any program reads, besides libraries."""


def confine(
    *, network: bool = False, read_paths: tuple[str, ...] = (), memory: int = MEMORY
) -> tuple[str, ...]:
    """Give away everything but computing, for this forked child and for ever.

    network     keep connecting to servers, with the files that this needs
    read_paths  further files and directories that stay readable
    memory      bytes of private memory
    Returns what this kernel cannot enforce. Raises HostError, CallError: do not go on then.
    """
    code = confinedcalls.code(network)
    identity = unprivileged()
    drop(identity, memory=memory)
    process.hide_from_peers()
    paths = (*NETWORK_PATHS, *read_paths) if network else read_paths
    missing = landlock.restrict(paths, connect=network)
    process.install_filter(code)
    return missing


def unprivileged() -> Optional[tuple[int, int]]:
    """(uid, gid) of confined children; None when we are not root and stay who we are.

    The user `podwright` where the role made it, otherwise nobody. The group is always nobody's:
    the group `podwright` may write the store's inbox.
    """
    if os.geteuid() != 0:
        return None
    import pwd

    try:
        uid = pwd.getpwnam(USER).pw_uid
    except KeyError:
        uid = NOBODY
    return (uid or NOBODY), NOBODY


def drop(identity: Optional[tuple[int, int]], *, memory: int = MEMORY, file_size: int = 0) -> None:
    """Become `identity`, without a way back; limit resources. Also fit for what is executed next.

    file_size  the largest file that may be written
    """
    if identity is not None:
        uid, gid = identity
        _limit(resource.RLIMIT_NPROC, THREADS)
        os.setgroups([])
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)
        if 0 in os.getresuid() or os.getgroups():
            raise HostError("root's identity could not be given away")
    process.no_new_privileges()
    process.die_with_parent()  # a change of user takes it back, so it comes after that
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_FSIZE, file_size)
    _limit(resource.RLIMIT_NOFILE, FILES)
    _limit(resource.RLIMIT_DATA, memory)


def _limit(which: int, most: int) -> None:
    """Lower a limit; one that is lower already stays."""
    hard = resource.getrlimit(which)[1]
    limit = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(which, (limit, limit))


def before_program(program: str, *, memory: int = MEMORY) -> Callable[[], None]:
    """What `subprocess` is to call as `preexec_fn`, so that `program` runs without rights.

    It keeps the system calls of a program, less sockets and what reaches other processes; neither
    root's identity nor any files but its own and the system's libraries. Files reach it as
    descriptors; what it opens again as /proc/self/fd/N must be readable for everybody, as an
    anonymous file is.
    """
    identity = unprivileged()
    code = confinedcalls.program()

    def give_away() -> None:
        step.off()
        drop(identity, memory=memory)
        landlock.restrict(PROGRAM_PATHS, run_paths=(program, *LIBRARY_PATHS))
        process.install_filter(code)

    return give_away


class Child:
    """A confined child; a context manager that leaves no process behind."""

    def __init__(self, pid: int, errors: int, what: str) -> None:
        self.pid = pid
        self._errors = errors
        self._what = what
        self._watch = os.pidfd_open(pid)
        self._reaped = False

    def __enter__(self) -> Child:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def wait(self, timeout: float = 60.0) -> None:
        """Wait for its end and raise the error that it ended with. Kills it after `timeout` s."""
        if self._reaped:
            raise HostError(f"{self._what} was ended")
        deadline = time.monotonic() + timeout
        said = confinederrors.receive(self._errors, deadline)
        ended = _ready(self._watch, deadline)
        status = self._end(kill=not ended)
        if said:
            raise confinederrors.decode(said, self._what)
        if not ended:
            raise HostError(f"{self._what} did not end in time", "see what keeps this host busy")
        if status:
            raise self._failure(status)

    def kill(self) -> None:
        """End it now; when it has ended already, nothing happens."""
        self._end(kill=True)

    def _end(self, *, kill: bool) -> int:
        """Reap it; its wait status."""
        if self._reaped:
            return 0
        if kill:
            signal.pidfd_send_signal(self._watch, signal.SIGKILL)
        if not _ready(self._watch, time.monotonic() + KILL_SECONDS):
            raise HostError(f"{self._what} cannot be ended (process {self.pid})")
        self._reaped = True
        os.close(self._watch)
        os.close(self._errors)
        return os.waitpid(self.pid, 0)[1]

    def _failure(self, status: int) -> PodwrightError:
        if os.WIFSIGNALED(status):
            number = os.WTERMSIG(status)
            return HostError(
                f"{self._what} was ended by signal {number}",
                "try again; when it happens again, its input is not in order",
                object=self._what,
                reason="confined-child-failed",
            )
        return HostError(f"{self._what} ended with status {os.WEXITSTATUS(status)}")


def spawn(
    function: Callable[[], None],
    *,
    pass_fds: tuple[int, ...] = (),
    network: bool = False,
    read_paths: tuple[str, ...] = (),
    memory: int = MEMORY,
    before: Optional[Callable[[], None]] = None,
    what: str = "a confined process",
) -> Child:
    """Run `function` in a confined child.

    pass_fds  all that it has of our descriptors; 0, 1 and 2 are /dev/null for it
    before    called in the child while it still has our rights, to read and import what it needs
    what      names it in messages
    Its errors come out of `Child.wait`: a PodwrightError as it was raised, others as HostError.
    """
    confinedcalls.code(network)
    read_end, write_end = os.pipe()
    parent = os.getpid()
    try:
        pid = os.fork()
    except BaseException:
        os.close(read_end)
        os.close(write_end)
        raise
    if pid:
        os.close(write_end)
        return Child(pid, read_end, what)
    status = 1
    try:
        gc.freeze()  # a collection would touch, and so copy, all of our parent's memory
        step.off()
        _only_descriptors(pass_fds, write_end)
        if before is not None:
            before()
        confine(network=network, read_paths=read_paths, memory=memory)
        if os.getppid() == parent:
            function()
            status = 0
    except BaseException as err:
        confinederrors.send(write_end, err)
    finally:
        os._exit(status)


def _only_descriptors(pass_fds: tuple[int, ...], errors: int) -> None:
    """Close all but `pass_fds` and `errors`; /dev/null in the places of 0, 1 and 2."""
    null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    for fd in (0, 1, 2):
        if fd not in pass_fds and fd != errors:
            os.dup2(null, fd)
    process.close_all_but(frozenset((*pass_fds, errors)))


def _ready(fd: int, deadline: float) -> bool:
    """Whether a descriptor becomes readable in time (a pidfd: whether the process ends)."""
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    return bool(poll.poll(max(0.0, deadline - time.monotonic()) * 1000))
