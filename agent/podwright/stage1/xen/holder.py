# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The process that makes a pod's domain and holds it: root of dom0, a child of the pod's parent.

It is outside of the pod's namespaces, so that it outlives whoever is killed there, and ends the domain as soon
as the keeper (`kvm.keeper`) is not there any more. The keeper says what it needs in one message of JSON, with two
descriptors: its network namespace, and where the guest's console goes. The holder answers in lines:
`domid N RUNNER` when there is a domain for which devices can be served, `ready` when its links are the pod's,
`failed SENTENCE`; and hangs up when the domain has ended. The domain begins to run when its files are served.
"""

from __future__ import annotations

import os
import select

from podwright import jsonio
from podwright.errors import HostError, PodwrightError
from podwright.kernel import process, rtlook, rtnl, signals, unixsocket, xenstore
from podwright.kernel.step import step
from podwright.net import linkmessages
from podwright.stage1.kvm import redirect
from podwright.stage1.xen import devices, leaving, xl
from podwright.stage1.xen import plan as plans
from podwright.stage1.xen.machine import LIBVIRT, XL, Disk
from podwright.stage1.xen.place import Place, sweep
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    import _socket
    from typing import Any, Optional

    from podwright.stage1.xen.machine import Domain, Settings

DOMID, READY, FAILED = "domid", "ready", "failed"
LARGEST = 1 << 16
IGNORED = (signals.SIGINT, signals.SIGTERM, signals.SIGHUP, signals.SIGQUIT, signals.SIGPIPE)
"""Who ends the pod says so to the keeper."""
FILES, TTY, ENDED = "files", "tty", "ended"
PTS = "/dev/pts/"
OVER = frozenset("scd")
"""Letters of a domain that does not run any more: shut down, crashed, dying."""
PIECE = 4096
AGAIN = 5.0
"""Seconds until xl is asked again that did not tell whether the domain is there."""
MOST = 600
"""Seconds that libvirt may take for anything. Then we die, and who finds our lock free asks xl."""


class Held:
    """The parent's side of it."""

    def __init__(self, uuid: str, run: str, pid: int, keeper: int) -> None:
        self.uuid = uuid
        self.run = run
        self.pid = pid
        self.keeper = keeper

    def forked(self) -> None:
        """The keeper has its end of the socket now."""
        if self.keeper >= 0:
            os.close(self.keeper)
            self.keeper = -1

    def end(self) -> str:
        """Wait until the domain has ended, and take back what is left of it where nobody holds it.

        Returns "", or a sentence where it goes on.
        """
        from podwright.stage1.xen import place

        self.forked()
        told = place.end(self.uuid, self.run)
        os.waitpid(self.pid, os.WNOHANG)
        return told


def start(found: Domain, settings: Settings, pod: str, run: str) -> Held:
    """Start the holder. `pod`: its name, or "". What others have left is taken away before; gc says what is not."""
    sweep(run, [])
    place = Place(found.uuid, run)
    ours, theirs = unixsocket.pair()
    step("fork")
    pid = os.fork()
    if pid == 0:
        try:
            keeper = unixsocket.adopt(_become(theirs.fileno(), place.lock))
            _Holder(keeper, found, settings, pod, place).run()
        finally:
            os._exit(1)
    theirs.close()
    os.close(place.lock)
    return Held(found.uuid, run, pid, ours.detach())


def _become(socket: int, lock: int) -> int:
    """A process with nothing of its parent's but what it talks to."""
    process.rename("podwright-xen")
    os.setsid()
    null = os.open("/dev/null", os.O_RDWR)
    for fd in range(3):
        os.dup2(null, fd)
    process.close_all_but(frozenset((socket, lock)))
    os.environ.clear()  # libvirt's library would follow a dozen of its own
    for number in IGNORED:
        signals.signal(number, signals.SIG_IGN)
    signals.pthread_sigmask(signals.SIG_SETMASK, ())
    os.chdir("/")
    return socket


