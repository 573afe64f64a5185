# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a pod says of its virtual machine: `kvm` of a desired state, --kvm-accelerator. Pure."""

from __future__ import annotations

from podwright.errors import UsageError
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from podwright.model.fields import Fields

ACCELERATORS = ("kvm", "tcg")
RUNNERS = ("auto", "libvirt", "qemu")


@value
class MachineChoice:
    """What is said; "" is what is configured, see `stage0.machinesettings`.

    accelerator  one of ACCELERATORS: tcg, which needs no KVM, is software emulation
    runner       one of RUNNERS: auto is libvirt where its daemon answers
    """

    accelerator: str = ""
    runner: str = ""


def parse(fields: Fields, stage1: str) -> Optional[MachineChoice]:
    """`kvm` of a pod, which has this flavour; None when nothing is said."""
    child = fields.child("kvm")
    if child is None:
        return None
    found = MachineChoice(
        child.choice("accelerator", ("", *ACCELERATORS), ""),
        child.choice("runner", ("", *RUNNERS), ""),
    )
    child.finish()
    return check(found, stage1, fields.at("kvm"))


def check(found: MachineChoice, stage1: str, where: str) -> Optional[MachineChoice]:
    """None when nothing is said. Raises UsageError where there is no machine."""
    if found == MachineChoice():
        return None
    if stage1 not in ("kvm", "image"):  # an image may turn out to be that of machines
        why = (
            "whose machines are set in xen.d"
            if stage1 == "xen"
            else "which runs no virtual machine"
        )
        raise UsageError(
            f"{where}: cannot stand beside stage1 {stage1}, {why}",
            "leave it out, or choose stage1 kvm",
            object=where,
        )
    return found


def dump(choice: MachineChoice) -> dict[str, str]:
    """As in a desired state."""
    said = (("accelerator", choice.accelerator), ("runner", choice.runner))
    return {name: text for name, text in said if text}


def load(raw: dict[str, Any]) -> MachineChoice:
    """What `dump` wrote."""
    return MachineChoice(raw.get("accelerator", ""), raw.get("runner", ""))
