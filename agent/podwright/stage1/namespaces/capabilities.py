# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Capabilities: names, numbers, our default set, and the set an app gets (B3, threats.md T69)."""

from __future__ import annotations

from podwright.errors import LaunchError
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.model.isolators import Isolators

# In the order of their numbers, linux/capability.h.
NAMES = (
    *("CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_FSETID"),
    *("CAP_KILL", "CAP_SETGID", "CAP_SETUID", "CAP_SETPCAP", "CAP_LINUX_IMMUTABLE"),
    *("CAP_NET_BIND_SERVICE", "CAP_NET_BROADCAST", "CAP_NET_ADMIN", "CAP_NET_RAW"),
    *("CAP_IPC_LOCK", "CAP_IPC_OWNER", "CAP_SYS_MODULE", "CAP_SYS_RAWIO", "CAP_SYS_CHROOT"),
    *("CAP_SYS_PTRACE", "CAP_SYS_PACCT", "CAP_SYS_ADMIN", "CAP_SYS_BOOT", "CAP_SYS_NICE"),
    *("CAP_SYS_RESOURCE", "CAP_SYS_TIME", "CAP_SYS_TTY_CONFIG", "CAP_MKNOD", "CAP_LEASE"),
    *("CAP_AUDIT_WRITE", "CAP_AUDIT_CONTROL", "CAP_SETFCAP", "CAP_MAC_OVERRIDE"),
    *("CAP_MAC_ADMIN", "CAP_SYSLOG", "CAP_WAKE_ALARM", "CAP_BLOCK_SUSPEND", "CAP_AUDIT_READ"),
    *("CAP_PERFMON", "CAP_BPF", "CAP_CHECKPOINT_RESTORE"),
)

DEFAULT = (
    *("CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL"),
    *("CAP_NET_BIND_SERVICE", "CAP_SETGID", "CAP_SETPCAP", "CAP_SETUID"),
)


def number(name: str) -> int:
    """The number of a capability."""
    return NAMES.index(name)


def mask(names: tuple[str, ...]) -> int:
    """The set as bits, bit n for capability n."""
    return sum(1 << number(name) for name in names)


SYSTEM = tuple(
    sorted(
        (
            *DEFAULT,
            *("CAP_AUDIT_WRITE", "CAP_DAC_READ_SEARCH", "CAP_IPC_OWNER", "CAP_SETFCAP"),
            *("CAP_SYS_ADMIN", "CAP_SYS_CHROOT"),
        )
    )
)
"""Those of an app with the profile system; only in a user namespace that owns no more than what is the
app's: its mounts, control groups, host name and IPC."""


def granted(app: str, isolators: Isolators, system: bool = False) -> tuple[str, ...]:
    """The capabilities of an app: the default ones, those retained, or the default less those removed.

    system   it has the profile of that name, and so another default
    Raises LaunchError for a name that does not exist (`CAP_ALL` is none).
    """
    asked = isolators.caps_retain or isolators.caps_remove or ()
    for name in asked:
        if name not in NAMES:
            raise LaunchError(
                f"app {app}: unknown capability {safe(name, 40)!r} in its isolators",
                "names are those of capabilities(7)",
                object=app,
            )
    if isolators.caps_retain is not None:
        return tuple(sorted(isolators.caps_retain))
    default = SYSTEM if system else DEFAULT
    return tuple(name for name in default if name not in asked)
