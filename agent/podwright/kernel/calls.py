# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a system call that Python does not offer is made, and how it fails.

Every wrapper of this package goes through `libc` or `syscall`: one place counts the call
(`step`), and one place turns its failure into an error that shows the call as it was made.
"""

from __future__ import annotations

import ctypes
import os

from podwright.kernel.step import step

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Union

    Argument = Union[int, bytes, None, ctypes.Structure, ctypes.Array[Any]]

# Calls that are younger than 2019 have one number on every architecture.
OPEN_TREE = 428
MOVE_MOUNT = 429
FSOPEN = 430
FSCONFIG = 431
FSMOUNT = 432
CLOSE_RANGE = 436
OPENAT2 = 437
MOUNT_SETATTR = 442

KEYCTL = {"x86_64": 250, "aarch64": 219, "riscv64": 219, "ppc64le": 271, "s390x": 280}

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


class CallError(OSError):
    """A system call failed; `call` shows it with its arguments, `errno` says why."""

    def __init__(self, code: int, call: str) -> None:
        super().__init__(code, os.strerror(code))
        self.call = call

    def __str__(self) -> str:
        return f"{self.call}: {self.strerror}"


def _pass(argument: Argument) -> Any:
    """Widen integers to registers; structures go by address."""
    if isinstance(argument, int):
        return ctypes.c_long(argument)
    if isinstance(argument, ctypes.Structure):
        return ctypes.byref(argument)
    return argument


def _show(argument: Argument) -> str:
    if isinstance(argument, int):
        return str(argument) if -4096 < argument < 4096 else hex(argument)
    if isinstance(argument, bytes):
        return repr(os.fsdecode(argument[:200]))
    return "NULL" if argument is None else type(argument).__name__


def _checked(result: int, name: str, arguments: tuple[Argument, ...]) -> int:
    if result < 0:
        raise CallError(ctypes.get_errno(), f"{name}({', '.join(map(_show, arguments))})")
    return result


def libc(name: str, *arguments: Argument) -> int:
    """Call a function of the C library that returns -1 and sets errno. Raises CallError."""
    step(name)
    result: int = getattr(_libc, name)(*map(_pass, arguments))
    return _checked(result, name, arguments)


def address(name: str) -> int:
    """Where a function of the C library is."""
    found = ctypes.cast(getattr(_libc, name), ctypes.c_void_p).value
    assert found is not None
    return found


def syscall(name: str, number: int, *arguments: Argument) -> int:
    """Make a system call by number; `name` is for messages. Raises CallError."""
    step(name)
    result: int = _libc.syscall(ctypes.c_long(number), *map(_pass, arguments))
    return _checked(result, name, arguments)


def read_only_syscall(name: str, number: int, *arguments: Argument) -> int:
    """Like `syscall` for a call that changes nothing, so that it is no step."""
    result: int = _libc.syscall(ctypes.c_long(number), *map(_pass, arguments))
    return _checked(result, name, arguments)


def trim_heap() -> None:
    """Give free heap memory back to the kernel (malloc_trim(3)); a no-op elsewhere than glibc."""
    trim = getattr(_libc, "malloc_trim", None)
    if trim is not None:
        trim(0)
