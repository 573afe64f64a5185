# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who an app runs as: names, numbers or paths of its image to uid and gid (B6, threats.md T36)."""

from __future__ import annotations

import os

from podwright.errors import LaunchError
from podwright.kernel import beneath
from podwright.text import safe
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

    from podwright.stage1.namespaces.plan import UserRange

HIGHEST = 2**32 - 2
"""2^32-1 means "leave as it is" to the kernel, so it is nobody's number."""
MAX_FILE = 1 << 20


@value
class Identity:
    """Numbers of a process: user, group, and exactly these supplementary groups."""

    uid: int
    gid: int
    groups: tuple[int, ...] = ()


ROOT = Identity(0, 0)


def resolve(
    root: int,
    app: str,
    user: str,
    group: str,
    supplementary: tuple[int, ...],
    users: Optional[UserRange] = None,
) -> Identity:
    """Look an app's user and group up in its root. Raises LaunchError naming app and name.

    users  the pod's own, which has no other numbers than 0 to 65535
    """
    who = Identity(
        _number(root, app, "user", user, "etc/passwd", users),
        _number(root, app, "group", group, "etc/group", users),
        supplementary,
    )
    highest = HIGHEST if users is None else users.count - 1
    for kind, number in (
        ("user", who.uid),
        ("group", who.gid),
        *(("group", n) for n in who.groups),
    ):
        if not 0 <= number <= highest:
            raise LaunchError(
                f"app {app}: {kind} {number} cannot be used: numbers go from 0 to {highest}",
                "" if users is None else "private users: false gives the pod the host's numbers",
                object=app,
            )
    return who


def _number(
    root: int, app: str, kind: str, name: str, file: str, users: Optional[UserRange]
) -> int:
    if name == "root":
        return 0
    if name.isascii() and name.isdigit():
        if len(name) <= 10 and int(name) <= HIGHEST:
            return int(name)
        raise _refused(app, kind, name, f"numbers go from 0 to {HIGHEST}")
    if name.startswith("/"):
        return _owner(root, app, kind, name, users)
    try:
        data = beneath.read_in_root(root, file, MAX_FILE)
    except OSError as err:
        raise _refused(app, kind, name, f"/{file} in its image: {err.strerror}") from err
    found = None if data is None else _entry(data, name)
    if found is None:
        raise _refused(app, kind, name, f"/{file} in its image has no such entry")
    return found


def _owner(root: int, app: str, kind: str, path: str, users: Optional[UserRange]) -> int:
    """The owner of a path of the image, as the pod sees it."""
    try:
        fd = beneath.open_in_root(root, path)
    except OSError as err:
        raise _refused(app, kind, path, f"that path in its image: {err.strerror}") from err
    try:
        found = os.fstat(fd)
    finally:
        os.close(fd)
    number = found.st_uid if kind == "user" else found.st_gid
    if users is None:
        return number
    if not users.first <= number < users.first + users.count:
        raise _refused(app, kind, path, f"its owner is not one of the pod's {users.count} users")
    return number - users.first


def _entry(data: bytes, name: str) -> Optional[int]:
    """The third field of the first line whose first field is `name`, if it is a number."""
    wanted = os.fsencode(name)
    for line in data.split(b"\n"):
        fields = line.split(b":")
        if fields[0] == wanted and len(fields) > 2:
            number = fields[2]
            if number.isdigit() and len(number) <= 10 and int(number) <= HIGHEST:
                return int(number)
            return None
    return None


def _refused(app: str, kind: str, name: str, why: str) -> LaunchError:
    return LaunchError(f"app {app}: {kind} {safe(name, 60)!r} cannot be used", why, object=app)
