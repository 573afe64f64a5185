# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starting what a pod's machine consists of on the host: virtiofsd and QEMU, each in a jail of its own.

Called by the pod's PID 1 while it is root of the host. They are its children, and the kernel ends
them together with it.
"""

from __future__ import annotations

import _socket
import os
import select
import time

from podwright.errors import HostError
from podwright.kernel import process, rlimits, signals
from podwright.kernel.step import step
from podwright.stage1.kvm import jail, programs, qemu, virtiofsd
from podwright.stage1.kvm.machine import KVM
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

    from podwright.stage1.kvm.jail import Jail
    from podwright.stage1.kvm.machine import Machine
    from podwright.stage1.kvm.virtiofsd import Server
    from podwright.stage1.namespaces.users import Users

QEMU_USER = 64055
"""Nobody in the pod: apps have their own processes in the machine, and none of their files is in QEMU's jail."""
PLACES = (f"/usr/bin/{qemu.QEMU}", f"/usr/local/bin/{qemu.QEMU}", "/usr/libexec/qemu-kvm")
PATIENCE = 20000
"""Milliseconds that libvirt has to end a machine."""
KEPT = 4096
"""Bytes of what a helper says."""


class Helper:
    """A child. `said` is what it has written last, for when it ends on its own.

    leash  it ends when something is written here: one that stays root of the host takes no signals from us
    """

    def __init__(self, name: str, pid: int, output: int, executing: int, leash: int = -1) -> None:
        self.name = name
        self.pid = pid
        self.output = output
        self.executing = executing
        self.leash = leash
        self.began = time.monotonic()
        self.said = b""
        self.status: Optional[int] = None

    def kill(self) -> None:
        """End it and wait for that; who is asked to end is waited for only so long: it ends with us."""
        if self.leash < 0:
            os.kill(self.pid, signals.SIGKILL)
            os.waitpid(self.pid, 0)
            return
        fd = os.pidfd_open(self.pid)
        self._let_go()
        ended = select.poll()
        ended.register(fd, select.POLLIN)
        ended.poll(PATIENCE)
        os.waitpid(self.pid, os.WNOHANG)
        os.close(fd)

    def _let_go(self) -> None:
        try:
            os.write(self.leash, b"-")
        except BrokenPipeError:
            return  # it has just ended by itself

    def settle(self) -> None:
        """Wait until it has left our mounts for its jail, and is the program, or has failed."""
        os.read(self.executing, 1)
        os.close(self.executing)

    def read(self) -> bool:
        """Keep the last of what it writes; False at the end of that."""
        try:
            data = os.read(self.output, 4096)
        except BlockingIOError:
            return True
        except OSError:
            data = b""
        self.said = (self.said + data)[-KEPT:]
        return bool(data)

    def last(self) -> str:
        """The last line that it has written, escaped."""
        lines = [line for line in self.said.decode("utf-8", "replace").splitlines() if line.strip()]
        return safe(lines[-1].strip(), 200) if lines else ""


def connected() -> tuple[_socket.socket, _socket.socket]:
    """A listening socket, and one that is connected to it: virtiofsd wants to accept.

    Its name is one that the kernel chose, in the network namespace of the pod.
    """
    step("bind")
    server = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM | _socket.SOCK_CLOEXEC)
    server.bind("")
    server.listen(1)
    client = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM | _socket.SOCK_CLOEXEC)
    client.connect(server.getsockname())
    return server, client


def serve_files(
    server: Server,
    place: str,
    share: int,
    listening: int,
    users: Optional[Users],
    last_capability: int,
    labels: tuple[str, str] = ("", ""),
) -> Helper:
    """Start virtiofsd on a detached mount, which it gets alone; `labels` are its own and its root's."""
    own = jail.Jail(
        place,
        share=share,
        proc=True,
        capabilities=virtiofsd.capabilities(mapped=users is not None),
        most_files=most_files(),
        label=labels[0],
        root_label=labels[1],
    )
    argv = virtiofsd.command(server, listening)
    return start("virtiofsd", own, argv, frozenset((listening,)), users, last_capability)


def most_files() -> int:
    """Descriptors that who serves files may have open."""
    hard = rlimits.get("NOFILE")[1]
    return virtiofsd.MOST_FILES if hard < 0 else min(hard, virtiofsd.MOST_FILES)


def run_machine(
    machine: Machine,
    program: str,
    place: str,
    files: tuple[tuple[str, str], ...],
    users: Optional[Users],
    last_capability: int,
    root_label: str = "",
) -> Helper:
    """Start QEMU, `program`. `files`: kernel and initrd, (path on the host, path in the machine's words)."""
    argv = qemu.command(machine, program)
    own = jail.Jail(
        place,
        files,
        accelerator=machine.accelerator == KVM,
        user=QEMU_USER,
        label=machine.label,
        root_label=root_label,
    )
    return start("QEMU", own, argv, frozenset(descriptors(machine)), users, last_capability)


def find_qemu(path: str = "") -> str:
    """QEMU's path, or the one that an administrator says. Raises HostError."""
    found = programs.find(path, PLACES, "kvm.d")
    if found:
        return found
    raise HostError(
        f"{qemu.QEMU} is not installed, which runs virtual machines",
        "install it (Debian: qemu-system-x86), or run the pod in namespaces",
    )


def descriptors(machine: Machine) -> list[int]:
    """What the machine is connected with."""
    ends = [machine.console, machine.channel]
    ends += [share.end for share in machine.shares]
    ends += [nic.end for nic in machine.nics]
    ends += [disk.end for disk in machine.disks]
    found = [end.fd for end in ends]
    return [fd for fd in (*found, *(nic.vhost for nic in machine.nics)) if fd >= 0]


def start(
    name: str,
    own: Jail,
    argv: list[str],
    passed: frozenset[int],
    users: Optional[Users],
    last_capability: int,
) -> Helper:
    """Start a program in a jail, with these descriptors and no others."""
    reader, writer = os.pipe()
    executing, executed = os.pipe()
    null = os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC)
    step("fork")
    pid = os.fork()
    if pid == 0:
        try:
            process.rename(f"podwright-{name.lower()}")
            stdio = (null, writer)
            jail.execute(own, argv, stdio, passed, users, last_capability, executed)
        except BaseException as err:
            os.write(writer, f"{name} cannot be started: {err}\n".encode("utf-8", "replace"))
        finally:
            os._exit(127)
    for fd in (null, writer, executed):
        os.close(fd)
    os.set_blocking(reader, False)
    return Helper(name, pid, reader, executing)
