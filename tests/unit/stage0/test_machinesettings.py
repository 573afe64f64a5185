# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is set for virtual machines: kvm.d, and a pod's own word."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from podwright.errors import HostError, UsageError
from podwright.host.paths import Layout
from podwright.model.fields import Fields
from podwright.model.machinechoice import MachineChoice, dump, load, parse
from podwright.stage0 import machinesettings
from podwright.stage1.kvm.machine import KVM, TCG, Settings


def layout(tmp_path: Path, **files: dict[str, Any]) -> Layout:
    """Configuration of the system and of the host: `system_a={...}` is a.json of the first."""
    for name, said in files.items():
        place, _, file = name.partition("_")
        directory = tmp_path / place / "kvm.d"
        directory.mkdir(parents=True, exist_ok=True)
        path = directory / f"{file}.json"
        path.write_text(json.dumps({"rktKind": "kvm", "rktVersion": "v1", **said}))
        path.chmod(0o600)
    return Layout(system_config=str(tmp_path / "system"), local_config=str(tmp_path / "local"))


def test_nothing_said_is_kvm_and_whoever_is_there(tmp_path: Path) -> None:
    assert machinesettings.chosen(layout(tmp_path), None) == Settings(KVM, "auto")


def test_the_host_has_the_last_word_before_the_pod(tmp_path: Path) -> None:
    found = layout(
        tmp_path,
        system_a={"accelerator": "tcg", "overhead": 64, "parameters": ["mitigations=off"]},
        local_a={"overhead": 96, "qemu": "/usr/libexec/qemu-kvm"},
        local_b={"runner": "qemu"},
    )
    expected = Settings(TCG, "qemu", 96, ("mitigations=off",), "/usr/libexec/qemu-kvm")
    assert machinesettings.chosen(found, None) == expected
    said = machinesettings.chosen(found, MachineChoice("kvm", "libvirt"))
    assert (said.accelerator, said.runner, said.overhead) == ("kvm", "libvirt", 96)


def test_what_is_said_is_told_without_what_is_not(tmp_path: Path) -> None:
    """`podwright config` left kvm.d out, so nobody saw why machines were emulated."""
    found = layout(tmp_path, system_a={"accelerator": "tcg"}, local_a={"parameters": ["quiet"]})
    assert machinesettings.said(found) == {"accelerator": "tcg", "parameters": ("quiet",)}
    assert machinesettings.said(layout(tmp_path / "none")) == {}


def test_said_twice_in_one_directory(tmp_path: Path) -> None:
    found = layout(tmp_path, local_a={"overhead": 96}, local_b={"overhead": 96})
    with pytest.raises(UsageError, match=r"b\.json\.overhead: is already set"):
        machinesettings.read(found)


@pytest.mark.threat("T79")
@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({"accelerator": "hvf"}, "'hvf' is not one of kvm, tcg"),
        ({"runner": "lkvm"}, "'lkvm' is not one of auto, libvirt, qemu"),
        ({"overhead": -1}, "is not between"),
        ({"overhead": "1"}, "must be a whole number"),
        ({"parameters": ["a b"]}, "is not one word"),
        ({"parameters": ['a"b']}, "is not one word"),
        ({"parameters": ["init=/bin/sh"]}, "is set by podwright itself"),
        ({"qemu": "qemu-system-x86_64"}, "not the path of a program below /usr"),
        ({"qemu": "/usr/../tmp/qemu"}, "not the path of a program below /usr"),
        ({"virtiofsd": "/usr/lib/x -o source=/"}, "not the path of a program below /usr"),
        ({"driver": "x"}, "unknown field"),
    ],
)
def test_what_is_refused(tmp_path: Path, said: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        machinesettings.read(layout(tmp_path, local_a=said))


def test_a_pod_says_it_only_where_there_is_a_machine() -> None:
    fields = {"kvm": {"accelerator": "tcg"}}
    assert parse(Fields(fields, "pod"), "kvm") == MachineChoice("tcg")
    assert parse(Fields({"kvm": {}}, "pod"), "fly") is None
    with pytest.raises(UsageError, match=r"pod\.kvm: cannot stand beside stage1 namespaces"):
        parse(Fields(fields, "pod"), "namespaces")
    with pytest.raises(UsageError, match="unknown field"):
        parse(Fields({"kvm": {"memory": 1}}, "pod"), "kvm")
    assert load(dump(MachineChoice("tcg", "qemu"))) == MachineChoice("tcg", "qemu")


def test_without_kvm_nothing_is_emulated_unasked(tmp_path: Path) -> None:
    missing = str(tmp_path / "kvm")
    with pytest.raises(HostError, match="cannot run virtual machines with KVM: no ") as caught:
        machinesettings.check_accelerator(Settings(), missing)
    assert "--kvm-accelerator=tcg" in caught.value.hint
    machinesettings.check_accelerator(Settings(TCG), missing)
    assert machinesettings.reports(Settings()) == []
    assert "slow" in machinesettings.reports(Settings(TCG))[0]
