# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A throw-away host made of namespaces, in 40 ms, on which an agent can do anything.

It has its own network, processes, mounts, /run, /sys/fs/cgroup, /etc/hosts and hostname, and shares the machine's
files otherwise. Everything started on it ends with it, even when the test process is killed: its PID 1 exits when the
pipe from us closes, and with PID 1 the kernel ends the rest. For a host with systemd see `tests.support.hosts`.
"""

from __future__ import annotations

import dataclasses
import itertools
import os
import shlex
import signal
import socket
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

from tests.support.cgroups import CgroupSet, alone
from tests.support.namespaces import (
    FRESH_SYSFS,
    LOCAL_LINK_UP,
    UNSHARE,
    in_network_of,
    nsenter,
    only_child,
)
from tests.support.patience import patient

INIT = "import signal,sys; signal.signal(signal.SIGCHLD,signal.SIG_IGN); print('up',flush=True); sys.stdin.read()"
"""PID 1: with SIGCHLD ignored the kernel reaps orphans itself (wait(2)); ends when its standard input does."""

_counter = itertools.count()


@dataclasses.dataclass(frozen=True)
class Result:
    """How a command on the host ended."""

    args: tuple[str, ...]
    exit: int
    stdout: str
    stderr: str

    def check(self) -> Result:
        """Return self, or fail the test with everything the command said."""
        assert self.exit == 0, (
            f"{shlex.join(self.args)} ended with {self.exit}\n{self.stdout}\n{self.stderr}"
        )
        return self


class PrivateHost:
    """See the module. `names` are host names that resolve to an address in there (`{"example.com": "127.0.0.1"}`)."""

    def __init__(self, scratch: Path, names: Mapping[str, str] | None = None) -> None:
        self.scratch = scratch
        self._cgroups = CgroupSet(f"pwtest-{os.getpid()}-{next(_counter)}")
        hosts = {"localhost": "127.0.0.1", **(names or {})}
        (scratch / "hosts").write_text(
            "".join(f"{address} {name}\n" for name, address in hosts.items())
        )
        (scratch / "resolv.conf").write_text("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
        command = [*UNSHARE, "/bin/sh", "-c", self._setup_script()]
        self._unshare = subprocess.Popen(
            self._cgroups.enter_command(command),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._unshare.stdout is not None
        if self._unshare.stdout.readline() != "up\n":
            self.close()
            raise RuntimeError(f"the private host did not start: {shlex.join(command)}")
        self.pid = only_child(self._unshare.pid)
        if alone():
            self._cgroups.leave(self._unshare)

    def __enter__(self) -> PrivateHost:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self.close()

    def _setup_script(self) -> str:
        scratch = shlex.quote(str(self.scratch))
        return "\n".join(
            [
                "set -e",
                "mount -t tmpfs -o mode=755 tmpfs /run",
                "mkdir -p /run/lock",
                FRESH_SYSFS,
                self._cgroups.remount_script(),
                f"mount --bind {scratch}/hosts /etc/hosts",
                f"mount --bind {scratch}/resolv.conf /etc/resolv.conf",
                "hostname private-host",
                LOCAL_LINK_UP,
                f"exec /usr/bin/python3 -IS -c {shlex.quote(INIT)}",
            ]
        )

    def run(
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        stdin: str | None = None,
        timeout: float = 60,
        directory: Path | None = None,
    ) -> Result:
        """Run a command on the host and wait for it. `env` is added to this process's environment.

        On timeout the command and its process group are killed and `subprocess.TimeoutExpired` is raised.
        """
        with self.popen(command, env=env, directory=directory) as process:
            try:
                stdout, stderr = process.communicate(stdin, timeout=patient(timeout))
            except BaseException:
                os.killpg(process.pid, signal.SIGKILL)
                raise
        return Result(tuple(command), process.returncode, stdout, stderr)

    def popen(
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        directory: Path | None = None,
    ) -> subprocess.Popen[str]:
        """Start a command on the host, with pipes, as the leader of a process group; its `pid` is nsenter's."""
        place = str(directory or "/")
        process = subprocess.Popen(
            self._cgroups.commands(lambda inner: nsenter(self.pid, inner, place), command),
            env={**os.environ, **(env or {})},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="surrogateescape",
            start_new_session=True,
        )
        if alone():
            self._cgroups.leave(process)
        return process

    def listen(self, address: str = "127.0.0.1", port: int = 443) -> socket.socket:
        """Return a listening socket that belongs to the host's network, served from this process."""
        return in_network_of(self.pid, lambda: socket.create_server((address, port), backlog=64))

    def connect(self, address: str, port: int, timeout: float = 5) -> socket.socket:
        """Return a TCP connection made from the host."""
        return in_network_of(
            self.pid, lambda: socket.create_connection((address, port), patient(timeout))
        )

    def close(self) -> None:
        """End everything on the host and remove its cgroups."""
        if self._unshare.stdin is not None:
            self._unshare.stdin.close()
        if self._unshare.stdout is not None:
            self._unshare.stdout.close()
        self._unshare.wait(timeout=patient(10))
        self._cgroups.remove()
