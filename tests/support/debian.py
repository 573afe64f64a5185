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
    """A kind of test hosts.

    packages  what it has besides HOST_PACKAGES
    furnish   shell text that runs in its root once, with the network of this machine
    suite     the release of Debian
    without   what of HOST_PACKAGES it does not have
    """

    packages: tuple[str, ...] = ()
    furnish: str = ""
    suite: str = SUITE
    without: tuple[str, ...] = ()


OURS = (
    *("python3-cryptography", "python3-gnupg", "python3-pyroute2", "python3-zstandard"),
    *("gnupg", "gpgv", "nftables", "ca-certificates"),
)
"""What the role installs where it is missing."""

OWN_REPOSITORY = """\
mkdir -p /srv/packages/partial
apt-get -o APT::Install-Recommends=false -o Dir::Cache::archives=/srv/packages --download-only --yes install \
    ca-certificates gnupg libnftables1 libseccomp2 nftables python3-apt \
    python3-cryptography python3-gnupg python3-pyroute2 python3-zstandard
cd /srv/packages
rm -rf lock partial
for package in *.deb; do
    dpkg-deb --field "$package"
    echo "Filename: ./$package"
    echo "Size: $(stat -c %s "$package")"
    echo "SHA256: $(sha256sum "$package" | cut -d ' ' -f 1)"
    echo
done >Packages
rm -rf /etc/apt/sources.list /etc/apt/sources.list.d/* /var/lib/apt/lists/*
echo 'deb [trusted=yes] file:/srv/packages ./' >/etc/apt/sources.list
"""
"""Leaves the host without what the agent needs, and with an apt that gets it from a directory."""


EMPTY_RPMS = """\
mkdir -p /srv/rpms /tmp/specs
for name in ca-certificates gnupg2 libseccomp nftables python3-cryptography python3-libselinux python3-zstandard; do
    printf '%s\\n' "Name: $name" 'Version: 1' 'Release: 1' 'Summary: Empty' \
        'License: GPL-3.0-or-later' 'BuildArch: noarch' '%description' 'Empty.' '%files' >/tmp/specs/$name.spec
    rpmbuild -bb --quiet --define '_rpmdir /srv/rpms' --define '_topdir /tmp/specs/top' /tmp/specs/$name.spec
done
createrepo_c --quiet /srv/rpms
rm -rf /tmp/specs
mkdir -p /etc/yum.repos.d
printf '%s\\n' '[local]' 'name=local' 'baseurl=file:///srv/rpms' 'gpgcheck=0' >/etc/yum.repos.d/local.repo
printf '%s\\n' 'NAME="Rocky Linux"' 'ID="rocky"' 'ID_LIKE="rhel centos fedora"' 'VERSION_ID="9.4"' \
    'PRETTY_NAME="Rocky Linux 9.4 (Blue Onyx)"' >/usr/lib/os-release
rm -f /usr/bin/apt-get /usr/bin/apt /usr/bin/dpkg-query
rm -rf /usr/lib/python3/dist-packages/pyroute2* /usr/lib/python3/dist-packages/gnupg*
"""
"""It has dnf and says that it is Rocky Linux, with a repository of empty packages, and without our libraries."""

VARIANTS = {
    "plain": Variant(),
    # What docs/tutorial.md installs with apt, which reaches nothing from a test host.
    "tutorial": Variant(("busybox-static", "python3-apt")),
    # What runs pods as virtual machines. libvirtd is not to manage cgroup controllers: they are read-only under nspawn.
    "libvirt": Variant(
        (
            "libvirt-daemon-system", "libvirt-clients", "python3-libvirt",
            "qemu-system-x86", "qemu-system-common",
        ),
        "echo 'cgroup_controllers = []' >> /etc/libvirt/qemu.conf",
    ),
    # Debian as its installer leaves it: the role has something to install.
    "bookworm": Variant(furnish=OWN_REPOSITORY, without=OURS),
    "rocky": Variant(("rpm", "dnf", "createrepo-c"), EMPTY_RPMS),
    "trixie": Variant(furnish=OWN_REPOSITORY, suite="trixie", without=OURS),
}  # fmt: skip

MASKED_UNITS = (
    "apt-daily.timer", "apt-daily-upgrade.timer", "console-getty.service", "dpkg-db-backup.timer",
    "e2scrub_all.timer", "fstrim.timer", "systemd-networkd.service",
)  # fmt: skip
"""Would start on their own in the middle of a test, or wait for hardware that is not there."""


def mmdebstrap(
    target: Path, variant: str, packages: Sequence[str], *options: str, suite: str = SUITE
) -> None:
    """Make a root file system of Debian 12, or of another release, in the new directory `target`."""
    excludes = [f"--dpkgopt=path-exclude={pattern}" for pattern in TRIMMED]
    # This machine's sources are for its own release; mmdebstrap knows a mirror for the others.
    sources = [str(path) for path in SOURCES if path.exists() and suite == SUITE]
    command = ["mmdebstrap", "--quiet", f"--variant={variant}", f"--include={','.join(packages)}"]
    subprocess.run([*command, *excludes, *options, suite, str(target), *sources], check=True)


def host_rootfs(variant: str = "plain") -> Path:
    """Return the root file system that all test hosts of a variant share, made on first use (35 to 50 seconds)."""
    extra = VARIANTS[variant]
    packages = (*(name for name in HOST_PACKAGES if name not in extra.without), *extra.packages)
    furnish = " && ".join(
        ["systemctl mask --quiet " + " ".join(MASKED_UNITS), *filter(None, [extra.furnish])]
    )
    recipe = "\n".join([extra.suite, *packages, *MASKED_UNITS, *filter(None, [extra.furnish])])
    key = hashlib.sha256(recipe.encode()).hexdigest()[:12]

    def make(partial: Path) -> None:
        print(f"making the root file system of the {variant} test hosts (once)", flush=True)
        hook = f'--customize-hook=chroot "$1" sh -ec {shlex.quote(furnish)}'
        mmdebstrap(partial, "minbase", packages, hook, suite=extra.suite)

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
