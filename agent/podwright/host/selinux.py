# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""SELinux as this host has it: on or not, which policy, which contexts it has for containers.

Read from selinuxfs and the policy's own files, which have one form on all distributions
(selinux_config(5), lxc_contexts(5)); no library is needed for that. `root` goes before every
path, so that tests can read a recorded policy.
"""

from __future__ import annotations

import errno
import os

from podwright.errors import HostError, PodwrightError
from podwright.kernel.step import step
from podwright.model.label import Context, parse_context, shared_by
from podwright.model.names import DIGITS, LETTERS, made_of
from podwright.text import safe
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

FS = "/sys/fs/selinux"
CONFIG = "/etc/selinux/config"
PERMISSIVE = 1
"""Among the flags that the kernel answers: the source's type is permissive."""
KEYS = LETTERS + DIGITS + "_"


@value
class ContainerContexts:
    """What the policy names for containers.

    process, file   of a pod's processes, and of what it may write
    ro_file         of what several pods read
    kvm_process     of a virtual machine that is a pod, or None
    kvm_server      of what serves it its files; None: the same
    kvm_file        of the root that both see; None: `file`
    shared          of volumes that several pods write to; None: `file`, without categories
    """

    process: Context
    file: Context
    ro_file: Context
    kvm_process: Optional[Context] = None
    kvm_server: Optional[Context] = None
    kvm_file: Optional[Context] = None
    shared: Optional[Context] = None

    def shared_text(self) -> str:
        """The context of files that every pod may use."""
        return str(self.shared) if self.shared is not None else shared_by(str(self.file))


MODULE = "podwright"
"""The policy module that comes with podwright, for policies that have nothing for containers."""
OURS = ContainerContexts(
    Context("system_u", "system_r", "podwright_pod_t", "s0"),
    Context("system_u", "object_r", "podwright_file_t", "s0"),
    Context("system_u", "object_r", "podwright_image_t", "s0"),
    Context("system_u", "system_r", "podwright_machine_t", "s0"),
    Context("system_u", "system_r", "podwright_serve_t", "s0"),
    Context("system_u", "object_r", "podwright_jail_t", "s0"),
    Context("system_u", "object_r", "podwright_shared_t", "s0"),
)
INSTALL = (
    "install podwright's policy module (the role agent, podwright_agent_selinux_policy: auto), or"
    " container-selinux where the distribution has it, or use selinux: off"
)


class PolicyError(PodwrightError):
    """The host has SELinux on, but its policy has nothing for containers that could be used."""

    reason = "no-container-policy"
    stage = "launch"


class UnusableError(PolicyError):
    """The policy has no types for containers, or names some that it does not have."""


def enabled(root: str = "") -> bool:
    """Whether SELinux is on: selinuxfs is there only when the kernel has it and it is mounted."""
    return os.path.exists(f"{root}{FS}/enforce")


def enforcing(root: str = "") -> bool:
    """Whether denials are denials; False when they are only logged."""
    return _text(f"{root}{FS}/enforce").strip() == "1"


def has_levels(root: str = "") -> bool:
    """Whether the policy knows levels, which pods are told apart by."""
    return _text(f"{root}{FS}/mls").strip() == "1"


def state(root: str = "") -> str:
    """`off`, `permissive` or `enforcing`."""
    if not enabled(root):
        return "off"
    return "enforcing" if enforcing(root) else "permissive"


def policy_type(root: str = "") -> str:
    """The name of the policy, SELINUXTYPE in its configuration."""
    path = f"{root}{CONFIG}"
    found = ""
    for line in _text(path).splitlines():
        name, equals, text = line.strip().partition("=")
        if name.strip() == "SELINUXTYPE" and equals:
            found = text.strip()
    if not found or not made_of(found, LETTERS + DIGITS + "_-.") or found.startswith("."):
        raise PolicyError(
            f"{path} does not say which policy is in use", "set SELINUXTYPE in it", object=path
        )
    return found


