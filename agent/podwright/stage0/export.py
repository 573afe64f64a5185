# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stored images as files and directories of the host: `image export`, `extract` and `render`.

What is written is first made whole under a new name beside the target, through descriptors, so
that no link in the target's directory is followed and nothing is half there (threats.md T43); then
it takes the target's name in one step.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat

from podwright.errors import HostError, ImageError, UsageError
from podwright.kernel import copytree, fs
from podwright.kernel.step import step
from podwright.stage0 import archive, intact, storewriter
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType
    from typing import Optional

    from podwright.host.paths import Layout
    from podwright.stage0.images import StoredImage

_DIR = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


class _Place:
    """Where something is made: beside a target, and moved to it in the end.

    `new` is a path through a descriptor on the target's directory: whoever renames that directory
    meanwhile leads us nowhere else.
    """

    def __init__(self, target: str, overwrite: bool, kind: int) -> None:
        path = os.path.abspath(target)
        self._shown = safe(target, 300)
        self._name = os.path.basename(path)
        self._overwrite = overwrite
        self._kind = kind
        self._made = -1
        if not self._name:
            raise UsageError(f"{self._shown} cannot be written to", "name something below it")
        try:
            self._parent = os.open(os.path.dirname(path), _DIR)
        except OSError as err:
            raise UsageError(
                f"{safe(os.path.dirname(path), 300)}: {err.strerror}", "make the directory first"
            ) from None
        self._temporary = f".{self._name[:200]}.{os.urandom(8).hex()}.new"
        self.new = f"/proc/self/fd/{self._parent}/{self._temporary}"

    def __enter__(self) -> _Place:
        try:
            self._refuse_existing()
        except BaseException:
            os.close(self._parent)
            raise
        return self

    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        try:
            with contextlib.suppress(FileNotFoundError):
                fs.remove_tree(self.new)
        finally:
            os.close(self._parent)
            if self._made >= 0:
                os.close(self._made)
        if isinstance(error, OSError):
            full = error.errno in (errno.ENOSPC, errno.EDQUOT)
            raise HostError(
                f"{self._shown} cannot be written: {error.strerror}",
                "make room and try again" if full else "",
                object=self._shown,
            ) from None

    def directory(self) -> str:
        """Make a directory there that only we can enter; its path, through a descriptor on it."""
        fs.mkdir(self.new)
        self._made = os.open(self.new, _DIR | os.O_NOFOLLOW)
        found = os.fstat(self._made)
        ours = found.st_uid == os.geteuid() and stat.S_IMODE(found.st_mode) == 0o700
        if not ours or os.listdir(self._made):
            raise HostError(f"{self._shown}: somebody interferes in its directory")
        return f"/proc/self/fd/{self._made}"

    def take(self, made: str = "") -> None:
        """Give what was made, or a part of it, the target's name."""
        there = self._refuse_existing()
        source = f"{self._temporary}/{made}" if made else self._temporary
        if there and self._kind == stat.S_IFDIR:
            aside = f"{self._temporary}.old"
            os.rename(self._name, aside, src_dir_fd=self._parent, dst_dir_fd=self._parent)
            self._rename(source)
            fs.remove_tree(f"/proc/self/fd/{self._parent}/{aside}")
        else:
            self._rename(source)
        os.fsync(self._parent)

    def _rename(self, source: str) -> None:
        step("rename")
        os.rename(source, self._name, src_dir_fd=self._parent, dst_dir_fd=self._parent)

    def _refuse_existing(self) -> bool:
        """Whether something that may be replaced has the target's name; refuses all else."""
        try:
            found = os.stat(self._name, dir_fd=self._parent, follow_symlinks=False)
        except FileNotFoundError:
            return False
        if not self._overwrite:
            raise UsageError(
                f"{self._shown} exists already", "choose another name, or add --overwrite"
            )
        if stat.S_IFMT(found.st_mode) != self._kind:
            what = "directory" if self._kind == stat.S_IFDIR else "regular file"
            raise UsageError(f"{self._shown} exists, and is no {what}", "remove it first")
        return True


def to_archive(layout: Layout, image: StoredImage, target: str, overwrite: bool) -> None:
    """Write an image as an ACI: as it was served, or for another kind of image made from its layers.

    Raises UsageError, ImageError, HostError; then the target is as it was before.
    """
    with _Place(target, overwrite, stat.S_IFREG) as place:
        if image.transport == "appc":
            if archive.copy(archive.path(layout, image.id), place.new) != image.id:
                raise _damaged(image)
        else:
            _make_archive(layout, image, place.new)
        place.take()


def _make_archive(layout: Layout, image: StoredImage, new: str) -> None:
    """The same layers give the same bytes."""
    from podwright import jsonio
    from podwright.stage0.build import archive as built
    from podwright.stage0.build import members, scan

    intact.check(layout, image)
    with storewriter.Workspace(layout, "export") as work:
        rootfs = f"{work.path}/rootfs"
        fs.mkdir(rootfs)
        copytree.copy_layers(image.trees, rootfs)
        found = scan.members(rootfs, scan.Rules(), lambda _: None)
        manifest = jsonio.dumps(image.manifest.raw).encode()
        built.write(members.archive(found, b"rootfs/", manifest), new, "gzip", lambda _: None)


def to_directory(
    layout: Layout,
    image: StoredImage,
    target: str,
    *,
    whole: bool,
    rootfs_only: bool,
    overwrite: bool,
) -> None:
    """Write an image's root file system into a new directory.

    whole        with everything it is built on; else only what its own archive has
    rootfs_only  `target` becomes the root; else it holds `manifest` and `rootfs`
    overwrite    a directory of that name is replaced as a whole
    """
    with _Place(target, overwrite, stat.S_IFDIR) as place:
        new = place.directory()
        if whole or image.transport != "appc":
            intact.check(layout, image)
            fs.mkdir(f"{new}/rootfs")
            copytree.copy_layers(image.trees, f"{new}/rootfs")
        else:
            _unpack(layout, image, new)
        if rootfs_only:
            place.take("rootfs")
            return
        with open(f"{layout.images}/{image.id}/manifest", "rb") as file:
            fs.write_new(f"{new}/manifest", file.read(), 0o644)
        place.take()


def _unpack(layout: Layout, image: StoredImage, new: str) -> None:
    from podwright.stage0.render import ingest

    chunks: Iterator[bytes] = archive.chunks(archive.path(layout, image.id))
    done = ingest.ingest(chunks, new, "aci", shown=image.name)
    if f"sha512-{done.plain[:64]}" != image.id:
        raise _damaged(image)
    fs.unlink(f"{new}/mtree")


def _damaged(image: StoredImage) -> ImageError:
    return ImageError(
        f"image {image.name}: its stored archive is damaged",
        "remove the image and fetch it again",
        object=image.name,
        reason="image-changed",
    )
