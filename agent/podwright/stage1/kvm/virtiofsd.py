# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The server of a pod's files, for its machine: which one there is, and its command line. Pure but for `find`.

There are two: QEMU's own, written in C (until QEMU 8.0), and its successor. No name or path of a pod,
an app or a volume occurs in either command line (T79).
"""

from __future__ import annotations

from podwright.errors import HostError
from podwright.stage1.kvm import programs
from podwright.values import value

C, RUST = "c", "rust"
PLACES = (
    "/usr/libexec/virtiofsd",
    "/usr/lib/virtiofsd",
    "/usr/lib/qemu/virtiofsd",
    "/usr/libexec/qemu/virtiofsd",
)
"""First the one that is written in Rust; the other one comes with QEMU."""
SHARE = "/share"

CHOWN, DAC_OVERRIDE, FOWNER, FSETID, SETGID, SETUID, SETPCAP = 0, 1, 3, 4, 6, 7, 8
SYS_CHROOT, MKNOD, SETFCAP = 18, 27, 31
NEEDED = (CHOWN, DAC_OVERRIDE, FOWNER, FSETID, SETGID, SETUID, SETPCAP, SYS_CHROOT, MKNOD, SETFCAP)
"""What it acts with in the guest's name; it drops the chroot's and the bounding set's by itself."""
MOST_FILES = 1 << 20


@value
class Server:
    """A program: its path and which of the two it is."""

    path: str
    kind: str


def find(path: str = "") -> Server:
    """The one that this host has, or the one that an administrator says. Raises HostError."""
    found = programs.find(path, PLACES, "kvm.d")
    if found:
        return Server(found, C if "/qemu/" in found else RUST)
    raise HostError(
        "no virtiofsd is installed, which gives a virtual machine its files",
        "install the package virtiofsd, or qemu-system-common where that has it",
    )


def command(server: Server, listening: int) -> list[str]:
    """Its command line. `listening`: the socket to which QEMU has connected already."""
    if server.kind == C:
        options = f"source={SHARE},sandbox=chroot,xattr,cache=auto,announce_submounts"
        return [
            *(server.path, f"--fd={listening}", "-f", "-o", options),
            *("--rlimit-nofile=0", "--thread-pool-size=0"),
        ]
    return [
        *(server.path, f"--fd={listening}", f"--shared-dir={SHARE}", "--sandbox=chroot"),
        *("--xattr", "--cache=auto", "--announce-submounts", "--rlimit-nofile=0"),
        *("--thread-pool-size=0", "--inode-file-handles=never", "--log-level=error"),
    ]


def capabilities(*, mapped: bool) -> int:
    """Those that it keeps, as a mask. Without a user namespace no device nodes are made."""
    kept = NEEDED if mapped else tuple(one for one in NEEDED if one != MKNOD)
    return sum(1 << number for number in kept)
