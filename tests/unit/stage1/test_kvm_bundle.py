# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files of a stage1 image that a machine is started from: the image's own, and nothing of the host's."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from podwright.errors import ImageError
from podwright.stage1.kvm import bundle, initrd

ID = "sha512-" + "0" * 64


def of(tree: Path) -> bundle.Bundle:
    """A bundle whose files lie below `tree`."""
    boot = tree / "boot"
    return bundle.Bundle(
        ID,
        str(boot / "vmlinuz"),
        str(boot / "initramfs"),
        "/usr/bin/python3",
        "3.11",
        "",
        tree=str(tree),
    )


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    boot = tmp_path / "tree/boot"
    boot.mkdir(parents=True)
    for name in ("vmlinuz", "initramfs"):
        (boot / name).write_bytes(name.encode())
    (tmp_path / "secret").write_text("TOP SECRET OF THE HOST")
    return tmp_path / "tree"


def to_the_host(tree: Path) -> None:
    (tree / "boot/initramfs").unlink()
    (tree / "boot/initramfs").symlink_to(tree.parent / "secret")


def kernel_to_the_host(tree: Path) -> None:
    (tree / "boot/vmlinuz").unlink()
    (tree / "boot/vmlinuz").symlink_to("../../secret")


def directory_to_the_host(tree: Path) -> None:
    (tree / "boot").rename(tree.parent / "elsewhere")
    (tree / "boot").symlink_to(tree.parent / "elsewhere")


def without_end(tree: Path) -> None:
    (tree / "boot/initramfs").unlink()
    (tree / "boot/initramfs").symlink_to("/dev/zero")


def fifo(tree: Path) -> None:
    (tree / "boot/initramfs").unlink()
    os.mkfifo(tree / "boot/initramfs")


def larger_than_memory(tree: Path) -> None:
    os.truncate(tree / "boot/initramfs", 64 << 30)


def empty(tree: Path) -> None:
    (tree / "boot/vmlinuz").write_bytes(b"")


def missing(tree: Path) -> None:
    (tree / "boot/vmlinuz").unlink()


@pytest.mark.threat("T80")
@pytest.mark.parametrize(
    "change",
    [
        to_the_host,
        kernel_to_the_host,
        directory_to_the_host,
        without_end,
        fifo,
        larger_than_memory,
        empty,
        missing,
    ],
)
def test_a_stage1_image_shows_its_machine_no_file_of_the_host(
    tree: Path, change: Callable[[Path], None]
) -> None:
    found = of(tree)
    bundle.check_files(found)
    change(tree)
    with pytest.raises(ImageError, match="from: ") as caught:
        bundle.check_files(found)
    assert caught.value.hint == "make one with: podwright stage1 build kvm OUT.aci"


@pytest.mark.threat("T80")
def test_the_first_file_system_of_a_machine_is_made_of_no_file_of_the_host(tree: Path) -> None:
    to_the_host(tree)
    cache = tree.parent / "machines"
    with pytest.raises(ImageError, match="/boot/initramfs"):
        initrd.prepare(of(tree), str(cache))
    assert not list(cache.glob("*.initrd*"))
