# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What virtual machines and measured starts need: KVM, Xen, QEMU, libvirt, TPM."""

from __future__ import annotations

import errno
import os

from podwright.host.checks.value import (
    LIMITED,
    MISSING,
    OK,
    Check,
    TrialError,
    attempt,
    program,
    read,
    version_line,
)
from podwright.kernel import kvm as device

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

BIOS = "enable virtualisation in the firmware, or nested virtualisation in the hypervisor"
QEMU = {"x86_64": "qemu-system-x86_64", "aarch64": "qemu-system-aarch64"}


def kvm(path: str = device.DEVICE, machine: str = "") -> Check:
    """Whether a guest runs, not only whether the device is there."""
    try:
        version = device.api_version(path)
    except OSError as err:
        if err.errno == errno.ENOENT:
            return Check(
                "kvm", MISSING, f"no {path}", f"load the module kvm_intel or kvm_amd; {BIOS}"
            )
        return Check(
            "kvm", MISSING, f"{path}: {err.strerror}", "run as root, or as a member of group kvm"
        )
    if version != device.API:
        return Check("kvm", MISSING, f"{path} speaks version {version}", "a newer kernel")
    try:
        attempt(lambda: device.create_vm(path))
    except TrialError as err:
        return Check("kvm", LIMITED, f"present, but no machine can be made: {err}", BIOS)
    if (machine or os.uname().machine) != "x86_64":
        return Check("kvm", OK, "machines can be made; running one was not tried")
    return _runs(path)


def _runs(path: str) -> Check:
    try:
        wrong = attempt(lambda: device.run_guest(path))
    except TrialError as err:
        wrong = str(err)
    if wrong:
        return Check("kvm", LIMITED, f"present, but a guest does not run: {wrong}", BIOS)
    return Check("kvm", OK, "a small guest runs")


def xen(root: str = "", find: Callable[[str], str] = program) -> Check:
    """Whether this is a dom0 that can start guests."""
    hint = "boot the Xen hypervisor, and install xen-utils"
    if read(f"{root}/sys/hypervisor/type") != "xen":
        return Check("xen", MISSING, "not on Xen", hint)
    if "control_d" not in read(f"{root}/proc/xen/capabilities"):
        return Check("xen", MISSING, "a guest of Xen, not its dom0", "use the dom0")
    if not find("xl"):
        return Check("xen", LIMITED, "dom0, but without xl", "install xen-utils")
    return Check("xen", OK, "dom0, with xl")


def qemu_xen(root: str = "") -> Check:
    """Whether there is what serves files and consoles to domains of Xen."""
    from podwright.stage1.xen import qemu as found

    for path in found.PLACES:
        if os.access(f"{root}{path}", os.X_OK):
            return Check("qemu-xen", OK, path)
    return Check("qemu-xen", MISSING, "no QEMU for Xen", "install qemu-system-xen")


def tpm(root: str = "") -> Check:
    """Whether starts of pods can be measured."""
    hint = "enable the TPM 2.0 in the firmware"
    version = read(f"{root}/sys/class/tpm/tpm0/tpm_version_major")
    if os.path.exists(f"{root}/dev/tpmrm0") and version in ("", "2"):
        return Check("tpm", OK, "version 2.0 at /dev/tpmrm0")
    if version and version != "2":
        return Check("tpm", LIMITED, f"version {version}, not 2.0", hint)
    return Check("tpm", MISSING, "no /dev/tpmrm0", hint)


def qemu(machine: str = "", find: Callable[[str], str] = program) -> Check:
    """Whether the virtual machine monitor is installed."""
    name = QEMU.get(machine or os.uname().machine, f"qemu-system-{machine or os.uname().machine}")
    path = find(name)
    if not path:
        return Check("qemu", MISSING, f"no {name}", "install qemu-system (Fedora: qemu-kvm)")
    return Check("qemu", OK, version_line(path, "--version") or path)


def virtiofsd(root: str = "") -> Check:
    """Whether there is what serves a machine its files."""
    from podwright.stage1.kvm import virtiofsd as found

    for path in found.PLACES:
        if os.access(f"{root}{path}", os.X_OK):
            return Check("virtiofsd", OK, path)
    hint = "install virtiofsd (Debian 12: qemu-system-common)"
    return Check("virtiofsd", MISSING, "no virtiofsd", hint)


def stage1(flavour: str, data: str) -> Check:
    """Whether the store has a stage1 image that virtual machines of a flavour can be started from."""
    from podwright.host.paths import Layout
    from podwright.stage0 import stage1image

    name = f"stage1-{flavour}"
    own = f"podwright stage1 build {flavour} OUT.aci"
    hint = f"{own}, or take the one that was made for your hosts; podwright fetch FILE"
    fitting, others = stage1image.of_machines(Layout(data=data), flavour)
    if fitting:
        more = f", and {len(fitting) - 1} more" if len(fitting) > 1 else ""
        return Check(name, OK, f"{fitting[-1]}{more}")
    if others:
        return Check(name, MISSING, f"stored, but none that fits: {others[-1]}", hint)
    return Check(name, MISSING, "none in the store", hint)


def libvirt(root: str = "", find: Callable[[str], str] = program) -> Check:
    """Whether libvirt is installed, and answers."""
    if not find("libvirtd") and not find("virtqemud"):
        hint = "install libvirt-daemon-system (Fedora: libvirt-daemon-kvm)"
        return Check("libvirt", MISSING, "no libvirtd", hint)
    sockets = ("libvirt-sock", "virtqemud-sock")
    if not any(os.path.exists(f"{root}/run/libvirt/{name}") for name in sockets):
        return Check(
            "libvirt", LIMITED, "installed, but does not run", "systemctl enable --now libvirtd"
        )
    return Check("libvirt", OK, "runs")
