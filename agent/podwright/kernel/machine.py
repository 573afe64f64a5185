# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What only the first process of a machine does: load modules, set the clock, end it all."""

from __future__ import annotations

import errno
import os
import time

from podwright.kernel import calls
from podwright.kernel.calls import CallError
from podwright.kernel.step import step

_FINIT_MODULE = {"x86_64": 313, "aarch64": 273, "riscv64": 273, "ppc64le": 353, "s390x": 344}
_AUTOBOOT = 0x01234567
_POWER_OFF = 0x4321FEDC
_SET_TIMEOUT = 0xC0045706
_ADD_ENTROPY = 0x40085203


def load_module(path: str, parameters: str = "") -> None:
    """Load a module of the kernel (finit_module(2)); one that is there already is fine. Raises OSError."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        number = _FINIT_MODULE[os.uname().machine]
        calls.syscall("finit_module", number, fd, parameters.encode(), 0)
    except CallError as err:
        if err.errno != errno.EEXIST:
            raise
    finally:
        os.close(fd)


def set_clock(nanoseconds: int) -> None:
    """Set the time of day, in nanoseconds since the epoch."""
    step("clock_settime")
    time.clock_settime_ns(time.CLOCK_REALTIME, nanoseconds)


def seed_randomness(seed: bytes) -> None:
    """Give the kernel's source of randomness something to begin with (random(4)), which nobody else knows."""
    import fcntl

    step("ioctl")
    with open("/dev/urandom", "wb", 0) as device:
        head = (8 * len(seed)).to_bytes(4, "little") + len(seed).to_bytes(4, "little")
        fcntl.ioctl(device, _ADD_ENTROPY, head + seed)


def spare_from_hunger(score: int) -> None:
    """Set our oom_score_adj (proc(5)): -1000 for who is never killed when memory is short."""
    step("write")
    with open("/proc/self/oom_score_adj", "w") as file:
        file.write(str(score))


def restart() -> None:
    """End the machine at once (reboot(2)); nothing is synced. Only its first process may."""
    calls.libc("reboot", _AUTOBOOT)


def power_off() -> None:
    """As `restart`, where the hypervisor is to be told that it is the end."""
    calls.libc("reboot", _POWER_OFF)


def watchdog(path: str, seconds: int) -> int:
    """Have the machine end when nobody writes to this descriptor for so long; -1 where there is no such device."""
    import fcntl

    try:
        fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    except OSError:
        return -1
    fcntl.ioctl(fd, _SET_TIMEOUT, seconds.to_bytes(4, "little"))
    return fd
