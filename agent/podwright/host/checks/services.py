# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the agent leans on: the kernel, systemd and its journal, gpg, nftables."""

from __future__ import annotations

import os

from podwright.host.checks.value import LIMITED, MISSING, OK, Check, program, version_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

LEAST_KERNEL = (5, 12)
"""Mounts by descriptor with attributes: mount_setattr(2)."""
GOOD_KERNEL = (5, 19)
"""Id-mapped mounts below overlays."""


def kernel(release: str = "") -> Check:
    """Whether the kernel is new enough."""
    release = release or os.uname().release
    numbers = tuple(
        int(part) for part in release.split("-")[0].split("+")[0].split(".")[:2] if part.isdigit()
    )
    if numbers < LEAST_KERNEL:
        return Check("kernel", MISSING, release, "Linux 5.12 or newer")
    if numbers < GOOD_KERNEL:
        return Check("kernel", LIMITED, release, "Linux 5.19 or newer for id-mapped images")
    return Check("kernel", OK, release)


def systemd(root: str = "", find: Callable[[str], str] = program) -> Check:
    """Whether named pods can be units."""
    if not os.path.isdir(f"{root}/run/systemd/system"):
        detail = "not the init of this host; the agent supervises named pods itself"
        return Check("systemd", MISSING, detail, "boot with systemd")
    path = find("systemctl")
    if not path:
        return Check("systemd", LIMITED, "runs, but there is no systemctl", "install systemd")
    return Check("systemd", OK, version_line(path, "--version") or "runs")


def journald(root: str = "") -> Check:
    """Whether there is a journal for the output of pods."""
    if os.path.exists(f"{root}/run/systemd/journal/socket"):
        return Check("journald", OK, "runs")
    return Check(
        "journald", MISSING, "output of named pods goes to files", "start systemd-journald"
    )


def machine_journals(root: str = "") -> Check:
    """Whether `journalctl -M` shows pods."""
    from podwright.host import machined, machinejournal

    without = "journalctl -M shows no pods; podwright logs does"
    if not any(os.path.exists(root + path) for path in machined.ACTIVATED):
        return Check("machine-journals", MISSING, without, "install systemd-container")
    if not os.path.exists(root + machinejournal.PROGRAM):
        return Check("machine-journals", MISSING, without, "install systemd-journal-remote")
    if not os.path.isdir(root + machinejournal.JOURNALS):
        return Check("machine-journals", MISSING, without, f"make {machinejournal.JOURNALS}")
    return Check("machine-journals", OK, "pods that are machines have a journal of their own")


def gpg(find: Callable[[str], str] = program) -> Check:
    """Whether signatures of images can be checked."""
    path = find("gpg")
    if not path:
        return Check("gpg", MISSING, "no gpg: no signature can be checked", "install gnupg")
    return Check("gpg", OK, version_line(path, "--version") or path)


def nftables(library: str = "libnftables.so.1") -> Check:
    """Whether ports can be published and pods' addresses be masqueraded."""
    import ctypes

    try:
        ctypes.CDLL(library)
    except OSError:
        hint = "install libnftables1 (Fedora: nftables-libs)"
        return Check("nftables", MISSING, f"no {library}", hint)
    return Check("nftables", OK, library)
