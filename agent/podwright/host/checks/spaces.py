# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Namespaces of every kind, and user namespaces in detail."""

from __future__ import annotations

import os

from podwright.host.checks.value import LIMITED, MISSING, OK, Check, TrialError, attempt, read
from podwright.kernel import process

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Optional

CLONE_NEWTIME = 0x80
CLONE_NEWUSER = 0x10000000
KINDS = {
    "mount": process.CLONE_NEWNS,
    "pid": process.CLONE_NEWPID,
    "net": process.CLONE_NEWNET,
    "ipc": process.CLONE_NEWIPC,
    "uts": process.CLONE_NEWUTS,
    "cgroup": process.CLONE_NEWCGROUP,
    "time": CLONE_NEWTIME,
}
LIMITS = {"mount": "mnt"}
"""How a limit's file is called, where it is not as the kind."""
UNUSED = frozenset(("time",))
"""Kinds that pods do without."""
SYSCTL = "/proc/sys/user"


def kind(name: str, root: str = "") -> Check:
    """Whether one kind of namespace can be made."""
    flag = KINDS[name]
    limit = read(f"{root}{SYSCTL}/max_{LIMITS.get(name, name)}_namespaces")
    row = f"{name}-namespaces"
    try:
        attempt(lambda: _unshare(flag))
    except TrialError as err:
        if limit == "0":
            file = f"user.max_{LIMITS.get(name, name)}_namespaces"
            return Check(row, MISSING, f"{file} is 0", f"set the sysctl {file} higher")
        hint = "" if name in UNUSED else "run as root, on a kernel with this namespace"
        return Check(row, LIMITED if name in UNUSED else MISSING, str(err), hint)
    return Check(row, OK, f"at most {limit}" if limit else "")


def _unshare(flag: int) -> str:
    process.unshare(flag)
    return ""


def users(root: str = "", trial: Optional[Callable[[], str]] = None) -> Check:
    """Whether a user namespace with a range of users can be made, and by whom."""
    name = "user-namespaces"
    limit = read(f"{root}{SYSCTL}/max_user_namespaces")
    if limit == "0":
        hint = "set the sysctl user.max_user_namespaces to 15000 or so"
        return Check(name, MISSING, "user.max_user_namespaces is 0", hint)
    try:
        attempt(trial or _mapped)
    except TrialError as err:
        hint = "a kernel with CONFIG_USER_NS, and root"
        return Check(name, MISSING, f"cannot be made: {err}", hint)
    return Check(name, OK, ", ".join((f"at most {limit or 'any number'}", *_narrowed(root))))


def _narrowed(root: str) -> list[str]:
    """What else the host says about them; pods are made by root, whom it does not concern."""
    out = []
    if read(f"{root}/proc/sys/kernel/unprivileged_userns_clone") == "0":
        out.append("for root only (kernel.unprivileged_userns_clone)")
    if read(f"{root}/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == "1":
        out.append("restricted by AppArmor for others than root")
    return out


def holder(first: int = 1 << 30, count: int = 65536) -> int:
    """Make a user namespace with a mapped range; a descriptor of it."""
    ready, wait = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        try:
            process.unshare(CLONE_NEWUSER)
            os.write(ready[1], b"+")
        except OSError as err:
            os.write(ready[1], b"-" + os.strerror(err.errno or 0).encode())
        finally:
            os.close(wait[1])
            os.read(wait[0], 1)
            os._exit(0)
    os.close(ready[1])
    os.close(wait[0])
    try:
        said = os.read(ready[0], 256)
        if said != b"+":
            raise OSError(0, said[1:].decode())
        for file in ("uid_map", "gid_map"):
            with open(f"/proc/{child}/{file}", "w") as out:
                out.write(f"0 {first} {count}\n")
        return os.open(f"/proc/{child}/ns/user", os.O_RDONLY | os.O_CLOEXEC)
    finally:
        os.close(ready[0])
        os.close(wait[1])
        os.waitpid(child, 0)


def _mapped() -> str:
    os.close(holder())
    return ""
