# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keep a machine whose guest is the standard input: prints what the parent is told, and how it ends.

Two sleeping children stand for QEMU and virtiofsd. Further words after the agent's directory:
input    the pod has a standard input, in which there is something to read
told     what the parent is told is shown also of a pod that has not begun
hurried  the machine's patience is 2 s, and what its guest may leave unread 4 KiB
"""

from __future__ import annotations

import _socket
import os
import socket
import sys
import time

sys.path.insert(0, sys.argv[1])

from podwright.errors import PodwrightError
from podwright.kernel import signals, unixsocket
from podwright.stage1.contract import Ready
from podwright.stage1.kvm import ports
from podwright.stage1.kvm import relaying as loop
from podwright.stage1.kvm.console import Console
from podwright.stage1.kvm.helpers import Helper
from podwright.stage1.kvm.outputs import Outputs
from podwright.stage1.kvm.relaying import Relaying
from podwright.stage1.namespaces.link import Inside
from podwright.stage1.namespaces.plan import PodPlan
from podwright.stage2.supervise import AWAITED


def sleeper(name: str, follows: int = 0) -> Helper:
    """A child that does nothing, and is killed when its keeper has heard of the end of `follows`."""
    reader, writer = os.pipe()
    executing, executed = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.closerange(3, 64)
        while follows and os.path.exists(f"/proc/{follows}"):
            time.sleep(0.01)
        if follows:
            os.kill(os.getpid(), 9)
        os.execv("/bin/sleep", ["sleep", "600"])
    for fd in (writer, executed):
        os.close(fd)
    os.set_blocking(reader, False)
    return Helper(name, pid, reader, executing)


def standard_input() -> int:
    """A pipe with a line in it, of which others have both ends, too."""
    reader, writer = os.pipe()
    os.write(writer, b"a line\n")
    return ports.own_input(reader)


def send(guest: _socket.socket, data: bytes) -> int:
    """Say all of it, however long that takes, and hear nothing; who does it is there until it is killed."""
    pid = os.fork()
    if pid == 0:
        guest.sendall(data)
        os.execv("/bin/sleep", ["sleep", "600"])
    return pid


def main() -> None:
    """Be the keeper."""
    if "hurried" in sys.argv:
        loop.COMING_UP, loop.MOST_UNREAD = 2.0, 4096
    signals.pthread_sigmask(signals.SIG_BLOCK, AWAITED)
    data = sys.stdin.buffer.read()
    plan = PodPlan("uuid", "", "", "h", False, (), (), Ready(), 10.0, False)
    report, told = os.pipe()
    _, go = os.pipe()
    server = socket.socket(socket.AF_UNIX)
    server.bind("")
    server.listen()
    link = Inside(told, go, server.detach())
    link.go_fd = -1
    channel, guest = unixsocket.pair()
    console, kernel = unixsocket.pair()
    kernel.send(b"a last word \x1b[2J\r\n")
    files = sleeper("virtiofsd")
    if data == b"both":
        loop.TOGETHER = 60.0
    qemu = sleeper("QEMU", follows=files.pid if data == b"both" else 0)
    relaying = Relaying(
        plan,
        link,
        channel=channel.detach(),
        console=Console(console.detach()),
        qemu=qemu,
        files=files,
        start=[b"", b""],
        outputs=Outputs(frozenset(("web",)), None),
        pts=-1,
        slave=-1,
        source=standard_input() if "input" in sys.argv else -1,
        go=None,
        nics={},
        told={},
    )
    relaying.apps = frozenset(("web",))
    ours = [files.pid]
    if data == b"kill":
        os.kill(qemu.pid, 9)
    elif data in (b"files", b"both"):
        os.kill(files.pid, 9)
        ours.clear()
    else:
        ours.append(send(guest, data))
    try:
        print("ended", *relaying.run())
    except PodwrightError as err:
        print("failed", err.reason, err.message)
        if "told" in sys.argv:
            print(os.read(report, 4096).decode().strip())
    except EOFError:
        os.set_blocking(report, False)
        print("lost", os.read(report, 4096).decode().strip())
    for pid in ours:
        os.kill(pid, 9)


main()
