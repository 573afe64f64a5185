# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A machine that libvirt runs (`qemu:///system`), and the process that holds it.

The holder is a child of the pod's PID 1, forked while that is root of the host. The domain belongs to its
connection (AUTODESTROY): however the holder ends, with the pod, or killed alone, libvirt destroys the domain.
It is the only process of ours that loads libvirt's library. It tells how it went as a helper
does: a byte when the machine runs, the last line of its output for why not, its end for the machine's end.
"""

from __future__ import annotations

import os

from podwright.errors import HostError, PodwrightError
from podwright.host import distpackages
from podwright.kernel import fs, process, signals
from podwright.kernel.step import step
from podwright.stage1.kvm import domain, libvirtnet, libvirtplace
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

    from podwright.stage1.kvm.helpers import Helper
    from podwright.stage1.kvm.libvirtplace import Place
    from podwright.stage1.kvm.machine import Machine

URI = "qemu:///system"
"""Said in so many words: what the environment says about another one is not asked."""
UP = b"+"
MOST = 60
"""Seconds that libvirt may take to end a stray domain; a daemon that hangs keeps gc for no longer."""


def start(
    machine: Machine,
    pod: str,
    version: str,
    place: Place,
    host_net: int = -1,
    taps: tuple[str, ...] = (),
) -> Helper:
    """Start the holder, which makes the domain.

    place      where it is to find its sockets
    host_net   the host's network namespace, where the machine's taps are made, and
    taps       their names in the pod's, into which they move
    """
    from podwright.stage1.kvm.helpers import Helper

    description = domain.xml(machine, pod, version)
    reader, writer = os.pipe()
    executing, told = os.pipe()
    held, leash = os.pipe()
    step("fork")
    pid = os.fork()
    if pid == 0:
        try:
            _become(frozenset((told, held, place.lock, host_net)), writer)
            links = libvirtnet.Taps(machine.uuid, taps, host_net) if taps else None
            try:
                running = _create(description, place.path)
                if links is not None:
                    links.move()
            finally:
                if links is not None:
                    links.forget()
            _hold(running, place.path, told, held)
        except BaseException as err:
            os.write(writer, f"{_sentence(err)}\n".encode("utf-8", "replace"))
        finally:
            os._exit(1)
    os.close(writer)
    os.close(told)
    os.close(held)
    os.set_blocking(reader, False)
    return Helper("libvirt", pid, reader, executing, leash)


def _become(kept: frozenset[int], writer: int) -> None:
    """A process with nothing of the pod's but what it talks to."""
    process.rename("podwright-libvirt")
    process.unshare(process.CLONE_NEWNS)  # whoever forked us has another root soon
    null = os.open("/dev/null", os.O_RDONLY)
    for fd, source in ((0, null), (1, writer), (2, writer)):
        os.dup2(source, fd)
    process.close_all_but(frozenset(fd for fd in (*kept, writer) if fd >= 0))
    os.environ.clear()  # the library would follow a dozen of its own
    signals.pthread_sigmask(signals.SIG_SETMASK, ())
    os.chdir("/")


def _create(description: str, place: str) -> Any:
    """The domain, running."""
    libvirt = load()
    libvirt.virEventRegisterDefaultImpl()
    connection = libvirt.open(URI)
    libvirtplace.give(place, owner(connection.getCapabilities()))
    flags = libvirt.VIR_DOMAIN_START_AUTODESTROY | libvirt.VIR_DOMAIN_START_VALIDATE
    step("virDomainCreateXML")
    return connection.createXML(description, flags)


def _hold(machine: Any, place: str, told: int, held: int) -> NoReturn:
    """Wait for its end, and end it when nobody has the other end of `held` any more."""
    import libvirt

    connection = machine.connect()
    ended: list[bool] = []

    def lifecycle(_connection: Any, _domain: Any, event: int, _detail: int, _opaque: Any) -> None:
        if event == libvirt.VIR_DOMAIN_EVENT_STOPPED:
            ended.append(True)

    def let_go(_watch: int, _fd: int, _events: int, _opaque: Any) -> None:
        ended.append(True)

    libvirt.virEventAddHandle(held, libvirt.VIR_EVENT_HANDLE_READABLE, let_go, None)
    kind = libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE
    connection.domainEventRegisterAny(machine, kind, lifecycle, None)
    connection.registerCloseCallback(
        lambda _connection, _reason, _opaque: None, None
    )  # it wakes us
    libvirtplace.remove(place)
    os.write(told, UP)
    os.close(told)
    while not ended and connection.isAlive() and _runs(libvirt, machine):
        libvirt.virEventRunDefaultImpl()
    if not ended and not connection.isAlive():
        raise HostError("libvirtd has gone away")
    if _runs(libvirt, machine):
        step("virDomainDestroy")
        machine.destroy()
    fs.unlink(f"{place}{libvirtplace.LOCK}")
    os._exit(0)


def _runs(libvirt: Any, machine: Any) -> bool:
    """Whether the domain is still there: it may have ended before we listened to its events."""
    try:
        return bool(machine.isActive())
    except libvirt.libvirtError:
        return False


def load() -> Any:
    """libvirt's binding, silent: errors come as exceptions. Raises HostError."""
    distpackages.enable()
    try:
        import libvirt
    except ImportError:
        raise HostError(
            "libvirt's binding for Python is not there", "install the package python3-libvirt"
        ) from None
    libvirt.registerErrorHandler(lambda _context, _error: None, None)
    return libvirt


def owner(capabilities: str) -> int:
    """The user that libvirt's QEMU runs as, from the host's capabilities (`secmodel` dac). Raises HostError."""
    from xml.etree import ElementTree

    root = ElementTree.fromstring(capabilities)
    for model in root.iterfind("./host/secmodel"):
        if model.findtext("model") != "dac":
            continue
        for label in model.iterfind("baselabel"):
            user = (label.text or "").partition(":")[0].lstrip("+")
            if user.isascii() and user.isdigit() and int(user) > 0:
                return int(user)
    raise HostError(
        "libvirt does not say which user its machines run as, or they run as root",
        "set user and group in /etc/libvirt/qemu.conf, and security_driver not to none",
    )


def destroy(name: str) -> None:
    """End a stray domain of ours, in a process of its own, which has the library; whether it did, it does not say."""
    step("fork")
    pid = os.fork()
    if pid:
        os.waitpid(pid, 0)
        return
    try:
        signals.alarm(MOST)
        libvirt = load()
        connection = libvirt.open(URI)
        step("virDomainDestroy")
        connection.lookupByName(name).destroy()
    finally:
        os._exit(0)


def _sentence(err: BaseException) -> str:
    if isinstance(err, PodwrightError):
        return err.sentence()
    return f"libvirt cannot run the machine: {safe(' '.join(str(err).split()), 300)}"
