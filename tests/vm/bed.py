# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Debian in a virtual machine (software emulation), for what this machine's own kernel does not have.

    disk = bed.image(bed.SELINUX)                    # built once, in .cache/vm
    result = bed.run(disk, scenario, files={...}, append="enforcing=1")
    assert result.status == 0, result.output

`scenario` is a Python program; it runs in the guest as root, from a read-only disk on which the agent
(`agent/`), `inside.py` and `files` lie next to it. What it prints is `result.output`; `result.console` is
what the kernel said. The guest has cgroup v2 with all controllers, systemd, and no network.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.support.debian import SUITE, mmdebstrap
from tests.support.filelock import build_once
from tests.support.paths import CACHE, CHECKOUT

HERE = Path(__file__).parent
PACKAGES = (
    "systemd", "systemd-sysv", "dbus", "procps", "linux-image-amd64", "initramfs-tools",
    # what the agent needs
    "python3", "python3-cryptography", "python3-gnupg", "python3-pyroute2", "python3-zstandard",
    "gnupg", "gpgv", "libseccomp2", "nftables", "iproute2", "ca-certificates",
)  # fmt: skip
FORM = 1
"""Counts up when `image` makes something else of the same recipe."""
STATUS = "podwright-scenario: status "
QEMU = (
    "qemu-system-x86_64", "-machine", "q35", "-accel", "tcg,thread=multi", "-cpu", "max",
    "-smp", "2", "-m", "2048", "-nographic", "-nodefaults", "-no-reboot",
)  # fmt: skip


@dataclass(frozen=True)
class Recipe:
    """A guest: packages besides the usual ones, files put into it, shell commands run in its root, boot arguments."""

    name: str
    packages: tuple[str, ...] = ()
    files: tuple[tuple[str, str], ...] = ()
    commands: tuple[str, ...] = ()
    append: str = ""


PLAIN = Recipe("plain", packages=("apparmor",))
"""Debian as it is: AppArmor is its security module, cgroup v2 its control groups."""

SELINUX = Recipe(
    "selinux",
    packages=("selinux-policy-default", "policycoreutils", "selinux-utils"),
    files=(("tests/vm/container.cil", "/etc/selinux/container.cil"),),
    # The files get their labels here, so that the first boot can already be an enforcing one.
    commands=(
        "sed -i s/^SELINUX=.*/SELINUX=enforcing/ /etc/selinux/config",
        "semodule --noreload --install /etc/selinux/container.cil",
        "setfiles -F -e /proc -e /sys -e /dev /etc/selinux/default/contexts/files/file_contexts /",
    ),
    append="security=selinux selinux=1",
)


@dataclass(frozen=True)
class Disk:
    """A built guest: a directory with disk.img, vmlinuz and initrd.img."""

    path: Path
    append: str


@dataclass(frozen=True)
class Result:
    """What a scenario did: its exit status, its output, and the kernel's messages."""

    status: int
    output: str
    console: str


def image(recipe: Recipe = PLAIN) -> Disk:
    """Return the disk of a guest, built on first use (two minutes, 1.2 GB)."""
    files = [*recipe.files, ("tests/vm/guest-scenario.sh", "/usr/local/sbin/podwright-scenario")]
    files.append(("tests/vm/guest-unit.service", "/etc/systemd/system/podwright-scenario.service"))
    inputs = [f"form {FORM}", SUITE, *PACKAGES, *recipe.packages, *recipe.commands]
    inputs += [f"{target} {(CHECKOUT / source).read_text()}" for source, target in files]
    key = hashlib.sha256("\n".join(inputs).encode()).hexdigest()[:12]

    def make(partial: Path) -> None:
        print(f"making the virtual machine {recipe.name} (once, about two minutes)", flush=True)
        partial.mkdir()
        with tempfile.TemporaryDirectory(dir=partial.parent) as scratch:
            rootfs = Path(scratch) / "rootfs"
            mmdebstrap(rootfs, "minbase", (*PACKAGES, *recipe.packages))
            _furnish(rootfs, files, recipe.commands)
            for name in ("vmlinuz", "initrd.img"):
                shutil.copy(next(rootfs.glob(f"boot/{name}-*")), partial / name)
            _disk(rootfs, partial / "disk.img", "2G")

    return Disk(build_once(CACHE / "vm" / f"{recipe.name}-{key}", make), recipe.append)


def _furnish(rootfs: Path, files: list[tuple[str, str]], commands: tuple[str, ...]) -> None:
    for source, target in files:
        place = rootfs / target[1:]
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(CHECKOUT / source, place)
    (rootfs / "usr/local/sbin/podwright-scenario").chmod(0o755)
    (rootfs / "etc/fstab").write_text("/dev/vda / ext4 defaults 0 1\n")
    script = "\n".join(("systemctl enable --quiet podwright-scenario.service", *commands))
    # Tools that set labels look at /proc; in a mount namespace, so that it is gone afterwards.
    within = 'mount -t proc proc "$1/proc" && exec chroot "$1" sh -ec "$2"'
    subprocess.run(["unshare", "--mount", "sh", "-ec", within, "sh", rootfs, script], check=True)


def _disk(source: Path, target: Path, size: str) -> None:
    subprocess.run(
        ["mke2fs", "-q", "-t", "ext4", "-E", "root_owner=0:0", "-d", source, target, size],
        check=True,
    )


def run(
    disk: Disk,
    scenario: Path,
    *,
    files: Mapping[str, Path] | None = None,
    append: str = "",
    timeout: float = 1800.0,
) -> Result:
    """Boot the guest, run the scenario in it, and wait until it has powered off; the disk stays as it was."""
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        _payload(scratch / "payload", scenario, files or {})
        _disk(scratch / "payload", scratch / "payload.img", "256M")
        command = _qemu(disk, scratch, append)
        # Where qemu keeps what the guest writes.
        environment = {**os.environ, "TMPDIR": str(scratch)}
        with contextlib.suppress(subprocess.TimeoutExpired):  # no status is in the output then
            subprocess.run(command, check=True, timeout=timeout, env=environment)
        return _result(scratch)


def _payload(target: Path, scenario: Path, files: Mapping[str, Path]) -> None:
    target.mkdir()
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(CHECKOUT / "agent", target / "agent", ignore=ignore)
    for name in ("inside.py", "guest-run.sh"):
        shutil.copy(HERE / name, target / name)
    shutil.copy(scenario, target / "scenario.py")
    for place, source in files.items():
        shutil.copy(source, target / place)


def _qemu(disk: Disk, scratch: Path, append: str) -> list[str]:
    kernel = f"root=/dev/vda rw console=ttyS0 panic=-1 loglevel=6 {disk.append} {append}"
    return [
        *QEMU,
        *("-kernel", str(disk.path / "vmlinuz"), "-initrd", str(disk.path / "initrd.img")),
        *("-append", kernel),
        *("-drive", f"file={disk.path}/disk.img,if=virtio,format=raw,snapshot=on"),
        *("-drive", f"file={scratch}/payload.img,if=virtio,format=raw,readonly=on"),
        *("-serial", f"file:{scratch}/console"),
        *("-device", "virtio-serial", "-chardev", f"file,id=output,path={scratch}/output"),
        *("-device", "virtserialport,chardev=output,name=podwright.output"),
    ]


def _result(scratch: Path) -> Result:
    output = (scratch / "output").read_text(errors="backslashreplace")
    console = (scratch / "console").read_text(errors="backslashreplace")
    body, mark, status = output.rpartition(STATUS)
    if not mark:
        return Result(-1, output, console)
    return Result(int(status), body, console)
