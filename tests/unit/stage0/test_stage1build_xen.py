# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The stage1 image of Xen's guests: which kernels are one, and the kernel that nobody has to unpack."""

from __future__ import annotations

import gzip
import lzma
from pathlib import Path

import pytest

from podwright.errors import HostError, ImageError
from podwright.model.image import parse_image
from podwright.stage0.stage1build import base, build, bzimage, interpreter, kernelsource, kmodules
from podwright.stage0.stage1build.kernelsource import Kernel
from podwright.stage1.kvm import bundle, parameters
from podwright.stage1.kvm.bundle import KVM, XEN
from tests.unit.stage0.test_stage1build import module

ELF = b"\x7fELF\x02\x01\x01" + bytes(9) + b"a kernel" * 4000
MACHINES = ("virtio_mmio", "virtio_pci", "virtio_console", "virtio_net", "virtiofs")
FULL = (*MACHINES, "9p", "9pnet_xen", "xen_netfront", "xen_blkfront", "xen_wdt")
ONLY_XEN = ("9p", "9pnet_xen", "xen-netfront")


def kernel(directory: Path, names: tuple[str, ...]) -> Kernel:
    """A kernel with these modules."""
    directory.mkdir()
    for name in names:
        (directory / f"{name}.ko").write_bytes(module(name.replace("-", "_")))
    return Kernel(str(directory / "vmlinuz"), kmodules.Folder(str(directory)), "6.1.0-test")


def packed(payload: bytes, version: int = 0x020F) -> bytes:
    """A bzImage with this payload."""
    head = bytearray(0x400)
    head[0x1F1] = 1
    head[0x202:0x206] = b"HdrS"
    head[0x206:0x208] = version.to_bytes(2, "little")
    head[0x248:0x24C] = (0x30).to_bytes(4, "little")
    head[0x24C:0x250] = (len(payload)).to_bytes(4, "little")
    return bytes(head) + bytes(0x30) + payload + b"what follows"


@pytest.mark.parametrize(
    ("names", "kind", "kinds"),
    [
        (MACHINES, KVM, (KVM,)),
        (FULL, KVM, (KVM, XEN)),
        (FULL, XEN, (KVM, XEN)),
        (ONLY_XEN, XEN, (XEN,)),
    ],
)
def test_an_image_serves_whom_its_kernel_can(
    tmp_path: Path, names: tuple[str, ...], kind: str, kinds: tuple[str, ...]
) -> None:
    found, chosen = base.modules(kernel(tmp_path / "modules", names), kind)
    assert found == kinds
    assert {one.name for one in chosen} == {name.replace("-", "_") for name in names}


def test_the_kernel_of_machines_is_refused_for_xen_and_the_other_way_round(tmp_path: Path) -> None:
    with pytest.raises(HostError, match="has no 9p, 9pnet_xen, xen_netfront") as caught:
        base.modules(kernel(tmp_path / "cloud", MACHINES), XEN)
    assert "linux-image-amd64" in caught.value.hint
    with pytest.raises(HostError, match="has no virtio_console, virtio_net, virtiofs"):
        base.modules(kernel(tmp_path / "xen", ONLY_XEN), KVM)


def test_what_is_of_xen_alone_is_not_in_an_image_that_does_not_serve_it(tmp_path: Path) -> None:
    _, chosen = base.modules(kernel(tmp_path / "modules", (*MACHINES, "xen_netfront")), KVM)
    assert [one.name for one in chosen] == list(MACHINES)


def test_each_kind_has_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernelsource, "host_arch", lambda: "amd64")
    assert kernelsource.default() == "linux-image-cloud-amd64"
    assert kernelsource.default(XEN) == "linux-image-amd64"


@pytest.mark.parametrize(
    "payload",
    [
        ELF,
        lzma.compress(ELF) + len(ELF).to_bytes(4, "little"),
        gzip.compress(ELF) + len(ELF).to_bytes(4, "little"),
    ],
    ids=["plain", "xz", "gzip"],
)
def test_a_kernel_is_unpacked(payload: bytes) -> None:
    assert bzimage.unpacked(packed(payload))[: len(ELF)] == ELF


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"MZ" + bytes(2000),
        packed(ELF, version=0x0207),
        packed(b"\xfd7zXZ\0 and nothing of the kind"),
        packed(b"\x1f\x8b and nothing of the kind"),
        packed(b"\x28\xb5\x2f\xfd packed as nobody here unpacks it"),
        packed(lzma.compress(b"no kernel" * 100)),
        packed(b"")[:0x260],
    ],
)
def test_what_cannot_be_unpacked_is_left_as_it_is(data: bytes) -> None:
    assert bzimage.unpacked(data) == b""


def manifest(kind: str, kinds: tuple[str, ...], *, unpacked: bool) -> bytes:
    """Of an image that was ordered so."""
    python = interpreter.Interpreter("/usr/bin/python3.11", "a70d0d0a", "3.11", ())
    order = build.Order("out.aci", kind=kind)
    made = base.Base(b"", ("9p",), kinds)
    return build.manifest(order, Kernel("", None, "6.1.0"), python, made, unpacked=unpacked)  # type: ignore[arg-type]


def read(text: bytes, kind: str) -> bundle.Bundle:
    """What the host makes of it."""
    from podwright import jsonio

    found = parse_image(jsonio.loads(text, "manifest"))
    assert found.name == (bundle.XEN_NAME if b"stage1-xen" in text else bundle.NAME)
    return bundle.read("sha512-" + "0" * 64, found, "/tree", kind)


def test_a_shared_image_starts_each_kind_of_machine_from_its_own_kernel() -> None:
    for ordered in (KVM, XEN):
        text = manifest(ordered, (KVM, XEN), unpacked=True)
        assert read(text, KVM).kernel == "/tree/boot/vmlinuz"
        assert read(text, XEN).kernel == "/tree/boot/vmlinux"
    assert read(manifest(XEN, (XEN,), unpacked=False), XEN).kernel == "/tree/boot/vmlinuz"


def test_an_image_for_one_kind_is_refused_for_the_other() -> None:
    with pytest.raises(ImageError, match="no stage1 image of Xen") as caught:
        read(manifest(KVM, (KVM,), unpacked=False), XEN)
    assert "podwright stage1 build xen OUT.aci" in caught.value.hint
    with pytest.raises(ImageError, match="no stage1 image of virtual machines"):
        read(manifest(XEN, (XEN,), unpacked=False), KVM)


def test_a_guest_of_xens_is_told_where_its_console_is_and_nothing_of_other_machines() -> None:
    words = parameters.words(
        parameters.XEN, parameters.HVC, ("mitigations=off",), ("xen_netfront",)
    )
    assert words[0] == "console=hvc0" and words[-1] == "mitigations=off"
    assert {"podwright.bus=xen", "podwright.channel=hvc", "podwright.modules=xen_netfront"} <= {
        *words
    }
    assert not [word for word in words if word.startswith(("pci=", "8250.", "reboot=", "tsc="))]
