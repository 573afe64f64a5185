# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""PID 1 of a fleet: makes the bridge, serves images, boots the hosts, and boots them again when they reboot.

Runs in namespaces of its own, which `tests.support.hosts` makes; when this process ends, the kernel ends every host,
mount and link with it. `python -m tests.support.fleet_init STATE COUNT ROOTFS`.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from tests.support.certs import server_files
from tests.support.cgroups import CgroupSet
from tests.support.fleet import BRIDGE, GATEWAY, IMAGE_HOST, PREFIX_LENGTH, Fleet, Host
from tests.support.processes import start_detached
from tests.support.webserver import ImageServer

LIFETIME = 4 * 3600
"""Seconds after which a forgotten fleet ends by itself."""

REBOOT = 133
"""nspawn's exit status for "start me again", because `--keep-unit` leaves that to its caller (systemd-nspawn(1))."""

MAX_BOOTS = 20
"""Boots of one host after which something is wrong with it."""


def main() -> None:
    """Start everything, then look after the hosts until the end."""
    state, count, rootfs = Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
    signal.signal(signal.SIGALRM, lambda *_: os._exit(0))
    signal.alarm(LIFETIME)
    fleet = Fleet.of(state, count)
    _make_bridge()
    _serve_images(fleet)
    running = {}
    for host in fleet.hosts:
        _mount_root(host, rootfs)
        running[_boot(host)] = host
    _supervise(running)


def _run(*command: str) -> None:
    subprocess.run(command, check=True)


def _make_bridge() -> None:
    _run("ip", "link", "add", BRIDGE, "type", "bridge")
    _run("ip", "address", "add", f"{GATEWAY}/{PREFIX_LENGTH}", "dev", BRIDGE)
    _run("ip", "link", "set", BRIDGE, "up")


def _serve_images(fleet: Fleet) -> None:
    files = server_files(fleet.tls, [IMAGE_HOST])
    server = ImageServer(fleet.www, [IMAGE_HOST], files=files)
    server.serve_on(socket.create_server((GATEWAY, 443), backlog=64))


def _mount_root(host: Host, rootfs: Path) -> None:
    host.root.mkdir()
    work = host.directory / "work"
    work.mkdir()
    layers = f"lowerdir={rootfs},upperdir={host.upper},workdir={work}"
    _run("mount", "-t", "overlay", "-o", layers, "overlay", str(host.root))


def _boot(host: Host) -> int:
    """Start nspawn for a host and return its process id."""
    command = [
        "systemd-nspawn", "--quiet", "--boot", f"--machine={host.name}", f"--directory={host.root}",
        f"--bind={host.var}:/var", f"--network-bridge={BRIDGE}",
        # Virtual machines have tap devices; and no /dev/kvm, in which nested kernels may hang.
        *(["--bind=/dev/net/tun"] if Path("/dev/net/tun").exists() else []),
        # There is no systemd out here to register with, and none to start a scope.
        "--register=no", "--keep-unit",
        # A host, not a container: it makes namespaces, mounts and filters of its own.
        "--capability=all", "--system-call-filter=@keyring bpf",
        "--resolv-conf=off", "--timezone=off", "--link-journal=no", "--console=read-only",
    ]  # fmt: skip
    entered = CgroupSet(host.name).enter_command(command)
    with (host.directory / "console.log").open("a") as log:
        # Popen would keep a list of forgotten children, and reap one now and then before `_supervise` can.
        return start_detached(entered, host.directory, log, log).pid


def _supervise(running: dict[int, Host]) -> None:
    """Reap every child; boot a host again when it asked for that, and say so when it ended otherwise."""
    boots = dict.fromkeys(running.values(), 1)
    while running:
        pid, status = os.wait()
        host = running.pop(pid, None)
        if host is None:
            continue
        code = os.waitstatus_to_exitcode(status)
        if code == REBOOT and boots[host] < MAX_BOOTS:
            boots[host] += 1
            print(f"{time.strftime('%T')} {host.name}: boot {boots[host]}", flush=True)
            running[_boot(host)] = host
        else:
            print(f"{time.strftime('%T')} {host.name}: ended with status {code}", flush=True)


if __name__ == "__main__":
    main()
