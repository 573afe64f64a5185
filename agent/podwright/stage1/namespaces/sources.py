# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sources of host volumes: resolved once, before anything of the pod runs, and held open (T65, T66).

A pod may write to a directory on the way, and leave links there, also with root's name on them;
`sourcelinks` says which ones count.
"""

from __future__ import annotations

import os
import stat

from podwright.errors import LaunchError
from podwright.kernel import mountinfo, mounts
from podwright.stage1.namespaces.mountplan import Device
from podwright.stage1.namespaces.sourcelinks import Link, Refused, resolve
from podwright.text import safe
from podwright.values import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

    from podwright.stage1.namespaces.mountplan import Bind
    from podwright.stage1.namespaces.plan import PodPlan

PROPAGATION = {"private": mounts.MS_PRIVATE, "slave": mounts.MS_SLAVE, "shared": 0}
"""What becomes of a copy of a shared mount; 0: it stays a peer of it."""


class Pins:
    """What the sources were when the pod began to be made: by path, and whether links count.

    contents   of secrets, by name, open for reading
    """

    def __init__(self) -> None:
        self._sources: dict[tuple[str, bool], int] = {}
        self._trees: dict[tuple[str, str], int] = {}
        self._links: list[tuple[str, Bind, Link]] = []
        self.contents: dict[str, int] = {}

    def source(self, bind: Bind) -> int:
        """The descriptor (O_PATH) of a source."""
        return self._sources[(bind.source, bind.follow_links)]

    def take_tree(self, app: str, bind: Bind) -> Optional[int]:
        """The detached mount of a bind that keeps the host's propagation; the caller closes it."""
        return self._trees.pop((app, bind.where), None)

    def add(self, app: str, bind: Bind) -> None:
        """Open a source unless it is open already; what keeps its propagation is copied now."""
        key = (bind.source, bind.follow_links)
        if key not in self._sources:
            links: list[Link] = []
            self._sources[key] = _open(app, bind, links)
            if bind.follow_links:
                self._links += [(app, bind, link) for link in links]
        if bind.propagation != "private":
            fd = self._sources[key]
            _check_shared(app, bind, fd)
            self._trees[(app, bind.where)] = mounts.clone(
                fd, "", recursive=bind.recursive, propagation=PROPAGATION[bind.propagation]
            )

    def check_links(self, binds: list[tuple[str, Bind]]) -> None:
        """No link that `followLinks` has followed stands where the pod itself can make one."""
        if not self._links:
            return
        writable = {
            (found.st_dev, found.st_ino): bind
            for _, bind in binds
            if bind.kind == "host" and not bind.read_only
            for found in (os.fstat(self.source(bind)),)
        }
        for app, bind, link in self._links:
            for place in link.places & writable.keys():
                raise LaunchError(
                    f"app {app}: volume source {safe(bind.source, 120)}: {link.shown} is a link in"
                    f" volume {writable[place].volume}, which this pod can write to",
                    "name the place it leads to, and leave followLinks out",
                    object=app,
                )

    def close(self) -> None:
        """Let go of everything."""
        for fd in (*self._sources.values(), *self._trees.values(), *self.contents.values()):
            os.close(fd)
        self.contents.clear()
        self._sources.clear()
        self._trees.clear()


def pin(plan: PodPlan, pins: Optional[Pins] = None) -> Pins:
    """Resolve all sources. Called in the pod's mount namespace before it is cut off from the host's.

    Raises LaunchError naming the app and the source.
    """
    pins = pins or Pins()
    for app, bind in _host_binds(plan):
        if bind.propagation == "shared" and plan.users is not None:
            raise LaunchError(
                f"app {app}: volume {bind.volume}: propagation shared cannot be had with a user"
                " namespace of the pod's own",
                "say private users: false, or propagation slave",
                object=app,
            )
        pins.add(app, bind)
    pins.check_links(_host_binds(plan))
    for device in plan.devices:
        _check_still(pins, plan, device)
    if plan.secrets:
        from podwright.stage1.namespaces import secretsource

        pins.contents = secretsource.open_all(plan)
    return pins


