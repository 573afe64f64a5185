# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which devices the processes of a v2 cgroup may open: a small eBPF program on it (bpf(2)).

Version 1 has a controller with text rules (`c 1:3 rw`); the same rules are compiled here.
"""

from __future__ import annotations

import ctypes
import errno
import os
import sys

from podwright.kernel import calls

_BPF = {"x86_64": 321, "aarch64": 280, "riscv64": 280, "ppc64le": 361, "s390x": 351}
_PROG_LOAD, _PROG_ATTACH = 5, 8
_CGROUP_DEVICE_PROGRAM, _CGROUP_DEVICE_POINT, _ALLOW_MULTI = 15, 6, 2
_KINDS = {"b": 1, "c": 2}
_ACCESS = {"m": 1, "r": 2, "w": 4}
_LOAD, _COPY, _AND, _SHIFT, _UNLESS, _SET, _EXIT = 0x61, 0xBF, 0x54, 0x74, 0x55, 0xB7, 0x95
# Registers: 0 the verdict, 1 the context and later a scratch one, then what is asked for.
_KIND, _WANTED, _MAJOR, _MINOR = 2, 3, 4, 5


class _Load(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_uint32),
        ("count", ctypes.c_uint32),
        ("code", ctypes.c_char_p),
        ("license", ctypes.c_char_p),
        ("log_level", ctypes.c_uint32),
        ("log_size", ctypes.c_uint32),
        ("log", ctypes.c_void_p),
        ("kernel", ctypes.c_uint32),
        ("flags", ctypes.c_uint32),
    ]


class _Attach(ctypes.Structure):
    _fields_ = [
        ("target", ctypes.c_uint32),
        ("program", ctypes.c_uint32),
        ("point", ctypes.c_uint32),
        ("flags", ctypes.c_uint32),
    ]


def attach(cgroup: str, rules: tuple[str, ...]) -> None:
    """Let the cgroup's processes open nothing but what the rules say, until it is removed.

    Raises OSError where the kernel has no such programs or does not let us.
    """
    code = program(rules)
    load = _Load(_CGROUP_DEVICE_PROGRAM, len(code) // 8, code, b"GPL", 0, 0, None, 0, 0)
    loaded = _bpf(_PROG_LOAD, load)
    try:
        target = os.open(cgroup, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            _bpf(_PROG_ATTACH, _Attach(target, loaded, _CGROUP_DEVICE_POINT, _ALLOW_MULTI))
        finally:
            os.close(target)
    finally:
        os.close(loaded)


def _bpf(command: int, attributes: ctypes.Structure) -> int:
    number = _BPF.get(os.uname().machine)
    if number is None:
        raise OSError(errno.ENOSYS, "bpf(2) is not known on this machine")
    return calls.syscall("bpf", number, command, attributes, ctypes.sizeof(attributes))


def program(rules: tuple[str, ...]) -> bytes:
    """The rules as eBPF: each compares, and returns 1 when all of it fits; 0 in the end."""
    import struct

    lines: list[tuple[int, int, int, int, int]] = [
        (_LOAD, _WANTED, 1, 0, 0),
        (_COPY, _KIND, _WANTED, 0, 0),
        (_AND, _KIND, 0, 0, 0xFFFF),
        (_SHIFT, _WANTED, 0, 0, 16),
        (_LOAD, _MAJOR, 1, 4, 0),
        (_LOAD, _MINOR, 1, 8, 0),
    ]
    for rule in rules:
        lines += _compare(rule)
    lines += [(_SET, 0, 0, 0, 0), (_EXIT, 0, 0, 0, 0)]
    little = sys.byteorder == "little"
    return b"".join(
        struct.pack("=BBhi", code, dst | src << 4 if little else dst << 4 | src, offset, number)
        for code, dst, src, offset, number in lines
    )


def _compare(rule: str) -> list[tuple[int, int, int, int, int]]:
    kind, numbers, access = rule.split(" ")
    major, minor = numbers.split(":")
    beyond = 7 & ~sum(_ACCESS[letter] for letter in access)
    checks = [(_KIND, _KINDS[kind])]
    checks += [
        (register, int(number))
        for register, number in ((_MAJOR, major), (_MINOR, minor))
        if number != "*"
    ]
    # How many instructions are left from each comparison to the end of the rule.
    left = len(checks) + 4
    out = []
    for register, number in checks:
        out.append((_UNLESS, register, 0, left, number))
        left -= 1
    return [
        *out,
        (_COPY, 1, _WANTED, 0, 0),
        (_AND, 1, 0, 0, beyond),
        (_UNLESS, 1, 0, 2, 0),
        (_SET, 0, 0, 0, 1),
        (_EXIT, 0, 0, 0, 0),
    ]
