# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Domains by libvirt's driver of Xen (`xen:///system`). Only who holds a domain loads libvirt's library."""

from __future__ import annotations

import os

from podwright.errors import HostError
from podwright.kernel.step import step
from podwright.stage1.kvm import libvirtplace
from podwright.stage1.kvm.libvirtrun import load
from podwright.stage1.xen import domain as description
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from podwright.stage1.xen.machine import Domain

URI = "xen:///system"
"""Said in so many words: what the environment says about another one is not asked."""
DAEMONS = ("/run/libvirt/virtxend-sock", "/run/libvirt/libvirt-sock")


def connect() -> Any:
    """A connection to the driver. Raises HostError where there is none."""
    if not os.path.exists(libvirtplace.BINDING) or not any(map(os.path.exists, DAEMONS)):
        raise HostError(
            "libvirt does not answer on this host",
            "install libvirt-daemon-driver-xen and python3-libvirt and start libvirtd, or choose"
            " runner xl in xen.d",
            object="libvirt",
            reason="no-libvirt",
        )
    library = load()
    try:
        return library.open(URI)
    except library.libvirtError as err:
        raise HostError(
            f"libvirt has no driver of Xen here: {safe(' '.join(str(err).split()), 200)}",
            "install libvirt-daemon-driver-xen, or choose runner xl in xen.d",
            object="libvirt",
            reason="no-libvirt",
        ) from None


def create(connection: Any, found: Domain, pod: str, version: str) -> int:
    """Make a domain, which does not run yet; its number. Raises HostError."""
    import libvirt

    step("virDomainCreateXML")
    try:
        made = connection.createXML(
            description.xml(found, pod, version), libvirt.VIR_DOMAIN_START_PAUSED
        )
        return int(made.ID())
    except libvirt.libvirtError as err:
        raise HostError(
            f"libvirt cannot make the domain: {safe(' '.join(str(err).split()), 300)}",
            "its log says more: /var/log/libvirt/libxl",
            object=found.name,
        ) from None


def answers(connection: Any) -> bool:
    """Whether the daemon that was asked is there still, so that its last answer was one."""
    import libvirt

    try:
        return bool(connection.getLibVersion())
    except libvirt.libvirtError:
        return False


def unpause(connection: Any, name: str) -> None:
    """Let it run: through libvirt, which would else go on believing that it is paused. Raises HostError."""
    import libvirt

    step("virDomainResume")
    try:
        connection.lookupByName(name).resume()
    except libvirt.libvirtError as err:
        raise HostError(
            f"libvirt cannot start the domain: {safe(' '.join(str(err).split()), 300)}",
            object=name,
        ) from None


def destroy(connection: Any, name: str) -> None:
    """End it at once; one that is not there, and a daemon that is not, are no errors: xl ends it then."""
    import libvirt

    step("virDomainDestroy")
    try:
        connection.lookupByName(name).destroy()
    except libvirt.libvirtError:
        return
