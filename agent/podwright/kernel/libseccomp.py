# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host's libseccomp: names of system calls to numbers, rules to BPF."""

from __future__ import annotations

import ctypes
import os

from podwright.errors import HostError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Optional

ALLOW = 0x7FFF0000
KILL_PROCESS = 0x80000000
EQUAL = 4
MASKED_EQUAL = 7

_ACT_BADARCH = 2
_CTL_OPTIMIZE = 8
_UNKNOWN = -1
_HIGHEST_NUMBER = 700


def errno_action(code: int) -> int:
    """The action that makes a call fail with `code`."""
    return 0x00050000 | code


class _Version(ctypes.Structure):
    _fields_ = [("major", ctypes.c_uint), ("minor", ctypes.c_uint), ("micro", ctypes.c_uint)]


class _Compare(ctypes.Structure):
    """struct scmp_arg_cmp: argument number, operator, and one or two operands."""

    _fields_ = [
        ("argument", ctypes.c_uint),
        ("operator", ctypes.c_int),
        ("first", ctypes.c_uint64),
        ("second", ctypes.c_uint64),
    ]


class Library:
    """libseccomp.so.2, loaded once per object. Raises HostError when the host has none."""

    def __init__(self) -> None:
        try:
            self.lib = ctypes.CDLL("libseccomp.so.2")
        except OSError:
            raise HostError(
                "libseccomp.so.2 is missing, so no system call filter can be made",
                "install libseccomp2",
            ) from None
        self.lib.seccomp_init.restype = ctypes.c_void_p
        self.lib.seccomp_version.restype = ctypes.POINTER(_Version)
        self.lib.seccomp_syscall_resolve_num_arch.restype = ctypes.c_void_p
        self.lib.seccomp_arch_native.restype = ctypes.c_uint32

    def version(self) -> str:
        """For instance `2.5.4`."""
        found = self.lib.seccomp_version().contents
        return f"{found.major}.{found.minor}.{found.micro}"

    def native(self) -> int:
        """The kernel's number for this architecture (AUDIT_ARCH_...)."""
        return int(self.lib.seccomp_arch_native())

    def number(self, name: str) -> Optional[int]:
        """The number of a system call; negative when only other architectures have it."""
        found = int(self.lib.seccomp_syscall_resolve_name(name.encode()))
        return None if found == _UNKNOWN else found

    def known_numbers(self) -> list[int]:
        """Every number that this library has a name for, on this architecture, ascending."""
        native = self.native()
        known = []
        for number in range(_HIGHEST_NUMBER):
            text = self.lib.seccomp_syscall_resolve_num_arch(ctypes.c_uint32(native), number)
            if text:
                known.append(number)
        return known

    def rules(self, default: int) -> Rules:
        """A new filter that answers `default` to calls without a rule."""
        return Rules(self.lib, default)


class Rules:
    """A filter under construction; use it in a `with` block."""

    def __init__(self, lib: ctypes.CDLL, default: int) -> None:
        self.lib = lib
        self.context = ctypes.c_void_p(lib.seccomp_init(ctypes.c_uint32(default)))
        if not self.context:
            raise HostError("libseccomp cannot make a filter")
        self._checked(lib.seccomp_attr_set(self.context, _ACT_BADARCH, KILL_PROCESS))
        lib.seccomp_attr_set(self.context, _CTL_OPTIMIZE, 2)  # older than 2.5: a linear filter

    def __enter__(self) -> Rules:
        return self

    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self.lib.seccomp_release(self.context)

    def add(
        self, action: int, number: int, compare: Optional[tuple[int, int, int, int]] = None
    ) -> None:
        """Add a rule; `compare` is (argument, operator, first operand, second operand)."""
        array = (_Compare * 1)(_Compare(*compare)) if compare else (_Compare * 1)()
        count = 1 if compare else 0
        self._checked(
            self.lib.seccomp_rule_add_array(
                self.context, ctypes.c_uint32(action), number, count, array
            )
        )

    def export(self) -> bytes:
        """The filter as BPF instructions of 8 bytes."""
        fd = os.memfd_create("seccomp", os.MFD_CLOEXEC)
        try:
            self._checked(self.lib.seccomp_export_bpf(self.context, fd))
            return os.pread(fd, 1 << 20, 0)
        finally:
            os.close(fd)

    def _checked(self, result: int) -> None:
        if result < 0:
            raise HostError(f"libseccomp refused a rule: {os.strerror(-result)}")
