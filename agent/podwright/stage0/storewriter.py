# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one place where the image store (`store.py`) changes: what is made in private directories is
published by rename, removed by rename, and swept when its maker is gone.

Order is what makes it safe: contents reach the disk before names, trees before images, the way from
a name to an image before the image.
"""

from __future__ import annotations

import errno
import os
import time

from podwright import jsonio
from podwright.errors import PodwrightError, StoreError
from podwright.host.lock import try_lock
from podwright.host.paths import FORMAT
from podwright.kernel import fs
from podwright.stage0 import store
from podwright.values_json import to_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Optional

    from podwright.host.paths import Layout
    from podwright.stage0.store import Record

_DIR = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def ensure(layout: Layout) -> None:
    """Make the store's directories where they are missing; check that they are ours."""
    if not store.checked(layout.data, store.OTHERS_WRITE):
        fs.ensure_dir(layout.data, 0o700)
    if not store.check(layout):
        fs.write_atomic(f"{layout.data}/version", jsonio.dumps({"format": FORMAT}).encode(), 0o644)
    refs = f"{layout.cas}/ref"
    for path in (
        layout.tmp, layout.locks, layout.cas, layout.images, layout.trees,
        refs, f"{refs}/name", f"{refs}/url",
    ):  # fmt: skip
        forbidden = store.GROUP_READS if path in (layout.cas, layout.images) else store.PRIVATE
        if not store.checked(path, forbidden):
            try:
                fs.mkdir(path)
            except FileExistsError:
                store.checked(path, forbidden)
    from podwright.stage0 import sharing

    sharing.prepare(layout)


def record_bytes(record: Record) -> bytes:
    """A record as it is stored."""
    return jsonio.pretty({"format": store.RECORD_FORMAT, **to_json(record)}).encode() + b"\n"


def write_record(layout: Layout, record: Record) -> None:
    """Replace the record of a stored image."""
    fs.write_atomic(f"{layout.images}/{record.id}/record.json", record_bytes(record), 0o640)


def write_place(layout: Layout, place: str, known: dict[str, Any]) -> None:
    """Remember what a URL or file gave."""
    data = jsonio.dumps({**known, "place": place}).encode()
    fs.write_atomic(store.place_file(layout, place), data, durable=False)


class Workspace:
    """A private directory in `tmp` for the time of a `with` block, removed at its end.

    It is locked as long as this process lives, so that `sweep_tmp` knows whether it is abandoned.
    """

    def __init__(self, layout: Layout, what: str) -> None:
        self._base = f"{layout.tmp}/{what}"
        self._fd = -1
        self.path = ""

    def __enter__(self) -> Workspace:
        for number in range(100):
            path = f"{self._base}.{os.getpid()}.{time.monotonic_ns()}.{number}"
            try:
                fs.mkdir(path)
                fd = os.open(path, _DIR)
            except (FileExistsError, FileNotFoundError):
                continue
            if try_lock(fd) and os.path.lexists(path):
                self.path, self._fd = path, fd
                return self
            os.close(fd)  # somebody swept it between two of our calls
        raise StoreError(f"cannot make a directory {self._base}.*")

    def __exit__(self, *_: object) -> None:
        try:
            fs.remove_tree(self.path)
        finally:
            os.close(self._fd)


def publish_tree(layout: Layout, made: str, tree: str) -> None:
    """Make the finished directory `made` (rootfs, mtree, rendered; on disk) the tree `tree`.

    The caller holds the store's lock. A complete tree is kept, since pods may be using it, but only
    when it holds what `made` holds: the name of an ACI's tree comes from the decoder, and an archive
    that took that over could have chosen the name of somebody else's. Raises StoreError then.
    """
    target = f"{layout.trees}/{tree}"
    if not store.tree_complete(layout, tree):
        fs.remove_tree(target)
        fs.rename(made, target)
        return
    from podwright.stage0 import treecheck

    theirs, ours = (treecheck.listed(path) for path in (target, made))
    if theirs == ours:
        return
    from podwright.stage0.render import treediff

    if treediff.other_content(f"{target}/rootfs", f"{made}/mtree"):
        raise StoreError(
            f"the store has another tree of the name {tree}: one of the two archives lies",
            f"find out with podwright image verify {tree}, remove that image and fetch again",
            object=tree,
            reason="id-conflict",
        )
    for name in ("mtree", "rendered"):  # the same content, listed by another version of the agent
        fs.rename(f"{made}/{name}", f"{target}/{name}")


def publish_image(layout: Layout, made: str, record: Record) -> Record:
    """Make the finished image directory `made` visible; its layers must be there.

    The caller holds the store's lock, and has held it since it last saw the layers complete, so
    that none of them was swept meanwhile. An image that is there already is replaced as a whole,
    but not a signed one by an unsigned one. Returns the record that is there now; raises
    StoreError when an ACI's ID belongs to another image (see `publish_tree`).
    """
    missing = [layer.tree for layer in record.layers if not store.tree_complete(layout, layer.tree)]
    if missing:
        raise StoreError(
            f"image {record.name}: its layer {missing[0]} was removed meanwhile", "fetch it again"
        )
    known = _known(layout, made, record)
    if known is not None and known.verdict.kind == "signed" != record.verdict.kind:
        return known
    from podwright.stage0 import imagecheck, sharing

    sharing.image(layout, made)
    if not os.path.lexists(f"{made}/intact"):
        imagecheck.mark(made)
    _refer(layout, record)
    image = f"{layout.images}/{record.id}"
    if os.path.lexists(image):
        _replace(made, image)
    else:
        fs.rename(made, image)
    if record.latest:
        only_latest(layout, record)
    return record


