# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pod in its machine: PID 1 is started as on a host, in control groups and namespaces of the guest's."""

from __future__ import annotations

import gc
import os

from podwright.guest.boot import CGROUPS, RUN
from podwright.guest.outputs import NAMES, Outputs
from podwright.kernel import fs, machine, process, rlimits, signals, sysctl, terminal, unixsocket
from podwright.stage1.kvm.protocol import INPUT, OUTPUT, TERMINAL
from podwright.stage1.namespaces import groups, link
from podwright.stage2 import control, init
from podwright.values import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    import _socket
    from typing import Optional

    from podwright.guest.mux import Mux
    from podwright.host.cgroups import PodCgroup
    from podwright.stage1.kvm.protocol import Start
    from podwright.stage1.namespaces.plan import AppPlan, PodPlan


MOST_FILES = 1 << 20
"""That the kernel lets a process have open, unless it is told otherwise (fs.nr_open)."""


class Running:
    """A pod whose PID 1 was started, as the first process sees it.

    pid, pidfd  0 when it was reaped
    report      what it says (`link`); -1 at its end
    outer       what it says to a service manager, or -1
    groups      directory of its control groups
    """

    def __init__(self, pid: int, report: int, go: int, outer: int, groups: str) -> None:
        self.pid = pid
        self.pidfd = os.pidfd_open(pid)
        self.report = report
        self.go_fd = go
        self.outer = outer
        self.groups = groups
        self.outputs: Optional[Outputs] = None
        self.standard: tuple[int, ...] = ()
        self.terminals: Optional[_socket.socket] = None
        self.size = (0, 0)
        self.app = ""

    def open_streams(self, mux: Mux) -> None:
        """Tell the host of what the apps read and write."""
        if self.outputs is not None:
            for (app, name), fd in self.outputs.readers.items():
                mux.open(OUTPUT, fd, app=app, name=name)
        for name, fd in zip(("stdin", *NAMES), self.standard):
            if name == "stdin":
                mux.open(INPUT, sink=fd, app=self.app)
            else:
                mux.open(OUTPUT, fd, app=self.app, name=name)

    def go(self, told: link.Go, mux: Mux) -> None:
        """Let the apps begin; an interactive one has its terminal by now."""
        if self.terminals is not None:
            try:
                master = terminal.receive(self.terminals)
            except EOFError:
                return  # it has failed before, and says why
            finally:
                self.terminals.close()
                self.terminals = None
            if self.size != (0, 0):
                terminal.set_size(master, *self.size)
            mux.open(TERMINAL, master, master, of=0)
        try:
            fs.write_all(self.go_fd, link.encode(told.address, told.metadata, told.resolv))
        except BrokenPipeError:
            return
        os.close(self.go_fd)


def start(start: Start) -> Running:
    """Fork the pod's PID 1. Raises LaunchError for limits that cannot be set."""
    plan = adjusted(start.plan)
    if start.disks:
        from podwright.guest.disks import with_numbers

        plan = with_numbers(plan, start.disks)
    group = groups.of(plan)
    group.make()
    report, report_end = os.pipe()
    go_end, go = os.pipe()
    place = os.open(RUN, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    server = unixsocket.listen(place, control.NAME, control.MOST_CLIENTS)
    os.close(place)
    outer, outer_end = _outer(start)
    terminals = terminal.pair() if start.terminal else None
    outputs = None if plan.interactive else Outputs(plan, together=start.together)
    standard = _standard(start) if plan.interactive and not start.terminal else ()
    inner = terminals[1] if terminals is not None else None
    inside = link.Inside(report_end, go_end, server.fileno(), inner, (outer_end, start.watchdog))
    inside.outputs = outputs
    if outputs is not None and (plan.mutable or any(app.life.streams for app in plan.apps)):
        inside.sinks = outputs  # type: ignore[assignment]
    pid = _fork(plan, start, group, inside, standard)
    running = Running(pid, report, go, outer, f"{CGROUPS}/podwright-{plan.uuid}")
    _let_go(inside, server, standard, outputs)
    running.outputs, running.size = outputs, start.size
    running.standard = tuple(ours for ours, _ in standard)
    running.app = plan.apps[0].name if plan.interactive else ""
    if terminals is not None:
        running.terminals = terminals[0]
    for text in group.notes:
        os.write(2, f"podwright: {text}\n".encode())
    return running


def _outer(start: Start) -> tuple[int, int]:
    if not start.outer:
        return -1, -1
    ours, theirs = unixsocket.datagram_pair()
    return ours.detach(), theirs.detach()


def _standard(start: Start) -> tuple[tuple[int, int], ...]:
    """Pipes for 0, 1 and 2 of an interactive app without a terminal: (our end, its end)."""
    reader, writer = os.pipe()
    out, err = os.pipe(), os.pipe()
    if start.together:
        os.close(err[0])
        os.close(err[1])
        return (writer, reader), out
    return (writer, reader), out, err


def _fork(
    plan: PodPlan,
    start: Start,
    group: PodCgroup,
    inside: link.Inside,
    standard: tuple[tuple[int, int], ...],
) -> int:
    gc.freeze()
    machine.spare_from_hunger(-1000)
    process.unshare(process.CLONE_NEWPID)
    pid = os.fork()
    if pid:
        return pid
    for number, (_, theirs) in enumerate(standard):
        os.dup2(theirs, number)
    if len(standard) == 2:
        os.dup2(1, 2)
    machine.spare_from_hunger(0)
    _limit(start.rlimits)
    init.main(plan, start.filters, group, inside, -1)
    raise AssertionError


def _limit(wanted: tuple[tuple[str, int, int], ...]) -> None:
    """Have the limits that a process of the host has, as far as this kernel goes."""
    for name, soft, hard in wanted:
        try:
            if name == "NOFILE" and hard > MOST_FILES:
                sysctl.put("fs/nr_open", str(hard))
            rlimits.put(name, soft, hard)
        except OSError:
            continue


def _let_go(
    inside: link.Inside,
    server: _socket.socket,
    standard: tuple[tuple[int, int], ...],
    outputs: Optional[Outputs],
) -> None:
    """PID 1 has its ends now."""
    server.close()
    if inside.terminals is not None:
        inside.terminals.close()
    if outputs is not None:
        outputs.close()
    for fd in (inside.report_fd, inside.go_fd, inside.outer, *(theirs for _, theirs in standard)):
        if fd >= 0:
            os.close(fd)


def adjusted(plan: PodPlan) -> PodPlan:
    """The plan without what counts on the host only: labels, and limits of disks."""
    return replace(plan, apps=tuple(_adjusted(app) for app in plan.apps))


def _adjusted(app: AppPlan) -> AppPlan:
    limits = replace(app.limits, io_weight=None, block_bandwidth=None, block_iops=None)
    return replace(app, attributes=(), limits=limits)


def ignore_keys() -> None:
    """Nothing that is typed at the machine's console ends its first process."""
    for number in (signals.SIGINT, signals.SIGHUP, signals.SIGPIPE):
        signals.signal(number, signals.SIG_IGN)
