# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a pod and the machine that libvirt runs for it meet: sockets below /run/podwright/kvm/<uuid>.

They are there for a moment: once QEMU has connected, the directory is removed again, and what is
left of a start that was cut off goes with `sweep`.
Kernel and first file system lie beside them, in a copy that libvirt's QEMU can read; ours it cannot.
"""

from __future__ import annotations

import _socket
import os

from podwright.errors import HostError
from podwright.host import ownplace
from podwright.host.lock import claim, hold
from podwright.kernel import fs, unixsocket
from podwright.model.names import DIGITS, is_uuid, made_of
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

RUN = "/run/podwright"
BOOT = "boot"
LOCK = ".lock"
SOCKETS = ("console", "channel", "files")
CHUNK = 1 << 20
PATIENCE = 60.0
"""Seconds for gc to have taken back what an earlier start has left."""
DAEMONS = ("/run/libvirt/virtqemud-sock", "/run/libvirt/libvirt-sock")
STATES = "/run/libvirt/qemu"
"""Where libvirt writes down what runs."""
BINDING = "/usr/lib/python3/dist-packages/libvirt.py"


@value
class Boot:
    """Kernel and first file system, where libvirt's QEMU reads them."""

    kernel: str
    initrd: str


class Place:
    """The directory of one pod, with its sockets, at which we listen."""

    def __init__(self, uuid: str, run: str = RUN) -> None:
        ownplace.ensure(f"{run}/kvm", 0o711)
        self.path = f"{run}/kvm/{uuid}"
        # held as long as we are there, or who runs the machine for us
        self.lock = hold(f"{self.path}{LOCK}", "run a machine", PATIENCE)
        remove(self.path)
        fs.mkdir(self.path, 0o700)
        self.servers: dict[str, _socket.socket] = {}
        directory = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for name in SOCKETS:
                self.servers[name] = unixsocket.listen(directory, name, 1)
        finally:
            os.close(directory)

    def accept(self, name: str) -> _socket.socket:
        """Who has connected with one of the sockets; nobody is one who has gone already."""
        server = self.servers.pop(name)
        server.setblocking(False)
        found = unixsocket.accept(server)
        server.close()
        if found is None:
            found, theirs = unixsocket.pair()
            theirs.close()
        return found


def give(path: str, uid: int) -> None:
    """Let one user of the host, and nobody else but root, get at the sockets."""
    for name in SOCKETS:
        fs.chown(f"{path}/{name}", uid)
    fs.chown(path, uid)


def remove(path: str) -> None:
    """Remove a pod's directory: sockets are all that is in it."""
    for name in SOCKETS:
        fs.unlink(f"{path}/{name}")
    fs.rmdir_empty(path)


def boot(kernel: str, initrd: str, run: str = RUN) -> Boot:
    """Copies of both that everybody may read, made once until the host boots again."""
    directory = f"{run}/kvm/{BOOT}"
    ownplace.ensure(f"{run}/kvm", 0o711)
    ownplace.ensure_one(directory, 0o711)
    return Boot(_copy(kernel, directory), _copy(initrd, directory))


def _copy(source: str, directory: str) -> str:
    from _blake2 import blake2b

    # A link is not followed: what it means is not ours to show to everybody.
    with open(os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb") as file:
        found = os.fstat(file.fileno())
        stamps = (found.st_size, found.st_mtime_ns, found.st_ino)
        said = repr((os.path.realpath(source), *stamps)).encode()
        path = f"{directory}/{blake2b(said, digest_size=16).hexdigest()}"
        if not os.path.exists(path):
            fs.write_atomic(path, file.read(), 0o444, durable=False)
    return path


def sweep(run: str = RUN, problems: Optional[list[str]] = None) -> list[str]:
    """Remove what was left by pods that were killed together with all that held their machines; their UUIDs.

    `problems` gets a sentence for what cannot be: it stays, and the next one tries again.
    """
    try:
        names = os.listdir(f"{run}/kvm") if ownplace.check(f"{run}/kvm") else []
    except FileNotFoundError:
        return []
    locks = [name for name in names if name.endswith(LOCK) and is_uuid(name[: -len(LOCK)])]
    gone = []
    for name in locks:
        try:
            gone += [name] * _reclaim(f"{run}/kvm/{name}")
        except HostError as err:
            if problems is not None:
                problems.append(err.sentence())
    if len(gone) == len(locks) and BOOT in names:  # the next machine has them copied again
        fs.remove_tree(f"{run}/kvm/{BOOT}")
    return [name[: -len(LOCK)] for name in gone]


def _reclaim(path: str) -> bool:
    """Take back what belongs to a lock that nobody holds; False where somebody does.

    Raises HostError where the machine goes on, and leaves its lock.
    """
    fd = claim(path)
    if fd is None:
        return False
    try:
        place = path[: -len(LOCK)]
        remove(place)
        _forget(os.path.basename(place))
        fs.unlink(path)
        return True
    finally:
        os.close(fd)


def _forget(uuid: str) -> None:
    """Domain and taps of a pod: libvirtd, too, was killed, or did not see that we were. Raises HostError."""
    from podwright.stage1.kvm import libvirtnet, libvirtrun

    libvirtnet.forget(uuid)
    name = f"podwright-{uuid}"
    if any(os.path.exists(f"{STATES}/{name}.{kind}") for kind in ("xml", "pid")):
        libvirtrun.destroy(name)
        if _runs(name):
            raise HostError(
                f"domain {name} cannot be ended: libvirt does not do it, and its QEMU goes on",
                f"see whether libvirtd runs; virsh destroy {name}, and then podwright gc",
                object=name,
            )


def _runs(name: str) -> bool:
    """Whether the QEMU that libvirt has written down for a domain is that, and alive."""
    try:
        with open(f"{STATES}/{name}.pid") as file:
            number = file.read(20).strip()
        if not made_of(number, DIGITS):
            return False
        with open(f"/proc/{number}/cmdline", "rb") as file:
            return name.encode() in file.read()
    except OSError:
        return False


def answers() -> bool:
    """Whether libvirt can be asked here: Python's binding is there, and a daemon listens."""
    return os.path.exists(BINDING) and any(map(_listens, DAEMONS))


def _listens(path: str) -> bool:
    client = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM | _socket.SOCK_CLOEXEC)
    try:
        client.connect(path)
    except OSError:
        return False
    finally:
        client.close()
    return True


def use(runner: str) -> bool:
    """Whether libvirt runs the machine. Raises HostError where it was asked for and is not there."""
    if runner == "qemu":
        return False
    if answers():
        return True
    if runner == "libvirt":
        raise HostError(
            "libvirt does not answer on this host",
            "install libvirt-daemon-system and python3-libvirt and start libvirtd, or choose runner qemu",
            object="libvirt",
            reason="no-libvirt",
        )
    return False
