# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Parts of the stage1 image: what ELF files need, kernel modules in order, Python's library."""

from __future__ import annotations

import ast
import gzip
import lzma
import struct
import sys
from pathlib import Path

import pytest

from podwright.errors import HostError, ImageError, UsageError
from podwright.model.image import parse_image
from podwright.stage0.stage1build import elf, interpreter, kernelsource, kmodules, sharedlibs
from podwright.stage1.kvm import bundle, initrd
from tests.support.paths import CHECKOUT

AGENT = CHECKOUT / "agent"
HOSTS = ("podwright/modulecache.py", "podwright/stage1/fly/leftovers.py")
"""What only the host's half of that code uses."""


def module(name: str, *depends: str, release: str = "6.1.0-test") -> bytes:
    """An ELF file with nothing but a module's `.modinfo`."""
    said = f"name={name}\0depends={','.join(depends)}\0vermagic={release} SMP mod_unload\0"
    names = b"\0.modinfo\0.shstrtab\0"
    info = said.encode()
    at = 64 + len(info)
    table = at + len(names)
    head = b"\x7fELF\x02\x01\x01" + bytes(9)
    head += struct.pack("<HHIQQQIHHHHHH", 1, 62, 1, 0, 0, table, 0, 64, 0, 0, 64, 3, 2)
    sections = bytes(64)
    sections += elf.SECTION.pack(1, 1, 0, 0, 64, len(info), 0, 0, 1, 0)
    sections += elf.SECTION.pack(10, 3, 0, 0, at, len(names), 0, 0, 1, 0)
    return head + info + names + sections


@pytest.fixture
def kernel(tmp_path: Path) -> kmodules.Folder:
    """Modules in three compressions, in folders, with dashes in names of files."""
    top = tmp_path / "modules"
    (top / "kernel/net").mkdir(parents=True)
    (top / "kernel/net/virtio-net.ko").write_bytes(module("virtio_net", "failover", "virtio"))
    (top / "kernel/net/failover.ko.gz").write_bytes(gzip.compress(module("failover")))
    (top / "kernel/virtio.ko.xz").write_bytes(lzma.compress(module("virtio", "virtio_ring")))
    (top / "kernel/virtio_ring.ko").write_bytes(module("virtio_ring"))
    (top / "kernel/lame.ko").write_bytes(module("lame", "absent"))
    (top / "modules.builtin").write_text("kernel/fs/fuse/fuse.ko\nkernel/virtio-rng.ko\n")
    return kmodules.Folder(str(top))


def test_what_a_program_needs_is_what_the_loader_says() -> None:
    needs = elf.needs(Path("/bin/true").read_bytes())
    assert "libc.so.6" in needs.libraries and "ld-" in needs.loader


def test_all_libraries_of_python_are_found_and_each_needs_only_what_was_found() -> None:
    found = sharedlibs.closure([interpreter.PROGRAM])
    names = {Path(path).name for path in found}
    assert {"libc.so.6", "libm.so.6"} <= names
    for path in found.values():
        assert set(elf.needs(Path(path).read_bytes()).libraries) <= names


@pytest.mark.parametrize(
    "data", [b"", b"\x7fELF", b"#!/bin/sh\n", elf.MAGIC + bytes(80), b"x" * 200]
)
def test_what_is_no_program_is_refused(data: bytes) -> None:
    with pytest.raises(UsageError):
        elf.section(data, b".modinfo")
    with pytest.raises(UsageError):
        elf.needs(data[:40])


def test_modules_come_after_what_they_need(kernel: kmodules.Folder) -> None:
    found = kmodules.ordered(("virtio_net", "fuse"), kernel.load, kernel.built_in())
    assert [one.name for one in found] == ["failover", "virtio_ring", "virtio", "virtio_net"]
    assert kmodules.index(found).decode() == (
        "failover failover.ko\nvirtio_ring virtio_ring.ko\nvirtio virtio.ko virtio_ring\n"
        "virtio_net virtio_net.ko failover virtio\n"
    )


def test_a_wanted_module_may_be_missing_and_a_needed_one_may_not(kernel: kmodules.Folder) -> None:
    assert kmodules.ordered(("nothing",), kernel.load, ()) == []
    with pytest.raises(HostError, match="kernel module absent, which lame needs, is missing"):
        kmodules.ordered(("lame",), kernel.load, ())


