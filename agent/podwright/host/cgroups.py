# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Control groups of a pod: one below the caller's own, and one per app below that.

v1 hierarchies and v2 (cgroups(7)); under v2 an app's processes are one level further down
(`cgrouptree.INNER`). A limit that was asked for and cannot be enforced is
refused, or reported when it is optional; so is our own default (processes per app). A process
joins by itself: writing "0" to `tasks` spares the kernel a grace period (20 ms) that moving
another one costs.
"""

from __future__ import annotations

import errno
import os

from podwright.errors import LaunchError
from podwright.host.cgrouplimits import ONE_OF, SPARE, USUAL_DEVICES, Limits, settings
from podwright.host.cgrouptree import (
    BARE,
    INNER,
    Place,
    bare,
    bound,
    choose,
    enable,
    ensure,
    find,
    give,
    needs_scope,
    prune,
    put,
    read,
    unified,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Optional

    from podwright.host.cgrouptree import Hierarchy

INIT = "_init"
"""The pod's own processes under v2; no app can have a name with an underscore."""
UNLIMITED = Limits(default_pids=None)
DELEGATE = (
    "give the agent a writable cgroup with this controller (Delegate=yes in its unit), or drop the"
    " limit"
)
OTHER_DISKS = (
    "choose that scheduler (/sys/block/DISK/queue/scheduler), or keep the pod on another disk, or drop"
    " the limit"
)
ROOM = (("cgroup.max.depth", "16"), ("cgroup.max.descendants", "4096"))
"""How much may be nested in the group of an app that divides it."""
COUNTING = frozenset(("memory", "io"))
"""Controllers of v2 that every pod has where it can: what it uses is counted, and who was killed."""


