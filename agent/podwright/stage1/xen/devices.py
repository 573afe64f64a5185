# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A domain's files and its channel, as nodes of Xenstore: what a toolstack writes for such devices. Pure.

Xen's toolstacks do not write them for us, since they would start a QEMU of their own, as root of dom0 and
without a jail; libvirt has no devices of this kind for Xen at all.
The guest may read all of them. It owns its side of its files' device, and of the console's just what it has to
say: QEMU before 8.2 does what the other nodes there tell, and opens what `output` names. What they are below is
ours, too: whoever can make a node can make one that was removed anew.
"""

from __future__ import annotations

import os

from podwright.stage1.kvm.protocol import PORT, TAG
from podwright.values import value

SHARE = "/share"
"""Where QEMU finds the pod's files in its jail."""
CHANNEL = "channel"
"""The name of QEMU's character device for the channel."""
INITIALISING, INIT_WAIT, CONNECTED = "1", "2", "4"
"""States of either side of a device (public/io/xenbus.h)."""
FILES, CONSOLE = "9pfs", "console"
NUMBERS = {FILES: 0, CONSOLE: 1}
"""Of the devices of each kind; console 0 is the toolstack's."""
SAYS = ("ring-ref", "port")
"""What the guest tells of its console, besides its state."""


@value
class Node:
    """A node: who owns it first, then who may read it."""

    path: str
    text: str
    permissions: tuple[str, ...]


def front(domid: int, kind: str) -> str:
    """The guest's side of a device."""
    return f"/local/domain/{domid}/device/{kind}/{NUMBERS[kind]}"


def back(domid: int, kind: str) -> str:
    """Our side of it."""
    return f"/local/domain/0/backend/{kind}/{domid}/{NUMBERS[kind]}"


def nodes(domid: int) -> list[Node]:
    """All of them, each after what it is below."""
    files = {"path": SHARE, "security_model": "none"}
    console = {
        "type": "ioemu",
        "output": f"chardev:{CHANNEL}",
        "name": PORT,
        "limit": "1048576",
        "tty": "",
    }
    return [
        *_device(domid, FILES, {"tag": TAG}, files, (f"n{domid}", "r0")),
        *_device(domid, CONSOLE, console, {"protocol": "vt100"}, ("n0", f"r{domid}"), SAYS),
    ]


def _device(
    domid: int,
    kind: str,
    theirs: dict[str, str],
    ours: dict[str, str],
    owner: tuple[str, ...],
    says: tuple[str, ...] = (),
) -> list[Node]:
    """`owner`: of the guest's side; `says`: nodes in it that are the guest's in any case."""
    guest, host = (f"n{domid}", "r0"), ("n0", f"r{domid}")
    front_at, back_at = front(domid, kind), back(domid, kind)
    ends = {"backend": back_at, "backend-id": "0", **theirs}
    begins = {"frontend": front_at, "frontend-id": str(domid), "online": "1", **ours}
    return [
        Node(back_at, "", host),
        *(Node(f"{back_at}/{name}", text, host) for name, text in begins.items()),
        Node(f"{back_at}/state", INITIALISING, host),
        Node(os.path.dirname(front_at), "", host),
        Node(front_at, "", owner),
        *(Node(f"{front_at}/{name}", text, host) for name, text in ends.items()),
        *(Node(f"{front_at}/{name}", "", guest) for name in says),
        Node(f"{front_at}/state", INITIALISING, guest),
    ]


def served(domid: int) -> str:
    """The node that says INIT_WAIT once QEMU serves the files."""
    return f"{back(domid, FILES)}/state"


def leftovers(domid: int) -> tuple[str, ...]:
    """What the end of a domain leaves of ours, and of what QEMU has written."""
    backends = "/local/domain/0/backend"
    return (
        f"{backends}/{FILES}/{domid}",
        f"{backends}/{CONSOLE}/{domid}",
        f"/local/domain/0/device-model/{domid}",
    )