def test_whose_modules_they_are(kernel: kmodules.Folder, tmp_path: Path) -> None:
    assert kernel.release() == "6.1.0-test"
    (tmp_path / "none").mkdir()
    with pytest.raises(HostError, match="holds no kernel modules"):
        kmodules.Folder(str(tmp_path / "none"))


@pytest.mark.parametrize("name", ["-o=x", "a b", "../x", "x\ny", "x;y", "APT::Get"])
def test_no_package_is_an_option_or_a_path(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="neither a package nor a file"):
        kernelsource.from_package(name, str(tmp_path))


def imports(path: Path) -> set[str]:
    """Modules that a file imports when it runs, also within functions."""
    found: set[str] = set()
    todo: list[ast.AST] = [ast.parse(path.read_text())]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
        todo += ast.iter_child_nodes(node)
    return found


def at(name: str) -> Path | None:
    """Where one of our modules is."""
    stem = AGENT / name.replace(".", "/")
    for path in (stem.with_suffix(".py"), stem / "__init__.py"):
        if path.exists():
            return path
    return None


def test_all_that_runs_in_a_guest_finds_what_it_imports_there() -> None:
    """Ours in what is packed, and the rest in the library that every image has."""
    packed = {name for name, _ in initrd.sources()}
    within = [name for name in packed if name.startswith(("podwright/guest/", "podwright/stage2/"))]
    wanted = {each for name in within for each in imports(AGENT / name)}
    ours = {at(name) for name in wanted if name.startswith("podwright")} - {None}
    missing = {str(path.relative_to(AGENT)) for path in ours if path} - packed
    assert missing <= set(HOSTS), missing
    theirs = {name.partition(".")[0] for name in wanted if not name.startswith("podwright")}
    there = {name.partition(".")[0] for name in interpreter.MODULES} | set(sys.builtin_module_names)
    assert theirs <= there, theirs - there


def manifest(**changes: str) -> bytes:
    """A stage1 image's manifest."""
    said = {
        bundle.KIND: "kvm", bundle.PROTOCOL: str(bundle.OWN_PROTOCOL), bundle.KERNEL_AT: "/boot/vmlinuz",
        bundle.INITRAMFS_AT: "/boot/initramfs", bundle.PYTHON: "/usr/bin/python3.11",
        **{f"podwright.io/stage1/{name.replace('_', '-')}": text for name, text in changes.items()},
    }  # fmt: skip
    pairs = ",".join(f'{{"name":"{name}","value":"{text}"}}' for name, text in said.items())
    return (
        '{"acKind":"ImageManifest","acVersion":"0.8.11","name":"podwright.io/stage1-kvm",'
        f'"annotations":[{pairs}]}}'
    ).encode()


def read(data: bytes) -> bundle.Bundle:
    """What is made of it."""
    from podwright import jsonio

    return bundle.read("sha512-" + "0" * 64, parse_image(jsonio.loads(data, "manifest")), "/tree")


def test_what_an_image_says_is_where_its_files_are() -> None:
    found = read(manifest(kernel_release="6.1.0"))
    assert (found.kernel, found.initramfs) == ("/tree/boot/vmlinuz", "/tree/boot/initramfs")
    assert found.release == "6.1.0"


@pytest.mark.threat("T79")
@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"kind": "fly"}, "no stage1 image of virtual machines"),
        ({"protocol": "99"}, "speaks protocol 99"),
        ({"kernel": "/../../etc/shadow"}, "does not say podwright.io/stage1/kernel"),
        ({"kernel": "boot/vmlinuz"}, "does not say podwright.io/stage1/kernel"),
        ({"initramfs": "/boot//x"}, "does not say podwright.io/stage1/initramfs"),
        ({"python": ""}, "does not say podwright.io/stage1/python"),
        ({"python": "/bin/x y"}, "does not say podwright.io/stage1/python"),
    ],
)
def test_an_image_that_says_something_else_is_refused(changes: dict[str, str], why: str) -> None:
    with pytest.raises(ImageError, match=why):
        read(manifest(**changes))
