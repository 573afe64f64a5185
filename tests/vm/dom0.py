# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The disk of a Xen host: Debian as dom0, with xl, libvirtd for xen:///system, the backends and sshd.

    files = dom0.image()                             # built once, in .cache/vm: two minutes, 1.5 GB
    files / "xen.elf", "vmlinuz", "initrd.img", "disk.img"

`tests.vm.xen` boots it. At boot it mounts what QEMU shares, read-only and live: the checkout at /checkout, and the
directory of the bed with the key that may log in at /bed.
"""

from __future__ import annotations

import gzip
import hashlib
import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.support.debian import HOST_PACKAGES, SUITE, mmdebstrap
from tests.support.filelock import build_once
from tests.support.paths import CACHE

FORM = 1
"""Counts up when `image` makes something else of the same recipe."""
XEN = "4.17"
PACKAGES = (
    *HOST_PACKAGES, "linux-image-amd64", "initramfs-tools",
    f"xen-hypervisor-{XEN}-amd64", f"xen-utils-{XEN}", "qemu-system-xen",
    "libvirt-daemon-system", "libvirt-daemon-driver-xen", "libvirt-clients", "python3-libvirt",
)  # fmt: skip
TOOLS = f"/usr/lib/xen-{XEN}/bin"
# Debian's script starts a hundred processes, which takes half a minute here, and gives up after another.
START_XEN = f"""#!/bin/sh -e
modprobe -a xenfs xen-evtchn xen-gntdev xen-privcmd
[ -e /proc/xen/capabilities ] || mount -t xenfs xenfs /proc/xen
mkdir -p /run/xenstored
mkdir -p -m 700 /run/xen
mkdir -p /var/log/xen/console
XENSTORED_ROOTDIR=/run/xenstored {TOOLS}/oxenstored --pid-file /run/xenstore.pid
until xenstore-read -s / > /dev/null; do sleep 1; done
{TOOLS}/xen-init-dom0
{TOOLS}/xenconsoled --log=guest --pid-file /run/xenconsoled.pid
exec /usr/libexec/xen-qemu-system-i386 -xen-domid 0 -xen-attach -name dom0 -nographic -M xenpv -daemonize \\
    -monitor none -serial none -parallel none -pidfile /run/qemu-dom0.pid
"""
XEN_UNIT = """[Unit]
Description=Xenstore and consoles of domains
Before=libvirtd.service
[Service]
Type=oneshot
RemainAfterExit=yes
KillMode=none
TimeoutStartSec=infinity
ExecStart=sh -e /usr/local/sbin/start-xen
[Install]
WantedBy=multi-user.target
"""
SIZE = "6G"
"""The file has holes: it takes what Debian takes."""
FILES = {
    "/etc/fstab": (
        "/dev/vda / ext4 defaults,noatime 0 1\n"
        "checkout /checkout 9p trans=virtio,version=9p2000.L,msize=131072,ro 0 0\n"
        "bed /bed 9p trans=virtio,version=9p2000.L,ro 0 0\n"
    ),
    "/etc/hostname": "dom0\n",
    "/etc/hosts": "127.0.0.1 localhost\n127.0.1.1 dom0\n",
    "/etc/systemd/network/10-eth0.network": (
        "[Match]\nName=eth0\n[Network]\nAddress=10.0.2.15/24\nGateway=10.0.2.2\nDNS=10.0.2.3\n"
        "LinkLocalAddressing=no\n"
    ),
    "/etc/resolv.conf": "nameserver 10.0.2.3\n",
    "/etc/ssh/sshd_config.d/bed.conf": (
        "PermitRootLogin prohibit-password\nAuthorizedKeysFile /bed/authorized_keys\n"
        "StrictModes no\nUseDNS no\n"
    ),
    "/usr/local/sbin/start-xen": START_XEN,
    "/etc/systemd/system/xen.service": XEN_UNIT,
    # Modules of this machine only: unpacking all of them takes half a minute in software emulation.
    "/etc/initramfs-tools/conf.d/bed": "MODULES=list\n",
    "/etc/initramfs-tools/modules": "virtio_pci\nvirtio_blk\next4\n",
}
STOPPED = (
    "apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer", "e2scrub_all.timer",
    "fstrim.timer", "e2scrub_reap.service", "getty@tty1.service", "systemd-timesyncd.service",
    "systemd-binfmt.service", "libvirt-guests.service", "xendomains.service",
)  # fmt: skip
COMMANDS = (
    "mkdir /checkout /bed",
    "systemctl enable --quiet systemd-networkd.service",
    "systemctl mask --quiet systemd-networkd-wait-online.service " + " ".join(STOPPED),
    # libvirtd is started by who asks for it.
    "systemctl disable --quiet libvirtd.service && systemctl enable --quiet libvirtd.socket xen.service",
    "update-initramfs -u -k all",
)


def image() -> Path:
    """Return the directory with the files of the host, built on first use."""
    inputs = [f"form {FORM}", SUITE, SIZE, *PACKAGES, *COMMANDS]
    inputs += [f"{path} {text}" for path, text in FILES.items()]
    key = hashlib.sha256("\n".join(inputs).encode()).hexdigest()[:12]

    def make(partial: Path) -> None:
        print("making the virtual machine dom0 (once, about two minutes)", flush=True)
        partial.mkdir()
        with tempfile.TemporaryDirectory(dir=partial.parent) as scratch:
            rootfs = Path(scratch) / "rootfs"
            mmdebstrap(rootfs, "minbase", PACKAGES)
            _furnish(rootfs)
            for name in ("vmlinuz", "initrd.img"):
                shutil.copy(next(rootfs.glob(f"boot/{name}-*")), partial / name)
            packed = next(rootfs.glob("boot/xen-*.gz")).read_bytes()
            (partial / "xen.elf").write_bytes(gzip.decompress(packed))
            disk = (rootfs, partial / "disk.img", SIZE)
            subprocess.run(
                ["mke2fs", "-q", "-t", "ext4", "-E", "root_owner=0:0", "-d", *disk], check=True
            )

    return build_once(CACHE / "vm" / f"dom0-{key}", make)


def _furnish(rootfs: Path) -> None:
    for path, text in FILES.items():
        place = rootfs / path[1:]
        place.parent.mkdir(parents=True, exist_ok=True)
        place.unlink(missing_ok=True)
        place.write_text(text)
    within = 'mount -t proc proc "$1/proc" && exec chroot "$1" sh -ec "$2"'
    script = "\n".join(COMMANDS)
    subprocess.run(["unshare", "--mount", "sh", "-ec", within, "sh", rootfs, script], check=True)
