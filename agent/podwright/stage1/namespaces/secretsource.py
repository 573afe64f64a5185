# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where contents of secrets come from: opened before anything of a pod runs, never read by us at a start."""

from __future__ import annotations

import errno
import os
import stat

from podwright.errors import LaunchError
from podwright.model.secret import LARGEST
from podwright.stage1.namespaces import sourcelinks
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.stage1.namespaces.mountplan import SecretPlan
    from podwright.stage1.namespaces.plan import PodPlan

CREDENTIALS = "CREDENTIALS_DIRECTORY"


def open_file(path: str) -> int:
    """Open a file with a secret for reading. Raises OSError, also for what is no ordinary small file."""
    try:
        place = sourcelinks.resolve(path)
    except sourcelinks.Refused as err:
        raise OSError(errno.ELOOP, "; ".join(err.args)) from None
    try:
        found = os.fstat(place)
        if not stat.S_ISREG(found.st_mode):
            raise OSError(errno.EINVAL, "is not a regular file")
        if found.st_size > LARGEST:
            raise OSError(errno.EFBIG, f"is larger than {LARGEST} bytes")
        return os.open(f"/proc/self/fd/{place}", os.O_RDONLY | os.O_CLOEXEC)
    finally:
        os.close(place)


def open_all(plan: PodPlan) -> dict[str, int]:
    """Descriptors of the contents, by the secret's name. Raises LaunchError for one that is not there."""
    out: dict[str, int] = {}
    try:
        for secret in plan.secrets:
            out[secret.name] = _open(secret)
    except BaseException:
        for fd in out.values():
            os.close(fd)
        raise
    return out


def _open(secret: SecretPlan) -> int:
    path = secret.source
    if secret.credential:
        base = os.environ.get(CREDENTIALS, "")
        if not base.startswith("/"):
            raise _refused(
                secret,
                f"credential {secret.credential} is not there: nobody passes credentials",
                "run the pod in a unit with LoadCredential=, or take the secret from a file",
            )
        path = f"{base}/{secret.credential}"
    try:
        return open_file(path)
    except OSError as err:
        if secret.kept:
            raise _refused(
                secret,
                "its content is not in the host's memory any more, as after a boot",
                "run podwright apply (the playbook) again, or take it from a systemd credential",
            ) from None
        what = f"credential {secret.credential}" if secret.credential else safe(path, 120)
        raise _refused(
            secret, f"{what}: {err.strerror}", "make it, or correct the secret"
        ) from None


def _refused(secret: SecretPlan, what: str, hint: str) -> LaunchError:
    return LaunchError(f"secret {secret.name}: {what}", hint, object=secret.name)
