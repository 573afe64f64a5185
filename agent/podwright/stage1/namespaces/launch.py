# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a pod in namespaces, from a prepared pod to its outcome.

This process stays on the host as the pod's parent: it makes the cgroups and the network, forks
the pod's PID 1 (`podwright.stage2.init`), passes signals on to it, and takes everything down
when it has ended. If it is killed, the kernel kills PID 1, and with it every process of the pod.
"""

from __future__ import annotations

import gc
import os
import time

from podwright import modulecache
from podwright.errors import HostError, NetworkError
from podwright.host import uidranges
from podwright.kernel import calls, fs, process, signals, terminal, unixsocket
from podwright.stage1.namespaces import filtercache, groups, link, record, volumes
from podwright.stage1.namespaces.follow import FORWARDED, Follower
from podwright.stage1.namespaces.patience import Owned, Patience
from podwright.stage1.namespaces.plan import UserRange, compile_pod
from podwright.stage2 import control, init
from podwright.text import safe
from podwright.values import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    import _socket
    from typing import Optional

    from podwright.host.cgroups import PodCgroup
    from podwright.host.uidranges import Range
    from podwright.net.worker import NetWorker, Result
    from podwright.stage1.contract import Launch, OnReady, OnReport, Outcome
    from podwright.stage1.fly.leftovers import Leftovers
    from podwright.stage1.namespaces.labels import Labels
    from podwright.stage1.namespaces.output import Output
    from podwright.stage1.namespaces.plan import PodPlan
    from podwright.stage1.namespaces.sinks import Sinks
    from podwright.stage1.xen.holder import Held
    from podwright.stage2.init import Run


def launch(
    pod: Launch,
    on_ready: OnReady,
    network: Optional[NetWorker] = None,
    on_report: Optional[OnReport] = None,
    again: tuple[str, ...] = (),
) -> Outcome:
    """Run a pod to its end and take everything of it down again.

    on_ready  called once, in this process, when the pod has become ready
    network   makes the pod's network; None for the host's, or for none but loopback
    on_report called in this process with each sentence about protection that was found missing
    again     command line that goes on in this process after a while (see `patience`), or ()
    Must be called from the main thread, since it handles signals meanwhile. Raises LaunchError,
    NetworkError or HostError when the pod could not be run; nothing of it runs then.
    """
    try:
        return _launch(pod, on_ready, network, on_report, again)
    except OSError as err:
        raise HostError(
            f"pod {pod.uuid}: {safe(err)}", "see the failed call with --debug", object=pod.uuid
        ) from err


def _launch(
    pod: Launch,
    on_ready: OnReady,
    network: Optional[NetWorker],
    on_report: Optional[OnReport],
    again: tuple[str, ...],
) -> Outcome:
    group: Optional[PodCgroup] = None
    labels: Optional[Labels] = None
    users: Optional[Range] = None
    held: Optional[Held] = None
    try:
        plan = volumes.with_devices(_compile(pod))
        labels = _labels(pod, plan)
        plan = plan if labels is None else labels.plan
        if pod.private_users:
            users = _range(pod)
            plan = _with_users(pod, plan, users)
        code = _filters(pod, plan)
        grouped, run = plan, None
        if pod.stage1 in ("kvm", "xen"):
            grouped, run, held = _machine(pod, plan, network)
        group = groups.of(grouped)
        record.write(pod.pod_dir, 0, group.directories())  # before they exist: gc reads it
        group.make()
        groups.divide(grouped, group)
        parent = _Parent(plan, group, pod, network, on_ready, on_report)
        if again and not plan.interactive and "pid" not in plan.kept:
            parent.patience = _patience(pod, parent, network, labels, users, held, again)
        try:
            parent.reported(
                *pod.reports, *group.notes, *(labels.reports if labels is not None else ())
            )
            parent.fork(code, run, held)
            return parent.follow()
        finally:
            parent.end()
    finally:
        try:
            try:
                if held is not None:
                    _let_go(held, on_report)
            finally:
                if network is not None:
                    network.teardown()
        finally:
            if group is not None:
                group.remove()
            if labels is not None:
                labels.release()
            if users is not None:
                users.release(keep=os.path.lexists(f"{pod.pod_dir}/{uidranges.COPIED}"))


def _let_go(held: Held, on_report: Optional[OnReport]) -> None:
    """Have who holds the machine end it, and tell where that goes on."""
    told = held.end()
    if told and on_report is not None:
        on_report(told)


def _patience(
    pod: Launch,
    parent: _Parent,
    network: Optional[NetWorker],
    labels: Optional[Labels],
    users: Optional[Range],
    held: Optional[Held],
    again: tuple[str, ...],
) -> Patience:
    """What lets the parent become small while it waits."""

    def owned() -> Owned:
        return Owned(
            pod.lock_fd,
            tuple(parent.group.directories()),
            network.held() if network is not None else None,
            labels.slot.as_tuple() if labels is not None and labels.slot is not None else None,
            users.slot.as_tuple() if users is not None else None,
            users.nspawn if users is not None else ("", -1),
            parent.machine,
            held.run if held is not None else "",
        )

    return Patience(pod.uuid, owned, again)


def _range(pod: Launch) -> Range:
    """User ids of the pod's own, which nobody else on the host has."""
    pods = os.path.dirname(os.path.dirname(pod.pod_dir))
    if not os.path.lexists(f"{pod.pod_dir}/{uidranges.COPIED}"):
        return uidranges.take(pod.users_dir, pods, pod.uuid)
    before = uidranges.of(pod.pod_dir)
    return uidranges.take(pod.users_dir, pods, pod.uuid, only=before[0] if before else 0)


