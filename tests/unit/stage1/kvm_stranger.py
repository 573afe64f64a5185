# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keep a machine whose guest is the standard input: prints what the parent is told, and how it ends.

Two sleeping children stand for QEMU and virtiofsd.
"""

from __future__ import annotations

import os
import socket
import sys

sys.path.insert(0, sys.argv[1])

from podwright.errors import PodwrightError
from podwright.kernel import signals, unixsocket
from podwright.stage1.contract import Ready
from podwright.stage1.kvm.console import Console
from podwright.stage1.kvm.helpers import Helper
from podwright.stage1.kvm.outputs import Outputs
from podwright.stage1.kvm.relaying import Relaying
from podwright.stage1.namespaces.link import Inside
from podwright.stage1.namespaces.plan import PodPlan
from podwright.stage2.supervise import AWAITED


def sleeper(name: str) -> Helper:
    """A child that does nothing."""
    reader, writer = os.pipe()
    executing, executed = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.closerange(3, 64)
        os.execv("/bin/sleep", ["sleep", "600"])
    for fd in (writer, executed):
        os.close(fd)
    os.set_blocking(reader, False)
    return Helper(name, pid, reader, executing)


def main() -> None:
    """Be the keeper."""
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
    qemu, files = sleeper("QEMU"), sleeper("virtiofsd")
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
        go=None,
        nics={},
        told={},
    )
    relaying.apps = frozenset(("web",))
    if data == b"kill":
        os.kill(qemu.pid, 9)
    else:
        guest.send(data)
    try:
        print("ended", *relaying.run())
    except PodwrightError as err:
        print("failed", err.reason, err.message)
    except EOFError:
        os.set_blocking(report, False)
        print("lost", os.read(report, 4096).decode().strip())
    os.kill(files.pid, 9)


main()
