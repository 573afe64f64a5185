# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A domain's description: what it says, read back by a parser; no text becomes markup (T81)."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import pytest

from podwright.errors import HostError
from podwright.stage1.kvm import domain, libvirtrun
from podwright.stage1.kvm.machine import KVM, Disk, End
from tests.unit.stage1.kvm.machines import UUID, WHERE, theirs

POD = f"{{{domain.NAMESPACE}}}pod"


def read(**changes: Any) -> ElementTree.Element:
    return ElementTree.fromstring(domain.xml(theirs(**changes), "web", "1.2"))


def test_what_it_says() -> None:
    root = read()
    assert root.get("type") == "qemu"
    assert (root.findtext("name"), root.findtext("uuid")) == (f"podwright-{UUID}", UUID)
    tagged = root.find(f"metadata/{POD}")
    assert tagged is not None
    assert tagged.attrib == {"uuid": UUID, "name": "web", "version": "1.2"}
    assert (root.findtext("memory"), root.findtext("vcpu")) == ("512", "2")
    assert root.findtext("os/kernel") == "/machine/kernel"
    assert (root.findtext("os/cmdline") or "").startswith("console=ttyS0 quiet panic=-1 reboot=t ")
    assert {root.findtext(each) for each in ("on_poweroff", "on_reboot", "on_crash")} == {"destroy"}
    shown = {
        "devices/filesystem/source": {"socket": f"{WHERE}/files"},
        "devices/channel/source": {"mode": "connect", "path": f"{WHERE}/channel"},
        "devices/channel/target": {"type": "virtio", "name": "podwright.0"},
        "devices/interface/target": {"dev": "pk0b1d4a3e00", "managed": "no"},
        "devices/disk/driver": {"name": "qemu", "type": "raw"},
        "devices/disk/source": {"dev": "/dev/vdb"},
        "devices/memballoon": {"model": "none"},
        "memoryBacking/access": {"mode": "shared"},
    }
    for path, attributes in shown.items():
        found = root.find(path)
        assert found is not None and found.attrib == attributes, path


def test_devices_that_nobody_needs_are_not_there() -> None:
    devices = read(nics=(), disks=()).find("devices")
    assert devices is not None
    assert [each.tag for each in devices] == [
        "controller",
        "memballoon",
        "serial",
        "channel",
        "filesystem",
    ]


def test_with_kvm_there_are_no_machines_within_machines() -> None:
    root = read(accelerator=KVM)
    assert root.get("type") == "kvm"
    features = {each.get("name"): each.get("policy") for each in root.iterfind("cpu/feature")}
    assert features == {"vmx": "disable", "svm": "disable"}


@pytest.mark.threat("T81")
@pytest.mark.parametrize(
    "text",
    [
        "<disk/>",
        "a & b",
        "]]>",
        "]]><!--",
        "\"'",
        "' dev='x",
        "&lt;",
        "<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]>&e;",
        "日本",
        "a;b %n $X",
    ],
)
def test_text_comes_back_as_it_was(text: str) -> None:
    machine = theirs(
        kernel=f"/k/{text}", parameters=("quiet", text), disks=(Disk(text, End(path=f"/d/{text}")),)
    )
    root = ElementTree.fromstring(domain.xml(machine, text, text))
    tagged = root.find(f"metadata/{POD}")
    assert tagged is not None
    assert (tagged.get("name"), tagged.get("version")) == (text, text)
    assert root.findtext("os/kernel") == f"/k/{text}"
    assert root.findtext("os/cmdline") == f"quiet {text}"
    assert root.findtext("devices/disk/serial") == text
    source = root.find("devices/disk/source")
    assert source is not None and source.get("dev") == f"/d/{text}"
    assert len(root.findall("devices/disk")) == 1


@pytest.mark.threat("T81")
@pytest.mark.parametrize(
    "text", ["\0", "a\nb", "\r", "\t", "\x1b[2J", "\x85", "\ud800", "\ufffe", "\uffff"]
)
@pytest.mark.parametrize("where", ["pod", "version", "kernel", "parameter", "path"])
def test_what_no_document_can_hold_is_refused(where: str, text: str) -> None:
    known: dict[str, dict[str, Any]] = {
        "kernel": {"kernel": f"/{text}"},
        "parameter": {"parameters": (text,)},
        "path": {"channel": End(path=f"/{text}")},
    }
    changes = known.get(where, {})
    pod, version = (text if where == each else "x" for each in ("pod", "version"))
    with pytest.raises(HostError) as caught:
        domain.xml(theirs(**changes), pod, version)
    assert text not in str(caught.value)


@pytest.mark.threat("T81")
@pytest.mark.parametrize(
    "name", ["-c", "podwright-", "podwright-x", "a<b", "podwright-" + UUID + "\n"]
)
def test_a_name_is_ours_or_refused(name: str) -> None:
    with pytest.raises(HostError, match="not the name of this pod's machine"):
        domain.xml(theirs(name=name))


def test_the_user_of_libvirts_machines() -> None:
    base = "<baselabel type='kvm'>+64055:+108</baselabel>"
    dac = f"<secmodel><model>dac</model><doi>0</doi>{base}</secmodel>"
    apparmor = "<secmodel><model>apparmor</model><doi>0</doi></secmodel>"
    assert libvirtrun.owner(f"<capabilities><host>{apparmor}{dac}</host></capabilities>") == 64055
    for wrong in (apparmor, dac.replace("+64055", "+0"), dac.replace("+64055", "")):
        with pytest.raises(HostError, match="which user"):
            libvirtrun.owner(f"<capabilities><host>{wrong}</host></capabilities>")