def _with_users(pod: Launch, plan: PodPlan, users: Range) -> PodPlan:
    """The plan with the range, which stands in the pod's directory too (C1)."""
    text = f"{users.first}:{uidranges.COUNT}\n"
    fs.write_atomic(f"{pod.pod_dir}/{uidranges.PREPARED}", text.encode(), 0o644, durable=False)
    copies = pod.private_users != "idmapped"
    return replace(plan, users=UserRange(users.first, uidranges.COUNT, copies, users.fds))


def _labels(pod: Launch, plan: PodPlan) -> Optional[Labels]:
    """What security modules give the pod; None, as quickly as can be, where there is nothing."""
    isolators = [app.app.isolators for app in pod.manifest.apps]
    asked = pod.selinux == "require" or any(one.selinux or one.apparmor for one in isolators)
    if not asked and (pod.selinux == "off" or not os.path.exists("/sys/fs/selinux/enforce")):
        return None
    from podwright.stage1.namespaces import labels

    return labels.attach(pod, plan)


def _compile(pod: Launch) -> PodPlan:
    if pod.stage1 == "fly":
        from podwright.stage1.fly.plan import compile_fly

        return compile_fly(pod)
    return compile_pod(pod)


def _filters(pod: Launch, plan: PodPlan) -> dict[str, bytes]:
    directory = f"{_cache(pod)}/seccomp"
    return {
        app.name: filtercache.load(app.name, app.restrictions.profile, directory)
        for app in plan.apps
        if app.restrictions.profile is not None
    }


def _machine(
    pod: Launch, plan: PodPlan, network: Optional[NetWorker]
) -> tuple[PodPlan, Run, Optional[Held]]:
    """What the control groups of a pod in a virtual machine are made for, what its PID 1 does, and who
    holds it besides, where that is nobody of the pod's.
    """
    if pod.stage1 == "xen":
        from podwright.stage1.xen import prepare as domains

        return domains.road(pod, plan, _cache(pod), network)
    from podwright.stage1.kvm import prepare

    return (*prepare.road(pod, plan, _cache(pod), network), None)


def _cache(pod: Launch) -> str:
    data = os.path.dirname(os.path.dirname(os.path.dirname(pod.pod_dir)))
    return pod.cache_dir or f"{data}/cache"


