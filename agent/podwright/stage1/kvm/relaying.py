# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One loop between a pod's guest and everybody else. It waits for all of them, and for none in particular."""

from __future__ import annotations

import os
import select
import time

from podwright import jsonio
from podwright.errors import LaunchError, PodwrightError
from podwright.kernel import signalfd, signals, unixsocket
from podwright.stage1.kvm import frames, reports
from podwright.stage1.kvm import plan as plans
from podwright.stage1.kvm.channel import Channel, parsed
from podwright.stage1.kvm.clients import Clients
from podwright.stage1.kvm.frames import Nonsense
from podwright.stage1.kvm.ports import Input, Port, Terminal
from podwright.stage1.kvm.protocol import INPUT, OUTPUT, TERMINAL
from podwright.stage1.namespaces import link as messages
from podwright.stage1.namespaces.link import Go
from podwright.stage2.supervise import AWAITED, PASSED_ON, SENT_BY_KILL, STOPPING
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from podwright.stage1.kvm.channel import Stream
    from podwright.stage1.kvm.console import Console
    from podwright.stage1.kvm.frames import Frame
    from podwright.stage1.kvm.helpers import Helper
    from podwright.stage1.kvm.outputs import Outputs
    from podwright.stage1.namespaces.link import Inside
    from podwright.stage1.namespaces.plan import PodPlan

NEVER = float("inf")
COMING_UP = 300.0
"""Seconds for a machine to say its first word, also where everything is slow."""
LAST = 10.0
"""Seconds from a guest's last report to its end."""
SOON = 0.02
"""Seconds until a log that took nothing is tried again."""
LOOK = 0.25
"""Seconds between two looks at the size of a terminal."""
TIME = 60.0
"""Seconds between two words about what time it is."""
TOGETHER = 1.0
"""Seconds for QEMU's end to be seen when virtiofsd has ended."""
MOST_UNREAD = 1 << 20
"""Bytes that a guest may leave unread: it is not heard before it has taken some."""
DYING = 5.0
"""Seconds for QEMU to end whose guest has hung up."""