def with_devices(plan: PodPlan) -> PodPlan:
    """The plan with the devices among its volumes, for its control groups (B2).

    Asked for before the control groups are made; `pin` sees that they are still the same.
    """
    devices: list[Device] = []
    for app, bind in _host_binds(plan):
        fd = _open(app, bind)
        try:
            found = _device(app, bind, os.fstat(fd))
        finally:
            os.close(fd)
        if found and plan.kept and bind.device != "rw":
            raise LaunchError(
                f"app {app}: volume {bind.volume}: a device cannot be for {bind.device} only in fly,"
                " whose app opens all devices of the host",
                "choose another stage1, or give it read and write",
                object=app,
            )
        devices += found
    return replace(plan, devices=tuple(devices)) if devices else plan


def check(app: str, bind: Bind) -> None:
    """Raises LaunchError for a source that `pin` would not take; nothing is kept of it."""
    os.close(_open(app, bind))


def _host_binds(plan: PodPlan) -> list[tuple[str, Bind]]:
    """All binds of something on the host, with the names of their apps."""
    return [
        (app.name, bind)
        for app in plan.apps
        for bind in app.binds + app.late_binds
        if bind.kind in ("host", "device")
    ]


def _device(app: str, bind: Bind, found: os.stat_result) -> list[Device]:
    kind = "c" if stat.S_ISCHR(found.st_mode) else "b" if stat.S_ISBLK(found.st_mode) else ""
    if not kind:
        return []
    major, minor = os.major(found.st_rdev), os.minor(found.st_rdev)
    return [Device(app, kind, major, minor, bind.device)]


def _check_still(pins: Pins, plan: PodPlan, device: Device) -> None:
    """A device that was given to the control group must be one that is bound."""
    for app, bind in _host_binds(plan):
        if device in _device(app, bind, os.fstat(pins.source(bind))):
            return
    raise LaunchError(
        f"app {device.app}: device {device.major}:{device.minor} was replaced while the pod began",
        "see who writes to the directory that it is in",
        object=device.app,
    )


def _open(app: str, bind: Bind, links: Optional[list[Link]] = None) -> int:
    try:
        fd = resolve(bind.source, follow_links=bind.follow_links, seen=links)
        try:
            _check_kind(fd, bind)
        except BaseException:
            os.close(fd)
            raise
        return fd
    except Refused as err:
        what, hint = err.args
        raise LaunchError(
            f"app {app}: volume source {safe(bind.source, 120)}: {what}", hint, object=app
        ) from None
    except OSError as err:
        raise LaunchError(
            f"app {app}: volume source {safe(bind.source, 120)}: {err.strerror}",
            "make it, or correct the volume",
            object=app,
        ) from err


def _check_kind(fd: int, bind: Bind) -> None:
    """A device volume is a device, and can be used where it is."""
    mode = os.fstat(fd).st_mode
    if not (stat.S_ISCHR(mode) or stat.S_ISBLK(mode)):
        if bind.kind == "device":
            raise Refused("is not a device", "name a device node, or make it a host volume")
    elif os.fstatvfs(fd).f_flag & os.ST_NODEV:
        raise Refused(
            "is on a file system that is mounted nodev", "name the device node below /dev"
        )


def _check_shared(app: str, bind: Bind, fd: int) -> None:
    """Propagation needs a mount that is shared on the host; else it would silently be none."""
    found = mountinfo.propagation(mountinfo.of(fd))
    wanted = ("shared:",) if bind.propagation == "shared" else ("shared:", "master:")
    if any(field.startswith(wanted) for field in found):
        return
    raise LaunchError(
        f"app {app}: volume source {safe(bind.source, 120)}: is not on a shared mount, so there is"
        f" no propagation {bind.propagation}",
        "mount --make-shared its mount point on the host, or leave propagation out",
        object=app,
    )
