# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What confines processes beyond namespaces: seccomp, SELinux, AppArmor, Landlock."""

from __future__ import annotations

from podwright.errors import PodwrightError
from podwright.host import apparmor as aa
from podwright.host import selinux as se
from podwright.host.checks.value import LIMITED, MISSING, OK, Check, read

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

ACTIONS = "/proc/sys/kernel/seccomp/actions_avail"


def seccomp(root: str = "", library: str = "libseccomp.so.2") -> Check:
    """Whether system calls can be filtered, and names of calls be turned into a filter."""
    actions = read(f"{root}{ACTIONS}").split()
    if "errno" not in actions:
        return Check(
            "seccomp", MISSING, "not in this kernel", "a kernel with CONFIG_SECCOMP_FILTER"
        )
    import ctypes

    try:
        ctypes.CDLL(library)
    except OSError:
        return Check(
            "seccomp",
            MISSING,
            f"the kernel has it, but {library} is missing",
            "install libseccomp2 (Fedora: libseccomp)",
        )
    return Check("seccomp", OK, f"with {library}")


def selinux(root: str = "") -> Check:
    """Whether pods can be kept apart by labels."""
    state = se.state(root)
    if state == "off":
        return Check(
            "selinux",
            MISSING,
            "off",
            "install a policy, have all files labelled, and boot with security=selinux selinux=1"
            " (Debian: selinux-basics has selinux-activate for both)",
        )
    try:
        policy = se.policy_type(root)
        process = se.container_contexts(root).process
        ours = process == se.OURS.process
        mode = se.state_of(process, root)
    except PodwrightError as err:
        return Check("selinux", LIMITED, f"{state}: {err.message}", err.hint)
    except OSError as err:
        why = f"{state}, but the policy cannot be asked: {err.strerror}"
        return Check("selinux", LIMITED, why, "ask as root")
    whose = "podwright's own module for containers" if ours else "its own types for containers"
    detail = f"{state}, policy {policy}, with {whose}"
    if not se.has_levels(root):
        return Check(
            "selinux", LIMITED, f"{detail}, but without levels", "load an MCS or MLS policy"
        )
    if state != "enforcing":
        return Check(
            "selinux", LIMITED, detail, "setenforce 1, and SELINUX=enforcing in /etc/selinux/config"
        )
    if mode != "enforcing":
        why = f"{detail}, but {process.type} is permissive: what pods are denied is only logged"
        return Check("selinux", LIMITED, why, f"semanage permissive --delete {process.type}")
    return Check("selinux", OK, detail)


def apparmor(root: str = "") -> Check:
    """Whether apps can be given a profile."""
    if not aa.enabled(root):
        return Check(
            "apparmor", MISSING, "off", "boot with security=apparmor, and install apparmor"
        )
    try:
        count = len(aa.profiles(root))
    except OSError as err:
        return Check(
            "apparmor",
            LIMITED,
            f"on, but its profiles cannot be read: {err.strerror}",
            "mount securityfs at /sys/kernel/security",
        )
    return Check("apparmor", OK, f"{count} profiles are loaded")


def landlock(version: Optional[int] = None) -> Check:
    """Whether the agent's own workers can lock themselves in."""
    from podwright.kernel import landlock as kernel

    found = kernel.version() if version is None else version
    if not found:
        return Check(
            "landlock",
            MISSING,
            "not in this kernel, or not enabled",
            "boot with lsm=landlock,... (Linux 5.13)",
        )
    lacks = kernel.missing(found)
    if lacks:
        return Check(
            "landlock",
            LIMITED,
            f"version {found}; cannot restrict {', '.join(lacks)}",
            "a newer kernel",
        )
    return Check("landlock", OK, f"version {found}")
