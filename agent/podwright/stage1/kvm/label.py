# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The SELinux context of a pod's QEMU: what the policy has for machines, with the pod's own pair of categories."""

from __future__ import annotations

from podwright.host import selinux
from podwright.model.label import parse_context

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.model.label import PodLabel


def of_machine(label: PodLabel, root: str = "") -> str:
    """The context, or that of the pod's processes where the policy has none for machines. Raises PolicyError."""
    found = selinux.container_contexts(root).kvm_process
    if found is None:
        return label.process
    own = parse_context(label.process, "the pod's label")
    context = found.at(own.level)
    selinux.check(context, root)
    return str(context)
