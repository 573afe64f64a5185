# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pod's PID 1, from the fork to the last app's end.

It isolates itself, builds the roots while the parent makes the network, enters the pod's own
root so that it pins nothing of the host, and then supervises. Everything it may need later is
imported before: after the pivot no module can be loaded any more.
"""

from __future__ import annotations

import _socket
import fcntl
import os

from podwright.errors import LaunchError, PodwrightError
from podwright.kernel import beneath, calls, fs, mounts, process, signals, terminal
from podwright.stage1.namespaces import (
    capabilities,
    environment,
    etcfiles,
    identity,
    roots,
    views,
    volumes,
)
from podwright.stage1.namespaces import link as messages
from podwright.stage2 import entered
from podwright.stage2.app import Spaces, Stdio, Target, app_spaces
from podwright.stage2.supervise import AWAITED, Supervisor
from podwright.text import safe
from podwright.values import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Optional, Protocol

    from podwright.host.cgroups import PodCgroup
    from podwright.stage1.contract import Listening
    from podwright.stage1.fly.leftovers import Leftovers
    from podwright.stage1.namespaces.link import Inside
    from podwright.stage1.namespaces.plan import AppPlan, PodPlan, UserRange
    from podwright.stage1.namespaces.users import Users
    from podwright.stage2 import ground as grounds
    from podwright.stage2.attached import Attached
    from podwright.stage2.control import Client
    from podwright.stage2.health import Places
    from podwright.stage2.leftovers import Group
    from podwright.stage2.memory import Memory
    from podwright.stage2.notices import Voice
    from podwright.stage2.streams import Streams

    Run = Callable[[PodPlan, dict[str, bytes], PodCgroup, Inside], tuple[int, str]]

    class Files(Protocol):
        """Control groups, or nothing where they are."""

        def app_files(self, app: str) -> list[str]:
            """Where a process of an app writes "0" to join."""


_GET_FLAGS = 0x8913
_SET_FLAGS = 0x8914
_UP_AND_RUNNING = 0x41


def main(
    plan: PodPlan,
    filters: dict[str, bytes],
    group: PodCgroup,
    link: Inside,
    lock_fd: int,
    run: Optional[Run] = None,
) -> None:
    """Be the pod's PID 1. Never returns; whatever goes wrong is reported to the parent.

    run  what it does instead of supervising apps
    """
    leftovers: Optional[Leftovers] = None
    try:
        try:
            leftovers = _settle_in(plan, group, link, lock_fd)
            status, reason = (run or _run)(plan, filters, group, link)
        finally:
            if leftovers is not None:
                leftovers.end()
        link.report(messages.DONE, str(status), reason)
    except PodwrightError as err:
        link.report(messages.FAILED, err.reason, err.stage, err.message, err.hint)
    except EOFError:
        pass
    except BaseException as err:
        text = f"the pod cannot be started: {safe(err) or type(err).__name__}"
        link.report(messages.FAILED, "launch-failed", "launch", text, "")
    finally:
        os._exit(0)


def _run(
    plan: PodPlan, filters: dict[str, bytes], group: PodCgroup, link: Inside
) -> tuple[int, str]:
    users = _own_users(plan)
    link.report(messages.ISOLATED)
    pins = volumes.pin(plan)
    if plan.label is not None:
        mounts.label_with(plan.label.file)
    mounts.make_private("/", mounts.MS_SLAVE if plan.kept else mounts.MS_PRIVATE)
    if "uts" not in plan.kept:
        _socket.sethostname(plan.hostname)
    if not plan.host_net:
        _raise_loopback()
        _allow_ping(plan.users)
    if plan.sysctls:
        from podwright.stage2 import settings

        settings.apply(plan, link.missing)
    pod = roots.build(plan, pins, users)
    permitted = process.permitted() if users is None else every_capability()
    targets = [target_of(pod, app, filters, group, permitted, plan) for app in plan.apps]
    if any(app.restrictions.rlimits for app in plan.apps):
        from podwright.stage2 import rlimits

        targets = rlimits.prepare(targets, link.missing)
    if any("os/linux/oom-score-adj" in app.restrictions.optional for app in plan.apps):
        from podwright.stage2 import optional

        targets = optional.scores(targets, link.missing)
    groups = _groups(plan, group, link)
    places: Optional[Places] = None
    if any(app.life.probes() for app in plan.apps):
        from podwright.stage2 import health

        places = health.places(plan, group)
    voices: Optional[list[Voice]] = None
    memory: dict[str, Memory] = {}
    limited = plan.limits.memory is not None or any(app.limits.memory for app in plan.apps)
    counted = group.places.get("memory")
    if limited or plan.machine or (counted is not None and counted.version == 2):
        from podwright.stage2 import memory as counts

        memory = counts.watch(plan, group)
    if users is not None:
        targets = _scored(targets)
    _leave_records(pod, plan, targets)
    if link.outer >= 0 or any(app.life.notify or app.life.watchdog for app in plan.apps):
        from podwright.stage2 import notices

        voices = notices.listen(pod, plan, group)
        targets = [notices.told(target, voices) for target in targets]
    if link.listening:
        targets = [_listening(target, link.listening) for target in targets]
    attach: Optional[Callable[[Streams, Client, list[str]], Attached]] = None
    if link.sinks is not None:
        from podwright.stage2 import streams

        if plan.mutable or any(app.life.streams is not None for app in plan.apps):
            from podwright.stage2.attached import attach
    null = os.open("dev/null", os.O_RDWR | os.O_CLOEXEC, dir_fd=pod)
    stdio = Stdio(None if plan.interactive else null)
    if link.terminals is not None:
        stdio = Stdio(terminal=_terminal(pod, plan.apps[0], link), controlling=True)
    ground: Optional[grounds.Ground] = None
    if plan.mutable:
        from podwright.stage2.ground import Ground

        ground = Ground(pod, users is not None)
    go = link.wait_go() if plan.etc.late else None
    if go is not None and go.resolv:
        etcfiles.put_late(pod, plan, go.resolv)
    mounts.enter_root(pod)
    os.close(pod)
    if users is not None:
        users.enter()
        link.check()
        for target in targets:
            if target.score is not None:
                target.score.back()
    go = go or link.wait_go()
    if plan.machine:
        link.check()
    if go.metadata:
        targets = [_told(target, ("AC_METADATA_URL", go.metadata)) for target in targets]
        if ground is not None:
            ground.metadata = go.metadata
    calls.trim_heap()
    make = Supervisor if ground is None else ground.supervisor
    supervisor = make(plan, targets, link, go.address, stdio, null, groups)
    if places is not None:
        health.attach(supervisor, places)
    for app in supervisor.apps:
        app.memory = memory.get(app.name)
    if voices is not None:
        supervisor.notices = notices.Notices(voices, supervisor.apps, link)
    serve = entered.control if ground is None else ground.control
    supervisor.control = serve(link.control, targets, plan.users is not None)
    if link.sinks is not None:
        streams.join(supervisor, supervisor.control, link.sinks, null, attach)
    elif link.outputs is not None:
        link.outputs.join(supervisor, null)
    return supervisor.run()


def _groups(plan: PodPlan, group: PodCgroup, link: Inside) -> dict[str, Group]:
    """The processes of each app, where one may end before its pod does."""
    alone = len(plan.apps) == 1 and not plan.mutable
    if alone and not plan.apps[0].post_stop and plan.apps[0].life.restart == "no":
        return {}
    from podwright.stage2.leftovers import open_groups

    found = open_groups(plan, group)
    if plan.apps and not found:
        link.missing(
            "daemons that an app leaves behind live on until the pod ends: no control group can be"
            " made that tells whose they are; podwright check-host says what to do"
        )
    return found


def _terminal(pod: int, app: AppPlan, link: Inside) -> str:
    """Make the terminal of an interactive app in its own /dev, also as /dev/console; its path.

    We keep it open too, so that it is not hung up before the app has opened it.
    """
    assert link.terminals is not None
    dev = beneath.open_strict(pod, f"{app.root}/dev", beneath.DIRECTORY)
    pts = beneath.open_strict(dev, "pts", beneath.DIRECTORY)
    master, _, number = terminal.open_pair(pts)
    if not app.kept:
        fs.create_at(dev, "console", 0o600)
        views.attach_at(dev, "console", mounts.clone(pts, str(number)))
    terminal.send(link.terminals, master)
    link.terminals.close()
    for fd in (dev, pts, master):
        os.close(fd)
    return f"/dev/pts/{number}"


def _settle_in(plan: PodPlan, group: PodCgroup, link: Inside, lock_fd: int) -> Optional[Leftovers]:
    """Leave everything of the parent's behind; without a pid namespace, what ends the rest."""
    process.die_with_parent()
    process.hide_from_peers()
    process.rename("podwright-init")
    signals.pthread_sigmask(signals.SIG_BLOCK, AWAITED)
    for number in (*AWAITED, signals.SIGPIPE, signals.SIGXFSZ):
        signals.signal(number, signals.SIG_DFL)
    os.umask(0o022)
    os.setsid()
    label_fd = plan.label.slot if plan.label is not None else -1
    range_fds = plan.users.fds if plan.users is not None else frozenset()
    process.close_all_but((link.descriptors() | range_fds | {lock_fd, label_fd}) - {-1})
    for path in group.init_files():
        fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        os.write(fd, b"0")
        os.close(fd)
    process.unshare(process.CLONE_NEWNS | (_kinds(plan) if plan.users is None else 0))
    if "pid" not in plan.kept:
        return None
    from podwright.stage1.fly.leftovers import Leftovers, follow_parent

    leftovers = Leftovers(group)
    follow_parent(leftovers)
    return leftovers