def _show_output() -> Output:
    """Keep our terminal: what the pod writes is copied to it."""
    from podwright.stage1.namespaces.output import Output

    output = Output()
    output.start()
    return output


def _outer(plan: PodPlan) -> tuple[int, float]:
    """What PID 1 speaks to the service manager over, or -1, and how often it must (see `link`)."""
    if "NOTIFY_SOCKET" not in os.environ:
        return -1, 0.0
    from podwright.host import manager

    return manager.outer(plan)


def _sinks(pod: Launch, plan: PodPlan) -> Optional[Sinks]:
    """Where what the apps write is kept; None when they have our own output, as from a shell."""
    streams = plan.mutable or any(app.life.streams is not None for app in plan.apps)
    if plan.interactive or not (streams or pod.log_files or "JOURNAL_STREAM" in os.environ):
        return None
    from podwright.stage1.namespaces import sinks

    return sinks.open_all(pod, plan)


class _Parent(Follower):
    """The side that makes the pod: forks PID 1, and gives it its network and its terminal."""

    def __init__(
        self,
        plan: PodPlan,
        group: PodCgroup,
        pod: Launch,
        network: Optional[NetWorker],
        on_ready: OnReady,
        on_report: Optional[OnReport] = None,
    ) -> None:
        names = tuple(app.name for app in plan.apps)
        super().__init__(plan.pod_dir, plan.root, names, on_ready, on_report)
        self.plan = plan
        self.group = group
        self.lock_fd = pod.lock_fd
        self.metadata = pod.metadata
        self.measuring = pod.measuring
        self.network = network
        self.failure: Optional[NetworkError] = None
        self.report, self.report_end = os.pipe()
        self.go_end, self.go = os.pipe()
        tied = plan.interactive and os.isatty(0)
        self.terminals = terminal.pair() if tied else None
        self.output: Optional[Output] = None
        self.sinks = _sinks(pod, plan)
        self.leftovers: Optional[Leftovers] = None
        self.listening = pod.listening
        self.outer = _outer(plan)
        self.machined = pod.machined and os.path.isdir("/run/systemd/system")
        self.machine = ""
        self.run_dir = os.path.dirname(pod.net_dir)
        self.began = 0.0
        if self.machined and pod.machine_journal and self.sinks is not None:
            self._keep_journal(self.sinks)

    def fork(
        self, code: dict[str, bytes], run: Optional[Run] = None, held: Optional[Held] = None
    ) -> None:
        """Start the pod's PID 1 in a new pid namespace; our own children stay in ours.

        run   what it does, where that is not to supervise the apps
        held  who holds its machine outside of the pod
        """
        mask = signals.pthread_sigmask(signals.SIG_BLOCK, FORWARDED)
        own = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
        server = unixsocket.listen(self.lock_fd, control.NAME, control.MOST_CLIENTS)
        if self.terminals is None and (os.isatty(1) or os.isatty(2)):
            self.output = self.relay = _show_output()
        modulecache.done()
        gc.freeze()  # what PID 1 shares with us is not written to by the collector any more
        if "pid" in self.plan.kept:
            from podwright.stage1.fly.leftovers import Leftovers

            self.leftovers = Leftovers(self.group)
        else:
            process.unshare(process.CLONE_NEWPID)
        try:
            self.pid = os.fork()
            if self.pid == 0:
                if self.output is not None:
                    self.output.enter()
                ends = (self.report_end, self.go_end, server.fileno())
                more = (self._inner_terminal(), self.outer, self.listening)
                inside = link.Inside(*ends, *more)
                inside.sinks = self.sinks
                inside.holder = held.keeper if held is not None else -1
                init.main(self.plan, code, self.group, inside, self.lock_fd, run)
        finally:
            process.setns(own, process.CLONE_NEWPID)
            os.close(own)
            server.close()
        if self.terminals is not None:
            self.terminals[1].close()
        if self.output is not None:
            self.output.forked()
        if self.sinks is not None:
            self.sinks.close()
        if held is not None:
            held.forked()
        os.close(self.report_end)
        os.close(self.go_end)
        self.report_end = self.go_end = -1
        for fd in (self.outer[0], *(one.fd for one in self.listening)):
            if fd >= 0:
                os.close(fd)
        self.outer, self.listening = (-1, 0.0), ()
        self.take_signals()
        signals.pthread_sigmask(signals.SIG_SETMASK, mask)

    def _inner_terminal(self) -> Optional[_socket.socket]:
        return self.terminals[1] if self.terminals is not None else None

    def isolated(self) -> None:
        """Record PID 1, finish its network, and let it start the apps."""
        try:
            self._admit()
        except NetworkError as err:
            if not self.has_ended():
                raise
            self.failure = err  # PID 1 took the network namespace with it; it may say why

    def follow(self) -> Outcome:
        """Listen until PID 1 has ended; what it says of a failure comes before the network's."""
        outcome = super().follow()
        if self.failure is not None:
            raise self.failure
        return outcome

    def _admit(self) -> None:
        if self.network is not None:
            self.network.start(self.pid)
        record.write(self.pod_dir, self.pid, self.group.directories())
        told = self._network_up(self.network) if self.network is not None else None
        address, resolv = (told.ip, told.resolv) if told is not None else ("", "")
        if self.terminals is not None:
            self._tie(self.terminals[0])
        calls.trim_heap()
        metadata = self._identified() if self.metadata else ""
        if self.measuring is not None:
            self.reported(*self.measuring.wait())
        try:
            fs.write_all(self.go, link.encode(address, metadata, resolv))
        except BrokenPipeError:
            return  # PID 1 has failed meanwhile, and says why
        if self.machined:
            self._register()

    def _keep_journal(self, sinks: Sinks) -> None:
        """Let the machine that the pod is going to be have a journal, where its output goes to the host's."""
        from podwright.host import machined

        if sinks.journal is None or sinks.apart or not machined.answers() or not machined.wanted():
            return
        from podwright.host import machinejournal

        self.began = time.time()
        try:
            self.plan = replace(self.plan, journal=machinejournal.begin(self.plan.uuid))
        except OSError as err:
            self.reported(f"the pod has no journal of its own: {safe(err)}")

    def _register(self) -> None:
        """Let systemd-machined know the pod; what goes wrong there is told and does no harm."""
        from podwright.host import machined

        try:
            if machined.register(self.plan.uuid, self.pid, self.plan.root):
                self.machine = self.plan.uuid
            if self.machine and self.plan.journal:
                from podwright.host import machinejournal

                unit = machined.unit()
                machinejournal.announce(self.run_dir, self.machine, self.pid, unit, self.began)
        except HostError as err:
            self.reported(err.sentence())

    def _tie(self, channel: _socket.socket) -> None:
        """Take over the app's terminal, unless PID 1 has failed before it made one."""
        from podwright.stage1.namespaces.relay import Relay

        try:
            self.relay = Relay(terminal.receive(channel))
        except EOFError:
            return
        self.relay.start()

    def _network_up(self, network: NetWorker) -> Result:
        """Wait for the network and record it for `list` and `status`."""
        from podwright import jsonio

        result = network.wait()
        data = jsonio.dumps(list(result.networks)).encode()
        fs.write_atomic(f"{self.pod_dir}/net-info.json", data, 0o644, durable=False)
        return result

    def _identified(self) -> str:
        """Register the pod with the metadata service; the URL where it asks, which only its apps get."""
        from podwright.metadata import client

        return client.register(self.metadata, self.plan.uuid, self.pod_dir)

    def end(self) -> None:
        """Make sure that nothing of the pod runs any more; give everything back."""
        self.reap()
        if self.machine:
            from podwright.host import machined

            machined.forget(self.machine)
        if self.leftovers is not None:
            self.leftovers.end(self.relay.pid if self.relay is not None else 0)
            self.leftovers.close()
        if self.relay is not None:
            self.relay.end()
        if self.terminals is not None:
            self.terminals[0].close()
        for fd in (self.go, self.report_end, self.go_end):
            if fd >= 0:
                os.close(fd)
        super().end()
