# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a pod's domain is made of, what its QEMU is told, and which nodes of Xenstore are written for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from podwright.errors import HostError
from podwright.host.cgrouplimits import settings
from podwright.stage1.kvm.plan import grouped
from podwright.stage1.kvm.protocol import TAG
from podwright.stage1.kvm.sizing import Size
from podwright.stage1.xen import devices, plan, qemu, xl
from podwright.stage1.xen.machine import Disk, Settings, Vif
from tests.unit.stage1.test_kvm_plan import pod

UUID = "6f9d1d4c-7f0e-4f6a-9d58-0f6d6f3a1b2c"
MAC = "02:00:00:00:00:01"


def test_a_domain_of_a_pod() -> None:
    found = plan.domain(UUID, "/k", "/i", Size(512, 2), Settings(parameters=("x=1",)), (MAC,))
    assert (found.name, found.type, found.memory, found.cpus) == (f"podwright-{UUID}", "pv", 512, 2)
    assert found.vifs == (Vif(MAC),)
    words = found.parameters
    assert words[0] == "console=hvc0"
    assert {"podwright.bus=xen", "podwright.channel=hvc", "x=1"} <= set(words)
    assert "podwright.modules=xen_netfront" in words


def test_another_domain_connects_the_networks() -> None:
    settings = Settings(network_backend="net", network_bridge="xenbr0")
    found = plan.domain(UUID, "/k", "/i", Size(512, 2), settings, (MAC,))
    assert found.vifs == (Vif(MAC, "net", "xenbr0"),)
    with_disks = plan.with_disks(found, (Disk("xvda", "/dev/sda"),), settings)
    assert with_disks.disks == (Disk("xvda", "/dev/sda"),)
    assert "podwright.modules=xen_netfront,xen_blkfront" in with_disks.parameters


def test_a_module_that_nothing_needs_is_not_loaded() -> None:
    found = plan.domain(UUID, "/k", "/i", Size(512, 2), Settings(), ())
    assert not [word for word in found.parameters if word.startswith("podwright.modules")]
    assert plan.with_disks(found, (), Settings()) == found
    own = plan.with_disks(found, (Disk("xvda", "/dev/sda"),), Settings())
    assert "podwright.modules=xen_blkfront" in own.parameters


def test_names_of_disks() -> None:
    assert [plan.disk_name(at) for at in (0, 1, 25, 26, 27)] == [
        *("xvda", "xvdb", "xvdz", "xvdaa", "xvdab")
    ]


@pytest.mark.threat("T79")
def test_the_command_line_of_what_serves_a_domain() -> None:
    assert qemu.command("/usr/libexec/qemu", 7, 12) == [
        *("/usr/libexec/qemu", "-xen-domid", "7", "-xen-attach", "-name", "podwright-7"),
        *("-no-user-config", "-nodefaults", "-display", "none", "-machine", "xenpv"),
        *("-chardev", "socket,id=channel,fd=12"),
    ]


def test_a_qemu_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(HostError, match="no program"):
        qemu.find(str(tmp_path / "none"))


def test_the_nodes_of_a_domain() -> None:
    found = {node.path: (node.text, node.permissions) for node in devices.nodes(7)}
    files, channel = "/local/domain/7/device/9pfs/0", "/local/domain/7/device/console/1"
    assert found[f"{files}/tag"][0] == TAG
    assert found[f"{files}/backend"][0] == "/local/domain/0/backend/9pfs/7/0"
    assert found["/local/domain/0/backend/9pfs/7/0/path"][0] == "/share"
    assert found["/local/domain/0/backend/9pfs/7/0/frontend"][0] == files
    assert found[f"{channel}/output"][0] == "chardev:channel"
    assert found["/local/domain/0/backend/console/7/1/frontend"][0] == channel


@pytest.mark.threat("T79")
def test_a_guest_may_write_its_own_side_alone() -> None:
    side = "/local/domain/7/device"
    own = {f"{side}/9pfs/0", f"{side}/9pfs/0/state"}
    own |= {f"{side}/console/1/{name}" for name in ("ring-ref", "port", "state")}
    found = {node.path: node.permissions for node in devices.nodes(7)}
    assert own <= set(found)
    for path, permissions in found.items():
        assert permissions == (("n7", "r0") if path in own else ("n0", "r7")), path


@pytest.mark.threat("T79")
def test_a_guest_cannot_make_its_console_anew_with_a_file_of_dom0_as_its_output() -> None:
    """QEMU opened what `output` named; that the guest could not make it stood on a node of libxl's."""
    found = [node.path for node in devices.nodes(7)]
    side = "/local/domain/7/device/console"
    assert found.index(side) < found.index(f"{side}/1") < found.index(f"{side}/1/output")
    texts = {node.path: node.text for node in devices.nodes(7)}
    assert (texts[f"{side}/1/ring-ref"], texts[f"{side}/1/port"]) == ("", "")
    assert found.index("/local/domain/7/device/9pfs") < found.index("/local/domain/7/device/9pfs/0")


@pytest.mark.threat("T79")
def test_a_guest_cannot_take_all_of_dom0s_memory_through_what_serves_its_files() -> None:
    """Names of files that it asked about stayed in QEMU, hundreds of megabytes in seconds, without a limit."""
    most = plan.IN_DOM0
    assert most.memory == 256 << 20
    assert most.pids == 128
    assert most.asked() == most.optional == frozenset(("memory", "pids"))
    asked = grouped(pod(), most)
    assert (asked.apps, asked.limits) == ((), most)
    files = dict(settings("memory", 2, asked.limits) + settings("pids", 2, asked.limits))
    assert files == {"memory.max": str(256 << 20), "memory.swap.max": "0", "pids.max": "128"}


def test_what_a_domain_leaves_is_its_own_alone() -> None:
    assert devices.leftovers(7) == (
        "/local/domain/0/backend/9pfs/7",
        "/local/domain/0/backend/console/7",
        "/local/domain/0/device-model/7",
    )


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (
            "Parsing config from /dev/stdin\nlibxl: error: libxl_create.c:1:x: Domain 3:no memory\n",
            "3:no memory",
        ),
        ("xl: unable to run\n", "xl: unable to run"),
        ("", "it says nothing"),
        ("error: \x1b[2J\n", "error: \\x1b[2J"),
    ],
)
def test_what_xl_says_went_wrong(said: str, shown: str) -> None:
    assert xl.reason(said) == shown
