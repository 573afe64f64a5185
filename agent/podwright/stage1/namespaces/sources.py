# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sources of host volumes: resolved once, before anything of the pod runs, and held open (T65, T66).

Another pod may write to a directory on the way, and leave links there. So links are followed only
where the system keeps its own, in directories that only root can write to; `followLinks` makes
that any directory that only root can write to. What a magic link (`/proc/PID/root`) leads to is
never taken.
"""

from __future__ import annotations

import errno
import os
import stat

from podwright.errors import LaunchError
from podwright.kernel import beneath, mounts
from podwright.kernel.calls import CallError
from podwright.stage1.namespaces.mountplan import Device
from podwright.text import safe
from podwright.values import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

    from podwright.stage1.namespaces.mountplan import Bind
    from podwright.stage1.namespaces.plan import PodPlan

FEW_LINKS = 40
"""As many as the kernel follows (path_resolution(7))."""
SYSTEM = ("/dev", "/etc", "/lib", "/lib64", "/usr")
"""Directories of the system, whose links are followed at any depth."""
SYSTEM_TOP = ("/", "/run", "/var")
"""Directories whose own links are followed, but not those below."""
PROPAGATION = {"private": mounts.MS_PRIVATE, "slave": mounts.MS_SLAVE, "shared": 0}
"""What becomes of a copy of a shared mount; 0: it stays a peer of it."""


class Refused(Exception):
    """A source that is there, but is not taken: (what, hint)."""


class Pins:
    """What the sources were when the pod began to be made: by path, and whether links count.

    contents   of secrets, by name, open for reading
    """

    def __init__(self) -> None:
        self._sources: dict[tuple[str, bool], int] = {}
        self._trees: dict[tuple[str, str], int] = {}
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
            self._sources[key] = _open(app, bind)
        if bind.propagation != "private":
            fd = self._sources[key]
            _check_shared(app, bind, fd)
            self._trees[(app, bind.where)] = mounts.clone(
                fd, "", recursive=bind.recursive, propagation=PROPAGATION[bind.propagation]
            )

    def close(self) -> None:
        """Let go of everything."""
        for fd in (*self._sources.values(), *self._trees.values(), *self.contents.values()):
            os.close(fd)
        self.contents.clear()
        self._sources.clear()
        self._trees.clear()


def pin(plan: PodPlan) -> Pins:
    """Resolve all sources. Called in the pod's mount namespace before it is cut off from the host's.

    Raises LaunchError naming the app and the source.
    """
    pins = Pins()
    for app, bind in _host_binds(plan):
        if bind.propagation == "shared" and plan.users is not None:
            raise LaunchError(
                f"app {app}: volume {bind.volume}: propagation shared cannot be had with a user"
                " namespace of the pod's own",
                "say private users: false, or propagation slave",
                object=app,
            )
        pins.add(app, bind)
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
    devices = []
    for app, bind in _host_binds(plan):
        fd = _open(app, bind)
        try:
            devices += _device(app, bind, os.fstat(fd))
        finally:
            os.close(fd)
    return replace(plan, devices=tuple(devices)) if devices else plan


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


def _open(app: str, bind: Bind) -> int:
    try:
        fd = resolve(bind.source, follow_links=bind.follow_links)
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


def resolve(path: str, *, follow_links: bool = False) -> int:
    """Open a path of the host by O_PATH. Raises OSError, or Refused for a link that does not count."""
    try:
        return beneath.open_at(
            mounts.AT_FDCWD, path, beneath.PATH, beneath.NO_SYMLINKS | beneath.NO_MAGICLINKS
        )
    except CallError as err:
        if err.errno != errno.ELOOP:
            raise
    return _Walk(follow_links).open(path)


class _Walk:
    """Resolution by hand, one element at a time, of a path with links."""

    def __init__(self, follow_links: bool) -> None:
        self._follow_links = follow_links
        self._links = 0
        self._where = ""
        self._open: list[int] = []

    def open(self, path: str) -> int:
        """The descriptor of what the path leads to."""
        self._open = [os.open("/", beneath.DIRECTORY)]
        try:
            self._walk(path)
            return self._open.pop()
        finally:
            for fd in self._open:
                os.close(fd)

    def _walk(self, path: str) -> None:
        left = path.split("/")[::-1]
        while left:
            name = left.pop()
            if name == "..":
                self._up()
            elif name not in ("", "."):
                left += self._element(name)

    def _up(self) -> None:
        if len(self._open) > 1:
            os.close(self._open.pop())
            self._where = self._where.rpartition("/")[0]

    def _element(self, name: str) -> list[str]:
        """Step to `name`; what is left to walk when it is a link, last first."""
        here = self._open[-1]
        flags = beneath.PATH | os.O_NOFOLLOW
        fd = os.open(name, flags, dir_fd=here)
        found = os.fstat(fd)
        if not stat.S_ISLNK(found.st_mode):
            self._open.append(fd)
            self._where += f"/{name}"
            return []
        try:
            target = self._target(here, fd, found, name)
        finally:
            os.close(fd)
        if target.startswith("/"):
            while len(self._open) > 1:
                self._up()
        return target.split("/")[::-1]

    def _target(self, here: int, link: int, found: os.stat_result, name: str) -> str:
        self._links += 1
        if self._links > FEW_LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        shown = safe(f"{self._where}/{name}", 120)
        target = os.readlink("", dir_fd=link)
        if not (self._is_system() or self._follow_links):
            raise Refused(
                f"{shown} is a link to {safe(target, 120)}",
                "name the place it leads to, or give the volume followLinks",
            )
        directory = os.fstat(here)
        open_to_others = directory.st_mode & 0o022 and not directory.st_mode & stat.S_ISVTX
        if found.st_uid or directory.st_uid or open_to_others:
            raise Refused(f"{shown} is a link that others than root can change", _NAME_IT)
        if not target or _is_magic(here, name):
            raise Refused(f"{shown} is no ordinary link", _NAME_IT)
        return target

    def _is_system(self) -> bool:
        where = self._where or "/"
        return where in SYSTEM_TOP or any(
            where == top or where.startswith(f"{top}/") for top in SYSTEM
        )


_NAME_IT = "name the place it leads to"


def _is_magic(here: int, name: str) -> bool:
    """Whether the kernel takes a link for a magic one (or cannot follow it for another reason)."""
    try:
        os.close(beneath.open_at(here, name, beneath.PATH, beneath.NO_MAGICLINKS))
    except CallError as err:
        return err.errno == errno.ELOOP
    return False


def _check_shared(app: str, bind: Bind, fd: int) -> None:
    """Propagation needs a mount that is shared on the host; else it would silently be none."""
    number = ""
    with open(f"/proc/self/fdinfo/{fd}") as file:
        for line in file:
            if line.startswith("mnt_id:"):
                number = line.split()[1]
    with open("/proc/self/mountinfo") as file:
        for line in file:
            fields = line.split()
            if fields[0] == number and any(
                field.startswith(("shared:", "master:")[: 1 + (bind.propagation == "slave")])
                for field in fields[6 : fields.index("-")]
            ):
                return
    raise LaunchError(
        f"app {app}: volume source {safe(bind.source, 120)}: is not on a shared mount, so there is"
        f" no propagation {bind.propagation}",
        "mount --make-shared its mount point on the host, or leave propagation out",
        object=app,
    )