class Relaying:
    """See the module. In the pod's own root, without any way back to the host's."""

    def __init__(
        self,
        plan: PodPlan,
        link: Inside,
        *,
        channel: int,
        console: Console,
        qemu: Helper,
        files: Helper,
        start: list[bytes],
        outputs: Outputs,
        pts: int,
        slave: int,
        source: int = -1,
        go: Optional[Go],
        nics: dict[str, Any],
        told: dict[str, Any],
    ) -> None:
        self.plan = plan
        self.link = link
        self.apps = frozenset(app.name for app in plan.apps)
        self.pace = reports.Pace(len(self.apps))
        self.channel = Channel(channel, 1, self._opened, self._heard)
        self.console = console
        self.qemu = qemu
        self.files = files
        self.start = start
        self.outputs = outputs
        self.pts = pts
        self.slave = slave
        self.source = source
        self.go = go
        self.nics = nics
        self.told = told
        self.began = qemu.began
        self.signals = signalfd.open_signals(AWAITED)
        self.clients = Clients(link.control, self.channel, mapped=True)
        self.hello: Optional[reports.Hello] = None
        self.entered = self.went = self.bye = self.lost = False
        self.is_ready = False
        self.outcome: Optional[tuple[int, str]] = None
        self.failure: Optional[PodwrightError] = None
        self.reports = 0
        self.until = time.monotonic() + COMING_UP
        self.clock = NEVER
        self.hung_up = False
        self.asked = False
        self.go_data = b""
        self.listened = {console.fd: console.read, qemu.output: qemu.read, files.output: files.read}

    # The loop

    def run(self) -> tuple[int, str]:
        """Until the machine has ended: status and reason.

        Raises what the guest says or what is said of it, when it did not come to run the pod, and
        EOFError when it has ended in the midst of it.
        """
        try:
            while not self._over():
                self._wait()
        except Nonsense as err:
            self._lost(f"the guest of the pod's machine says nonsense: {err}")
        self._end_machine()
        self._deliver()
        if self.lost:
            raise EOFError
        if self.failure is not None:
            raise self.failure
        assert self.outcome is not None
        return self.outcome

    def _over(self) -> bool:
        """Whether there is nothing to wait for any more."""
        if self.qemu.status is not None or self.files.status is not None:
            self._died()
            return True
        if time.monotonic() >= self.until:
            self._late()
            return True
        settled = self.outcome is not None or self.failure is not None
        return settled and (self.bye or self.hello is None)

    def _wait(self) -> None:
        wait = select.poll()
        wait.register(self.signals, select.POLLIN)
        if not self.hung_up:
            wait.register(self.channel.fd, self._channel_events())
        if self.go is None and self.link.go_fd >= 0:
            wait.register(self.link.go_fd, select.POLLIN)
        for fd in self.listened:
            wait.register(fd, select.POLLIN)
        waited: dict[int, Port] = {}
        for port in self._ports():
            for fd, events in port.events().items():
                waited[fd] = port
                wait.register(fd, events)
        left = max(0.0, self._due() - time.monotonic())
        for fd, events in wait.poll(min(left, 3600.0) * 1000):
            self._ready(fd, events, waited)
        self._tick()

    def _channel_events(self) -> int:
        """What the channel waits for: who does not read, or reports without end, is not heard for a while."""
        unread = len(self.channel.waiting)
        heard = unread < MOST_UNREAD and not self.pace.wait(time.monotonic())
        return (select.POLLOUT if unread else 0) | (select.POLLIN if heard else 0)

    def _ready(self, fd: int, events: int, waited: dict[int, Port]) -> None:
        if fd == self.signals:
            for came in signalfd.read(fd):
                self._signalled(came)
        elif fd == self.channel.fd:
            self.channel.flush()
            if events & ~select.POLLOUT and not self.channel.read():
                self.hung_up = True
                self.until = min(self.until, time.monotonic() + DYING)
        elif fd in self.listened:
            if not self.listened[fd]():
                del self.listened[fd]
        elif fd == self.link.go_fd:
            self._read_go()
        elif waited[fd].open:
            waited[fd].ready(fd, events)

    def _ports(self) -> list[Port]:
        return [each for each in self.channel.streams.values() if isinstance(each, Port)]

    def _due(self) -> float:
        due = min(self.until, self.clock, self.clients.control.due())
        if any(isinstance(port, Terminal) for port in self._ports()):
            due = min(due, time.monotonic() + LOOK)
        if self.pace.wait(time.monotonic()):
            due = min(due, time.monotonic() + self.pace.wait(time.monotonic()))
        if any(each.held for each in self.outputs.logged):
            due = min(due, time.monotonic() + SOON)
        return due

    def _tick(self) -> None:
        now = time.monotonic()
        self.outputs.tick()
        for port in self._ports():
            if isinstance(port, Terminal):
                port.look()
        if now >= self.clients.control.due() or self.clients.stirred():
            self.clients.control.signalled()
        if now >= self.clock:
            self.clock = now + TIME
            self.channel.send(frames.CLOCK, str(time.time_ns()).encode())

    # Signals and children

    def _signalled(self, came: signalfd.Came) -> None:
        if came.number == signals.SIGCHLD:
            self._reap()
        elif came.number == signals.SIGIO:
            if self.hello is not None:  # a guest that has not greeted may not be able to hear
                self.clients.control.signalled()
        elif came.pid == 0 and came.code == SENT_BY_KILL:  # nobody in here has sent it
            self._told_to(came.number)

    def _told_to(self, number: int) -> None:
        if number in STOPPING:
            if self.hello is None:
                self.outcome = (0, "stopped")
                return
            if not self.asked:
                self.asked = True
                self.until = min(self.until, time.monotonic() + plans.patience(self.plan))
        if self.hello is not None and number in (*STOPPING, *PASSED_ON):
            self.channel.send(frames.SIGNAL, str(number).encode())

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            code = os.waitstatus_to_exitcode(status)
            for helper in (self.qemu, self.files):
                if helper.pid == pid:
                    helper.status = code
            self.clients.control.ended(pid, code if code >= 0 else 128 - code)

    # What the guest says

    def _heard(self, frame: Frame) -> None:
        """A frame of the machine itself. Raises Nonsense."""
        kind, data = frame.kind, frame.data
        if kind == frames.HELLO and self.hello is None:
            self._begin(reports.hello(parsed(data)))
        elif self.hello is None:
            raise Nonsense("it does not greet")
        elif kind == frames.REPORT:
            self._reported(data)
        elif kind == frames.OUTER:
            if self.link.outer >= 0:
                text = reports.outer(data)
                if text:
                    unixsocket.try_send(self.link.outer, text)
        elif kind == frames.BYE:
            self.bye = True
        elif kind == frames.PING:
            self.channel.send(frames.PONG)
        else:
            raise Nonsense(f"frame of kind {kind}")

    def _begin(self, hello: reports.Hello) -> None:
        """It is there: tell it what to run."""
        self.hello = hello
        self.told["boot"] = round(time.monotonic() - self.began, 3)
        self.told["steps"] = {"kernel": hello.boot, "guest": hello.ready}
        self.told["kernel"] = hello.release
        self.until = time.monotonic() + COMING_UP
        for piece in self.start:
            self.channel.send(frames.START, piece)
        self.start = []
        self.clock = time.monotonic() + TIME
        self._send_go()
        self.clients.control.signalled()

    def _read_go(self) -> None:
        """The network is there, or the parent is not any more."""
        data = os.read(self.link.go_fd, 4096)
        if not data:
            raise EOFError
        self.go_data += data
        if self.go_data.endswith(b"\n"):
            self.go = Go(*messages.decode(self.go_data[:-1]))
            os.close(self.link.go_fd)
            self.link.go_fd = -1
            self._send_go()

    def _send_go(self) -> None:
        if self.go is None or self.hello is None or self.went:
            return
        self.went = True
        own = {"address": self.go.address, "metadata": self.go.metadata, "resolv": self.go.resolv}
        self.channel.send_json(frames.GO, {**own, "nics": self.nics})

    def _reported(self, line: bytes) -> None:
        self.pace.count(time.monotonic())
        kind, *fields = reports.check(line, self.apps)
        if self.outcome is not None or self.failure is not None:
            raise Nonsense("it goes on after its end")
        if kind == messages.ENTERED:
            self._entered()
        elif kind == messages.DONE:
            self.outcome = (int(fields[0]), fields[1])
            self.until = time.monotonic() + LAST
        elif kind == messages.FAILED:
            reason, stage, text, hint = fields
            self.failure = PodwrightError(text, hint, reason=reason, stage=stage)
            self.until = time.monotonic() + LAST
        elif kind == messages.REPORT:
            self.reports += 1
            if self.reports <= reports.MOST_REPORTS:
                self.link.report(kind, *fields)
        elif kind in (messages.READY, messages.UNREADY):
            self._ready_told(kind)
        elif kind != messages.ISOLATED:
            self.link.report(kind, *fields)

    def _ready_told(self, kind: str) -> None:
        """Whether the pod is ready, which changes whenever it is said."""
        if self.is_ready is (kind == messages.READY):
            raise Nonsense(f"it is {kind} twice")
        self.is_ready = not self.is_ready
        self.link.report(kind)

    def _entered(self) -> None:
        """Its apps start now."""
        if self.entered:
            return
        self.entered = True
        self.until = NEVER
        if self.asked:
            self.until = time.monotonic() + plans.patience(self.plan)
        self.told["steps"]["app"] = round(time.monotonic() - self.began, 3)
        self.link.report(messages.MACHINE, jsonio.dumps(self.told))

    def _opened(self, number: int, asked: Any) -> Optional[Stream]:
        """The guest opens a stream. Raises Nonsense."""
        if not isinstance(asked, dict):
            raise Nonsense("a stream for nothing")
        wanted, of = asked.get("for"), asked.get("of")
        if wanted == OUTPUT:
            return self.outputs.open(self.channel, number, asked)
        if wanted == INPUT and self.source >= 0:
            source, self.source = self.source, -1
            return Input(self.channel, number, asked, source=source)
        if wanted == TERMINAL and of == 0 and self.slave >= 0:
            slave, self.slave = self.slave, -1
            return Terminal(self.channel, number, asked, slave)
        if wanted == TERMINAL and isinstance(of, int):
            return self.clients.terminal(number, self.pts, asked, of)
        raise Nonsense("a stream that nobody has asked for")

    # The end

    def _died(self) -> None:
        """QEMU or virtiofsd is not there any more, which mostly ends because of QEMU."""
        self._await_qemu()
        helper = self.qemu if self.qemu.status is not None else self.files
        self._end_machine()
        try:
            while not self.hung_up and self.channel.read() and self._more():
                pass
        except Nonsense as err:
            self._lost(f"the guest of the pod's machine says nonsense: {err}")
            return
        for read in list(self.listened.values()):
            read()
        if self.outcome is not None or self.failure is not None:
            return
        status = helper.status or 0
        how = f"was killed by signal {-status}" if status < 0 else f"ended with status {status}"
        last = helper.last() or (self.console.last() if helper is self.qemu else "")
        text = f"{helper.name} {how}" + (f"; the last that was said: {last}" if last else "")
        self._lost(f"the pod's machine has ended: {text}")

    def _await_qemu(self) -> None:
        """Who has ended by itself may only be the first that we have heard of."""
        late = time.monotonic() + TOGETHER
        wait = select.poll()
        wait.register(self.signals, select.POLLIN)
        while self.qemu.status is None and time.monotonic() < late:
            wait.poll(max(0.0, late - time.monotonic()) * 1000)
            for came in signalfd.read(self.signals):
                if came.number == signals.SIGCHLD:
                    self._reap()

    def _more(self) -> bool:
        wait = select.poll()
        wait.register(self.channel.fd, select.POLLIN)
        return any(events & select.POLLIN for _, events in wait.poll(0))

    def _late(self) -> None:
        """It has taken too long."""
        if self.outcome is not None or self.failure is not None:
            return
        last = self.console.last()
        said = f"; the last on its console: {last}" if last else ""
        if self.asked:
            self._lost(f"the pod's machine has not ended in time after it was asked to{said}")
        elif self.hung_up:
            self._lost(f"the guest of the pod's machine has hung up{said}")
        else:
            what = "said anything" if self.hello is None else "started the pod"
            self._lost(f"the pod's machine has not {what} within {COMING_UP:.0f} s{said}")

    def _lost(self, text: str) -> None:
        """The pod cannot go on."""
        text = safe(text, 1000)
        if not self.entered:
            self.failure = LaunchError(
                text,
                "podwright status shows what the machine is; --debug shows more",
                object=self.plan.uuid,
            )
            self.link.report(messages.MACHINE, jsonio.dumps(self.told))
            return
        self.link.report(messages.NOTE, text)
        self.lost = True

    def _end_machine(self) -> None:
        if self.qemu.status is None:
            self.qemu.kill()
            self.qemu.status = -signals.SIGKILL

    def _deliver(self) -> None:
        """What has come of outputs goes where it belongs; who does not read it can still end us."""
        late = time.monotonic() + LAST
        while True:
            logged = self.outputs.tick()
            own = [
                port for port in self._ports() if port.asked.get("for") != "fd" and port.pending()
            ]
            if not own and (logged or time.monotonic() >= late):
                return
            wait = select.poll()
            wait.register(self.signals, select.POLLIN)
            for port in own:
                wait.register(port.sink, select.POLLOUT)
            wait.poll(SOON * 1000 if not logged else LAST * 1000)
            for came in signalfd.read(self.signals):
                if came.number in STOPPING and came.pid == 0:
                    return
            for port in own:
                port.flush()
