# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is set for domains of Xen: xen.d; and which hosts run any."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from podwright.errors import HostError, UsageError
from podwright.host.checks import machines
from podwright.host.paths import Layout
from podwright.stage0 import machinesettings, xensettings
from podwright.stage1.xen.machine import Settings


def say(directory: str, file: str = "10.json", **fields: Any) -> None:
    place = Path(directory) / "xen.d"
    place.mkdir(exist_ok=True)
    (place / file).write_text(json.dumps({"rktKind": "xen", "rktVersion": "v1", **fields}))


def test_nothing_is_said(layout: Layout) -> None:
    assert xensettings.read(layout) == Settings()
    assert xensettings.said(layout) == {}


def test_a_later_directory_has_the_last_word(layout: Layout) -> None:
    say(layout.system_config, runner="libvirt", type="pvh", overhead=64, parameters=["x=1"])
    say(layout.local_config, runner="xl", network_backend="net", network_bridge="xenbr0")
    say(layout.local_config, "20.json", qemu="/usr/bin/qemu")
    assert xensettings.read(layout) == Settings(
        "xl", "pvh", 64, ("x=1",), "net", "xenbr0", "/usr/bin/qemu"
    )


def test_said_twice_is_an_error(layout: Layout) -> None:
    say(layout.local_config, runner="xl")
    say(layout.local_config, "20.json", runner="auto")
    with pytest.raises(UsageError, match="already set"):
        xensettings.read(layout)


def said_in_a_file(place: Path) -> None:
    place.write_text("{}")


def a_link_to_nothing(place: Path) -> None:
    place.symlink_to("/nonexistent")


def another_name(place: Path) -> None:
    place.mkdir()
    (place / "xen.conf").touch()


def another_case(place: Path) -> None:
    place.mkdir()
    (place / "xen.JSON").touch()


@pytest.mark.parametrize("name", ["xen", "kvm"])
@pytest.mark.parametrize("make", [said_in_a_file, a_link_to_nothing, another_name, another_case])
def test_what_was_said_where_nobody_reads_it_was_passed_over(
    layout: Layout, name: str, make: Callable[[Path], None]
) -> None:
    """A pod ran on dom0's own network then, though another domain was to connect it."""
    make(Path(layout.local_config) / f"{name}.d")
    with pytest.raises(UsageError, match=r"is no directory|is not read"):
        (xensettings.read if name == "xen" else machinesettings.read)(layout)


def test_notes_beside_what_is_read_are_no_error(layout: Layout) -> None:
    say(layout.local_config, runner="xl")
    for name in ("README", ".10.json.swp", "10.json.bak"):
        (Path(layout.local_config) / "xen.d" / name).touch()
    assert xensettings.read(layout).runner == "xl"


@pytest.mark.threat("T81")
@pytest.mark.parametrize(
    "fields",
    [
        {"network_backend": "net,script=/tmp/x", "network_bridge": "xenbr0"},
        {"network_backend": "-c", "network_bridge": "xenbr0"},
        {"network_backend": "net", "network_bridge": "xenbr0]"},
        {"network_backend": "net", "network_bridge": "a" * 16},
        {"disk_backend": "store"},
        {"parameters": ["a b"]},
        {"parameters": ["init=/bin/sh"]},
        {"qemu": "/tmp/qemu"},
        {"type": "hvm"},
        {"runner": "qemu"},
        {"accelerator": "kvm"},
    ],
)
def test_what_could_mean_something_else_is_refused(layout: Layout, fields: dict[str, Any]) -> None:
    say(layout.local_config, **fields)
    with pytest.raises(UsageError):
        xensettings.read(layout)


def test_a_backend_needs_its_bridge(layout: Layout) -> None:
    say(layout.local_config, network_backend="net")
    with pytest.raises(UsageError, match="stand together"):
        xensettings.read(layout)


def host(root: Path, kind: str, capabilities: str) -> str:
    (root / "sys/hypervisor").mkdir(parents=True)
    (root / "sys/hypervisor/type").write_text(f"{kind}\n")
    (root / "proc/xen").mkdir(parents=True)
    (root / "proc/xen/capabilities").write_text(capabilities)
    return str(root)


def test_a_dom0_runs_domains(tmp_path: Path) -> None:
    root = host(tmp_path, "xen", "control_d\n")
    xensettings.check_host(machines.xen(root, lambda _name: "/usr/sbin/xl"))
    with pytest.raises(HostError, match="without xl"):
        xensettings.check_host(machines.xen(root, lambda _name: ""))


def test_a_guest_of_xen_does_not(tmp_path: Path) -> None:
    root = host(tmp_path, "xen", "")
    with pytest.raises(HostError, match="not its dom0") as caught:
        xensettings.check_host(machines.xen(root, lambda _name: "/usr/sbin/xl"))
    assert caught.value.reason == "no-xen"


def test_this_host_does_not() -> None:
    with pytest.raises(HostError, match="not on Xen"):
        xensettings.check_host()
