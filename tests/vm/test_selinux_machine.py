# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pod that is a machine, where SELinux enforces: labels of QEMU and virtiofsd, and what they keep these from."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.support import kvm_image, tiny_image
from tests.vm import bed
from tests.vm.machine import Machine

pytestmark = pytest.mark.vm_full
QEMU, SERVE = "podwright_machine_t", "podwright_serve_t"


@pytest.fixture(scope="module")
def seen(selinux_with_qemu: Machine) -> dict[str, Any]:
    files = {
        "tiny.aci": tiny_image.build(),
        "stage1.aci": kvm_image.image(),
        "selinux_inside.py": bed.HERE / "selinux_inside.py",
    }
    return bed.told(selinux_with_qemu, "scenario_selinux_machine.py", files=files)


@pytest.mark.threat("T79")
def test_qemu_and_virtiofsd_have_types_of_their_own_and_the_pods_pair(seen: dict[str, Any]) -> None:
    assert re.fullmatch(r"s0:c\d+,c\d+", seen["level"])
    assert seen["labels"] == {
        "qemu": f"system_u:system_r:{QEMU}:{seen['level']}",
        "virtiofsd": f"system_u:system_r:{SERVE}:{seen['level']}",
    }


def test_the_machine_boots_and_its_app_uses_the_private_volume(seen: dict[str, Any]) -> None:
    own = f"system_u:object_r:podwright_file_t:{seen['level']}"
    assert seen["up"].splitlines()[-2:] == ["up", "own"]
    assert (seen["private"], seen["written"]) == (own, own)


def test_verify_finds_both_right(seen: dict[str, Any]) -> None:
    assert seen["verified"].startswith("0 "), seen["verified"]
    assert "qemu-system" in seen["verified"] and "virtiofsd" in seen["verified"]


def test_nothing_is_denied_to_either(seen: dict[str, Any]) -> None:
    assert [
        one for one in seen["denials"] if one[0] in (QEMU, SERVE) or one[1] in (QEMU, SERVE)
    ] == []


@pytest.mark.threat("T66")
def test_neither_reads_the_private_volume_of_another_pod(seen: dict[str, Any]) -> None:
    """The controls: at that pod's own pair who serves files reads them; QEMU reads no pod's; permissive, both do."""
    got = {what: text.startswith("0 ") for what, text in seen["enforcing"].items()}
    assert got == {
        "machine other": False,
        "machine as the other": False,
        "machine own": False,
        "serve other": False,
        "serve as the other": True,
        "serve own": True,
    }, seen["enforcing"]
    assert set(seen["permissive"].values()) == {"0 other", "0 own"}
