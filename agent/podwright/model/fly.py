# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a pod of flavour fly cannot have (C5): refused when somebody asked for it, else reported. Pure."""

from __future__ import annotations

from podwright.errors import UsageError
from podwright.model import lesser
from podwright.model.lesser import OTHER
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.model.pod import PodManifest
    from podwright.model.podspec import PodSpec

UNENFORCEABLE = {"os/unix/sysctl": "", "resource/network-bandwidth": ""}
"""Isolators that need a namespace of the pod's own."""
KEEPS = (
    "stage1 fly: the app has the host's network, processes, IPC, host name, control groups, /dev,"
    " /proc and /sys, and no capability limit or system call filter unless one is asked for"
)


def admit(spec: PodSpec, manifest: PodManifest) -> tuple[PodManifest, list[str]]:
    """The manifest without what fly cannot enforce and need not, and sentences about that.

    Raises UsageError naming what was asked for and cannot be had.
    """
    _check(spec)
    manifest, reports = lesser.without(spec, manifest, UNENFORCEABLE, "fly")
    return manifest, [KEEPS, *reports]


def check_start(net: str, hostname: str) -> None:
    """Refuse what is said about the start of a fly pod; "" = nothing."""
    if net not in ("", "host"):
        raise _refused(f"net {net}", "leave it out: a fly pod keeps the host's network")
    if hostname:
        raise _refused(f"host name {hostname}", "leave it out: a fly pod keeps the host's name")


def _check(spec: PodSpec) -> None:
    check_start(spec.net, spec.hostname)
    if len(spec.apps) != 1:
        raise _refused(f"a pod of {len(spec.apps)} apps", "give each its own pod")
    if spec.ports:
        raise _refused(
            f"publishing port {spec.ports[0].name}",
            "leave it out: the app listens on the host's own network",
        )


def _refused(what: str, hint: str = OTHER) -> UsageError:
    return UsageError(f"stage1 fly cannot have {safe(what, 120)}", hint, reason="not-in-fly")
