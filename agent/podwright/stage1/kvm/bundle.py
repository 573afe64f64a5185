# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stage1 image of virtual machines: what its manifest says, and where its files are."""

from __future__ import annotations

from podwright.errors import ImageError
from podwright.model.names import DIGITS, LETTERS, made_of
from podwright.stage1.kvm import frames
from podwright.text import safe
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Union

    from podwright.model.image import ImageManifest
    from podwright.stage1.contract import Stage1Image

NAME = "podwright.io/stage1-kvm"
KVM = "kvm"
OWN_PROTOCOL = frames.PROTOCOL
KERNEL, INITRAMFS = "/boot/vmlinuz", "/boot/initramfs"
_OURS = "podwright.io/stage1/"
_PATH = LETTERS + DIGITS + "/._+-"
KIND = f"{_OURS}kind"
PROTOCOL = f"{_OURS}protocol"
KERNEL_AT = f"{_OURS}kernel"
INITRAMFS_AT = f"{_OURS}initramfs"
RELEASE = f"{_OURS}kernel-release"
PACKAGE = f"{_OURS}kernel-package"
MODULES = f"{_OURS}modules"
PYTHON = f"{_OURS}python"
PYTHON_VERSION = f"{_OURS}python-version"
MAGIC = f"{_OURS}python-magic"


@value
class Bundle:
    """One image, ready to start machines from.

    image_id   of the store
    kernel     its file on this host
    initramfs  Python and modules, on this host; `initrd` adds our code
    python     the interpreter's path in the guest
    version    of it, as 3.11
    magic      of its compiled files, in hex
    """

    image_id: str
    kernel: str
    initramfs: str
    python: str
    version: str
    magic: str
    release: str = ""


def read(image_id: str, manifest: Union[ImageManifest, Stage1Image], tree: str) -> Bundle:
    """What the image's manifest says; `tree` is its rendered root on this host. Raises ImageError."""
    said = dict(manifest.annotations)
    if said.get(KIND) != KVM:
        raise _wrong(
            image_id, "is no stage1 image of virtual machines", "podwright stage1 build kvm"
        )
    if said.get(PROTOCOL) != str(OWN_PROTOCOL):
        raise _wrong(
            image_id,
            f"speaks protocol {safe(said.get(PROTOCOL, 'none'), 20)}, this agent {OWN_PROTOCOL}",
            "build it again with this version: podwright stage1 build kvm",
        )
    for name in (KERNEL_AT, INITRAMFS_AT, PYTHON):
        if not _plain(said.get(name, "")):
            raise _wrong(image_id, f"does not say {name}", "build it again")
    return Bundle(
        image_id,
        tree + said[KERNEL_AT],
        tree + said[INITRAMFS_AT],
        said[PYTHON],
        said.get(PYTHON_VERSION, ""),
        said.get(MAGIC, ""),
        said.get(RELEASE, ""),
    )


def _plain(path: str) -> bool:
    """An absolute path without detours, made of what never needs quotes."""
    parts = path.split("/")
    whole = parts[0] == "" and len(parts) > 1 and not {"", ".", ".."}.intersection(parts[1:])
    return whole and made_of(path, _PATH)


def _wrong(image_id: str, why: str, hint: str) -> ImageError:
    return ImageError(f"image {image_id[:19]} {why}", hint, object=image_id)