class PodCgroup:
    """The cgroups of one pod: `plan` it, `make` it, and `remove` it when the pod has ended.

    apps, pod   what is enforced on each app, and on all of the pod together
    disks       `MAJOR:MINOR` of those that its files are on
    notes       sentences about limits that this host cannot enforce
    alone       why we have no scope of our own, or ""
    """

    def __init__(
        self,
        apps: Mapping[str, Limits],
        places: dict[str, Optional[Place]],
        pod: Limits = UNLIMITED,
        disks: tuple[str, ...] = (),
    ) -> None:
        self.apps = apps
        self.pod = pod
        self.disks = disks
        self.notes: list[str] = []
        self.alone = ""
        self.places = {name: place for name, place in places.items() if place is not None}
        for name, found in places.items():
            if found is None:
                self._miss(name, "not available in the caller's cgroup")
        cause = self._idle_disks()
        if cause and "io" in self.places:
            self._miss("io", cause, OTHER_DISKS)
            del self.places["io"]

    def _idle_disks(self) -> str:
        """Why limits of disks would not be held, or ""."""
        every = (self.pod, *self.apps.values())
        if not self.disks:
            asked = any(limits.of_disks() for limits in every)
            return "the pod's files are on no disk" if asked else ""
        if all(limits.io_weight is None for limits in every) or "io" not in self.places:
            return ""
        from podwright.host.disks import unweighted

        place = self.places["io"]
        causes = [unweighted(disk, place.own if place.version == 2 else "") for disk in self.disks]
        return next((cause for cause in causes if cause), "")

    def directories(self) -> list[str]:
        """The pod's cgroup in every hierarchy in use, for the record that gc reads."""
        return sorted({place.path for place in self.places.values()})

    def init_files(self) -> list[str]:
        """Where the pod's PID 1 writes "0" to join."""
        return self._files(INIT)

    def app_files(self, app: str) -> list[str]:
        """Where a process of an app writes "0" to join."""
        return self._files(app)

    def _files(self, leaf: str) -> list[str]:
        files = set()
        for place in self.places.values():
            if place.version == 2:
                files.add(f"{self.place_of(place, leaf)}/cgroup.procs")
            else:
                files.add(f"{place.path}/tasks" if leaf == INIT else f"{place.path}/{leaf}/tasks")
        return sorted(files)

    def place_of(self, place: Place, leaf: str) -> str:
        """The directory that an app's processes are in, or under v2 those of INIT."""
        inner = place.version == 2 and leaf != INIT
        return f"{place.path}/{leaf}/{INNER}" if inner else f"{place.path}/{leaf}"

    def make(self) -> None:
        """Make the cgroups and set the limits.

        Raises LaunchError naming controller and app for a limit that cannot be enforced; what
        was made until then is for `remove`.
        """
        pods = [place.path for place in self.places.values()]
        for controller, place in sorted(self.places.items()):
            try:
                self._make_controller(controller, place)
            except OSError as err:
                causes = (err.strerror or str(err), self.alone)
                self._miss(controller, "; ".join(filter(None, causes)))
                del self.places[controller]
                if place.path not in self.directories():
                    prune(place.path)
        if pods and not self.places:
            self._make_bare(os.path.basename(pods[0]))
        closed = "devices" in self.places
        for path in {place.path for place in self.places.values() if place.version == 2}:
            closed = self._watch_devices(path) or closed
            for app in self.apps:
                bound(f"{path}/{app}")
        if not closed:
            self._check_devices()

    def _make_bare(self, name: str) -> None:
        """No controller can be had: still tell whose processes are whose, where we may."""
        place = bare(name)
        if place is None:
            return
        self.places[BARE] = place
        try:
            self._make_controller(BARE, place)
        except OSError:
            del self.places[BARE]
            prune(place.path)

    def _make_controller(self, controller: str, place: Place) -> None:
        if place.version == 2 and controller != BARE:
            enable(place.own, controller)
        ensure(place.path)
        if place.version == 2:
            if controller != BARE:
                put(f"{place.path}/cgroup.subtree_control", f"+{controller}")
            ensure(f"{place.path}/{INIT}")
        if controller in self.pod.asked():
            self._set(place.path, settings(controller, place.version, self.pod, self.disks))
        for app, limits in self.apps.items():
            path = f"{place.path}/{app}"
            ensure(path)
            if controller == "devices":
                if limits.devices is not None:
                    _close_devices(path, limits.devices)
            elif controller != BARE:
                self._set(path, settings(controller, place.version, limits, self.disks))
            if place.version == 2:
                self._make_inner(path, controller, limits)

    def _make_inner(self, path: str, controller: str, limits: Limits) -> None:
        """What an app sees as its own: the same limits, which hold in the one above in any case."""
        ensure(f"{path}/{INNER}")
        if controller != BARE:
            put(f"{path}/cgroup.subtree_control", f"+{controller}")
            self._set(f"{path}/{INNER}", settings(controller, 2, limits, self.disks))

    def _set(self, path: str, files: list[tuple[str, str]]) -> None:
        missing = []
        for file, text in files:
            try:
                put(f"{path}/{file}", text)
            except FileNotFoundError:
                if file not in SPARE | ONE_OF:
                    raise
                missing.append(file)
        if set(missing) >= ONE_OF:
            raise OSError(errno.ENOENT, "no scheduler with weights")
        if SPARE & set(missing) and len(read("/proc/swaps").splitlines()) > 1:
            text = "memory limits leave swap out: this kernel does not count it"
            self.notes += [text] if text not in self.notes else []

    def _check_devices(self) -> None:
        """Refuse devices that would be open for more than is said; their nodes alone hinder nobody."""
        for app, limits in self.apps.items():
            for rule in limits.devices or ():
                if not rule.endswith(" rw"):
                    raise LaunchError(
                        f"app {app}: device {rule} cannot be kept to that: this host has neither a"
                        " control group for devices nor programs on control groups",
                        "give the agent a writable cgroup (Delegate=yes in its unit), or give the"
                        " device volume read and write",
                        object=app,
                    )

    def _watch_devices(self, path: str) -> bool:
        """Close all other devices (v2); whether that could be done."""
        from podwright.kernel import devicefilter

        try:
            for app, limits in self.apps.items():
                if limits.devices is not None:
                    devicefilter.attach(f"{path}/{app}", (*USUAL_DEVICES, *limits.devices))
        except OSError:
            return False  # nodev mounts and CAP_MKNOD remain
        return True

    def _miss(self, controller: str, cause: str, hint: str = "") -> None:
        """A controller cannot be used: refuse when it was asked for, else note it.

        hint  what to do about it, where that is not what mostly helps
        """
        for name, limits in (("", self.pod), *self.apps.items()):
            who = f"app {name}: its" if name else "the pod's"
            if controller not in limits.asked():
                continue
            if controller not in limits.optional:
                raise LaunchError(
                    f"{who} {controller} limit cannot be enforced"
                    f" (controller {controller}: {cause})",
                    hint or DELEGATE,
                    object=name,
                )
            self.notes.append(f"{who} {controller} limit is not enforced: {cause}")
        if controller == "pids" and any(limits.pids is None for limits in self.apps.values()):
            text = f"no limit on the number of processes of an app: controller pids: {cause}"
            text += "; podwright check-host says what to do"
            self.notes.append(text)

    def divide(self, app: str, owner: int) -> None:
        """Leave what an app sees as its own control group to the root of its pod, to divide further.

        The limits in it are the pod's root's to change, those of the one above, which are the same, are not.
        Raises LaunchError where there is none of v2.
        """
        for place in self.places.values():
            if place.version == 2:
                for file, text in ROOM:
                    put(f"{place.path}/{app}/{file}", text)
                give(self.place_of(place, app), owner)
                return
        raise LaunchError(
            f"app {app}: its init needs control groups of its own: no cgroup v2 here is ours to divide",
            "give the agent a writable cgroup (Delegate=yes in its unit); podwright check-host says more",
            object=app,
        )

    def remove(self) -> None:
        """Remove the cgroups; waits up to a second for their last processes to be gone."""
        remove(self.directories())


