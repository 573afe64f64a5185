# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stage1 image of virtual machines: what its manifest says, and where its files are."""

from __future__ import annotations

import os
import stat

from podwright.errors import ImageError
from podwright.kernel import beneath
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
XEN_NAME = "podwright.io/stage1-xen"
KVM, XEN = "kvm", "xen"
OWN_PROTOCOL = frames.PROTOCOL
KERNEL, INITRAMFS, UNPACKED = "/boot/vmlinuz", "/boot/initramfs", "/boot/vmlinux"
_OURS = "podwright.io/stage1/"
BUILD = "podwright stage1 build kvm OUT.aci"
BUILD_XEN = "podwright stage1 build xen OUT.aci"
LARGEST = 256 << 20
"""Bytes that a kernel or an initramfs may have."""
_PATH = LETTERS + DIGITS + "/._+-"
KIND = f"{_OURS}kind"
KINDS = f"{_OURS}kinds"
"""All that an image serves, with commas, where that is more than KIND."""
PROTOCOL = f"{_OURS}protocol"
KERNEL_AT = f"{_OURS}kernel"
INITRAMFS_AT = f"{_OURS}initramfs"
UNPACKED_AT = f"{_OURS}kernel-unpacked"
"""The same kernel as an ELF file, which a guest of Xen's is started from faster."""
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
    tree       the image's root on this host, which both files lie below
    """

    image_id: str
    kernel: str
    initramfs: str
    python: str
    version: str
    magic: str
    release: str = ""
    tree: str = ""


def read(
    image_id: str, manifest: Union[ImageManifest, Stage1Image], tree: str, kind: str = KVM
) -> Bundle:
    """What the image's manifest says; `tree` is its rendered root on this host.

    kind  for whose machines it is read, KVM or XEN

    Raises ImageError.
    """
    said = dict(manifest.annotations)
    if kind not in said.get(KINDS, said.get(KIND, "")).split(","):
        what = "Xen" if kind == XEN else "virtual machines"
        raise _wrong(image_id, f"is no stage1 image of {what}", BUILD_XEN if kind == XEN else BUILD)
    if said.get(PROTOCOL) != str(OWN_PROTOCOL):
        raise _wrong(
            image_id,
            f"speaks protocol {safe(said.get(PROTOCOL, 'none'), 20)}, this agent {OWN_PROTOCOL}",
            f"build it again with this version: {BUILD}",
        )
    kernel_at = UNPACKED_AT if kind == XEN and UNPACKED_AT in said else KERNEL_AT
    for name in (kernel_at, INITRAMFS_AT, PYTHON):
        if not _plain(said.get(name, "")):
            raise _wrong(image_id, f"does not say {name}", f"make one with: {BUILD}")
    return Bundle(
        image_id,
        tree + said[kernel_at],
        tree + said[INITRAMFS_AT],
        said[PYTHON],
        said.get(PYTHON_VERSION, ""),
        said.get(MAGIC, ""),
        said.get(RELEASE, ""),
        tree,
    )


def open_file(bundle: Bundle, path: str) -> int:
    """Open the kernel or the initramfs: a regular file of the image's own, reached by no link.

    A link of the image's would mean a file of this host's, which the machine is not to see.
    Raises ImageError.
    """
    name = path[len(bundle.tree) :].lstrip("/")
    said = f"has no /{name} that a machine can be started from"
    try:
        root = os.open(bundle.tree, beneath.DIRECTORY)
        try:
            fd = beneath.open_strict(root, name, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
        finally:
            os.close(root)
    except OSError as err:
        why = os.strerror(err.errno or 0)
        raise _wrong(bundle.image_id, f"{said}: {why}", f"make one with: {BUILD}") from None
    found = os.fstat(fd)
    if stat.S_ISREG(found.st_mode) and 0 < found.st_size <= LARGEST:
        return fd
    os.close(fd)
    why = f"it is empty or has more than {LARGEST >> 20} MiB"
    if not stat.S_ISREG(found.st_mode):
        why = "it is no regular file"
    raise _wrong(bundle.image_id, f"{said}: {why}", f"make one with: {BUILD}")


def check_files(bundle: Bundle) -> None:
    """Refuse an image whose kernel or initramfs is not a file of its own. Raises ImageError."""
    for path in (bundle.kernel, bundle.initramfs):
        os.close(open_file(bundle, path))


def _plain(path: str) -> bool:
    """An absolute path without detours, made of what never needs quotes."""
    parts = path.split("/")
    whole = parts[0] == "" and len(parts) > 1 and not {"", ".", ".."}.intersection(parts[1:])
    return whole and made_of(path, _PATH)


def _wrong(image_id: str, why: str, hint: str) -> ImageError:
    return ImageError(f"image {image_id[:19]} {why}", hint, object=image_id)