def _kinds(plan: PodPlan) -> int:
    """The namespaces of a pod's own, besides those of mounts, processes and users."""
    if plan.kept:
        return 0
    kinds = process.CLONE_NEWIPC | process.CLONE_NEWUTS
    return kinds | (0 if plan.host_net or plan.machine else process.CLONE_NEWNET)


def _own_users(plan: PodPlan) -> Optional[Users]:
    """Its user namespace, to which the other ones then belong."""
    if plan.users is None:
        return None
    from podwright.stage1.namespaces import users

    return users.create(plan.users, _kinds(plan))


def _raise_loopback() -> None:
    """Set lo up in the pod's network namespace (netdevice(7))."""
    control = _socket.socket(_socket.AF_INET, _socket.SOCK_DGRAM | _socket.SOCK_CLOEXEC)
    try:
        request = b"lo".ljust(40, b"\0")
        answer = bytearray(fcntl.ioctl(control.fileno(), _GET_FLAGS, request))
        answer[16] |= _UP_AND_RUNNING
        fcntl.ioctl(control.fileno(), _SET_FLAGS, bytes(answer))
    finally:
        control.close()


def _allow_ping(users: Optional[UserRange]) -> None:
    """Let every group of the pod ping (icmp(7)), since CAP_NET_RAW is not among the defaults.

    The setting is that of the pod's network namespace, in numbers of the host as long as we are
    its root. A host that does not let us set it only does not get this convenience.
    """
    first, last = (0, 2147483647)
    if users is not None:
        first, last = users.first, users.first + users.count - 1
    try:
        fd = os.open("/proc/sys/net/ipv4/ping_group_range", os.O_WRONLY | os.O_CLOEXEC)
    except OSError:
        return
    try:
        os.write(fd, b"%d %d" % (first, last))
    finally:
        os.close(fd)


