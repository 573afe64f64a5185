# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The few files of /etc that a pod gives its apps (B5, B7)."""

from __future__ import annotations

import errno
import os

from podwright.errors import LaunchError
from podwright.kernel import beneath, fs, mounts
from podwright.kernel.calls import CallError
from podwright.stage1.namespaces import targets
from podwright.stage1.namespaces.views import KERNEL

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.stage1.namespaces.plan import AppPlan, PodPlan


def put_names(root: int, plan: PodPlan) -> None:
    """/etc/hostname; /etc/hosts and /etc/mtab where the image has none (B5, B7).

    Done before any volume is there, so that nothing of it is written into a volume.
    """
    etc = beneath.make_dirs(root, "etc")
    try:
        fs.unlink("hostname", dir_fd=etc)
        fs.write_missing(etc, "hostname", f"{plan.hostname}\n".encode())
        names = f"127.0.0.1 localhost {plan.hostname}\n::1 localhost {plan.hostname}\n"
        fs.write_missing(etc, "hosts", names.encode())
        fs.symlink_missing("../proc/self/mounts", "mtab", etc)
    finally:
        os.close(etc)


def put_given(root: int, plan: PodPlan, app: AppPlan) -> None:
    """hosts and resolv.conf that stage0 left in the pod's root, bound over what is there (B7)."""
    for name in ("hosts", "resolv.conf"):
        try:
            mount = mounts.clone(mounts.AT_FDCWD, f"{plan.root}/etc/rkt-{name}")
        except CallError as err:
            if err.errno == errno.ENOENT:
                continue
            raise
        try:
            mounts.restrict(mount, KERNEL)
            target = _etc_file(root, name, app)
            mounts.attach(mount, target)
            os.close(target)
        except OSError as err:
            raise LaunchError(
                f"app {app.name}: /etc/{name} cannot be provided: {err.strerror or err}",
                "something in its image is in the way",
                object=app.name,
            ) from err
        finally:
            os.close(mount)


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
        own = beneath.IN_ROOT | beneath.NO_XDEV | beneath.NO_MAGICLINKS
        etc = beneath.open_at(root, "etc", beneath.DIRECTORY, own)
        fs.unlink(name, dir_fd=etc)
        os.close(etc)
        return targets.open_target(root, where, inside, directory=False)
