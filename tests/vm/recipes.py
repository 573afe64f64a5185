# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which virtual machines there are: what is in each, and how it boots.

A new recipe is a value here: `RECIPES` is what `python -m tests.vm.shell` and `images.image` know. Recipes with the
same packages share one installation of Debian, which is what takes time (a minute); the rest takes seconds.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

PACKAGES = (
    "systemd", "systemd-sysv", "dbus", "procps", "linux-image-amd64", "initramfs-tools", "openssh-server",
    # what the agent needs
    "python3", "python3-cryptography", "python3-gnupg", "python3-pyroute2", "python3-zstandard",
    "gnupg", "gpgv", "libseccomp2", "nftables", "iproute2", "ca-certificates",
    # the security modules
    "apparmor", "selinux-policy-default", "policycoreutils", "selinux-utils",
    # what tests need in it
    "attr", "busybox-static", "curl", "dnsmasq-base", "e2fsprogs", "libcap2-bin", "openssl", "strace", "udhcpc",
)  # fmt: skip
"""What every machine has: a package more here is a minute more once; one in a recipe is a minute more for that one."""

# Of desktops: to compile them takes ten seconds of the boot in emulation.
NO_PROFILES = "rm -f /etc/apparmor.d/lsb_release /etc/apparmor.d/nvidia_modprobe"


@dataclass(frozen=True)
class Recipe:
    """A machine: packages besides PACKAGES, files put into it (source in the checkout, place), shell commands run in
    its root when it is built, arguments of its kernel, and what QEMU emulates.

    `modules` are further kernel modules for the initramfs, which has only what finds the root file system. With
    `hypervisor` (a pattern of a gzipped file in the root), that is booted first, with `hypervisor_append`.
    """

    name: str
    packages: tuple[str, ...] = ()
    files: tuple[tuple[str, str], ...] = ()
    commands: tuple[str, ...] = ()
    append: str = ""
    console: str = "ttyS0"
    cpu: str = "max"
    cpus: int = 2
    memory: int = 2048
    size: str = "3G"
    modules: tuple[str, ...] = ()
    hypervisor: str = ""
    hypervisor_append: str = ""


PLAIN = Recipe("plain", commands=(NO_PROFILES,))
"""Debian as it is: AppArmor is its security module, cgroup v2 its control groups."""

SELINUX = Recipe(
    "selinux",
    files=(("roles/agent/files/podwright.cil", "/etc/selinux/podwright.cil"),),
    # The files get their labels here, so that the first boot can already be an enforcing one.
    commands=(
        NO_PROFILES,
        "sed -i s/^SELINUX=.*/SELINUX=enforcing/ /etc/selinux/config",
        "semodule --noreload --install /etc/selinux/podwright.cil",
        "setfiles -F -e /proc -e /sys -e /dev /etc/selinux/default/contexts/files/file_contexts /",
    ),
    append="security=selinux selinux=1",
)
"""The same with SELinux enforcing, Debian's policy."""

MACHINES = replace(
    SELINUX,
    name="machines",
    packages=("qemu-system-x86", "qemu-system-common"),
)
"""The same with what pods that are machines need; the emulated processor has KVM for them."""

MEASURED = replace(PLAIN, name="measured", packages=("tpm2-tools",), cpus=1, memory=1024)
"""Debian with what measures pods; whoever boots it gives it a TPM."""

RECIPES = {recipe.name: recipe for recipe in (PLAIN, SELINUX, MACHINES, MEASURED)}
