# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets of a pod: files on a tmpfs of their own, which apps can only read.

Contents go from descriptor to descriptor inside the kernel, so that they never lie in our memory.
Where the kernel can (6.4), the tmpfs is never written to swap.
"""

from __future__ import annotations

import errno
import os
import stat

from podwright.errors import LaunchError
from podwright.kernel import beneath, fs, mounts
from podwright.kernel.calls import CallError
from podwright.kernel.step import step
from podwright.model.secret import DIRECTORY, LARGEST
from podwright.stage1.namespaces import identity, targets
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.stage1.namespaces.identity import Identity
    from podwright.stage1.namespaces.mountplan import SecretPlan
    from podwright.stage1.namespaces.plan import AppPlan, PodPlan

PLACE = "rkt/secrets"
"""Where the pod's own root has them; no app sees that root."""
LIMITS = mounts.NOSUID | mounts.NODEV | mounts.NOEXEC
PAGE = 65536
"""No less than a page of memory anywhere."""


def begin(pod: int, plan: PodPlan, contents: dict[str, int]) -> None:
    """Make the tmpfs for the secrets of all apps."""
    room = sum(os.fstat(fd).st_size // PAGE + 1 for fd in contents.values()) * len(plan.apps) + 1
    options = (("mode", "0700"), ("size", str(room * PAGE)))
    mount = _tmpfs(options)
    target = beneath.make_dirs(pod, PLACE, 0o700)
    try:
        mounts.attach(mount, target)
    finally:
        os.close(target)
        os.close(mount)


def _tmpfs(options: tuple[tuple[str, str], ...]) -> int:
    try:
        return mounts.filesystem("tmpfs", (*options, ("noswap", "")), LIMITS)
    except CallError as err:
        if err.errno != errno.EINVAL:
            raise
        return mounts.filesystem("tmpfs", options, LIMITS)


def mount(pod: int, root: int, app: AppPlan, plan: PodPlan, contents: dict[str, int]) -> None:
    """Write an app's secrets and mount them into its root, which has all else by now."""
    own = [secret for secret in plan.secrets if not secret.apps or app.name in secret.apps]
    if not own:
        return
    who = identity.resolve(root, app.name, app.user, app.group, ())
    base = beneath.open_strict(pod, PLACE, beneath.DIRECTORY)
    try:
        for secret in own:
            _write(base, app.name, secret, who, plan, contents[secret.name])
        if any(is_inside(secret) for secret in own):
            _attach(base, f"{app.name}/inside", root, DIRECTORY, app)
        for secret in own:
            if not is_inside(secret):
                _attach(base, _place(app.name, secret), root, secret.target, app)
    finally:
        os.close(base)


def is_inside(secret: SecretPlan) -> bool:
    """Whether it appears below /run/secrets, which is one mount."""
    return secret.target.startswith(f"{DIRECTORY}/")


def _place(app: str, secret: SecretPlan) -> str:
    """Where its file lies on the tmpfs."""
    if is_inside(secret):
        return f"{app}/inside{secret.target[len(DIRECTORY) :]}"
    return f"{app}/outside/{secret.name}"


def _write(
    base: int, app: str, secret: SecretPlan, who: Identity, plan: PodPlan, content: int
) -> None:
    above, _, name = _place(app, secret).rpartition("/")
    directory = beneath.make_dirs(base, above)
    try:
        fs.create_at(directory, name, 0o600)
        fd = beneath.open_strict(directory, name, os.O_WRONLY | os.O_NOFOLLOW)
    except FileExistsError:
        raise LaunchError(
            f"secret {secret.name}: something else is at {safe(secret.target, 80)}",
            "give it another target",
            object=secret.name,
        ) from None
    finally:
        os.close(directory)
    try:
        _copy(content, fd, secret)
        uid = _host_id(secret, "uid", who.uid if secret.uid is None else secret.uid, plan)
        gid = _host_id(secret, "gid", who.gid if secret.gid is None else secret.gid, plan)
        step("chown")
        os.fchown(fd, uid, gid)
        step("chmod")
        os.fchmod(fd, secret.mode)
    finally:
        os.close(fd)


def _copy(source: int, target: int, secret: SecretPlan) -> None:
    done = 0
    while True:
        count = os.sendfile(target, source, done, LARGEST + 1 - done)
        done += count
        if done > LARGEST:
            raise LaunchError(
                f"secret {secret.name}: is larger than {LARGEST} bytes",
                "a secret is a small file",
                object=secret.name,
            )
        if not count:
            return


def _host_id(secret: SecretPlan, what: str, number: int, plan: PodPlan) -> int:
    """An owner as the host counts it; the pod's user namespace must have it."""
    if plan.users is None:
        return number
    if number >= plan.users.count:
        raise LaunchError(
            f"secret {secret.name}: {what} {number} is not in the pod's user namespace",
            f"give it one below {plan.users.count}",
            object=secret.name,
        )
    return plan.users.first + number


def _attach(base: int, place: str, root: int, target: str, app: AppPlan) -> None:
    """Mount a file or directory of the tmpfs in an app's root, for reading only."""
    found = mounts.clone(base, place)
    try:
        mounts.restrict(found, LIMITS | mounts.RDONLY)
        directory = stat.S_ISDIR(os.fstat(found).st_mode)
        inside = targets.enclosing(target, (bind.where for bind in app.binds + app.late_binds))
        where = targets.open_target(root, target, inside, directory=directory)
        mounts.attach(found, where)
        os.close(where)
    except OSError as err:
        raise LaunchError(
            f"app {app.name}: secrets cannot be put at {safe(target, 80)}: {err.strerror}",
            "something in its image, or in a volume, is in the way: give them another target",
            object=app.name,
        ) from err
    finally:
        os.close(found)
