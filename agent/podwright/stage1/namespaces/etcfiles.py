# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The few files of /etc that a pod gives its apps (B5, B7)."""

from __future__ import annotations

import errno
import os
import stat

from podwright.errors import LaunchError
from podwright.kernel import beneath, fs, mounts
from podwright.net import hostsfile
from podwright.stage1.contract import GIVEN, PEERS
from podwright.stage1.namespaces import targets
from podwright.stage1.namespaces.views import KERNEL

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

    from podwright.stage1.namespaces.plan import AppPlan, PodPlan
    from podwright.stage1.namespaces.users import Users

RESOLV = "resolv.conf"
LATE = "etc/rkt-resolv.conf"
"""In the pod's root: what its networks say, once they are there."""


class Given:
    """The files in the pod's directory that its apps get; held open, since only the host's root may
    look them up there."""

    def __init__(self, plan: PodPlan) -> None:
        wanted = {"hosts": plan.etc.hosts, RESOLV: plan.etc.resolv}
        flags = beneath.PATH | os.O_NOFOLLOW
        self._made = False
        self._plan = plan
        self.servers: Optional[str] = None
        self._files = {
            name: (os.open(f"{plan.pod_dir}/{name}", flags), how == PEERS)
            for name, how in wanted.items()
            if how in (GIVEN, PEERS)
        }

    def ahead(self) -> None:
        """Make the mounts for one app now, for who puts them where these files are out of reach."""
        for name, (file, yields) in self._files.items():
            self._files[name] = (mounts.clone(file, ""), yields)
            os.close(file)
        self._made = True
        self.servers = _of_host(self._plan)

    def put(self, root: int, app: AppPlan, users: Optional[Users]) -> None:
        """Bind them over what the app has there."""
        for name, (file, yields) in self._files.items():
            if not yields:
                self._put(root, file, name, app, users)
            elif not _in_volume(f"/etc/{name}", app):
                try:
                    self._put(root, file, name, app, users)
                except LaunchError:
                    continue  # nobody has asked for it, and its image has something else there

    def _put(self, root: int, file: int, name: str, app: AppPlan, users: Optional[Users]) -> None:
        if self._made:
            _attach(root, os.dup(file), name, app, users)
        else:
            _bind(root, file, "", name, app, users)

    def close(self) -> None:
        """Let go of them."""
        for file, _ in self._files.values():
            os.close(file)


def put_names(root: int, plan: PodPlan) -> None:
    """/etc/hostname; /etc/hosts and /etc/mtab where the image has none (B5, B7).

    Done before any volume is there, so that nothing of it is written into a volume.
    """
    etc = beneath.make_dirs(root, "etc")
    try:
        fs.unlink("hostname", dir_fd=etc)
        fs.write_missing(etc, "hostname", f"{plan.hostname}\n".encode())
        names = hostsfile.own(plan.hostname, plan.etc.names, (), peers=False)
        fs.write_missing(etc, "hosts", names)
        fs.symlink_missing("../proc/self/mounts", "mtab", etc)
    finally:
        os.close(etc)


def put_servers(root: int, plan: PodPlan, app: AppPlan, known: Optional[str] = None) -> None:
    """The host's name servers, where there is no /etc/resolv.conf at all or an empty one.

    known  what the host's file says, where that is out of reach
    Where a volume has it, that stays as it is.
    """
    where = f"/etc/{RESOLV}"
    if plan.etc.resolv or not plan.etc.servers or _in_volume(where, app) or _has_text(root, where):
        return
    text = _of_host(plan) if known is None else known
    if not text and not plan.etc.late:
        return
    try:
        etc = beneath.open_at(root, "etc", beneath.DIRECTORY, targets.IN_OWN)
    except OSError:
        return  # its /etc lies somewhere else, or is none
    try:
        fs.unlink(RESOLV, dir_fd=etc)
        fs.write_missing(etc, RESOLV, text.encode())
    finally:
        os.close(etc)


def _of_host(plan: PodPlan) -> str:
    from podwright.host import resolvconf

    return resolvconf.of_host(own_network=not plan.host_net).text


def _has_text(root: int, where: str) -> bool:
    """Whether something is there that is no empty file; links are followed as the app would."""
    try:
        found = beneath.open_in_root(root, where)
    except OSError as err:
        return err.errno not in (errno.ENOENT, errno.ENOTDIR)
    try:
        info = os.fstat(found)
        return not stat.S_ISREG(info.st_mode) or info.st_size > 0
    finally:
        os.close(found)


def put_late(pod: int, plan: PodPlan, text: str) -> None:
    """What the pod's networks say about names, bound into its apps when all else is in place."""
    os.close(beneath.make_dirs(pod, "etc"))
    fs.write_atomic(f"{plan.root}/{LATE}", text.encode(), 0o644, durable=False)
    for app in plan.apps:
        root = beneath.open_strict(pod, app.root, beneath.DIRECTORY)
        bind_late(pod, root, app)
        os.close(root)


def bind_late(pod: int, root: int, app: AppPlan) -> None:
    """Bind it into one app."""
    _bind(root, pod, LATE, RESOLV, app, None)


def _bind(
    root: int, place: int, path: str, name: str, app: AppPlan, users: Optional[Users]
) -> None:
    """Bind a file over /etc/NAME of an app, read-only."""
    _attach(root, mounts.clone(place, path), name, app, users)


def _attach(root: int, mount: int, name: str, app: AppPlan, users: Optional[Users]) -> None:
    """Attach a detached mount of a file there, and let go of it."""
    try:
        mounts.restrict(mount, KERNEL | mounts.RDONLY)
        if users is not None:
            users.show(mount)
        target = _etc_file(root, name, app)
        mounts.attach(mount, target)
        os.close(target)
    except OSError as err:
        raise _in_the_way(app, name, err) from err
    finally:
        os.close(mount)


def _in_the_way(app: AppPlan, name: str, err: OSError) -> LaunchError:
    return LaunchError(
        f"app {app.name}: /etc/{name} cannot be provided: {err.strerror or err}",
        "something in its image is in the way",
        object=app.name,
    )


def _in_volume(where: str, app: AppPlan) -> bool:
    """Whether a volume is mounted there, or has what is there in it."""
    return any(where == bind.where or where.startswith(f"{bind.where}/") for bind in app.binds)


def _etc_file(root: int, name: str, app: AppPlan) -> int:
    """Open /etc/NAME of an app's root, making it when missing; a link to nowhere, as systemd
    leaves for resolv.conf, is replaced, though never in a volume."""
    where = f"/etc/{name}"
    inside = targets.enclosing(where, (bind.where for bind in app.binds))
    try:
        return targets.open_target(root, where, inside, directory=False)
    except OSError as err:
        if err.errno != errno.ENOENT:
            raise
        etc = beneath.open_at(root, "etc", beneath.DIRECTORY, targets.IN_OWN)
        fs.unlink(name, dir_fd=etc)
        os.close(etc)
        return targets.open_target(root, where, inside, directory=False)
