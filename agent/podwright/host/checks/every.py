# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""All checks, in the order in which they are shown."""

from __future__ import annotations

from podwright.host.checks import groups, machines, security, services, spaces, storage
from podwright.host.checks.value import MISSING, Check

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

ADMIN = "run check-host as root"


def table(data: str) -> dict[str, Callable[[], Check]]:
    """Every check by its name; `data` is the data directory."""
    found: dict[str, Callable[[], Check]] = {"kernel": services.kernel}
    for name in spaces.KINDS:
        found[f"{name}-namespaces"] = lambda name=name: spaces.kind(name)  # type: ignore[misc]
    return {
        **found,
        "user-namespaces": spaces.users,
        "overlay": lambda: storage.overlay(data),
        "idmapped-mounts": lambda: storage.idmap(data),
        "cgroups": groups.cgroups,
        "seccomp": security.seccomp,
        "selinux": security.selinux,
        "apparmor": security.apparmor,
        "landlock": security.landlock,
        "kvm": machines.kvm,
        "qemu": machines.qemu,
        "virtiofsd": machines.virtiofsd,
        "libvirt": machines.libvirt,
        "stage1-kvm": lambda: machines.stage1("kvm", data),
        "xen": machines.xen,
        "qemu-xen": machines.qemu_xen,
        "stage1-xen": lambda: machines.stage1("xen", data),
        "tpm": machines.tpm,
        "systemd": services.systemd,
        "journald": services.journald,
        "machine-journals": services.machine_journals,
        "gpg": services.gpg,
        "nftables": services.nftables,
    }


NAMES = tuple(table(""))


def run(data: str) -> list[Check]:
    """Look at everything; a check that fails in an unforeseen way is a missing thing, too."""
    return [_safely(name, check) for name, check in table(data).items()]


def _safely(name: str, check: Callable[[], Check]) -> Check:
    try:
        return check()
    except Exception as err:  # one odd host must not hide what the others say
        return Check(name, MISSING, f"cannot be told: {err}", ADMIN)
