# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which system calls an app may make: from its isolators to a profile, a pure value (B3)."""

from __future__ import annotations

import errno

from podwright.errors import LaunchError
from podwright.stage1.namespaces import syscalls
from podwright.text import safe
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

    from podwright.model.isolators import Isolators

FAMILIES = (1, 2, 10, 16)
"""AF_UNIX, AF_INET, AF_INET6, AF_NETLINK: AF_ALG, AF_VSOCK and the rest are refused (T68)."""
AF_PACKET = 17


@value
class Profile:
    """A filter as a value; equal profiles compile to equal code.

    allow       True: only `names` are allowed; False: all but `names`
    names       sorted; those of a group may be unknown to the host's libseccomp
    required    the ones that were asked for by name, so that an unknown one is refused
    narrow      clone, socket, ioctl, personality and prlimit64 are allowed with harmless arguments
                only
    families    socket families when narrow
    code        errno of a refused call, or 0: the process is killed by SIGSYS
    """

    allow: bool
    names: tuple[str, ...]
    required: tuple[str, ...] = ()
    narrow: tuple[str, ...] = ()
    families: tuple[int, ...] = FAMILIES
    code: int = errno.EPERM


NARROW = ("clone", "ioctl", "personality", "prlimit64", "socket")


def profile(
    app: str,
    isolators: Isolators,
    capabilities: tuple[str, ...],
    *,
    sets_caps_late: bool = False,
    system: bool = False,
) -> Optional[Profile]:
    """The profile of an app, or None for no filter (`@appc.io/all` retained).

    sets_caps_late  the filter goes on before the capabilities are set (no-new-privileges off)
    system          it has the profile of that name
    Raises LaunchError for an unknown group or errno name.
    """
    retained, removed = isolators.seccomp_retain, isolators.seccomp_remove
    if retained is None and removed is None:
        return _default(capabilities, system)
    code = _errno(app, isolators.seccomp_errno)
    if removed is not None:
        names, required, _ = _expand(app, removed)
        kept = set(syscalls.ALWAYS.split()) if syscalls.ALL in removed else set()
        return Profile(False, tuple(sorted(names - kept)), required, code=code)
    assert retained is not None
    if syscalls.ALL in retained:
        return None
    names, required, narrow = _expand(app, retained)
    names |= set(syscalls.ALWAYS.split()) | ({"capset"} if sets_caps_late else set())
    return Profile(True, tuple(sorted(names)), required, narrow, _families(capabilities), code)


def _default(capabilities: tuple[str, ...], system: bool) -> Profile:
    names = set(syscalls.DEFAULT.split())
    for capability in capabilities:
        own = set(syscalls.WITH_CAPABILITY.get(capability, "").split())
        if system and capability == "CAP_SYS_ADMIN":
            own -= set(syscalls.NOT_IN_SYSTEM.split())
        names.update(own)
    narrow = tuple(n for n in NARROW if n != "clone" or "CAP_SYS_ADMIN" not in capabilities)
    return Profile(True, tuple(sorted(names)), (), narrow, _families(capabilities))


def _families(capabilities: tuple[str, ...]) -> tuple[int, ...]:
    return (*FAMILIES, AF_PACKET) if "CAP_NET_RAW" in capabilities else FAMILIES


def _expand(app: str, items: tuple[str, ...]) -> tuple[set[str], tuple[str, ...], tuple[str, ...]]:
    """(all names, those asked for one by one, those to be narrowed)."""
    names: set[str] = set()
    for item in items:
        if item == syscalls.ALL:
            continue
        if item in syscalls.GROUPS:
            names.update(syscalls.GROUPS[item].split())
        elif item.startswith("@"):
            raise LaunchError(
                f"app {app}: unknown group of system calls {safe(item, 60)!r}",
                f"known are {syscalls.ALL}, {', '.join(sorted(syscalls.GROUPS))}",
                object=app,
            )
    required = tuple(sorted(item for item in items if not item.startswith("@")))
    narrow = tuple(name for name in NARROW if name in names and name not in required)
    return names | set(required), required, narrow


def _errno(app: str, name: str) -> int:
    if not name:
        return 0
    code = getattr(errno, name, None)
    if not name.startswith("E") or not isinstance(code, int):
        raise LaunchError(
            f"app {app}: unknown errno {safe(name, 40)!r} in its seccomp isolator",
            "write for instance EPERM",
            object=app,
        )
    return code
