# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The SELinux contexts of a pod's QEMU and virtiofsd: the policy's for machines, with the pod's own categories."""

from __future__ import annotations

import os

from podwright.errors import LaunchError
from podwright.host import selinux
from podwright.kernel.relabel import relabel
from podwright.model.label import parse_context
from podwright.text import safe
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

    from podwright.model.label import Context, PodLabel


@value
class MachineLabels:
    """Contexts of QEMU, of what serves its files, and of the root that each of them sees."""

    process: str
    server: str
    jail: str


def of_machine(label: PodLabel, root: str = "") -> MachineLabels:
    """The contexts, or the pod's own where the policy has none for machines. Raises PolicyError."""
    found = selinux.container_contexts(root)
    own = parse_context(label.process, "the pod's label").level

    def at(context: Optional[Context], otherwise: str) -> str:
        if context is None:
            return otherwise
        text = context.at(own)
        selinux.check(text, root)
        return str(text)

    process = at(found.kvm_process, label.process)
    return MachineLabels(process, at(found.kvm_server, process), at(found.kvm_file, label.file))


def let_read(paths: tuple[str, ...], label: PodLabel) -> None:
    """Kernel and initrd get the label of what every pod may read. Raises LaunchError."""
    for path in paths:
        fd = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            relabel(fd, label.ro_file)
        except OSError as err:
            raise LaunchError(
                f"{safe(path, 120)} cannot be given the SELinux label {label.ro_file}: {err.strerror}",
                "keep the data directory on a file system with extended attributes",
                object=path,
            ) from err
        finally:
            os.close(fd)
