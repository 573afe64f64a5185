# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a plugin's executable: in the host's network, for a bounded time, with bounded output.

It has nothing of ours but three pipes, is the leader of a session of its own, and dies with us.
"""

from __future__ import annotations

import os
import select
import signal
import time

from podwright.kernel import process
from podwright.kernel.step import step
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

MOST_OUTPUT = 128 << 10
"""Bytes of a result: hundreds of addresses and routes."""
KEPT_ERRORS = 1 << 16
_BLOCK = 1 << 16
_PATIENCE = 10
"""Seconds that a killed process may take to end."""


@value
class Done:
    """How a plugin ended.

    status   exit status, or minus the signal
    stderr   the end of what it said
    problem  why we ended it, or why it could not be started; "" = it ended by itself
    """

    status: int
    stdout: bytes
    stderr: bytes
    problem: str = ""


def run(path: str, env: dict[str, str], stdin: bytes, timeout: float) -> Done:
    """Run `path` to its end, which is at most `timeout` seconds away.

    What it has left running in its process group ends with it when it fails.
    """
    step("fork")
    ours, theirs = _pipes()
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        _become(path, env, theirs, parent)
    for fd in theirs:
        os.close(fd)
    running = _Running(pid, ours, stdin)
    try:
        problem = running.follow(time.monotonic() + timeout)
        return running.end(f"{problem} in {timeout:g} seconds" if problem == _LATE else problem)
    finally:
        running.close()


def _pipes() -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Our ends and the plugin's: standard input, output, errors, and why it could not be started."""
    pairs = [os.pipe2(os.O_CLOEXEC) for _ in range(4)]
    ours = (pairs[0][1], *(pair[0] for pair in pairs[1:]))
    for fd in ours:
        os.set_blocking(fd, False)
    return ours, (pairs[0][0], *(pair[1] for pair in pairs[1:]))


def _become(path: str, env: dict[str, str], pipes: tuple[int, ...], parent: int) -> NoReturn:
    """In the child: be the plugin."""
    report = pipes[3]
    try:
        process.die_with_parent()
        if os.getppid() == parent:
            os.setsid()
            report = os.dup(report)  # beyond the numbers that are about to be taken
            for number, fd in enumerate(pipes[:3]):
                os.dup2(fd, number)
            process.close_all_but(frozenset((report,)))
            for number in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGHUP, signal.SIGINT):
                signal.signal(number, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_SETMASK, ())
            os.umask(0o022)
            os.chdir("/")
            os.set_inheritable(report, False)
            os.execve(path, [path], env)
    except OSError as err:
        os.write(report, str(err.errno).encode())
    finally:
        os._exit(127)


_LATE = "did not end"


class _Running:
    """A plugin that runs, from our side."""

    def __init__(self, pid: int, fds: tuple[int, ...], stdin: bytes) -> None:
        self._pid = pid
        self._input, self._output, self._errors, self._report = fds
        self._stdin = memoryview(stdin)
        self._stdout = bytearray()
        self._stderr = bytearray()
        self._pidfd = os.pidfd_open(pid)
        self._poll = select.poll()
        self._poll.register(self._pidfd, select.POLLIN)
        self._poll.register(self._input, select.POLLOUT)
        for fd in (self._output, self._errors):
            self._poll.register(fd, select.POLLIN)

    def follow(self, deadline: float) -> str:
        """Feed it and read it until it ends; returns why it has to be ended, or ""."""
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                return _LATE
            ready = {fd for fd, _ in self._poll.poll(left * 1000)}
            if self._input in ready:
                self._feed()
            for fd in ready & {self._output, self._errors}:
                self._drain(fd)
            if len(self._stdout) > MOST_OUTPUT:
                return f"printed more than {MOST_OUTPUT} bytes"
            if self._pidfd in ready:
                return ""

    def _feed(self) -> None:
        try:
            self._stdin = self._stdin[os.write(self._input, self._stdin[:_BLOCK]) :]
        except BlockingIOError:
            return
        except BrokenPipeError:
            self._stdin = self._stdin[:0]  # it does not want to know
        if not self._stdin:
            self._poll.unregister(self._input)
            os.close(self._input)
            self._input = -1

    def _drain(self, fd: int) -> bool:
        """Read what is there; whether there may be more."""
        try:
            block = os.read(fd, _BLOCK)
        except BlockingIOError:
            return False
        if not block:
            self._poll.modify(fd, 0)
        elif fd == self._output:
            self._stdout += block
        else:
            self._stderr = (self._stderr + block)[-KEPT_ERRORS:]
        return bool(block)

    def end(self, problem: str) -> Done:
        """Kill it when there is a problem; what it left behind when it failed; reap it."""
        if problem:
            self._kill()
        found = os.waitid(os.P_PID, self._pid, os.WEXITED | os.WNOWAIT)
        assert found is not None
        status = found.si_status if found.si_code == os.CLD_EXITED else -found.si_status
        if status and not problem:
            self._kill()
        os.waitpid(self._pid, 0)
        self._pid = 0
        for fd in (self._output, self._errors):
            while len(self._stdout) <= MOST_OUTPUT and self._drain(fd):
                pass
        return Done(status, bytes(self._stdout), bytes(self._stderr), problem or self._unstarted())

    def _kill(self) -> None:
        """End it and its group; it has not been reaped, and so the number is still its own."""
        os.kill(self._pid, signal.SIGKILL)
        try:
            os.killpg(self._pid, signal.SIGKILL)
        except ProcessLookupError:
            return  # killed before it had a group

    def _unstarted(self) -> str:
        try:
            number = os.read(self._report, 16)
        except BlockingIOError:
            return ""
        return f"could not be started: {os.strerror(int(number))}" if number else ""

    def close(self) -> None:
        """Let go of everything; it must not outlive an error of ours."""
        if self._pid:
            self._kill()
            os.waitpid(self._pid, 0)
        for fd in (self._input, self._output, self._errors, self._report, self._pidfd):
            if fd >= 0:
                os.close(fd)


def end_strays(variable: str) -> int:
    """Kill every process that has `NAME=VALUE` in its environment, until there is none.

    A plugin that dies with us leaves those behind that it has started itself. Returns how many
    were ended.
    """
    wanted = b"\0" + variable.encode() + b"\0"
    ended = 0
    while True:
        now = sum(_end_stray(name, wanted) for name in os.listdir("/proc") if name.isdigit())
        if not now:
            return ended
        ended += now


def _end_stray(name: str, wanted: bytes) -> bool:
    """Kill a process if it is one of them, and wait for its end."""
    try:
        fd = os.pidfd_open(int(name))
    except OSError:
        return False  # it has ended
    try:
        with open(f"/proc/{name}/environ", "rb") as file:
            if wanted not in b"\0" + file.read(_BLOCK) or int(name) == os.getpid():
                return False
        signal.pidfd_send_signal(fd, signal.SIGKILL)
        poll = select.poll()
        poll.register(fd, select.POLLIN)
        return bool(poll.poll(_PATIENCE * 1000))
    except OSError:
        return False
    finally:
        os.close(fd)
