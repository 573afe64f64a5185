# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A kernel with its modules: of a package of the distribution, or from files that are there."""

from __future__ import annotations

import os
import subprocess

from podwright.errors import HostError, NotFoundError, UsageError
from podwright.host.checks.value import program
from podwright.model.names import DIGITS, LETTERS, made_of
from podwright.stage0.platform import host_arch
from podwright.stage0.stage1build.kmodules import Folder
from podwright.stage1.kvm.bundle import KVM, XEN
from podwright.text import safe
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

DEFAULTS = {"amd64": "linux-image-cloud-amd64", "aarch64": "linux-image-cloud-arm64"}
"""The package of an architecture: built for virtual machines, and unpacked fast."""
FULL = {"amd64": "linux-image-amd64", "aarch64": "linux-image-arm64"}
"""The one with file systems over Xen, which that one does not have."""
BOOT = "vmlinuz-"
_NAMES = LETTERS + DIGITS + ".+-"
_PATIENCE = 1800


@value
class Kernel:
    """What was found. `package`: name=version, or "" for files."""

    image: str
    modules: Folder
    release: str
    package: str = ""


def default(kind: str = KVM) -> str:
    """The package for machines of this kind on this host. Raises HostError."""
    found = (FULL if kind == XEN else DEFAULTS).get(host_arch())
    if found is None:
        raise HostError(
            f"no kernel package is known for {host_arch()}", "say one: --kernel=FILE --modules=DIR"
        )
    return found


def from_files(image: str, modules: str) -> Kernel:
    """A kernel's file and the directory of its modules (/lib/modules/RELEASE)."""
    if not os.path.isfile(image):
        raise NotFoundError(f"kernel {safe(image, 300)} is no file", object=safe(image, 300))
    folder = Folder(modules)
    return Kernel(image, folder, folder.release())


def from_package(name: str, scratch: str) -> Kernel:
    """Fetch a package by apt and unpack it into the empty directory `scratch`; nothing is installed.

    Raises UsageError, NotFoundError, HostError.
    """
    if not made_of(name, _NAMES) or not name[:1].isalnum():
        raise UsageError(f"{safe(name, 80)!r} is neither a package nor a file")
    for tool in ("apt-get", "apt-cache", "dpkg-deb"):
        if not program(tool):
            raise HostError(
                f"{tool} is missing: packages are fetched on hosts of the Debian family",
                "say where a kernel is: --kernel=/boot/vmlinuz-RELEASE --modules=/lib/modules/RELEASE",
                object=tool,
            )
    name = real(name)
    _run(["apt-get", "-q", "download", name], f"package {name} cannot be fetched", scratch)
    found = [each for each in os.listdir(scratch) if each.endswith(".deb")]
    if len(found) != 1:
        raise HostError(f"apt-get made no file of package {name}", "apt-get update")
    deb = f"{scratch}/{found[0]}"
    tree = f"{scratch}/tree"
    _run(["dpkg-deb", "-x", deb, tree], f"package {name} cannot be unpacked", scratch)
    version = _run(["dpkg-deb", "-f", deb, "Version"], f"package {name} cannot be read", scratch)
    return _unpacked(tree, name, version.strip())


def real(name: str) -> str:
    """The package with the kernel itself, of one that only depends on it."""
    out = _run(
        ["apt-cache", "show", "--no-all-versions", name], f"package {safe(name, 80)} is not known"
    )
    for line in out.splitlines():
        field, _, text = line.partition(":")
        if field == "Depends":
            first = text.split(",")[0].split()
            if first and first[0].startswith("linux-image-"):
                return first[0]
    return name


def _unpacked(tree: str, name: str, version: str) -> Kernel:
    for top in (f"{tree}/boot", *_subdirectories(tree)):
        images = [each for each in _names(top) if each.startswith(BOOT) or each == "vmlinuz"]
        for each in images:
            for where in _subdirectories(tree):
                folder = Folder(where)
                return Kernel(f"{top}/{each}", folder, folder.release(), f"{name}={version}")
    raise HostError(
        f"package {name} holds no kernel with modules", f"the usual one is {default()}", object=name
    )


def _subdirectories(tree: str) -> list[str]:
    tops = (f"{tree}/lib/modules", f"{tree}/usr/lib/modules")
    return [f"{top}/{name}" for top in tops for name in _names(top)]


def _names(directory: str) -> list[str]:
    try:
        return sorted(os.listdir(directory))
    except OSError:
        return []


def _run(command: Sequence[str], what: str, directory: str = "/") -> str:
    """Run a tool of the distribution; its output. Raises HostError with its last word."""
    env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"}
    env.update({key: os.environ[key] for key in ("http_proxy", "https_proxy") if key in os.environ})
    try:
        done = subprocess.run(
            command,
            cwd=directory,
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=_PATIENCE,
        )
    except (OSError, subprocess.TimeoutExpired) as err:
        raise HostError(f"{what}: {safe(err, 200)}") from None
    if done.returncode:
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines() or ["no word"]
        raise HostError(f"{what}: {safe(lines[-1], 200)}", "apt-get update, and try again")
    return done.stdout.decode("utf-8", "replace")
