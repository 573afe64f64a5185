# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which modules of the kernel a pod's machine needs, in which order, with which parameters. Pure.

/modules/index has a line for each one: its name, its file below /modules, and the names of those that
it needs itself.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

PLACE = "/modules"
INDEX = f"{PLACE}/index"
BUSES = {"mmio": "virtio_mmio", "pci": "virtio_pci", "xen": "xenbus"}
CHANNELS = {"serial": "virtio_console", "vsock": "vmw_vsock_virtio_transport", "hvc": "hvc_xen"}
SHARES = {"virtiofs": "virtiofs", "9p": "9p"}
WATCHDOG = "xen_wdt"
OVERLAY = "overlay"


def wanted(words: dict[str, str]) -> list[str]:
    """The modules for what the kernel's command line says (`init.words`)."""
    bus = words.get("bus", "mmio")
    channel = words.get("channel", "serial").partition(":")[0]
    share = words.get("share", "virtiofs")
    out = [BUSES[bus], CHANNELS[channel], SHARES[share]]
    if share == "9p":
        out += ["9pnet_xen" if bus == "xen" else "9pnet_virtio", OVERLAY]
    if bus == "xen":
        out.append(WATCHDOG)
    return [*out, *(name for name in words.get("modules", "").split(",") if name)]


def in_order(index: str, names: Iterable[str]) -> list[tuple[str, str]]:
    """(name, file) of these and all that they need, what is needed first.

    A name that the index does not have is built into the kernel.
    """
    known = {line.split()[0]: line.split()[1:] for line in index.splitlines() if line.strip()}
    out: dict[str, str] = {}

    def add(name: str) -> None:
        if name in known and name not in out:
            file, *needs = known.pop(name)
            for other in needs:
                add(other)
            out[name] = file

    for name in names:
        add(name)
    return list(out.items())


def parameters(name: str, cmdline: str) -> str:
    """What the kernel's command line says for a module that is not built in."""
    start = f"{name}."
    return " ".join(
        word[len(start) :]
        for word in cmdline.split()
        if word.replace("-", "_").startswith(start) and "=" in word
    )
