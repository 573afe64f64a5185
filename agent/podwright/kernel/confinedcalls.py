# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The system calls of a confined child, as a filter: all that is not named fails with EPERM.
For a program that is executed it is the other way round.

A decoder computes: it reads and writes the descriptors that it was given, has memory, threads and
clocks. It can name no file, make no socket, start nothing and signal nobody. A child of the
network can also look up names, connect by IPv4 and IPv6 (no Unix sockets: no daemon of the host
is within its reach) and open files for reading, as far as Landlock lets it.
"""

from __future__ import annotations

import errno
import os

from podwright.kernel.libseccomp import ALLOW, EQUAL, MASKED_EQUAL, Library, Rules, errno_action

DECODER = """
brk clock_getres clock_getres_time64 clock_gettime clock_gettime64 clock_nanosleep
clock_nanosleep_time64 close dup dup2 dup3 epoll_create1 epoll_ctl epoll_pwait epoll_pwait2
epoll_wait eventfd2 exit exit_group fcntl fcntl64 fstat fstat64 futex futex_time64 futex_waitv
getegid geteuid getgid getpid getppid getrandom getrusage gettid gettimeofday getuid lseek _llseek
madvise membarrier mremap munmap nanosleep poll ppoll ppoll_time64 pread64 pselect6
pselect6_time64 pwrite64 read readv recvfrom recvmsg restart_syscall rseq rt_sigaction
rt_sigprocmask rt_sigreturn sched_getaffinity sched_yield select _newselect sendmsg sendto
set_robust_list shutdown sigaltstack sigreturn splice sysinfo tee time uname write writev
"""

NETWORK = """
access connect faccessat faccessat2 fstatat64 getcwd getdents64 getpeername getsockname getsockopt
lstat lstat64 mmap mmap2 mprotect newfstatat readlink readlinkat recvmmsg recvmmsg_time64 sendmmsg
setsockopt stat stat64 statfs statx
"""
"""Besides the decoder's. Memory may be executable, since looking up names loads libraries."""

PROGRAM_NOT = """
accept accept4 add_key bind bpf chroot connect io_uring_enter io_uring_register io_uring_setup
kcmp keyctl listen mount move_mount open_by_handle_at open_tree perf_event_open pidfd_getfd
pidfd_open pidfd_send_signal process_madvise process_vm_readv process_vm_writev ptrace request_key
setns socket socketcall socketpair umount2 unshare userfaultfd
"""
"""What a program may not call that is executed: the network, namespaces, other processes."""

_FIONBIO, _FIONREAD = 0x5421, 0x541B
_LOW_HALF = 0xFFFFFFFF
_PROT_EXEC = 4
_THREAD = 0x10000 | 0x100  # CLONE_THREAD, CLONE_VM
_FAMILIES = (2, 10)  # AF_INET, AF_INET6
_CHANGING = os.O_ACCMODE | os.O_CREAT | os.O_TRUNC | os.O_APPEND

_compiled: dict[bool, bytes] = {}
_program: list[bytes] = []


def code(network: bool) -> bytes:
    """The filter as BPF; made once per process, in half a millisecond."""
    if network not in _compiled:
        library = Library()
        with library.rules(errno_action(errno.EPERM)) as rules:
            _add(library, rules, network)
            _compiled[network] = rules.export()
    return _compiled[network]


def program() -> bytes:
    """The filter for a program that is executed, which needs more calls than can be listed."""
    if not _program:
        library = Library()
        with library.rules(ALLOW) as rules:
            for name in PROGRAM_NOT.split():
                number = library.number(name)
                if number is not None and number >= 0:
                    rules.add(errno_action(errno.EPERM), number)
            _program.append(rules.export())
    return _program[0]


def _add(library: Library, rules: Rules, network: bool) -> None:
    def add(name: str, *compare: tuple[int, int, int, int], action: int = ALLOW) -> None:
        number = library.number(name)
        if number is None or number < 0:
            return  # another architecture's, or younger than this libseccomp
        for each in compare or (None,):
            rules.add(action, number, each)

    for name in (DECODER + NETWORK if network else DECODER).split():
        add(name)
    flags = 1 if os.uname().machine == "s390x" else 0
    add("clone", (flags, MASKED_EQUAL, _THREAD, _THREAD))
    add("clone3", action=errno_action(errno.ENOSYS))  # its flags are out of reach: use clone
    ioctls = (_FIONBIO, _FIONREAD)
    add("ioctl", *((1, MASKED_EQUAL, _LOW_HALF, command) for command in ioctls))
    if network:
        add("socket", *((0, EQUAL, family, 0) for family in _FAMILIES))
        add("open", (1, MASKED_EQUAL, _CHANGING, os.O_RDONLY))
        add("openat", (2, MASKED_EQUAL, _CHANGING, os.O_RDONLY))
        return
    for name in ("mmap", "mmap2", "mprotect"):
        add(name, (2, MASKED_EQUAL, _PROT_EXEC, 0))
