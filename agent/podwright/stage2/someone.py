# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""As whom a process is entered that is not to be the app's user: who that is, is looked up when it is asked.

The files are those of the app's root as they are then, so they are a stranger's: bounded, and
nothing but regular ones. Whatever they say, the process stays below what the app may have.
"""

from __future__ import annotations

import os

from podwright.kernel import beneath
from podwright.stage1.namespaces import environment
from podwright.stage1.namespaces.identity import HIGHEST, MAX_FILE, Identity
from podwright.stage2.control import Refused
from podwright.text import safe
from podwright.values import replace, value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

    from podwright.stage2.app import Target

OWN_HIGHEST = 65535
"""In a user namespace of the pod's own."""


@value
class Wish:
    """What differs from the app; "" = nothing.

    user, group   name or number in the image's passwd and group files
    directory     absolute, in the app's root
    """

    user: str
    group: str
    directory: str


def parse(text: str) -> Wish:
    """USER:GROUP:DIRECTORY, where each may be empty. Raises ValueError."""
    return Wish(*text.split(":", 2))


def become(target: Target, wish: Wish) -> tuple[Target, Identity]:
    """The app as somebody else starts a process of it. Raises Refused.

    A user who is not the app's gets none of the capabilities that the app's is given to keep;
    root of the pod has those that the app would have as root.
    """
    root = os.open(target.root, beneath.DIRECTORY)
    try:
        plan, identity = target.plan, target.identity
        if wish.directory:
            _check_directory(root, wish.directory)
            plan = replace(plan, directory=wish.directory)
        if wish.user:
            identity = _identity(root, target, wish.user, wish.group)
            told = environment.account(root, wish.user, identity.uid)
            pairs = {**dict(plan.environment), **told}
            plan = replace(plan, environment=tuple(sorted(pairs.items())))
        if identity.uid != target.identity.uid:
            plan = replace(plan, restrictions=replace(plan.restrictions, ambient=False))
        return replace(target, plan=plan), identity
    finally:
        os.close(root)


def _check_directory(root: int, directory: str) -> None:
    try:
        os.close(beneath.open_in_root(root, directory, beneath.DIRECTORY))
    except OSError as err:
        raise Refused(f"directory {safe(directory, 120)}: {safe(err.strerror)}") from None


def _identity(root: int, target: Target, user: str, group: str) -> Identity:
    """The user's numbers, with a group that was said and no other, or those that it is a member of."""
    highest = OWN_HIGHEST if target.own_users else HIGHEST
    name, uid, own = _user(root, user)
    if group:
        return Identity(
            _usable(uid, "user", highest), _usable(_group(root, group), "group", highest)
        )
    if uid == target.identity.uid and own is None:
        own = target.identity.gid
    if own is None:
        why = "/etc/passwd in its image does not say its group"
        raise Refused(f"user {uid} cannot be used: {why}; say it, too: --user={uid}:GROUP")
    more = () if uid != target.identity.uid else target.identity.groups
    member = () if name is None else _memberships(root, name)
    groups = sorted({*more, *member} - {own})
    return Identity(
        _usable(uid, "user", highest),
        _usable(own, "group", highest),
        tuple(_usable(each, "group", highest) for each in groups),
    )


def _usable(number: int, kind: str, highest: int) -> int:
    if number <= highest:
        return number
    raise Refused(f"{kind} {number} cannot be used: numbers go from 0 to {highest}")


def _user(root: int, user: str) -> tuple[Optional[bytes], int, Optional[int]]:
    """(name, uid, gid) of a user by name or number; None for what no entry says."""
    wanted = os.fsencode(user)
    number = 0 if user == "root" else _number(wanted)
    for fields in _entries(root, "user", user, "etc/passwd"):
        uid, gid = (_number(text) for text in (*fields[2:4], b"", b"")[:2])
        if fields[0] == wanted if number is None else uid == number:
            if uid is None or gid is None:
                raise _refused("user", user, "its entry in /etc/passwd of its image has no numbers")
            return fields[0], uid, gid
    if number == 0:
        return b"root", 0, 0
    if number is None:
        raise _refused("user", user, "/etc/passwd in its image has no such entry")
    return None, number, None


def _group(root: int, group: str) -> int:
    """The number of a group."""
    wanted = os.fsencode(group)
    number = _number(wanted)
    if number is not None:
        return number
    for fields in _entries(root, "group", group, "etc/group"):
        if fields[0] == wanted and len(fields) > 2:
            number = _number(fields[2])
            break
    if number is None and group == "root":
        return 0
    if number is None:
        raise _refused("group", group, "/etc/group in its image has no such entry")
    return number


def _memberships(root: int, name: bytes) -> set[int]:
    """The groups that list a user as their member (group(5))."""
    found = set()
    for fields in _entries(root, "user", os.fsdecode(name), "etc/group"):
        if len(fields) == 4 and name in fields[3].split(b","):
            number = _number(fields[2])
            if number is not None:
                found.add(number)
    return found


def _entries(root: int, kind: str, name: str, file: str) -> list[list[bytes]]:
    """The lines of such a file, in fields. Raises Refused when it cannot be read."""
    try:
        data = beneath.read_in_root(root, file, MAX_FILE) or b""
    except OSError as err:
        raise _refused(kind, name, f"/{file} in its image: {safe(err.strerror)}") from None
    return [line.split(b":") for line in data.split(b"\n") if line]


def _number(text: bytes) -> Optional[int]:
    """A number that somebody may have; None for anything else."""
    if text.isdigit() and len(text) <= 10 and int(text) <= HIGHEST:
        return int(text)
    return None


def _refused(kind: str, name: str, why: str) -> Refused:
    return Refused(f"{kind} {safe(name, 60)!r} cannot be used: {why}")
