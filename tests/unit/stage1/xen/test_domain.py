# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A domain is said to xl and to libvirt so that it is read back as it was, or it is refused (T81)."""

from __future__ import annotations

import ast
from typing import Any
from xml.etree import ElementTree

import pytest

from podwright.errors import HostError
from podwright.stage1.xen import cfg
from podwright.stage1.xen import domain as description
from podwright.stage1.xen.machine import PVH, Disk, Domain, Vif
from podwright.values import replace

UUID = "6f9d1d4c-7f0e-4f6a-9d58-0f6d6f3a1b2c"
MAC = "02:00:00:00:00:01"
DOMAIN = Domain(
    uuid=UUID,
    name=f"podwright-{UUID}",
    type="pv",
    memory=256,
    cpus=2,
    kernel="/var/lib/podwright/boot/vmlinuz",
    initrd="/var/lib/podwright/cache/machines/a-1.initrd",
    parameters=("console=hvc0", "quiet", "podwright.bus=xen"),
    vifs=(Vif(MAC), Vif("02:00:00:00:00:02", "net", "xenbr0")),
    disks=(
        Disk("xvda", "/run/podwright/xen/x/disk0"),
        Disk("xvdb", "/dev/vg/db", read_only=True),
    ),
)
HOSTILE = [
    "a\nb",
    "a'b",
    'a"b',
    "a]b",
    "a;b",
    "a,b",
    "a b",
    "a\\",
    "-c",
    "<a/>",
    "a&b",
    "]]>",
    "\x00",
]
OWN_LINK = "mac=02:00:00:00:00:01,script=/bin/true"
OTHER_LINK = "mac=02:00:00:00:00:02,bridge=xenbr0,backend=net"
OWN_DISK = "format=raw,vdev=xvda,access=rw,backendtype=phy,target=/run/podwright/xen/x/disk0"
OTHER_DISK = "format=raw,vdev=xvdb,access=ro,backendtype=phy,target=/dev/vg/db"
DOCTYPE = '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/shadow">]>&e;'


def read_back(text: str) -> dict[str, Any]:
    """What a reader of this grammar, which Python's literals are part of, finds."""
    found = {}
    for line in text.splitlines():
        name, _, said = line.partition(" = ")
        assert name.isidentifier()
        assert name not in found
        found[name] = ast.literal_eval(said)
    return found


def test_a_configuration_is_read_back_as_it_was_said() -> None:
    assert read_back(cfg.text(DOMAIN)) == cfg.said_of(DOMAIN)


def test_a_configuration_in_full() -> None:
    assert cfg.text(DOMAIN).splitlines() == [
        f'name = "podwright-{UUID}"',
        f'uuid = "{UUID}"',
        'type = "pv"',
        "memory = 256",
        "maxmem = 256",
        "vcpus = 2",
        'kernel = "/var/lib/podwright/boot/vmlinuz"',
        'ramdisk = "/var/lib/podwright/cache/machines/a-1.initrd"',
        'extra = "console=hvc0 quiet podwright.bus=xen"',
        f'vif = ["{OWN_LINK}", "{OTHER_LINK}"]',
        f'disk = ["{OWN_DISK}", "{OTHER_DISK}"]',
        'on_poweroff = "destroy"',
        'on_reboot = "destroy"',
        'on_watchdog = "destroy"',
        'on_crash = "destroy"',
    ]