def container_contexts(root: str = "") -> ContainerContexts:
    """The contexts for containers: the policy's own where it is loaded with them, else our module's.

    Raises PolicyError when neither is there, or what the policy says cannot be understood.
    """
    try:
        return _distributions(root)
    except UnusableError:
        if _knows(OURS.process, root):
            return OURS
        raise


def ours(root: str = "") -> bool:
    """Whether our own module is what pods are labelled by."""
    return container_contexts(root) == OURS


def _distributions(root: str) -> ContainerContexts:
    """What the policy's own file names. Raises UnusableError when that is not there or not loaded."""
    path = f"{root}/etc/selinux/{policy_type(root)}/contexts/lxc_contexts"
    text = _text(path)
    if not text:
        raise UnusableError(
            f"the SELinux policy names no contexts for containers ({path})", INSTALL, object=path
        )
    named = parse_lxc_contexts(text, path)
    for name in ("process", "file"):
        if name not in named:
            raise PolicyError(f"{path} has no {name}", "correct it", object=path)
    found = ContainerContexts(
        named["process"],
        named["file"],
        named.get("ro_file", named["file"]),
        named.get("sandbox_kvm_process"),
    )
    for context in (found.process, found.file, found.ro_file):
        check(context, root)
    return found


def parse_lxc_contexts(text: str, path: str) -> dict[str, Context]:
    """Read `name = "context"` lines; anything else but comments is refused."""
    named = {}
    for number, line in enumerate(text.splitlines(), 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        where = f"{path}, line {number}"
        name, equals, quoted = (part.strip() for part in line.partition("="))
        good = len(quoted) > 2 and quoted[0] == quoted[-1] == '"' and '"' not in quoted[1:-1]
        if not equals or not made_of(name, KEYS) or not name or not good:
            raise PolicyError(f'{where}: {safe(line, 80)!r} is not name = "context"', object=path)
        try:
            named[name] = parse_context(quoted[1:-1], where)
        except PodwrightError as err:
            raise PolicyError(err.message, err.hint, object=path) from None
    return named


def check(context: Context, root: str = "") -> Context:
    """Make sure that the policy which the kernel has loaded knows a context; as the kernel spells it.

    Raises PolicyError when it does not: Debian's policy, for one, names types that it lacks.
    """
    step("write")
    fd = os.open(f"{root}{FS}/context", os.O_RDWR | os.O_CLOEXEC)
    try:
        os.write(fd, str(context).encode() + b"\0")
        answer = os.pread(fd, 4096, 0).partition(b"\0")[0].decode("utf-8", "backslashreplace")
    except OSError as err:
        if err.errno != errno.EINVAL:
            raise
        raise UnusableError(
            f"the SELinux policy that is loaded does not know the context {context}",
            INSTALL,
            object=str(context),
        ) from None
    finally:
        os.close(fd)
    return parse_context(answer, f"{FS}/context") if answer else context


def only_logged(context: Context, root: str = "") -> bool:
    """Whether denials of this context's type alone are only logged (semanage permissive)."""
    step("write")
    try:
        fd = os.open(f"{root}{FS}/access", os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        os.write(fd, f"{context} {context} 1".encode())
        answer = os.pread(fd, 4096, 0).split()
    finally:
        os.close(fd)
    return len(answer) == 6 and bool(int(answer[5], 16) & PERMISSIVE)


def state_of(context: Context, root: str = "") -> str:
    """As `state`, of processes in a context: a type can be permissive on a host that enforces."""
    found = state(root)
    try:
        return "permissive" if found == "enforcing" and only_logged(context, root) else found
    except OSError as err:
        if err.errno != errno.EINVAL:
            raise
        return found  # the policy that had the type is not loaded any more


def _knows(context: Context, root: str) -> bool:
    try:
        check(context, root)
    except UnusableError:
        return False
    return True


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="backslashreplace") as file:
            return file.read(65536)
    except FileNotFoundError:
        return ""
    except OSError as err:
        raise HostError(f"{path} cannot be read: {err.strerror}", object=path) from err
