# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists of system calls: what an app may use by default, and the named groups (B3).

The default list was made from what Docker's and rkt's lists have in common, less what no
ordinary program needs and the kernel has had holes in (threats.md section 3: at most 269 names
on x86-64). A call younger than the host's libseccomp is answered with ENOSYS.
"""

from __future__ import annotations

DEFAULT = """
accept accept4 access alarm arch_prctl arm_fadvise64_64 arm_sync_file_range bind breakpoint brk
cacheflush capget capset chdir chmod chown chown32 clock_getres clock_getres_time64
clock_gettime clock_gettime64 clock_nanosleep clock_nanosleep_time64 clone close close_range
connect copy_file_range creat dup dup2 dup3 epoll_create epoll_create1 epoll_ctl epoll_pwait
epoll_pwait2 epoll_wait eventfd eventfd2 execve execveat exit exit_group faccessat faccessat2
fadvise64 fadvise64_64 fallocate fchdir fchmod fchmodat fchmodat2 fchown fchown32 fchownat fcntl
fcntl64 fdatasync fgetxattr flistxattr flock fork fremovexattr fsetxattr fstat fstat64 fstatat64
fstatfs fstatfs64 fsync ftruncate ftruncate64 futex futex_time64 futex_waitv getcpu getcwd
getdents getdents64 getegid getegid32 geteuid geteuid32 getgid getgid32 getgroups getgroups32
getitimer getpeername getpgid getpgrp getpid getppid getpriority getrandom getresgid getresgid32
getresuid getresuid32 getrlimit getrusage getsid getsockname getsockopt gettid gettimeofday
getuid getuid32 getxattr inotify_add_watch inotify_init inotify_init1 inotify_rm_watch
io_destroy io_getevents io_setup io_submit ioctl ioprio_get ioprio_set ipc kill
landlock_add_rule landlock_create_ruleset landlock_restrict_self lchown lchown32 lgetxattr link
linkat listen listxattr llistxattr _llseek lremovexattr lseek lsetxattr lstat lstat64 madvise
membarrier memfd_create mkdir mkdirat mknod mknodat mlock mlock2 mlockall mmap mmap2 mprotect
mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedreceive_time64 mq_timedsend
mq_timedsend_time64 mq_unlink mremap msgctl msgget msgrcv msgsnd msync munlock munlockall munmap
nanosleep newfstatat _newselect open openat openat2 pause personality pidfd_open
pidfd_send_signal pipe pipe2 poll ppoll ppoll_time64 prctl pread64 preadv preadv2 prlimit64
pselect6 pselect6_time64 pwrite64 pwritev pwritev2 read readahead readlink readlinkat readv recv
recvfrom recvmmsg recvmmsg_time64 recvmsg removexattr rename renameat renameat2 restart_syscall
riscv_flush_icache rmdir rseq rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo
rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_sigtimedwait_time64 rt_tgsigqueueinfo
sched_get_priority_max sched_get_priority_min sched_getaffinity sched_getattr sched_getparam
sched_getscheduler sched_setaffinity sched_setattr sched_setparam sched_setscheduler sched_yield
seccomp select semctl semget semop semtimedop semtimedop_time64 send sendfile sendfile64
sendmmsg sendmsg sendto set_robust_list set_tid_address set_tls setfsgid setfsgid32 setfsuid
setfsuid32 setgid setgid32 setgroups setgroups32 setitimer setpgid setpriority setregid
setregid32 setresgid setresgid32 setresuid setresuid32 setreuid setreuid32 setrlimit setsid
setsockopt setuid setuid32 setxattr shmat shmctl shmdt shmget shutdown sigaltstack signalfd
signalfd4 sigprocmask sigreturn socket socketcall socketpair splice stat stat64 statfs statfs64
statx swapcontext symlink symlinkat sync sync_file_range sync_file_range2 syncfs sysinfo tgkill
time timer_create timer_delete timer_getoverrun timer_gettime timer_gettime64 timer_settime
timer_settime64 timerfd_create timerfd_gettime timerfd_gettime64 timerfd_settime
timerfd_settime64 times tkill truncate truncate64 ugetrlimit umask uname unlink unlinkat utime
utimensat utimensat_time64 utimes vfork wait4 waitid waitpid write writev
"""

WITH_CAPABILITY = {
    "CAP_BPF": "bpf",
    "CAP_DAC_READ_SEARCH": "name_to_handle_at",
    "CAP_PERFMON": "perf_event_open",
    "CAP_SYS_ADMIN": "bpf fanotify_init fanotify_mark fsconfig fsmount fsopen fspick mount"
    " mount_setattr move_mount open_tree perf_event_open pivot_root quotactl quotactl_fd"
    " setdomainname sethostname setns syslog umount umount2 unshare",
    "CAP_SYS_BOOT": "reboot",
    "CAP_SYS_CHROOT": "chroot",
    "CAP_SYS_MODULE": "delete_module finit_module init_module",
    "CAP_SYS_NICE": "get_mempolicy mbind migrate_pages move_pages set_mempolicy"
    " set_mempolicy_home_node",
    "CAP_SYS_PACCT": "acct",
    "CAP_SYS_PTRACE": "kcmp pidfd_getfd process_madvise process_vm_readv process_vm_writev ptrace",
    "CAP_SYS_RAWIO": "ioperm iopl",
    "CAP_SYS_TIME": "adjtimex clock_adjtime clock_adjtime64 clock_settime clock_settime64"
    " settimeofday stime",
    "CAP_SYSLOG": "syslog",
}
"""What an explicitly granted capability is for: it also allows these.

