# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is set for virtual machines: files of `kvm.d` in the configuration, and a pod's own word over them.

A file is an object with `rktKind` kvm and `rktVersion` v1, and any of the fields of `Settings`. What a later
configuration directory says replaces what an earlier one says; said twice in one directory, it is an error.
"""

from __future__ import annotations

import os

from podwright.errors import HostError, UsageError
from podwright.model.machinechoice import ACCELERATORS, RUNNERS
from podwright.stage0.web.configfiles import merged
from podwright.stage1.kvm import parameters
from podwright.stage1.kvm.machine import KVM, Settings
from podwright.stage1.kvm.qemu import PATHS
from podwright.text import safe
from podwright.values import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from podwright.host.paths import Layout
    from podwright.model.fields import Fields
    from podwright.model.machinechoice import MachineChoice

DIRECTORY = "kvm.d"
MOST_OVERHEAD = 1 << 20
"""MiB."""
EMULATED = (
    "its virtual machine is emulated in software (kvm accelerator tcg), which is slow, and meant for"
    " test machines"
)


def read(layout: Layout) -> Settings:
    """What the configuration directories say. Raises UsageError naming the file and the field."""
    return Settings(**said(layout))


def said(layout: Layout) -> dict[str, Any]:
    """The same, without what nothing is said about."""
    return merged(layout, DIRECTORY, "kvm", _file)


def _file(fields: Fields) -> dict[str, Any]:
    """What one file says."""
    found: dict[str, Any] = {
        "accelerator": fields.choice("accelerator", ("", *ACCELERATORS), "") or None,
        "runner": fields.choice("runner", ("", *RUNNERS), "") or None,
        "overhead": fields.optional_integer("overhead", 0, MOST_OVERHEAD),
        "parameters": further_words(fields),
        "qemu": program(fields, "qemu"),
        "virtiofsd": program(fields, "virtiofsd"),
    }
    fields.finish()
    return {name: said for name, said in found.items() if said is not None}


def further_words(fields: Fields) -> Optional[tuple[str, ...]]:
    """`parameters`: further words for the kernel's command line."""
    where = fields.at("parameters")
    return tuple(parameters.checked(word, where) for word in fields.texts("parameters")) or None


def program(fields: Fields, name: str) -> Optional[str]:
    """The path of a program of the host."""
    path = fields.text(name)
    if not path:
        return None
    normal = path.startswith("/") and os.path.normpath(path) == path and not path.strip(PATHS)
    if not normal or not path.startswith("/usr/"):
        raise UsageError(
            f"{fields.at(name)}: {safe(path, 100)!r} is not the path of a program below /usr",
            "helpers of a machine see nothing else of the host",
            object=fields.at(name),
        )
    return path


def chosen(layout: Layout, choice: Optional[MachineChoice]) -> Settings:
    """What a pod runs with: its own word, or else what is configured."""
    found = read(layout)
    if choice is None:
        return found
    return replace(
        found,
        accelerator=choice.accelerator or found.accelerator,
        runner=choice.runner or found.runner,
    )


def reports(settings: Settings) -> list[str]:
    """Sentences about what is not as one would expect."""
    return [] if settings.accelerator == KVM else [EMULATED]


def check_accelerator(settings: Settings, device: str = "") -> None:
    """Refuse KVM where a guest does not run with it; nothing is emulated unasked. Raises HostError."""
    if settings.accelerator != KVM:
        return
    from podwright.host.checks import machines
    from podwright.host.checks.value import OK

    found = machines.kvm(device) if device else machines.kvm()
    if found.status != OK:
        raise HostError(
            f"this host cannot run virtual machines with KVM: {found.detail}",
            f"{found.hint}; on a test machine, --kvm-accelerator=tcg emulates them, slowly",
            object="/dev/kvm",
            reason="no-kvm",
        )