def plan(
    name: str,
    apps: Mapping[str, Limits],
    pod: Limits = UNLIMITED,
    storage: frozenset[str] = frozenset(),
    spare: frozenset[str] = frozenset(),
    divided: bool = False,
) -> PodCgroup:
    """Choose where the cgroups of a pod will be; nothing is made yet.

    In a log-in session under v2 we move to a scope of our own for that, see `scope`.

    storage  paths of what the pod reads and writes
    spare    controllers that are wanted where they can be had, for apps that come later
    divided  an app is to have control groups of its own, which takes v2
    Raises LaunchError naming controller and app for a limit that cannot be enforced.
    """
    found, alone = _settled(name)
    every = (pod, *apps.values())
    wanted = frozenset(("pids",)).union(*(limits.asked() for limits in every))
    places = {controller: choose(name, controller, found) for controller in wanted}
    if any(limits.devices is not None for limits in apps.values()):
        spare |= {"devices"}
    for controller in spare - wanted:
        place = choose(name, controller, found)
        if place is not None:
            places[controller] = place
    for controller in COUNTING - wanted - spare:
        place = choose(name, controller, found)
        if place is not None and place.version == 2:
            places[controller] = place
    disks: tuple[str, ...] = ()
    if any(limits.of_disks() for limits in every):
        from podwright.host.disks import disks as behind

        disks = behind(storage)
    group = PodCgroup(apps, places, pod, disks)
    group.alone = alone
    if not any(os.access(place.own, os.W_OK) for place in group.places.values()):
        place = bare(name)  # else nobody could tell whose processes are whose
        if place is not None:
            group.places[BARE] = place
    if divided and all(place.version == 1 for place in group.places.values()):
        place = unified(name)
        if place is not None:
            group.places[BARE] = place
    return group


def _settled(name: str) -> tuple[list[Hierarchy], str]:
    """Our cgroups; in a log-in session under v2 after a move to a scope of our own, or why not."""
    found = find()
    if not needs_scope(found):
        return found, ""
    from podwright.host import scope

    why = scope.enter(name)
    return (found if why else find()), why


def _close_devices(path: str, devices: tuple[str, ...]) -> None:
    """Leave an app the usual devices and those that are its volumes (v1)."""
    put(f"{path}/devices.deny", "a")
    for rule in (*USUAL_DEVICES, *devices):
        put(f"{path}/devices.allow", rule)


def remove(directories: list[str]) -> None:
    """Remove pods' cgroups with their children. Safe to repeat; what is busy for a second stays."""
    import time

    deadline = time.monotonic() + 1.0
    for path in directories:
        while not prune(path) and time.monotonic() < deadline:
            time.sleep(0.01)