class _Holder:
    """See the module."""

    def __init__(
        self, keeper: _socket.socket, found: Domain, settings: Settings, pod: str, place: Place
    ) -> None:
        self.keeper = keeper
        self.domain = found
        self.settings = settings
        self.pod = pod
        self.place = place
        self.libvirt: Any = None
        self.domid = 0
        self.net = self.console = self.tty = -1
        self.store: Optional[xenstore.Store] = None
        self.runs = False
        self.unknown = False

    def run(self) -> None:
        """From the first word of the keeper's to the end of the domain."""
        try:
            asked = self._asked()
            if asked is not None:
                self._make(asked)
                self._hold()
        except (PodwrightError, OSError) as err:
            self._say(f"{FAILED} {_sentence(err)}")
        finally:
            self._end()

    def _say(self, line: str) -> None:
        try:
            unixsocket.send(self.keeper, f"{line}\n".encode("utf-8", "replace"))
        except OSError:
            return  # the keeper has gone, which the next look at its end says

    def _asked(self) -> Optional[dict[str, Any]]:
        """What the keeper wants; None when it has ended before."""
        data, fds = unixsocket.receive(self.keeper, LARGEST)
        if not data:
            return None
        self.net, self.console = fds
        os.set_blocking(self.console, False)
        said: dict[str, Any] = jsonio.loads(data, "a word of the keeper's")
        return said

    # Making it

    def _make(self, asked: dict[str, Any]) -> None:
        disks = tuple(self._disk(at, raw) for at, raw in enumerate(asked["disks"]))
        wanted = plans.with_disks(self.domain, disks, self.settings)
        self.store = xenstore.Store()
        runner = self._create(wanted)
        self.place.record(self.domid)
        for node in devices.nodes(self.domid):
            self.store.write(node.path, node.text)
            self.store.permit(node.path, node.permissions)
        self._say(f"{DOMID} {self.domid} {runner}")
        if not self.settings.network_backend:
            for number in range(len(wanted.vifs)):
                self._take_link(number)
        self._say(READY)

    def _disk(self, number: int, raw: dict[str, Any]) -> Disk:
        path = self.place.disk(number, raw["device"])
        return Disk(plans.disk_name(number), path, raw["read_only"])

    def _create(self, wanted: Domain) -> str:
        """Make the domain; returns by what."""
        if self.settings.runner != XL:
            from podwright import __version__
            from podwright.stage1.xen import libvirt

            try:
                self.libvirt = libvirt.connect()
            except HostError:
                if self.settings.runner == LIBVIRT:
                    raise
            else:
                self.place.begin()
                signals.alarm(MOST)
                try:
                    self.domid = libvirt.create(self.libvirt, wanted, self.pod, __version__)
                finally:
                    if libvirt.answers(self.libvirt):
                        self.place.settle()
                    signals.alarm(0)
                return LIBVIRT
        self.domid = xl.create(wanted, self.place.configuration, self.place.lock)
        return XL

    def _take_link(self, number: int) -> None:
        """Move dom0's end of a network device into the pod's namespace, where it is what a tap is."""
        assert self.store is not None
        name = f"vif{self.domid}.{number}"
        index = next((one.index for one in rtlook.links() if one.name == name), 0)
        if not index:
            raise HostError(f"the domain's network device {name} is not there in dom0")
        socket = rtnl.Rtnl()
        try:
            inside = f"{redirect.TAP}{number}"
            socket.call(name, linkmessages.moved(index, inside, self.net))
        finally:
            socket.close()
        status = f"/local/domain/0/backend/vif/{self.domid}/{number}/hotplug-status"
        self.store.write(status, "connected")

    # Holding it

    def _hold(self) -> None:
        """Until the domain has ended, or the keeper."""
        assert self.store is not None
        self.store.watch(devices.served(self.domid), FILES)
        self.store.watch(f"/local/domain/{self.domid}/console/tty", TTY)
        self.store.watch("@releaseDomain", ENDED)
        while True:
            wait = select.poll()
            for fd in (self.keeper.fileno(), self.store.fileno(), self.tty):
                if fd >= 0:
                    wait.register(fd, select.POLLIN)
            pause = AGAIN * 1000 if self.unknown else None
            ready = dict(wait.poll(0 if self.store.events else pause))
            if self.keeper.fileno() in ready:
                return  # it says nothing more but that it has ended
            if self.tty in ready:
                self._pass_on()
            if self.store.fileno() in ready:
                self.store.take()
            if not ready and self.unknown and self._is_over():
                return
            for token in [token for _, token in self.store.events]:
                if self._noted(token):
                    return
            self.store.events = []

    def _noted(self, token: str) -> bool:
        """Something has changed; whether the domain is over."""
        assert self.store is not None
        if token == ENDED:
            return self._is_over()
        if token == FILES and not self.runs:
            self.runs = self.store.read(devices.served(self.domid)) == devices.INIT_WAIT
            if self.runs:
                self._unpause()
        if token == TTY and self.tty < 0:
            path = self.store.read(f"/local/domain/{self.domid}/console/tty") or ""
            if path.startswith(PTS) and xl.is_number(path[len(PTS) :]):
                self.tty = os.open(path, os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
        return False

    def _is_over(self) -> bool:
        """Whether the domain has ended. Others end, too, and that xl cannot look then is no end of ours."""
        try:
            state = xl.state(self.domain.name)
        except HostError:
            self.unknown = True
            return False
        self.unknown = False
        return not state or bool(OVER.intersection(state))

    def _unpause(self) -> None:
        if self.libvirt is None:
            xl.unpause(self.domain.name)
            return
        from podwright.stage1.xen import libvirt

        libvirt.unpause(self.libvirt, self.domain.name)

    def _pass_on(self) -> None:
        """What the guest's kernel writes; what nobody reads in time is not kept."""
        try:
            data = os.read(self.tty, PIECE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            os.close(self.tty)
            self.tty = -1
            return
        try:
            os.write(self.console, data)
        except OSError:
            return

    def _end(self) -> None:
        """The domain, and all that there is of it. What cannot be done here, whoever gets the lock tries again."""
        try:
            if self.libvirt is not None:
                from podwright.stage1.xen import libvirt

                signals.alarm(MOST)
                libvirt.destroy(self.libvirt, self.domain.name)
                signals.alarm(0)
            if self.store is not None:
                leaving.forget(self.domain.name, self.domid)
            self.place.remove()
        finally:
            os._exit(0)


def _sentence(err: Exception) -> str:
    if isinstance(err, PodwrightError):
        return err.sentence()
    return f"the domain cannot be held: {safe(' '.join(str(err).split()), 300)}"
