# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which modules a machine loads, from the words of its kernel's command line."""

from __future__ import annotations

from podwright.guest import boot, modules

INDEX = """virtio_ring virtio_ring.ko
virtio virtio.ko virtio_ring
virtio_mmio virtio_mmio.ko virtio virtio_ring
virtio_pci_modern_dev virtio_pci_modern_dev.ko
virtio_pci virtio_pci.ko virtio_ring virtio_pci_modern_dev virtio
virtio_console virtio_console.ko virtio virtio_ring
net_failover net_failover.ko
virtio_net virtio_net.ko virtio_ring virtio net_failover
fuse fuse.ko
virtiofs virtiofs.ko fuse virtio virtio_ring
"""


def names(cmdline: str) -> list[str]:
    wanted = modules.wanted(boot.words(cmdline))
    return [name for name, _ in modules.in_order(INDEX, wanted)]


def test_what_is_needed_is_loaded_first_and_once() -> None:
    assert names(
        "quiet podwright.bus=mmio podwright.channel=serial podwright.modules=virtio_net"
    ) == [
        *("virtio_ring", "virtio", "virtio_mmio", "virtio_console", "fuse", "virtiofs"),
        *("net_failover", "virtio_net"),
    ]


def test_another_bus_has_another_module() -> None:
    loaded = names("podwright.bus=pci")
    assert loaded.index("virtio_pci_modern_dev") < loaded.index("virtio_pci")
    assert "virtio_mmio" not in loaded


def test_what_the_index_does_not_have_is_built_in() -> None:
    assert modules.in_order("", ["virtio_mmio", "virtiofs"]) == []


def test_a_module_needs_itself_only_where_the_index_is_damaged() -> None:
    assert modules.in_order("a a.ko b\nb b.ko a\n", ["a"]) == [("b", "b.ko"), ("a", "a.ko")]


def test_modules_get_their_parameters_from_the_command_line() -> None:
    cmdline = "quiet virtio_mmio.device=512@0x1:5 virtio-mmio.device=512@0x2:6 fuse.x=1 virtio_mmio"
    assert modules.parameters("virtio_mmio", cmdline) == "device=512@0x1:5 device=512@0x2:6"
    assert modules.parameters("virtio", cmdline) == ""


def test_the_vsock_channel_and_9p_have_modules_of_their_own() -> None:
    said = boot.words("podwright.channel=vsock:5000 podwright.share=9p")
    assert modules.wanted(said) == [
        *("virtio_mmio", "vmw_vsock_virtio_transport", "9p", "9pnet_virtio", "overlay")
    ]


def test_a_guest_of_xens_needs_files_and_a_watchdog_and_nothing_of_virtio() -> None:
    wanted = modules.wanted({**boot.UNDER_XEN, "modules": "xen_netfront"})
    assert wanted == [
        *("xenbus", "hvc_xen", "9p", "9pnet_xen", "overlay", "xen_wdt", "xen_netfront")
    ]
    assert modules.in_order("9p 9p.ko 9pnet\n9pnet 9pnet.ko\n", wanted) == [
        *(("9pnet", "9pnet.ko"), ("9p", "9p.ko"))
    ]
