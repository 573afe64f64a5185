# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a process is: its namespaces, capabilities, keyring, filter and descriptors."""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os

from podwright.kernel import beneath, calls
from podwright.kernel.step import step

CLONE_NEWNS = 0x00020000
CLONE_NEWCGROUP = 0x02000000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

_SET_PDEATHSIG = 1
_SET_DUMPABLE = 4
_SET_KEEPCAPS = 8
_SET_SECCOMP = 22
_CAPBSET_DROP = 24
_SET_SECUREBITS = 28
_SET_NO_NEW_PRIVS = 38
_CAP_AMBIENT = 47
_AMBIENT_RAISE = 2
_AMBIENT_CLEAR_ALL = 4
_SET_NAME = 15
_SECCOMP_MODE_FILTER = 2
_CAPABILITY_V3 = 0x20080522
_KEYCTL_JOIN_SESSION_KEYRING = 1
_CLONE_VM = 0x100
_WALL = 0x40000000
_NO_SETUID_FIXUP = 4


class _CapHeader(ctypes.Structure):
    _fields_ = [("version", ctypes.c_uint32), ("pid", ctypes.c_int)]


class _CapData(ctypes.Structure):
    """Two of struct __user_cap_data_struct: the low and the high 32 capabilities."""

    _fields_ = [
        ("effective_low", ctypes.c_uint32),
        ("permitted_low", ctypes.c_uint32),
        ("inheritable_low", ctypes.c_uint32),
        ("effective_high", ctypes.c_uint32),
        ("permitted_high", ctypes.c_uint32),
        ("inheritable_high", ctypes.c_uint32),
    ]


class _Filter(ctypes.Structure):
    """struct sock_fprog: number of 8-byte instructions, and their address."""

    _fields_ = [("length", ctypes.c_ushort), ("code", ctypes.c_char_p)]


def unshare(flags: int) -> None:
    """Leave shared namespaces for new ones (CLONE_NEWPID: for the next child)."""
    calls.libc("unshare", flags)


def setns(fd: int, kind: int) -> None:
    """Join the namespace that `fd` is open on."""
    calls.libc("setns", fd, kind)


class Held:
    """A process that only waits, in new namespaces, so that they can be prepared and joined.

    It shares our memory, since a fork would copy page tables for nothing; it never runs code of
    ours, and so the caller has all signals blocked that it handles. Nothing ends it when we die
    but our pid namespace: only the first process of one may hold one.
    """

    def __init__(self, kinds: int) -> None:
        size = 16384
        self._stack = ctypes.create_string_buffer(size)
        top = ctypes.addressof(self._stack) + size & ~15
        self.pid = calls.libc("clone", calls.address("pause"), top, kinds | _CLONE_VM, None)

    def end(self) -> None:
        """Kill and reap it."""
        os.kill(self.pid, 9)
        os.waitpid(self.pid, _WALL)


def act_on_files_as(number: int) -> None:
    """Make files as this user and group from here on, with all our capabilities.

    An execution or a new user namespace ends it.
    """
    calls.libc("prctl", _SET_SECUREBITS, _NO_SETUID_FIXUP, 0, 0, 0)
    calls.libc("setfsgid", number)
    calls.libc("setfsuid", number)


def die_with_parent() -> None:
    """Get SIGKILL when the thread that forked us ends. The caller checks for the race."""
    calls.libc("prctl", _SET_PDEATHSIG, 9, 0, 0, 0)


def hide_from_peers() -> None:
    """Keep processes of the same user from tracing us or opening our /proc files."""
    calls.libc("prctl", _SET_DUMPABLE, 0, 0, 0, 0)


def show_to_peers() -> None:
    """Take `hide_from_peers` back; our files in /proc are ours again."""
    calls.libc("prctl", _SET_DUMPABLE, 1, 0, 0, 0)


def rename(title: str) -> None:
    """Show `title` instead of our command line, which may name what is nobody's business.

    The kernel reads the command line out of our own memory (proc(5), fields 48 and 49 of stat).
    """
    calls.libc("prctl", _SET_NAME, title.encode()[:15], 0, 0, 0)
    with open("/proc/self/stat", "rb") as file:
        fields = file.read().rpartition(b")")[2].split()
    start, end = int(fields[45]), int(fields[46])
    if 0 < start < end:
        ctypes.memset(start, 0, end - start)
        ctypes.memmove(start, title.encode()[: end - start - 1], min(len(title), end - start - 1))


