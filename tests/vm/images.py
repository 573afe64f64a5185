# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Disks of virtual machines, built from recipes on first use and kept in .cache/vm under a name made of the recipe."""

from __future__ import annotations

import gzip
import hashlib
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.support.debian import SUITE, mmdebstrap
from tests.support.filelock import build_once
from tests.support.paths import CACHE, CHECKOUT
from tests.vm.recipes import PACKAGES, Recipe

PLACE = CACHE / "vm"
GUEST = Path(__file__).with_name("guest")
FORM = 2
"""Counts up when this file makes something else of the same recipe."""
MODULES = ("virtio_pci", "virtio_blk", "ext4", "crc32c_generic")
"""What the initramfs needs to find the root file system: with all modules it takes seconds to unpack."""
UNITS = ("podwright-vm-network.service", "podwright-vm-ready.service")
MASKED = (
    "apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer", "e2scrub_all.timer", "e2scrub_reap.service",
    "fstrim.timer", "systemd-networkd-wait-online.service", "systemd-timesyncd.service", "getty@tty1.service",
    "getty-static.service", "man-db.timer",
)  # fmt: skip


@dataclass(frozen=True)
class Disk:
    """A built machine: a directory with disk.img, vmlinuz, initrd.img, the key that logs in, maybe xen.elf."""

    path: Path
    recipe: Recipe

    @property
    def key(self) -> Path:
        """The private key of the machine's root."""
        return self.path / "key"


def image(recipe: Recipe) -> Disk:
    """Return the disk of a recipe, built on first use: seconds, and a minute when its packages are not there."""
    files = [(name, f"/etc/systemd/system/{name}") for name in UNITS]
    sources = [(GUEST / name, place) for name, place in files]
    sources += [(CHECKOUT / source, place) for source, place in recipe.files]
    inputs = [f"form {FORM}", base_key(recipe), repr(recipe)]
    inputs += [f"{place} {source.read_text()}" for source, place in sources]

    def make(partial: Path) -> None:
        base = _base(recipe)
        print(f"making the virtual machine {recipe.name} (once)", flush=True)
        partial.mkdir(mode=0o700)
        with tempfile.TemporaryDirectory(dir=partial.parent) as scratch:
            rootfs = Path(scratch) / "rootfs"
            subprocess.run(["cp", "-a", "--reflink=auto", base, rootfs], check=True)
            _log_in(rootfs, partial / "key")
            _furnish(rootfs, sources, recipe.commands)
            _boot_files(rootfs, recipe, partial)
            make_disk(rootfs, partial / "disk.img", recipe.size)

    return Disk(build_once(PLACE / f"{recipe.name}-{_key(inputs)}", make), recipe)


def make_disk(source: Path, target: Path, size: str) -> None:
    """Make an ext4 file system of what is in `source`."""
    options = ("-q", "-t", "ext4", "-O", "verity", "-E", "root_owner=0:0", "-d")
    subprocess.run(["mke2fs", *options, source, target, size], check=True)


def _key(inputs: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(inputs).encode()).hexdigest()[:12]


def base_key(recipe: Recipe) -> str:
    """What the installation that a recipe is made from is called by."""
    return _key([f"form {FORM}", SUITE, *PACKAGES, *recipe.packages, *MODULES, *recipe.modules])


def _base(recipe: Recipe) -> Path:
    """Debian with the packages of a recipe."""

    def make(partial: Path) -> None:
        names = " ".join(recipe.packages)
        print(f"installing Debian for virtual machines, with {names} (once, a minute)", flush=True)
        # Before the packages are unpacked, so that there is one initramfs, and it has what is asked for.
        modules = "\\n".join((*MODULES, *recipe.modules))
        hook = (
            'mkdir -p "$1/etc/initramfs-tools/conf.d" "$1/usr/share/initramfs-tools/modules.d"; '
            'echo MODULES=list >"$1/etc/initramfs-tools/conf.d/podwright"; '
            f'printf "{modules}\\n" >"$1/usr/share/initramfs-tools/modules.d/podwright"'
        )
        packages = (*PACKAGES, *recipe.packages)
        mmdebstrap(partial, "minbase", packages, f"--essential-hook={hook}")

    return build_once(PLACE / f"base-{base_key(recipe)}", make)


def _log_in(rootfs: Path, key: Path) -> None:
    """Let whoever has the key of this image be its root."""
    options = ("-q", "-t", "ed25519", "-N", "", "-C", "podwright-vm", "-f")
    subprocess.run(["ssh-keygen", *options, key], check=True)
    home = rootfs / "root/.ssh"
    home.mkdir(mode=0o700, exist_ok=True)
    shutil.copy(key.with_suffix(".pub"), home / "authorized_keys")
    (home / "authorized_keys").chmod(0o600)
    settings = "UseDNS no\nMaxSessions 100\nMaxStartups 100\nPrintMotd no\nAcceptEnv LANG\n"
    (rootfs / "etc/ssh/sshd_config.d/podwright.conf").write_text(settings)


def _furnish(rootfs: Path, sources: Sequence[tuple[Path, str]], commands: tuple[str, ...]) -> None:
    for source, target in sources:
        place = rootfs / target[1:]
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, place)
    (rootfs / "etc/fstab").write_text("/dev/vda / ext4 defaults 0 1\n")
    (rootfs / "etc/hostname").write_text("guest\n")
    (rootfs / "etc/hosts").write_text("127.0.0.1 localhost guest\n::1 localhost\n")
    units = f"systemctl enable --quiet {' '.join(UNITS)}; systemctl mask --quiet {' '.join(MASKED)}"
    script = "\n".join((units, *commands))
    # Tools that set labels look at /proc; in a mount namespace, so that it is gone afterwards.
    within = 'mount -t proc proc "$1/proc" && exec chroot "$1" sh -ec "$2"'
    subprocess.run(["unshare", "--mount", "sh", "-ec", within, "sh", rootfs, script], check=True)


def _boot_files(rootfs: Path, recipe: Recipe, target: Path) -> None:
    for name in ("vmlinuz", "initrd.img"):
        shutil.copy(next(rootfs.glob(f"boot/{name}-*")), target / name)
    if recipe.hypervisor:
        packed = next(rootfs.glob(recipe.hypervisor))
        (target / "xen.elf").write_bytes(gzip.decompress(packed.read_bytes()))