def _known(layout: Layout, made: str, record: Record) -> Optional[Record]:
    """The image that has this ID already, None when there is none that can be read."""
    try:
        known = store.read_record(layout, record.id)
        manifests = []
        for path in (made, f"{layout.images}/{record.id}"):
            with open(f"{path}/manifest", "rb") as file:
                manifests.append(file.read())
    except (OSError, StoreError):
        return None
    if known is not None and record.transport == "appc" and manifests[0] != manifests[1]:
        raise StoreError(
            f"image {record.name}: the ID {record.id} belongs to image {known.name} in the store:"
            " one of the two archives lies",
            f"find out whether {known.name} is what it should be, remove one, fetch the other again",
            object=record.name,
            reason="id-conflict",
        )
    return known


def _refer(layout: Layout, record: Record) -> None:
    """Make the name lead to the image that is about to appear.

    This comes first and is on the disk before the image is: a name that leads nowhere is an image
    less, but an image that its name does not lead to would be one that nobody can run or replace.
    """
    names = store.name_dir(layout, record.name)
    fs.ensure_dir(names)
    reference = f"{names}/{record.id}"
    if not os.path.lexists(reference):
        fs.write_new(reference, b"")
        fs.fsync_dir(names)
        fs.fsync_dir(os.path.dirname(names))


def publish(layout: Layout, workspace: str, record: Record) -> Record:
    """Make an ACI visible: `workspace` holds `image/` and `tree/`, all complete.

    The caller holds the store's lock. Returns the record that is there now.
    """
    if not (record.merged and store.tree_complete(layout, record.id)):  # that one is settled
        publish_tree(layout, f"{workspace}/tree", record.id)
    return publish_image(layout, f"{workspace}/image", record)


def _replace(new: str, image: str) -> None:
    """Swap two directories; where the file system cannot, the image is missing for a moment."""
    from podwright.kernel import durable

    try:
        durable.exchange(new, image)
    except OSError as err:
        if err.errno not in (errno.EINVAL, errno.ENOSYS):
            raise
        fs.rename(image, f"{new}.old")
        fs.rename(new, image)
    fs.fsync_dir(os.path.dirname(image))


def only_latest(layout: Layout, record: Record) -> None:
    """Take the latest flag from the other images of the same name, system and architecture."""
    mine = dict(record.labels)
    for other_id in store.ids_by_name(layout, record.name):
        try:
            other = store.read_record(layout, other_id)
        except StoreError:
            continue
        if other is None or other.id == record.id or not other.latest:
            continue
        theirs = dict(other.labels)
        if all(mine.get(label) == theirs.get(label) for label in ("os", "arch")):
            from podwright.values import replace

            write_record(layout, replace(other, latest=False))


def remove(layout: Layout, image_id: str, look_again: Optional[Callable[[], None]] = None) -> None:
    """Forget an image and the layers that no other image uses. The caller holds the store's lock.

    look_again  called when all is out of reach, but nothing removed; when it raises, all is put back
    """
    try:
        record = store.read_record(layout, image_id)
    except StoreError:
        record = None
    trees = [layer.tree for layer in record.layers] if record else []
    with Workspace(layout, "remove") as work:
        moved = take_away(f"{layout.images}/{image_id}", f"{work.path}/image")
        try:
            for number, tree in enumerate(_unused(layout, [image_id, *trees])):
                moved += take_away(f"{layout.trees}/{tree}", f"{work.path}/{number}")
            if look_again is not None:
                look_again()
        except PodwrightError:
            for path, target in reversed(moved):
                fs.rename(target, path)
            raise
        if record is not None:
            names = store.name_dir(layout, record.name)
            fs.unlink(f"{names}/{image_id}")
            fs.rmdir_empty(names)


def _unused(layout: Layout, trees: list[str]) -> list[str]:
    """Those of the trees that no stored image is made of; none while a damaged record may know
    better. A sweep takes the others.
    """
    try:
        used = used_trees(layout)
    except StoreError:
        return []
    return [tree for tree in dict.fromkeys(trees) if tree not in used]


def take_away(path: str, target: str) -> list[tuple[str, str]]:
    """Move a directory away to be removed, when it is there; (from, to) when it was."""
    try:
        fs.rename(path, target)
    except FileNotFoundError:
        return []
    return [(path, target)]


def used_trees(layout: Layout) -> set[str]:
    """The trees that stored images are made of.

    Raises StoreError when one record cannot be read, since nobody knows then what it needs.
    """
    records = (store.read_record(layout, image_id) for image_id in store.image_ids(layout))
    return {layer.tree for record in records if record is not None for layer in record.layers}


def wrong_reference(name: str, record: Record) -> StoreError:
    """The error for a name that leads to an image of another name."""
    return StoreError(
        f"the store has image {record.name} ({record.id[:19]}) under the name {name}",
        f"remove cas/ref/name/{name.replace('/', ',')} in the data directory, and fetch {name} again",
        object=name,
        reason="wrong-reference",
    )


def references(layout: Layout) -> list[tuple[str, str]]:
    """All look-ups by name: (name, image ID)."""
    base = f"{layout.cas}/ref/name"
    found = []
    for entry in sorted(os.listdir(base)) if os.path.isdir(base) else ():
        name = entry.replace(",", "/")
        found += [(name, image_id) for image_id in store.ids_by_name(layout, name)]
    return found