def target_of(
    pod: int,
    app: AppPlan,
    filters: dict[str, bytes],
    group: Files,
    permitted: int,
    plan: PodPlan,
) -> Target:
    """An app as it will be started, from its plan and its root, which is below `pod`."""
    root = beneath.open_strict(pod, app.root, beneath.DIRECTORY)
    try:
        who = identity.resolve(
            root, app.name, app.user, app.group, app.supplementary_gids, plan.users
        )
        _check_directory(root, app)
        told = environment.complete(app.environment, root, app.user, who.uid)
        app = replace(app, environment=told)
    finally:
        os.close(root)
    names = app.restrictions.capabilities
    wanted = capabilities.mask(names or app.restrictions.removed)
    wanted = permitted & ~wanted if names is None else wanted
    missing = [name for name in names or () if not permitted >> capabilities.number(name) & 1]
    if missing:
        raise LaunchError(
            f"app {app.name}: it asks for {', '.join(missing)}, which this host does not give us",
            "drop it from the app's capabilities, or run the agent with it",
            object=app.name,
        )
    drop = [number for number in range(_last_capability() + 1) if not wanted >> number & 1]
    flags = os.O_WRONLY | os.O_CLOEXEC
    files = group.app_files(app.name)
    joins = tuple(os.open(path, flags) for path in files)
    code = filters.get(app.name, b"")
    return Target(
        app,
        f"/{app.root}",
        who,
        wanted,
        tuple(drop),
        joins,
        code,
        _spaces(app, plan),
        plan.users is not None,
        shows_group=views.shows_group(app, files),
    )


