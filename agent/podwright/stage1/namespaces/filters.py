# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a seccomp profile to BPF, by libseccomp, compiled once per host and profile.

libseccomp compares 64 bits of an argument where the kernel looks at 32 (CVE-2019-10063), and
has one answer for everything without a rule. So a few instructions of our own go first: they
answer ENOSYS to numbers that nobody knew when the filter was made (a C library then falls
back), and refuse the two terminal ioctls by the 32 bits that the kernel reads.
"""

from __future__ import annotations

import errno
import os
import sys

from podwright.errors import LaunchError
from podwright.kernel.libseccomp import (
    ALLOW,
    EQUAL,
    KILL_PROCESS,
    MASKED_EQUAL,
    Library,
    Rules,
    errno_action,
)
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.stage1.namespaces.seccomp import Profile

_NAMESPACE_FLAGS = 0x7E020080
_PERSONALITIES = (0x0, 0x8, 0x20000, 0x20008, 0xFFFFFFFF)
_TERMINAL_IOCTLS = (0x5412, 0x541C)  # TIOCSTI types, TIOCLINUX pastes, on the user's terminal
_LOAD, _JUMP_EQUAL, _JUMP_GREATER, _JUMP_AT_LEAST, _RETURN = 0x20, 0x15, 0x25, 0x35, 0x06


def make(app: str, profile: Profile) -> bytes:
    """The BPF code of a profile.

    Raises LaunchError when the profile names a system call that libseccomp does not know.
    """
    return compile_profile(app, profile, Library())


def check(app: str, profile: Profile) -> None:
    """Raises LaunchError for a system call that was asked for by name and is none."""
    _numbers(app, profile, Library())


def compile_profile(app: str, profile: Profile, library: Library) -> bytes:
    """The whole filter as BPF."""
    numbers = _numbers(app, profile, library)
    refuse = errno_action(profile.code) if profile.code else KILL_PROCESS
    if not profile.allow:
        with library.rules(ALLOW) as rules:
            for number in numbers.values():
                rules.add(refuse, number)
            return rules.export()
    with library.rules(refuse) as rules:
        for name, number in numbers.items():
            if name not in profile.narrow or name == "ioctl":
                rules.add(ALLOW, number)
            else:
                _add_narrow(rules, name, number, profile)
        clone3 = library.number("clone3")
        if clone3 is not None and clone3 >= 0 and "clone3" not in numbers:
            rules.add(errno_action(errno.ENOSYS), clone3)  # its flags are out of reach: use clone
        return _prologue(library, numbers, profile) + rules.export()


def _numbers(app: str, profile: Profile, library: Library) -> dict[str, int]:
    numbers = {}
    for name in profile.names:
        number = library.number(name)
        if number is None and name in profile.required:
            raise LaunchError(
                f"app {app}: unknown system call {safe(name, 60)!r} in its seccomp isolator",
                f"libseccomp {library.version()} on this host does not know it",
                object=app,
            )
        if number is not None and number >= 0:
            numbers[name] = number
    return numbers


def _add_narrow(rules: Rules, name: str, number: int, profile: Profile) -> None:
    if name == "clone":
        argument = 1 if os.uname().machine == "s390x" else 0
        rules.add(ALLOW, number, (argument, MASKED_EQUAL, _NAMESPACE_FLAGS, 0))
        return
    if name == "prlimit64":  # pid 0 is the caller; without a new limit nothing changes
        rules.add(ALLOW, number, (0, MASKED_EQUAL, 0xFFFFFFFF, 0))
        rules.add(ALLOW, number, (2, EQUAL, 0, 0))
        return
    for allowed in profile.families if name == "socket" else _PERSONALITIES:
        rules.add(ALLOW, number, (0, EQUAL, allowed, 0))


def _prologue(library: Library, numbers: dict[str, int], profile: Profile) -> bytes:
    """Our own instructions; they fall through to libseccomp's, which load what they need."""
    body: list[tuple[int, int, int, int]] = [(_LOAD, 0, 0, 0)]
    known = library.known_numbers()
    no_such_call = (_RETURN, 0, 0, errno_action(errno.ENOSYS))
    body += [(_JUMP_GREATER, 0, 1, known[-1]), no_such_call]
    for low, high in zip(known, known[1:]):
        if high - low > 1:
            body += [(_JUMP_AT_LEAST, 0, 2, low + 1), (_JUMP_AT_LEAST, 1, 0, high), no_such_call]
    if "ioctl" in profile.narrow and "ioctl" in numbers:
        command = 24 if sys.byteorder == "little" else 28  # low half of args[1]
        refuse = (_RETURN, 0, 0, errno_action(errno.EPERM))
        body += [(_JUMP_EQUAL, 0, 5, numbers["ioctl"]), (_LOAD, 0, 0, command)]
        for ioctl in _TERMINAL_IOCTLS:
            body += [(_JUMP_EQUAL, 0, 1, ioctl), refuse]
    head = [(_LOAD, 0, 0, 4), (_JUMP_EQUAL, 1, 0, library.native()), (0x05, 0, 0, len(body))]
    import struct

    return b"".join(struct.pack("=HBBI", *line) for line in head + body)