Not open_by_handle_at: with the host's users it opens whatever is on a file system of which the app
has seen a part, the root of the host or of its control groups; it is there for who says its name.
"""

NOT_IN_SYSTEM = "bpf fanotify_init fanotify_mark perf_event_open quotactl quotactl_fd syslog"
"""What CAP_SYS_ADMIN does not allow where it came with the profile system: no init needs it."""

_DENIED = """
acct add_key adjtimex bpf clock_adjtime clock_settime create_module delete_module finit_module
get_kernel_syms get_mempolicy init_module ioperm iopl kcmp kexec_file_load kexec_load keyctl
lookup_dcookie mbind mount move_pages name_to_handle_at nfsservctl open_by_handle_at
perf_event_open pivot_root process_vm_readv process_vm_writev ptrace query_module quotactl reboot
request_key set_mempolicy setns settimeofday stime swapon swapoff sysfs _sysctl umount umount2
unshare uselib userfaultfd ustat vm86 vm86old
"""

GROUPS = {
    "@appc.io/empty": "",
    "@rkt/default-whitelist": DEFAULT,
    "@rkt/default-blacklist": _DENIED,
    "@docker/default-whitelist": DEFAULT,
    "@docker/default-blacklist": _DENIED,
    "@systemd/clock": "adjtimex clock_adjtime clock_adjtime64 clock_settime clock_settime64"
    " settimeofday stime",
    "@systemd/default-whitelist": "execve exit exit_group getrlimit rt_sigreturn sigreturn",
    "@systemd/mount": "chroot fsconfig fsmount fsopen fspick mount mount_setattr move_mount"
    " open_tree pivot_root umount umount2",
    "@systemd/network-io": "accept accept4 bind connect getpeername getsockname getsockopt listen"
    " recv recvfrom recvmmsg recvmmsg_time64 recvmsg send sendmmsg sendmsg sendto setsockopt"
    " shutdown socket socketcall socketpair",
    "@systemd/obsolete": "_sysctl afs_syscall bdflush break create_module ftime get_kernel_syms"
    " getpmsg gtty idle lock mpx prof profil putpmsg query_module security sgetmask ssetmask stty"
    " sysfs tuxcall ulimit uselib ustat vserver",
    "@systemd/privileged": "_sysctl acct adjtimex bpf capset chown chown32 chroot clock_adjtime"
    " clock_settime delete_module fanotify_init fchown fchown32 fchownat finit_module"
    " init_module ioperm iopl kexec_file_load kexec_load keyctl lchown lchown32 nfsservctl"
    " open_by_handle_at pivot_root quotactl quotactl_fd reboot setdomainname setfsuid setfsuid32"
    " setgroups setgroups32 sethostname setresuid setresuid32 setreuid setreuid32 settimeofday"
    " setuid setuid32 stime swapoff swapon sysctl vhangup",
    "@systemd/process": "arch_prctl capget clone clone3 execveat fork getrusage kill pidfd_open"
    " pidfd_send_signal prctl rt_sigqueueinfo rt_tgsigqueueinfo setns swapcontext tgkill times"
    " tkill unshare vfork wait4 waitid waitpid",
    "@systemd/raw-io": "ioperm iopl pciconfig_iobase pciconfig_read pciconfig_write"
    " s390_pci_mmio_read s390_pci_mmio_write",
}
ALL = "@appc.io/all"

ALWAYS = "execve exit exit_group rt_sigreturn sigreturn restart_syscall"
"""Without these nothing can be started or ended, whatever a retain-set says."""
