# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that are given a pod's SELinux label where no mount option can do it: volumes and copied roots."""

from __future__ import annotations

import os

from podwright.errors import LaunchError
from podwright.kernel.relabel import belongs_to_host, label_of, relabel, within_hosts
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.model.label import PodLabel
    from podwright.stage1.namespaces.mountplan import Bind
    from podwright.stage1.namespaces.plan import AppPlan


def check_source(name: str, source: str) -> None:
    """Refuse early to relabel what belongs to the host itself."""
    fd = os.open(source, os.O_PATH | os.O_CLOEXEC)
    try:
        _refuse_hosts(f"volume {name}", name, source, fd)
    finally:
        os.close(fd)
    above = within_hosts(source)
    if above is not None:
        raise LaunchError(
            f"volume {name}: {safe(source, 120)} is in {above} of the host and is not relabelled",
            "give a directory of the pod's own, or relabel: none",
            object=name,
        )


def _refuse_hosts(whose: str, thing: str, source: str, fd: int) -> None:
    path = belongs_to_host(fd)
    if path is not None:
        raise LaunchError(
            f"{whose}: {safe(source, 120)} is {path} of the host and is not relabelled",
            "give a directory of the pod's own, or relabel: none",
            object=thing,
        )


def volume(mount: int, bind: Bind, app: str) -> None:
    """Label what a detached mount of a volume shows."""
    _refuse_hosts(f"app {app}: volume source", app, bind.source, mount)
    try:
        relabel(mount, bind.label)
    except OSError as err:
        raise LaunchError(
            f"app {app}: volume source {safe(bind.source, 120)} cannot be relabelled:"
            f" {err.strerror}",
            "choose a writable file system with extended attributes, or relabel: none",
            object=app,
        ) from err


def layers(app: AppPlan, label: PodLabel) -> None:
    """Label what an overlay is stacked from; nobody else uses it.

    The overlay's own context covers every access but one: what is mapped into memory counts as
    the file below, when its protection is changed (as the dynamic linker does).
    """
    paths = dict.fromkeys(app.trees, label.ro_file)
    paths.update({f"{app.writable}/upper": label.file, f"{app.writable}/work": label.file})
    for path, context in paths.items():
        fd = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            _label(fd, context, app)
        finally:
            os.close(fd)


def root(mount: int, label: PodLabel, app: AppPlan) -> None:
    """Label a copied root; an overlay has been mounted with the label."""
    _label(mount, label.file, app)


def share(pod: int, label: PodLabel) -> None:
    """Label what holds the apps' roots, for a machine: its server sees that, too, and writes there."""
    try:
        relabel(pod, label.file)
    except OSError as err:
        raise LaunchError(
            f"the pod's directory cannot be given the SELinux label {label.file}: {err.strerror}",
            "keep the data directory on a file system with extended attributes",
        ) from err


def _label(top: int, context: str, app: AppPlan) -> None:
    if label_of(f"/proc/self/fd/{top}") == context:
        return
    try:
        relabel(top, context)
    except OSError as err:
        raise LaunchError(
            f"app {app.name}: its root cannot be given the SELinux label {context}: {err.strerror}",
            "keep the data directory on a file system with extended attributes",
            object=app.name,
        ) from err
