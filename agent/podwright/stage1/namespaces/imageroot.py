# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The root of one app from the layers of its image: an overlay, or a copy where there can be none."""

from __future__ import annotations

import errno
import os
import stat

from podwright.kernel import beneath, fs, mounts
from podwright.kernel.calls import CallError
from podwright.kernel.step import step

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

    from podwright.stage1.namespaces.plan import AppPlan
    from podwright.stage1.namespaces.users import Users

# Extended attributes in an image must not make overlayfs show other files (threats.md T10).
# volatile: what an app writes outside its volumes never outlives the pod, let alone a crash of
# the host, so it is not synced; without it the kernel syncs the whole host file system when
# the pod ends.
OVERLAY = (("redirect_dir", "nofollow"), ("metacopy", "off"), ("index", "off"), ("volatile", ""))
COPYING = "copying"
"""Beside what an app writes, while its root is being copied."""
# What overlayfs answers on a kernel or a file system that cannot do it.
NO_OVERLAY = (errno.ENODEV, errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS)


def make_writable(app: AppPlan) -> None:
    """The directories of the pod for what an app writes; with owners as the pod sees them.

    Those of a pod that has run before are as its apps left them.
    """
    upper, work = f"{app.writable}/upper", f"{app.writable}/work"
    if os.path.lexists(work):
        return
    fs.ensure_dir(upper, 0o755)
    top = os.stat(app.trees[0])
    step("chmod")
    os.chmod(upper, stat.S_IMODE(top.st_mode))
    step("chown")
    os.chown(upper, top.st_uid, top.st_gid)
    fs.mkdir(work)


def mount(app: AppPlan, here: int, users: Optional[Users]) -> int:
    """A detached mount of an app's root.

    here   the pod's root on the host, for a copy
    users  the pod's own users, who are to own it
    """
    root = _overlay(app, users) if app.overlay and (users is None or users.mapped) else None
    return _copied(app, here, users) if root is None else root


def _overlay(app: AppPlan, users: Optional[Users]) -> Optional[int]:
    """A detached overlay of the image's layers; None where the host cannot do it.

    The layers are named by descriptor: no character in a path can end an option, and the
    pod cannot read the host's paths out of its mountinfo.
    """
    fds = _plain_layers(app) if users is None else _mapped_layers(app, users)
    if not fds:
        return None
    upper, work, *lowers = [f"/proc/self/fd/{fd}" for fd in fds]
    options = (("upperdir", upper), ("workdir", work), *OVERLAY)
    try:
        return mounts.overlay(tuple(lowers), options, app.writable)
    except CallError as err:
        if err.errno not in NO_OVERLAY:
            raise
        return None
    finally:
        for fd in fds:
            os.close(fd)


def _plain_layers(app: AppPlan) -> list[int]:
    paths = (f"{app.writable}/upper", f"{app.writable}/work", *app.trees)
    return [os.open(path, beneath.DIRECTORY) for path in paths]


def _mapped_layers(app: AppPlan, users: Users) -> list[int]:
    """The layers through id-mapped mounts; none where there can be none.

    Until Linux 6.15 overlayfs takes layers only from mounts that are attached somewhere. They
    go with the old root when the pod's is entered.
    """
    place = os.open(app.writable, beneath.DIRECTORY)
    fds: list[int] = []
    for path in (app.writable, *app.trees):
        fd = mounts.clone(mounts.AT_FDCWD, path)
        fds.append(fd)
        users.show_own(fd)
        mounts.attach(fd, place)
    os.close(place)
    writable = fds.pop(0)
    fds[:0] = [os.open(name, beneath.DIRECTORY, dir_fd=writable) for name in ("upper", "work")]
    os.close(writable)
    if users.mapped:
        return fds
    for fd in fds:
        os.close(fd)
    return []


def _copied(app: AppPlan, here: int, users: Optional[Users]) -> int:
    """A full copy of the image's root in the pod directory, and a detached mount of it."""
    from podwright.kernel.copytree import copy_layers

    target = f"/proc/self/fd/{here}/{app.root}"
    mark = f"{app.writable}/{COPYING}"
    unfinished = os.path.lexists(mark)
    for name in os.listdir(target) if unfinished else ():
        fs.remove_tree(f"{target}/{name}")
    if unfinished or not os.listdir(target):
        fs.write_atomic(mark, b"", durable=False)
        copy_layers(app.trees, target, shift=users.shift() if users is not None else 0)
        fs.unlink(mark)
    root = mounts.clone(mounts.AT_FDCWD, target)
    if users is not None:
        users.show_own(root)
    mounts.restrict(root, mounts.NODEV)
    return root
