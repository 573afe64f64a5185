# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Debian 12 with systemd, Python and sudo inside: what people give a role's Molecule scenario as an instance."""

from __future__ import annotations

import hashlib
import shlex
from pathlib import Path

from tests.support import aci
from tests.support.debian import SUITE, mmdebstrap
from tests.support.filelock import build_once
from tests.support.paths import CACHE

NAME = "example.com/system"
PACKAGES = ("systemd", "systemd-sysv", "dbus", "python3", "sudo", "cron", "procps")
MASKED = (
    "apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer", "e2scrub_all.timer", "fstrim.timer",
)  # fmt: skip
FURNISH = (
    "systemctl mask --quiet " + " ".join(MASKED),
    "useradd --create-home --shell /bin/bash deploy",
    "echo 'deploy ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/deploy",
    "chmod 0440 /etc/sudoers.d/deploy",
    ": > /etc/machine-id",
    "rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin",
)


def rootfs() -> Path:
    """Return its root file system, made on first use (25 to 40 seconds)."""
    key = hashlib.sha256("\n".join([SUITE, *PACKAGES, *FURNISH]).encode()).hexdigest()[:12]

    def make(partial: Path) -> None:
        print("making the root file system with systemd inside (once)", flush=True)
        hook = f'--customize-hook=chroot "$1" sh -ec {shlex.quote(" && ".join(FURNISH))}'
        mmdebstrap(partial, "minbase", PACKAGES, hook)

    return build_once(CACHE / "rootfs" / f"system-{key}", make)


def build() -> Path:
    """Return the cached, unsigned image, whose app is its init."""
    root = rootfs()

    def make(partial: Path) -> None:
        manifest = aci.image_manifest(NAME, "12", aci.app(["/sbin/init"]))
        aci.build(root, manifest, partial)

    return build_once(CACHE / "images" / f"{root.name}.aci", make)