def no_new_privileges() -> None:
    """From here on exec never grants anything: setuid and file capabilities are void."""
    calls.libc("prctl", _SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def drop_bounding(capability: int) -> None:
    """Take a capability out of the bounding set, for this process and its children."""
    calls.libc("prctl", _CAPBSET_DROP, capability, 0, 0, 0)


def set_capabilities(mask: int) -> None:
    """Make permitted and effective exactly `mask` (bit n = capability n); nothing inheritable."""
    calls.libc("prctl", _CAP_AMBIENT, _AMBIENT_CLEAR_ALL, 0, 0, 0)
    low, high = mask & 0xFFFFFFFF, mask >> 32
    data = _CapData(low, low, 0, high, high, 0)
    calls.libc("capset", _CapHeader(_CAPABILITY_V3, 0), data)


def keep_capabilities() -> None:
    """Keep the permitted ones when the identity changes from root to another user."""
    calls.libc("prctl", _SET_KEEPCAPS, 1, 0, 0, 0)


def set_ambient_capabilities(mask: int) -> None:
    """Make all sets but the bounding one exactly `mask`, so that it outlives exec by any user."""
    calls.libc("prctl", _CAP_AMBIENT, _AMBIENT_CLEAR_ALL, 0, 0, 0)
    low, high = mask & 0xFFFFFFFF, mask >> 32
    data = _CapData(low, low, low, high, high, high)
    calls.libc("capset", _CapHeader(_CAPABILITY_V3, 0), data)
    for number in range(64):
        if mask >> number & 1:
            calls.libc("prctl", _CAP_AMBIENT, _AMBIENT_RAISE, number, 0, 0)


def permitted() -> int:
    """Our permitted capabilities as bits."""
    data = _CapData()
    calls.libc("capget", _CapHeader(_CAPABILITY_V3, 0), data)
    return int(data.permitted_low) | int(data.permitted_high) << 32


def new_session_keyring() -> None:
    """Join a new, empty, anonymous session keyring (keyctl(2)).

    A kernel without keyrings (ENOSYS) has none that could leak.
    """
    number = calls.KEYCTL.get(os.uname().machine)
    if number is None:
        return
    try:
        calls.syscall("keyctl", number, _KEYCTL_JOIN_SESSION_KEYRING, None)
    except calls.CallError as err:
        if err.errno != errno.ENOSYS:
            raise


_PROC_MAGIC = 0x9FA0
_IN_PROC = beneath.BENEATH | beneath.NO_XDEV | beneath.NO_MAGICLINKS


def set_attribute(name: str, text: str) -> None:
    """Write an attribute of this thread that a security module acts on (attr(5) in proc).

    Whatever a program with the right to mount has put there in the meantime is refused: what is
    written must reach the kernel (runc CVE-2019-16884, CVE-2019-19921).
    """
    path = f"/proc/thread-self/attr/{name}"
    step("write")
    try:
        proc = os.open("/proc", beneath.DIRECTORY)
        try:
            kind = (ctypes.c_long * 32)()
            calls.libc("fstatfs", proc, kind)
            if kind[0] != _PROC_MAGIC:
                raise OSError(errno.EXDEV, "/proc is something else")
            fd = beneath.open_at(proc, path[6:], os.O_WRONLY, _IN_PROC)
        finally:
            os.close(proc)
        try:
            os.write(fd, text.encode())
        finally:
            os.close(fd)
    except OSError as err:
        raise calls.CallError(err.errno or 0, f"{path} = {text}") from None


def install_filter(code: bytes) -> None:
    """Put a seccomp filter (BPF, 8 bytes per instruction) on this process for ever."""
    program = _Filter(len(code) // 8, code)
    calls.libc("prctl", _SET_SECCOMP, _SECCOMP_MODE_FILTER, program, 0, 0)


def duplicate(fd: int, least: int) -> int:
    """Another descriptor of the same, numbered `least` or above, closed on exec."""
    return fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, least)


def close_from(first: int) -> None:
    """Close every descriptor from `first` on."""
    calls.syscall("close_range", calls.CLOSE_RANGE, first, 0xFFFFFFFF, 0)


def close_all_but(keep: frozenset[int]) -> None:
    """Close every descriptor from 3 on that is not in `keep`."""
    first = 3
    for fd in sorted(keep):
        if fd > first:
            calls.syscall("close_range", calls.CLOSE_RANGE, first, fd - 1, 0)
        first = max(first, fd + 1)
    close_from(first)
