# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Build the stage1 image of virtual machines: an archive like any other, to be signed and fetched."""

from __future__ import annotations

import os

from podwright.kernel import fs
from podwright.stage0.build import archive, members
from podwright.stage0.build.manifest import Edits, assemble
from podwright.stage0.build.members import Member
from podwright.stage0.render.tarread import DIRECTORY, FILE
from podwright.stage0.stage1build import base, bzimage, interpreter, kernelsource, leftovers
from podwright.stage1.kvm import bundle
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from podwright.stage0.stage1build.base import Base
    from podwright.stage0.stage1build.interpreter import Interpreter
    from podwright.stage0.stage1build.kernelsource import Kernel

DIRECTORIES = (b"", b"boot")


@value
class Order:
    """What to build.

    kind     whose machines it is for, KVM or XEN; it may serve both
    kernel   a package's name, or a kernel's file together with `modules`
    version  the image's label; "" for the kernel's release
    check    only find out whether what is there would be another one
    """

    output: str
    kernel: str = ""
    modules: str = ""
    version: str = ""
    compression: str = "gzip"
    kind: str = bundle.KVM
    check: bool = False


@value
class Built:
    """The archive at `path`; `changed`: it was not there, or another one."""

    path: str
    image_id: str
    release: str
    package: str
    modules: tuple[str, ...]
    changed: bool
    kinds: tuple[str, ...] = (bundle.KVM,)


def build(order: Order, say: Callable[[str], None] = lambda text: None) -> Built:
    """Make the image. Raises UsageError, NotFoundError, HostError; then what was there is still there."""
    if not order.check:
        leftovers.sweep(os.path.abspath(order.output))
    with leftovers.Scratch() as scratch:
        if order.modules:
            kernel = kernelsource.from_files(order.kernel, order.modules)
        else:
            package = order.kernel or kernelsource.default(order.kind)
            say(f"fetching {package}")
            kernel = kernelsource.from_package(package, scratch)
        say(f"kernel {kernel.release}")
        output = os.path.abspath(order.output)
        beside = f"{output}.{os.getpid()}.new"
        return _write(order, kernel, say, f"{scratch}/image" if order.check else beside)


def _write(order: Order, kernel: Kernel, say: Callable[[str], None], temporary: str) -> Built:
    python = interpreter.collect()
    made = base.make(kernel, python, order.kind)
    say(f"{len(made.modules)} modules, Python {python.version}")
    with open(kernel.image, "rb") as file:
        image = file.read()
    unpacked = bzimage.unpacked(image) if bundle.XEN in made.kinds else b""
    text = manifest(order, kernel, python, made, unpacked=bool(unpacked))
    output = os.path.abspath(order.output)
    fs.unlink(temporary)
    try:
        pieces = members.archive(_members(image, made.data, unpacked), b"rootfs/", text)
        written = archive.write(pieces, temporary, order.compression, lambda done: None)
        changed = not (os.path.isfile(output) and _same(output, written.raw))
        if changed and not order.check:
            archive.check(temporary)
            fs.unlink(f"{output}.asc")
            fs.rename(temporary, output)
    finally:
        fs.unlink(temporary)
    return Built(
        output,
        f"sha512-{written.plain[:64]}",
        kernel.release,
        kernel.package,
        made.modules,
        changed,
        made.kinds,
    )


def _same(path: str, digest: str) -> bool:
    from hashlib import sha256

    found = sha256()
    for piece in archive.chunks(path):
        found.update(piece)
    return found.hexdigest() == digest


def _members(kernel: bytes, initramfs: bytes, unpacked: bytes) -> Iterator[Member]:
    for name in DIRECTORIES:
        yield Member(name, DIRECTORY, 0o755)
    yield _file(bundle.INITRAMFS, initramfs)
    if unpacked:
        yield _file(bundle.UNPACKED, unpacked)
    yield _file(bundle.KERNEL, kernel)


def _file(path: str, data: bytes) -> Member:
    name = path.lstrip("/").encode()
    return Member(name, FILE, 0o644, size=len(data), content=lambda: (data,))


def manifest(
    order: Order, kernel: Kernel, python: Interpreter, made: Base, *, unpacked: bool
) -> bytes:
    """The image's manifest."""
    said = {
        bundle.KIND: order.kind,
        bundle.KINDS: ",".join(made.kinds) if len(made.kinds) > 1 else "",
        bundle.PROTOCOL: str(bundle.OWN_PROTOCOL),
        bundle.KERNEL_AT: bundle.KERNEL,
        bundle.INITRAMFS_AT: bundle.INITRAMFS,
        bundle.UNPACKED_AT: bundle.UNPACKED if unpacked else "",
        bundle.RELEASE: kernel.release,
        bundle.PACKAGE: kernel.package,
        bundle.MODULES: ",".join(made.modules),
        bundle.PYTHON: python.program,
        bundle.PYTHON_VERSION: python.version,
        bundle.MAGIC: python.magic,
    }
    version = order.version or kernel.release
    pairs = tuple((name, text) for name, text in said.items() if text)
    name = bundle.XEN_NAME if order.kind == bundle.XEN else bundle.NAME
    return assemble(None, Edits(name, (("version", version),), annotations=pairs))
