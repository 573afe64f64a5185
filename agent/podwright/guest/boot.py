# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the kernel's first process to a machine with file systems, modules and a channel to its host."""

from __future__ import annotations

import _socket
import errno
import os
import time

from podwright.errors import HostError
from podwright.guest import modules
from podwright.kernel import fs, machine, mounts
from podwright.stage1.kvm.protocol import PORT, SHARE, TAG

PREFIX = "podwright."
PATIENCE = 30.0
"""Seconds for a device to appear, and for the host to answer."""
KERNEL = mounts.NOSUID | mounts.NODEV | mounts.NOEXEC
CGROUPS = "/sys/fs/cgroup"
RUN = "/run"
VSOCK, HOST_CID = 40, 2
HYPERVISOR = "/sys/hypervisor/type"
UNDER_XEN = {"bus": "xen", "channel": "hvc", "share": "9p"}
"""What is so in a guest of Xen's, unless its command line says otherwise."""
SECOND_CONSOLE = "/dev/hvc1"
NOT_YET = (errno.EINVAL, errno.ENOENT, errno.ENODEV)
"""What a mount says whose device is not there."""


def words(cmdline: str) -> dict[str, str]:
    """Those of the kernel's command line that are for us, without their prefix."""
    found = (word[len(PREFIX) :] for word in cmdline.split() if word.startswith(PREFIX))
    return {key: text for key, _, text in (word.partition("=") for word in found)}


def mount(fstype: str, where: str, attributes: int, *options: tuple[str, str]) -> None:
    """Mount a new file system at a directory, which is made."""
    fs.ensure_dir(where, 0o755)
    made = mounts.filesystem(fstype, options, attributes)
    place = os.open(where, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    mounts.attach(made, place)
    os.close(place)
    os.close(made)


def prepare() -> tuple[str, dict[str, str]]:
    """Mount what the kernel itself offers; its command line, and our words of it."""
    mounts.leave_first_root()
    mount("proc", "/proc", KERNEL)
    mount("sysfs", "/sys", KERNEL)
    mount("devtmpfs", "/dev", mounts.NOSUID | mounts.NOEXEC)
    mount("cgroup2", CGROUPS, KERNEL, ("nsdelegate", ""))
    mount("tmpfs", RUN, KERNEL, ("mode", "0755"))
    with open("/proc/cmdline") as file:
        cmdline = file.read()
    said = words(cmdline)
    return cmdline, {**_around(said.get("bus", "")), **said}


def _around(bus: str) -> dict[str, str]:
    """What is so in a machine on this bus; "": on that which the kernel knows of."""
    if bus:
        return UNDER_XEN if bus == "xen" else {}
    try:
        with open(HYPERVISOR) as file:
            return UNDER_XEN if file.read().strip() == "xen" else {}
    except OSError:
        return {}


def load(cmdline: str, said: dict[str, str]) -> None:
    """Load what this machine needs. Raises HostError for a module that cannot be."""
    try:
        with open(modules.INDEX) as file:
            index = file.read()
    except FileNotFoundError:
        index = ""
    for name, path in modules.in_order(index, modules.wanted(said)):
        try:
            machine.load_module(f"{modules.PLACE}/{path}", modules.parameters(name, cmdline))
        except OSError as err:
            raise HostError(f"module {name} cannot be loaded: {err.strerror}") from None


def share(said: dict[str, str]) -> None:
    """Mount the pod's root."""
    if said.get("share") != "9p":
        mount("virtiofs", SHARE, 0, ("source", TAG))
        return
    options = (
        ("source", TAG),
        ("trans", "xen" if said.get("bus") == "xen" else "virtio"),
        ("version", "9p2000.L"),
        ("msize", "262144"),
    )
    until = time.monotonic() + PATIENCE
    while True:
        try:
            mount("9p", SHARE, 0, *options, ("cache", "mmap"))
            return
        except OSError as err:
            if err.errno not in NOT_YET or time.monotonic() >= until:
                raise HostError(f"the pod's files cannot be reached: {err.strerror}") from None
        time.sleep(0.001)


def channel(said: dict[str, str]) -> int:
    """The channel to the host, open; it does not block. Raises HostError."""
    kind, _, port = said.get("channel", "serial").partition(":")
    if kind == "hvc":
        return _console()
    fd = _vsock(int(port)) if kind == "vsock" else _serial()
    os.set_blocking(fd, False)
    return fd


def _console() -> int:
    """The machine's second console, as a line that changes no byte. The host says nothing before us."""
    import termios

    from podwright.stage1.namespaces.relay import raw_mode

    fd = _soon(SECOND_CONSOLE)
    termios.tcsetattr(fd, termios.TCSANOW, raw_mode(termios.tcgetattr(fd)))
    return fd


def _soon(path: str) -> int:
    """Open a terminal that may be there a moment later."""
    until = time.monotonic() + PATIENCE
    while True:
        try:
            return os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as err:
            if time.monotonic() >= until:
                raise HostError(f"there is no {path}: {err.strerror}") from None
        time.sleep(0.001)


def _vsock(port: int) -> int:
    client = _socket.socket(VSOCK, _socket.SOCK_STREAM | _socket.SOCK_CLOEXEC)
    try:
        client.connect((HOST_CID, port))
    except OSError as err:
        raise HostError(f"the host does not answer on vsock port {port}: {err.strerror}") from None
    return client.detach()


def _serial() -> int:
    """The port of our name. The device tells its ports' names a moment after it is there."""
    until = time.monotonic() + PATIENCE
    while True:
        path = _port()
        if path:
            return os.open(path, os.O_RDWR | os.O_CLOEXEC)
        if time.monotonic() >= until:
            raise HostError(f"there is no virtio-serial port {PORT}")
        time.sleep(0.001)


def _port() -> str:
    base = "/sys/class/virtio-ports"
    for name in os.listdir(base) if os.path.isdir(base) else ():
        try:
            with open(f"{base}/{name}/name") as file:
                if file.read().strip() == PORT and os.path.exists(f"/dev/{name}"):
                    return f"/dev/{name}"
        except OSError:
            continue
    return ""
