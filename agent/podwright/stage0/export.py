# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stored images as files and directories of the host: `image export`, `extract` and `render`.

What is written is first made whole in a private directory beside the target, through descriptors,
so that no link in the target's directory is followed and nothing is half there (threats.md T43);
then it takes the target's name in one step.
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
_MADE, _REPLACED = "made", "replaced"


class Place:
    """Where something is made: in a directory beside the target, from which it is moved there.

    Only we can enter that directory, and it is named by a descriptor on it alone: whoever renames
    or replaces it, or the target's directory, leads us nowhere else.

    new  path of what is to be made, through that descriptor
    """

    def __init__(self, target: str, overwrite: bool, kind: int) -> None:
        path = os.path.abspath(target)
        self._shown = safe(target, 300)
        self._name = os.path.basename(path)
        self._overwrite = overwrite
        self._kind = kind
        self._made = -1
        self.new = ""
        if not self._name:
            raise UsageError(f"{self._shown} cannot be written to", "name something below it")
        try:
            self._parent = os.open(os.path.dirname(path), _DIR)
        except OSError as err:
            raise UsageError(
                f"{safe(os.path.dirname(path), 300)}: {err.strerror}", "make the directory first"
            ) from None
        self._temporary = f".{self._name[:200]}.{os.urandom(8).hex()}.new"

    def __enter__(self) -> Place:
        try:
            self._refuse_existing()
            self._make()
        except BaseException as err:
            self._leave()
            if isinstance(err, OSError):
                raise self._failure(err) from None
            raise
        return self

    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self._leave()
        if isinstance(error, OSError):
            raise self._failure(error) from None

    @classmethod
    def check(cls, target: str, overwrite: bool, kind: int) -> None:
        """Refuse what making it would refuse, and make nothing."""
        place = cls(target, overwrite, kind)
        try:
            place._refuse_existing()
            if not os.access(".", os.W_OK | os.X_OK, dir_fd=place._parent, effective_ids=True):
                raise HostError(
                    f"{place._shown} cannot be written: its directory takes nothing from us",
                    "see whether it is read-only, and whose it is",
                    object=place._shown,
                )
        finally:
            place._leave()

    def take(self, part: str = "") -> None:
        """Give what was made, or a part of it, the target's name."""
        there = self._refuse_existing()
        source = f"{_MADE}/{part}" if part else _MADE
        if there and self._kind == stat.S_IFDIR:
            self._rename(self._name, self._parent, _REPLACED, self._made)
            try:
                self._rename(source, self._made, self._name, self._parent)
            except BaseException:
                self._rename(_REPLACED, self._made, self._name, self._parent)
                raise
        else:
            self._rename(source, self._made, self._name, self._parent)
        fs.fsync(self._parent)

    def _make(self) -> None:
        """Make the directory that only we can enter."""
        fs.mkdir(self._temporary, dir_fd=self._parent)
        made = os.open(self._temporary, _DIR | os.O_NOFOLLOW, dir_fd=self._parent)
        found = os.fstat(made)
        ours = found.st_uid == os.geteuid() and stat.S_IMODE(found.st_mode) & 0o777 == 0o700
        if not ours or os.listdir(made):
            os.close(made)
            raise HostError(f"{self._shown}: somebody interferes in its directory")
        self._made = made
        self.new = f"/proc/self/fd/{made}/{_MADE}"

    def _leave(self) -> None:
        """Remove what is in our directory, and the directory if it still has its name."""
        try:
            if self._made >= 0:
                for name in os.listdir(self._made):
                    fs.remove_tree(f"/proc/self/fd/{self._made}/{name}")
                with contextlib.suppress(OSError):  # somebody has moved it, or put something there
                    found = os.stat(self._temporary, dir_fd=self._parent, follow_symlinks=False)
                    if os.path.samestat(found, os.fstat(self._made)):
                        step("rmdir")
                        os.rmdir(self._temporary, dir_fd=self._parent)
        finally:
            os.close(self._parent)
            if self._made >= 0:
                os.close(self._made)

    def _failure(self, err: OSError) -> HostError:
        full = err.errno in (errno.ENOSPC, errno.EDQUOT)
        return HostError(
            f"{self._shown} cannot be written: {err.strerror}",
            "make room and try again" if full else "",
            object=self._shown,
        )

    @staticmethod
    def _rename(source: str, source_in: int, target: str, target_in: int) -> None:
        step("rename")
        os.rename(source, target, src_dir_fd=source_in, dst_dir_fd=target_in)

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
    with Place(target, overwrite, stat.S_IFREG) as place:
        if image.transport == "appc":
            if archive.copy(archive.path(layout, image.id), place.new) != image.id:
                raise _damaged(image)
        else:
            _make_archive(layout, image, place.new)
        place.take()


def have_archive(
    layout: Layout, image: StoredImage, target: str, overwrite: bool, *, check: bool
) -> bool:
    """Have a file be an image as `to_archive` writes it; whether it was, or would be, written. Raises as that does."""
    from podwright.stage0.build import archive as built

    if os.path.isfile(target) and built.is_image(target, _id(layout, image)):
        return False
    if check:
        Place.check(target, overwrite, stat.S_IFREG)
        return True
    to_archive(layout, image, target, overwrite)
    return True


def _id(layout: Layout, image: StoredImage) -> str:
    """The ID that its archive has as an image."""
    if image.transport == "appc":
        return image.id
    from podwright.stage0.build import archive as built

    with storewriter.Workspace(layout, "export") as work:
        _make_archive(layout, image, f"{work.path}/image")
        return built.check(f"{work.path}/image").image_id


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
    with Place(target, overwrite, stat.S_IFDIR) as place:
        fill(layout, image, place.new, whole=whole, rootfs_only=rootfs_only)
        place.take("rootfs" if rootfs_only else "")


def fill(layout: Layout, image: StoredImage, new: str, *, whole: bool, rootfs_only: bool) -> None:
    """Make the directory `new` with the image's `rootfs` and, unless it is that alone, its `manifest`."""
    fs.mkdir(new)
    if whole or image.transport != "appc":
        intact.check(layout, image)
        fs.mkdir(f"{new}/rootfs")
        copytree.copy_layers(image.trees, f"{new}/rootfs")
    else:
        _unpack(layout, image, new)
    if not rootfs_only:
        with open(f"{layout.images}/{image.id}/manifest", "rb") as file:
            fs.write_new(f"{new}/manifest", file.read(), 0o644)


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
