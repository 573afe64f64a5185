# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Debian root file systems, from the same package sources as this machine, with mmdebstrap(1)."""

from __future__ import annotations

import dataclasses
import hashlib
import shlex
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.support.filelock import build_once
from tests.support.paths import CACHE

SUITE = "bookworm"
SOURCES = (Path("/etc/apt/sources.list.d/debian.sources"), Path("/etc/apt/sources.list"))
"""Where a Debian 12 machine says what it installs from; mmdebstrap has a default for when neither exists."""

TRIMMED = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*", "/usr/share/info/*")

HOST_PACKAGES = (
    # what makes it a host that Ansible can reach
    "systemd", "systemd-sysv", "dbus", "libpam-systemd", "openssh-server", "python3", "ca-certificates",
    # what the agent needs, so that the role has nothing to download
    "python3-cryptography", "python3-gnupg", "python3-pyroute2", "python3-zstandard",
    "gnupg", "gpgv", "libseccomp2", "nftables", "iproute2",
    # what shows pods as machines, and keeps journals of theirs
    "systemd-container", "systemd-journal-remote",
    # what tests look with
    "procps", "redis-tools", "curl",
)  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Variant:
    """A kind of test hosts: what it has besides HOST_PACKAGES, and shell text that runs in its root once."""

    packages: tuple[str, ...] = ()
    furnish: str = ""


VARIANTS = {
    "plain": Variant(),
    # What runs pods as virtual machines. libvirtd is not to manage cgroup controllers: they are read-only under nspawn.
    "libvirt": Variant(
        (
            "libvirt-daemon-system", "libvirt-clients", "python3-libvirt",
            "qemu-system-x86", "qemu-system-common",
        ),
        "echo 'cgroup_controllers = []' >> /etc/libvirt/qemu.conf",
    ),
}  # fmt: skip

MASKED_UNITS = (
    "apt-daily.timer", "apt-daily-upgrade.timer", "console-getty.service", "dpkg-db-backup.timer",
    "e2scrub_all.timer", "fstrim.timer", "systemd-networkd.service",
)  # fmt: skip
"""Would start on their own in the middle of a test, or wait for hardware that is not there."""


def mmdebstrap(target: Path, variant: str, packages: Sequence[str], *options: str) -> None:
    """Make a root file system of Debian 12 in the new directory `target`."""
    excludes = [f"--dpkgopt=path-exclude={pattern}" for pattern in TRIMMED]
    sources = [str(path) for path in SOURCES if path.exists()]
    command = ["mmdebstrap", "--quiet", f"--variant={variant}", f"--include={','.join(packages)}"]
    subprocess.run([*command, *excludes, *options, SUITE, str(target), *sources], check=True)


def host_rootfs(variant: str = "plain") -> Path:
    """Return the root file system that all test hosts of a variant share, made on first use (35 to 50 seconds)."""
    extra = VARIANTS[variant]
    packages = (*HOST_PACKAGES, *extra.packages)
    furnish = " && ".join(
        ["systemctl mask --quiet " + " ".join(MASKED_UNITS), *filter(None, [extra.furnish])]
    )
    recipe = "\n".join([SUITE, *packages, *MASKED_UNITS, *filter(None, [extra.furnish])])
    key = hashlib.sha256(recipe.encode()).hexdigest()[:12]

    def make(partial: Path) -> None:
        print(f"making the root file system of the {variant} test hosts (once)", flush=True)
        hook = f'--customize-hook=chroot "$1" sh -ec {shlex.quote(furnish)}'
        mmdebstrap(partial, "minbase", packages, hook)

    return build_once(CACHE / "rootfs" / f"host-{key}", make)


def package_files(package: str) -> Path:
    """Return what is in a Debian package, unpacked and not installed, downloaded on first use."""

    def make(partial: Path) -> None:
        partial.mkdir(parents=True)
        subprocess.run(["apt-get", "-qq", "download", package], check=True, cwd=partial)
        (archive,) = partial.glob("*.deb")
        subprocess.run(["dpkg-deb", "-x", archive, partial / "files"], check=True)
        archive.unlink()

    return build_once(CACHE / "packages" / package, make) / "files"
