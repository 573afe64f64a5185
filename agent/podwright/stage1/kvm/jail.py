# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small world for a helper of a machine (QEMU, virtiofsd), and how it becomes what it may be (B13).

Runs in the helper's own process, a child of the pod's PID 1 which is root of the host still. It
gets mounts, a network and an IPC namespace of its own; its root is in memory and read-only, with programs and
libraries of the host and the few files that it reads; and then it is a user of the pod's.
"""

from __future__ import annotations

import os

from podwright.kernel import beneath, fs, mounts, process, rlimits, signals
from podwright.stage1.namespaces.views import attach_at
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn, Optional

    from podwright.stage1.namespaces.users import Users

SEALED = mounts.NOSUID | mounts.NODEV
LIBRARIES = ("lib", "lib32", "lib64", "libx32")
CACHE = "/etc/ld.so.cache"
NULL = (1, 3)
KVM = (10, 232)
SHARE = "share"


@value
class Jail:
    """What a helper has.

    place         a directory of the host that its root is mounted on while it is made
    files         (path on the host, path in the jail): read-only
    share         a detached mount that it has as /share, or -1
    proc          it has a /proc, read-only, of the pod's processes
    accelerator   it has a /dev/kvm of its own
    nodes         further devices that it has: (path below /dev, major, minor)
    user          whom it runs as, and its group, in the pod's user namespace where that has one
    capabilities  that it keeps, also in the bounding set, as a mask
    most_files    descriptors that it may have open
    label         SELinux context of its program, or ""
    root_label    that of its root and devices; "" for the pod's own
    """

    place: str
    files: tuple[tuple[str, str], ...] = ()
    share: int = -1
    proc: bool = False
    accelerator: bool = False
    nodes: tuple[tuple[str, int, int], ...] = ()
    user: int = 0
    capabilities: int = 0
    most_files: int = 2048
    label: str = ""
    root_label: str = ""


def execute(
    jail: Jail,
    argv: list[str],
    stdio: tuple[int, int],
    passed: frozenset[int],
    users: Optional[Users],
    last_capability: int,
    executed: int,
) -> NoReturn:
    """Become the program: in the jail, with nothing but `passed` and what it writes to.

    stdio     its standard input, and its output and error
    executed  a descriptor that is closed by that, and not before
    Raises OSError; the caller ends then.
    """
    if jail.label:
        process.set_attribute("exec", jail.label)
    if jail.root_label:
        mounts.label_with(jail.root_label)
    _build(jail)
    _become(jail, users, last_capability)
    os.dup2(stdio[0], 0)
    os.dup2(stdio[1], 1)
    os.dup2(stdio[1], 2)
    process.close_all_but(passed | {executed})
    for fd in passed:
        os.set_inheritable(fd, True)
    signals.pthread_sigmask(signals.SIG_SETMASK, ())
    os.execve(argv[0], argv, {})


def _build(jail: Jail) -> None:
    """Make the root and enter it."""
    process.unshare(process.CLONE_NEWNS | process.CLONE_NEWNET | process.CLONE_NEWIPC)
    root = _in_memory("0755", SEALED | mounts.NOEXEC)
    place = os.open(jail.place, beneath.DIRECTORY)
    mounts.attach(root, place)
    os.close(place)
    _programs(root)
    for source, where in jail.files:
        parent = beneath.make_dirs(root, os.path.dirname(where).strip("/") or ".")
        _bind_file(source, parent, os.path.basename(where), follow=False)
        os.close(parent)
    _devices(root, jail.nodes + (("kvm", *KVM),) * jail.accelerator)
    if jail.share >= 0:
        fs.mkdir(SHARE, 0o755, dir_fd=root)
        attach_at(root, SHARE, jail.share)
    if jail.proc:
        fs.mkdir("proc", 0o755, dir_fd=root)
        proc = mounts.filesystem("proc", (), SEALED | mounts.NOEXEC | mounts.RDONLY)
        attach_at(root, "proc", proc)
    mounts.restrict(root, mounts.RDONLY)
    mounts.enter_root(root)
    os.close(root)


def _in_memory(mode: str, attributes: int) -> int:
    options = (("mode", mode), ("size", "65536"), ("nr_inodes", "256"))
    return mounts.filesystem("tmpfs", options, attributes)


def _programs(root: int) -> None:
    """/usr, and what of it has a second name in the root."""
    fs.mkdir("usr", 0o755, dir_fd=root)
    _bind("/usr", root, "usr")
    for name in LIBRARIES:
        if os.path.islink(f"/{name}"):
            fs.symlink(os.readlink(f"/{name}"), name, dir_fd=root)
        elif os.path.isdir(f"/{name}"):
            fs.mkdir(name, 0o755, dir_fd=root)
            _bind(f"/{name}", root, name)
    fs.mkdir("etc", 0o755, dir_fd=root)
    if os.path.exists(CACHE):
        etc = beneath.open_strict(root, "etc", beneath.DIRECTORY)
        _bind_file(CACHE, etc, os.path.basename(CACHE))
        os.close(etc)


def _bind(source: str, parent: int, name: str, *, follow: bool = True) -> None:
    mount = mounts.clone(mounts.AT_FDCWD, source, follow=follow)
    mounts.restrict(mount, SEALED | mounts.RDONLY)
    attach_at(parent, name, mount)


def _bind_file(source: str, parent: int, name: str, *, follow: bool = True) -> None:
    fs.create_at(parent, name, 0o444)
    _bind(source, parent, name, follow=follow)


def _devices(root: int, nodes: tuple[tuple[str, int, int], ...]) -> None:
    """Nodes of our own; /dev/kvm belongs to the helper."""
    dev = _in_memory("0755", mounts.NOSUID | mounts.NOEXEC)
    fs.mkdir("dev", 0o755, dir_fd=root)
    target = beneath.open_strict(root, "dev", beneath.DIRECTORY)
    mounts.attach(dev, target)
    os.close(target)
    for path, major, minor in (("null", *NULL), *nodes):
        parent = beneath.make_dirs(dev, os.path.dirname(path) or ".")
        fs.make_device(parent, os.path.basename(path), major, minor)
        os.close(parent)
    mounts.restrict(dev, mounts.RDONLY)
    os.close(dev)


def _become(jail: Jail, users: Optional[Users], last_capability: int) -> None:
    """The user that it runs as, with the capabilities that it keeps and no way to others."""
    rlimits.put("CORE", 0, 0)
    rlimits.put("NOFILE", jail.most_files, jail.most_files)
    process.new_session_keyring()
    if users is not None:
        users.join()
    for number in range(last_capability + 1):
        if not jail.capabilities >> number & 1:
            process.drop_bounding(number)
    os.setgroups(())
    os.setresgid(jail.user, jail.user, jail.user)
    os.setresuid(jail.user, jail.user, jail.user)
    process.set_capabilities(jail.capabilities)
    process.no_new_privileges()