def _spaces(app: AppPlan, plan: PodPlan) -> Spaces:
    """Where its processes will be."""
    if not app.system:
        return app_spaces(app.kept)
    from podwright.stage2 import system

    if plan.users is None:
        raise LaunchError("profile system: the pod has no user namespace", object=app.name)
    return system.System(plan.users.count)


def _listening(target: Target, everything: tuple[Listening, ...]) -> Target:
    """With the sockets that are for this app."""
    own = tuple((one.fd, one.name) for one in everything if one.app == target.plan.name)
    return replace(target, listening=own)


def _told(target: Target, pair: tuple[str, str]) -> Target:
    """With another variable in its environment, which stands in no file."""
    known = dict(target.plan.environment)
    told = tuple(sorted({**known, pair[0]: pair[1]}.items()))
    return replace(target, plan=replace(target.plan, environment=told))


def _scored(targets: list[Target]) -> list[Target]:
    """With what sets the apps' oom_score_adj when we are not root of the host any more."""
    wanted = [target.plan.restrictions.oom_score_adj for target in targets]
    if all(number is None for number in wanted):
        return targets
    from podwright.stage2 import score

    scores = score.prepare(wanted)
    return [replace(target, score=each) for target, each in zip(targets, scores)]


def every_capability() -> int:
    """The set of all capabilities that there are."""
    return (2 << _last_capability()) - 1


def _last_capability() -> int:
    with open("/proc/sys/kernel/cap_last_cap") as file:
        return int(file.read())


def _check_directory(root: int, app: AppPlan) -> None:
    """The working directory must exist inside the root; it is opened again when it is entered."""
    try:
        os.close(beneath.open_in_root(root, app.directory, beneath.DIRECTORY))
    except OSError as err:
        raise LaunchError(
            f"app {app.name}: working directory {safe(app.directory, 120)}: {err.strerror}",
            "correct workingDirectory, or give --working-dir",
            object=app.name,
        ) from err


def _leave_records(pod: int, plan: PodPlan, targets: list[Target]) -> None:
    """Directories and files of the stage1 contract (C1)."""
    for name in ("rkt/env", "rkt/status"):
        os.close(beneath.make_dirs(pod, name))
    for target in targets:
        data = environment.encode(target.plan.environment)
        path = f"{plan.root}/rkt/env/{target.plan.name}"
        fs.write_atomic(path, data, 0o600, durable=False)
