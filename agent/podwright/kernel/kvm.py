# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""KVM, as far as telling whether it works: the smallest guest there is (linux/kvm.h, x86).

Its one page holds `mov al, 42; out 0x10, al; hlt`. It has run when KVM hands the byte over.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import struct

from podwright.kernel.step import step

DEVICE = "/dev/kvm"
API = 12
"""The only stable version of the interface there ever was."""
_GET_API_VERSION = 0xAE00
_CREATE_VM = 0xAE01
_GET_VCPU_MMAP_SIZE = 0xAE04
_CREATE_VCPU = 0xAE41
_SET_USER_MEMORY_REGION = 0x4020AE46
_RUN = 0xAE80
_SET_REGS = 0x4090AE82
_GET_SREGS = 0x8138AE83
_SET_SREGS = 0x4138AE84
_EXIT_IO = 2
_PLACE = 0x1000
_CODE = b"\xb0\x2a\xe6\x10\xf4"
_SREGS = 0x138
_CS_SELECTOR = 12


def api_version(device: str = DEVICE) -> int:
    """The version of the interface. Raises OSError."""
    fd = os.open(device, os.O_RDWR | os.O_CLOEXEC)
    try:
        return fcntl.ioctl(fd, _GET_API_VERSION, 0)
    finally:
        os.close(fd)


def create_vm(device: str = DEVICE) -> str:
    """Make a virtual machine without anything in it, and let go of it; "". Raises OSError."""
    fd = os.open(device, os.O_RDWR | os.O_CLOEXEC)
    try:
        step("ioctl")
        os.close(fcntl.ioctl(fd, _CREATE_VM, 0))
    finally:
        os.close(fd)
    return ""


def run_guest(device: str = DEVICE) -> str:
    """Run the guest: "" when it did what it should, else what came instead. Raises OSError.

    May never return where nested virtualisation is broken: call it in a process that is killed
    in time.
    """
    fds = [os.open(device, os.O_RDWR | os.O_CLOEXEC)]
    memory = mmap.mmap(-1, mmap.PAGESIZE)
    memory[: len(_CODE)] = _CODE
    try:
        step("ioctl")
        fds.append(fcntl.ioctl(fds[0], _CREATE_VM, 0))
        region = struct.pack("=IIQQQ", 0, 0, _PLACE, len(memory), _address(memory))
        fcntl.ioctl(fds[1], _SET_USER_MEMORY_REGION, region)
        fds.append(fcntl.ioctl(fds[1], _CREATE_VCPU, 0))
        _set_registers(fds[2])
        size = fcntl.ioctl(fds[0], _GET_VCPU_MMAP_SIZE, 0)
        shared = mmap.mmap(fds[2], size, mmap.MAP_SHARED)
        fcntl.ioctl(fds[2], _RUN, 0)
        return _exit_of(shared)
    finally:
        for fd in reversed(fds):
            os.close(fd)


def _address(memory: mmap.mmap) -> int:
    import ctypes

    return ctypes.addressof(ctypes.c_char.from_buffer(memory))


def _set_registers(vcpu: int) -> None:
    """Real mode, code segment 0, and the instruction pointer at the page."""
    sregs = bytearray(_SREGS)
    fcntl.ioctl(vcpu, _GET_SREGS, sregs)
    sregs[0:8] = bytes(8)  # base of the code segment
    sregs[_CS_SELECTOR : _CS_SELECTOR + 2] = bytes(2)
    fcntl.ioctl(vcpu, _SET_SREGS, sregs)
    fcntl.ioctl(vcpu, _SET_REGS, struct.pack("=18Q", *([0] * 16), _PLACE, 2))


def _exit_of(shared: mmap.mmap) -> str:
    """Whether the guest handed its byte over (struct kvm_run)."""
    (reason,) = struct.unpack_from("=I", shared, 8)
    if reason != _EXIT_IO:
        return f"the guest ended with reason {reason}"
    _, size, port, count, offset = struct.unpack_from("=BBHIQ", shared, 32)
    good = (size, port, count, shared[offset]) == (1, 0x10, 1, 42)
    return "" if good else "the guest wrote something else than it should"
