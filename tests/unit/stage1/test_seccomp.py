# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Seccomp profiles from isolators, and the compiled filter against the golden list.

tests/agent/test_isolation_seccomp.py tries the filter on a real kernel.
"""

from __future__ import annotations

import errno
import platform
import struct
from pathlib import Path

import pytest

from podwright.errors import LaunchError
from podwright.kernel.libseccomp import ALLOW, Library
from podwright.model.isolators import Isolators
from podwright.stage1.namespaces import filters, seccomp, syscalls
from podwright.stage1.namespaces.seccomp import Profile, profile

GOLDEN = Path(__file__).parent / "golden/syscalls-x86_64.txt"
NEVER = {
    "acct", "add_key", "bpf", "chroot", "clone3", "delete_module", "fanotify_init",
    "finit_module", "init_module", "io_uring_setup", "ioperm", "iopl", "kcmp",
    "kexec_load", "keyctl", "mbind", "mount", "move_mount", "name_to_handle_at",
    "open_by_handle_at", "open_tree", "perf_event_open", "pidfd_getfd",
    "pivot_root", "process_vm_readv", "ptrace", "quotactl", "reboot",
    "request_key", "setns", "swapon", "syslog", "umount2", "unshare", "userfaultfd",
    "uselib",
}  # fmt: skip
X86_64 = 0xC000003E


def golden() -> set[str]:
    return {line for line in GOLDEN.read_text().splitlines() if not line.startswith("#")}


def test_the_default_list_is_the_golden_one_and_small_enough() -> None:
    if platform.machine() != "x86_64":
        pytest.skip("the golden list is that of x86-64")
    library = Library()
    default = profile("a", Isolators(), ())
    assert default is not None
    allowed = {
        name
        for name in default.names
        if (library.number(name) or 0) >= 0 and library.number(name) is not None
    }
    assert allowed == golden()
    assert len(allowed) <= 269


def test_nothing_that_reaches_into_the_kernel_is_allowed_by_default() -> None:
    assert NEVER & set(syscalls.DEFAULT.split()) == set()


def test_no_name_stands_in_a_list_twice() -> None:
    for text in (syscalls.DEFAULT, *syscalls.GROUPS.values(), *syscalls.WITH_CAPABILITY.values()):
        names = text.split()
        assert len(names) == len(set(names)) or text in (syscalls.GROUPS["@systemd/clock"],)


def test_a_granted_capability_allows_what_it_is_for() -> None:
    plain = profile("a", Isolators(), ())
    able = profile("a", Isolators(), ("CAP_SYS_CHROOT", "CAP_NET_RAW"))
    assert plain is not None and able is not None
    assert set(able.names) - set(plain.names) == {"chroot"}
    assert set(able.families) - set(plain.families) == {seccomp.AF_PACKET}


def test_reading_all_files_is_not_opening_those_that_have_no_path() -> None:
    able = profile("a", Isolators(), ("CAP_DAC_READ_SEARCH", "CAP_SYS_ADMIN"))
    assert able is not None and "open_by_handle_at" not in able.names
    asked = ("@docker/default-whitelist", "open_by_handle_at")
    named = profile("a", Isolators(seccomp_retain=asked), ("CAP_DAC_READ_SEARCH",))
    assert named is not None and "open_by_handle_at" in named.names


def test_retained_names_are_wide_and_retained_groups_narrow() -> None:
    both = profile("a", Isolators(seccomp_retain=("@rkt/default-whitelist", "socket")), ())
    assert both is not None
    assert "socket" not in both.narrow
    assert {"clone", "ioctl", "personality"} <= set(both.narrow)
    assert both.code == 0


def test_what_every_program_needs_cannot_be_taken_by_a_retained_set() -> None:
    empty = profile("a", Isolators(seccomp_retain=("@appc.io/empty",)), ())
    assert empty is not None
    assert set(empty.names) == set(syscalls.ALWAYS.split())


def test_retaining_all_is_no_filter_and_removing_empty_removes_nothing() -> None:
    assert profile("a", Isolators(seccomp_retain=("@appc.io/all",)), ()) is None
    assert profile("a", Isolators(seccomp_remove=("@appc.io/empty",)), ()) == Profile(
        False, (), code=0
    )


def test_errno_names_are_checked() -> None:
    named = profile("a", Isolators(seccomp_remove=("mkdir",), seccomp_errno="EACCES"), ())
    assert named is not None and named.code == errno.EACCES
    for bad in ("EFAKE", "errorcode", "eperm", "1"):
        with pytest.raises(LaunchError, match="unknown errno"):
            profile("a", Isolators(seccomp_remove=("mkdir",), seccomp_errno=bad), ())


@pytest.mark.parametrize(
    "group",
    [
        "@appc.io/all",
        "@appc.io/empty",
        *(f"@{who}/default-{what}list" for who in ("rkt", "docker") for what in ("white", "black")),
        "@systemd/clock",
        "@systemd/default-whitelist",
        "@systemd/mount",
        "@systemd/network-io",
        "@systemd/obsolete",
        "@systemd/privileged",
        "@systemd/process",
        "@systemd/raw-io",
    ],
)
def test_every_group_that_appc_and_rkt_name_is_known(group: str) -> None:
    removed = profile("a", Isolators(seccomp_remove=(group,)), ())
    assert removed is not None and (
        bool(removed.names) or group == "@appc.io/empty" or "all" in group
    )
    profile("a", Isolators(seccomp_retain=(group,)), ())


def test_an_unknown_group_is_refused() -> None:
    for isolators in (
        Isolators(seccomp_retain=("@docker/x",)),
        Isolators(seccomp_remove=("@docker/x",)),
    ):
        with pytest.raises(LaunchError, match="unknown group of system calls '@docker/x'"):
            profile("a", isolators, ())


def run_filter(code: bytes, arch: int, number: int, arguments: tuple[int, ...] = ()) -> int:
    """Interpret BPF as the kernel does: the action for one system call (only what our filters use)."""
    words = [*arguments, 0, 0, 0, 0, 0, 0][:6]
    data = struct.pack(
        "=iIQ6Q", number if number < 1 << 31 else number - (1 << 32), arch, 0, *words
    )
    program = list(struct.iter_unpack("=HBBI", code))
    at = accumulator = 0
    while True:
        operation, if_true, if_false, operand = program[at]
        at += 1
        if operation == 0x20:
            accumulator = struct.unpack_from("=I", data, operand)[0]
        elif operation == 0x06:
            return int(operand)
        elif operation == 0x05:
            at += operand
        elif operation == 0x54:
            accumulator &= operand
        else:
            holds = {
                0x15: accumulator == operand,
                0x25: accumulator > operand,
                0x35: accumulator >= operand,
            }
            at += if_true if holds[operation] else if_false


@pytest.fixture(scope="module")
def compiled() -> bytes:
    if platform.machine() != "x86_64":
        pytest.skip("numbers are those of x86-64")
    default = profile("a", Isolators(), ())
    assert default is not None
    return filters.compile_profile("a", default, Library())


def error(code: int) -> int:
    return 0x00050000 | code


def test_every_number_gets_the_answer_of_the_golden_list(compiled: bytes) -> None:
    library = Library()
    allowed = {library.number(name) for name in golden()}
    narrow = {library.number(name) for name in seccomp.NARROW}
    known = set(library.known_numbers())
    for number in [*range(600), 0x40000000, 0x40000001, 0x7FFFFFFF, 0xFFFFFFFF]:
        if number in narrow:
            continue
        expected = (
            ALLOW if number in allowed else error(errno.EPERM if number in known else errno.ENOSYS)
        )
        if number == library.number("clone3"):
            expected = error(errno.ENOSYS)
        assert run_filter(compiled, X86_64, number, (1, 2, 3)) == expected, number


@pytest.mark.parametrize(
    ("pid", "limit", "expected"),
    [
        *[(0, 0x7FFF1000, ALLOW), (1, 0, ALLOW), (1 << 32, 0x7FFF1000, ALLOW)],
        *[(1, 0x7FFF1000, error(errno.EPERM)), ((1 << 32) + 1, 1 << 32, error(errno.EPERM))],
    ],
)
def test_limits_are_set_for_oneself_only(
    compiled: bytes, pid: int, limit: int, expected: int
) -> None:
    number = Library().number("prlimit64") or -1
    assert run_filter(compiled, X86_64, number, (pid, 7, limit)) == expected


@pytest.mark.parametrize("arch", [0x40000003, 0xC00000B7, 0])
def test_another_architecture_is_killed(compiled: bytes, arch: int) -> None:
    assert run_filter(compiled, arch, 20) == 0x80000000


@pytest.mark.parametrize("high", [0, 1 << 32, 0xFFFFFFFF << 32])
def test_terminal_ioctls_are_refused_by_their_low_half(compiled: bytes, high: int) -> None:
    for command, expected in (
        (0x5412, error(1)),
        (0x541C, error(1)),
        (0x5413, ALLOW),
        (0x5401, ALLOW),
    ):
        assert run_filter(compiled, X86_64, 16, (0, high | command)) == expected


def test_only_listed_socket_families_are_allowed(compiled: bytes) -> None:
    allowed = [
        family for family in range(64) if run_filter(compiled, X86_64, 41, (family, 1)) == ALLOW
    ]
    assert allowed == [1, 2, 10, 16]
    assert run_filter(compiled, X86_64, 41, ((1 << 32) | 38, 1)) == error(errno.EPERM)


def test_clone_makes_threads_and_processes_but_no_namespaces(compiled: bytes) -> None:
    assert run_filter(compiled, X86_64, 56, (0x003D0F00,)) == ALLOW
    assert run_filter(compiled, X86_64, 56, (17,)) == ALLOW
    for bit in (0x20000, *(1 << n for n in range(25, 31))):
        assert run_filter(compiled, X86_64, 56, (bit | 17,)) == error(errno.EPERM)