def test_a_description_in_full() -> None:
    root = ElementTree.fromstring(description.xml(DOMAIN, "web", "1.0"))
    assert root.attrib == {"type": "xen"}
    assert root.findtext("name") == DOMAIN.name
    assert root.findtext("uuid") == UUID
    assert root.findtext("memory") == "256"
    assert root.findtext("vcpu") == "2"
    kind = root.find("os/type")
    assert kind is not None
    assert (kind.text, kind.attrib) == ("linux", {"arch": "x86_64", "machine": "xenpv"})
    assert root.findtext("os/cmdline") == "console=hvc0 quiet podwright.bus=xen"
    own, other = root.findall("devices/interface")
    assert own.attrib == {"type": "ethernet"}
    assert own.find("script") is not None
    assert other.attrib == {"type": "bridge"}
    assert [each.attrib for each in other] == [
        {"address": "02:00:00:00:00:02"},
        {"bridge": "xenbr0"},
        {"name": "net"},
    ]
    first, second = root.findall("devices/disk")
    assert first.find("readonly") is None
    assert second.find("readonly") is not None
    assert second.findall("backenddomain") == []
    for disk in (first, second):
        driver = disk.find("driver")
        assert driver is not None
        assert driver.attrib == {"name": "phy", "type": "raw"}
    assert [root.findtext(each) for each in ("on_poweroff", "on_reboot", "on_crash")] == [
        "destroy"
    ] * 3


def test_a_domain_that_needs_virtualisation_extensions() -> None:
    pvh = replace(DOMAIN, type=PVH)
    assert 'type = "pvh"' in cfg.text(pvh)
    kind = ElementTree.fromstring(description.xml(pvh)).find("os/type")
    assert kind is not None
    assert (kind.text, kind.attrib["machine"]) == ("xenpvh", "xenpvh")


def with_(place: str, text: str) -> Domain:
    if place == "vif bridge":
        return replace(DOMAIN, vifs=(Vif(MAC, "net", text),))
    if place == "vif backend":
        return replace(DOMAIN, vifs=(Vif(MAC, text, "xenbr0"),))
    if place == "vif mac":
        return replace(DOMAIN, vifs=(Vif(text),))
    if place == "disk path":
        return replace(DOMAIN, disks=(Disk("xvda", f"/dev/{text}"),))
    if place == "disk name":
        return replace(DOMAIN, disks=(Disk(text, "/dev/sda"),))
    if place == "parameter":
        return replace(DOMAIN, parameters=(text,))
    if place in ("kernel", "initrd"):
        return replace(DOMAIN, **{place: f"/{text}" if text != "-c" else text})
    return replace(DOMAIN, **{place: text})


PLACES = (
    *("name", "uuid", "type", "kernel", "initrd", "parameter", "disk path", "disk name"),
    *("vif mac", "vif backend", "vif bridge"),
)
FINE = {("parameter", "a,b"), ("disk path", "-c")}
"""A comma is part of words of a kernel; a path stays one, whatever follows the slash."""


@pytest.mark.threat("T81")
@pytest.mark.parametrize("text", [*HOSTILE, DOCTYPE])
@pytest.mark.parametrize("place", PLACES)
def test_what_could_mean_something_else_is_refused(place: str, text: str) -> None:
    hostile = with_(place, text)
    if (place, text) in FINE:
        assert read_back(cfg.text(hostile)) == cfg.said_of(hostile)
        return
    with pytest.raises(HostError):
        cfg.text(hostile)
    with pytest.raises(HostError):
        description.xml(hostile)


@pytest.mark.threat("T81")
@pytest.mark.parametrize(
    "text", ['"', "\\", '\\"', "a'b", "]", ", x=", "# no comment", "'''", "\\n"]
)
def test_a_string_is_read_back_as_it_was(text: str) -> None:
    """By the serializer alone: no value that is allowed has any of it."""
    assert ast.literal_eval(cfg._string(text)) == text


@pytest.mark.threat("T81")
@pytest.mark.parametrize("name", ["<b>&amp;", "]]>", "a'\"b", "%n $X"])
def test_the_name_of_a_pod_is_no_markup(name: str) -> None:
    root = ElementTree.fromstring(description.xml(DOMAIN, name))
    (pod,) = [each for each in root.iter() if each.tag.endswith("}pod")]
    assert pod.attrib["name"] == name
    assert len(root.findall("devices/interface")) == 2


@pytest.mark.parametrize("fields", [{"memory": 0}, {"cpus": 0}, {"cpus": True}, {"memory": "9"}])
def test_a_size_is_a_number(fields: dict[str, Any]) -> None:
    with pytest.raises(HostError):
        cfg.text(replace(DOMAIN, **fields))
