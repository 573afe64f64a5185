# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Judge or render a stored image once more, from what is stored of it."""

from __future__ import annotations

from podwright import jsonio
from podwright.errors import ImageError, PodwrightError, UsageError, VerifyError
from podwright.kernel import durable, fs
from podwright.model.dependency import parse_whitelist
from podwright.model.image import parse_image
from podwright.stage0 import archive, imagecheck, store, storewriter, treecheck
from podwright.stage0.render import ingest, merge, mtree, treediff
from podwright.values import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

    from podwright.host.paths import Layout
    from podwright.stage0.store import Layer, Record


def verify_again(layout: Layout, record: Record, *, write: bool) -> Record:
    """A full verification of what is stored, for when the record alone does not decide."""
    from podwright.stage0.judge import admission

    fresh = replace(record, verdict=admission.judge_stored(layout, record))
    if write:
        with store.lock(layout, f"verifying image {record.name}"):
            storewriter.write_record(layout, fresh)
    return fresh


def render_again(layout: Layout, record: Record) -> Record:
    """Make the trees of an image that are missing, and the lists that an earlier agent did not
    make; the record as it is stored then.

    Raises ImageError, VerifyError.
    """
    for layer in (*record.merged, *record.layers):
        if layer.tree == record.id or store.tree_complete(layout, layer.tree):
            continue
        owner = store.read_record(layout, layer.tree)
        if owner is None or owner.id == record.id:
            raise VerifyError(
                f"image {record.name}: a layer of it is missing ({layer.tree[:19]})",
                "remove the image and fetch it again",
                object=record.name,
                reason="tree-missing",
            )
        render_again(layout, owner)
    own = _own(record)
    if own is None or (own.mtree and store.tree_complete(layout, own.tree)):
        return record
    with storewriter.Workspace(layout, "render") as work:
        made = _render(layout, record, work.path)
        durable.syncfs(work.path)
        with store.lock(layout, f"rendering image {record.name}"):
            if own.mtree or not store.tree_complete(layout, own.tree):
                storewriter.publish_tree(layout, f"{work.path}/tree", own.tree)
            else:
                _adopt(layout, record, made, f"{work.path}/tree")
            layers = tuple(made if layer.tree == made.tree else layer for layer in record.layers)
            if layers != record.layers:
                record = replace(record, layers=layers)
                storewriter.write_record(layout, record)
    return record


def render_anew(layout: Layout, image_id: str) -> None:
    """Put a freshly made tree in the place of an image's own, which may be damaged.

    Raises UsageError when a pod is using it.
    """
    record = store.read_record(layout, image_id)
    own = _own(record) if record else None
    if record is None or own is None:
        raise UsageError(
            f"image {image_id[:19]} is not stored as an archive",
            "remove the image and fetch it again",
            object=image_id,
        )
    with storewriter.Workspace(layout, "render") as work:
        made = _render(layout, record, work.path)
        durable.syncfs(work.path)
        with store.lock(layout, f"rendering image {record.name}"):
            _refuse_running(layout, record)
            tree = f"{layout.trees}/{own.tree}"
            storewriter.take_away(tree, f"{work.path}/old")
            try:
                _refuse_running(layout, record)
            except PodwrightError:
                fs.rename(f"{work.path}/old", tree)
                raise
            fs.rename(f"{work.path}/tree", tree)
            layers = tuple(made if layer.tree == made.tree else layer for layer in record.layers)
            storewriter.write_record(layout, replace(record, layers=layers))


def _own(record: Record) -> Optional[Layer]:
    """The layer that is made from the image's own archive."""
    return next((layer for layer in record.layers if layer.tree == record.id), None)


def _render(layout: Layout, record: Record, work: str) -> Layer:
    """Make `work`/tree from the stored archive, and what the image is merged from."""
    tree = f"{work}/tree"
    fs.mkdir(tree)
    path = archive.path(layout, record.id)
    done = ingest.ingest(archive.chunks(path), tree, "aci", shown=record.name)
    own = _own(record)
    damaged = f"sha512-{done.plain[:64]}" != record.id
    made = store.Layer(record.id, done.mtree)
    if not damaged:
        ingest.mark_rendered(tree, record.id, done)
        kept = parse_whitelist(parse_image(jsonio.loads(done.manifest, "manifest")))
        if kept:
            alone = replace(record, layers=(made,))
            made = merge.merge(layout, work, alone, record.merged, kept)
    if damaged or own is None or own.mtree not in ("", made.mtree):
        raise ImageError(
            f"image {record.name}: its stored archive is damaged",
            "remove the image and fetch it again",
            object=record.name,
            reason="image-changed",
        )
    return made


def _adopt(layout: Layout, record: Record, made: Layer, tree: str) -> None:
    """Give a tree that an earlier agent rendered the list that it lacks, if it is as it should be."""
    there = f"{layout.trees}/{made.tree}"
    with open(f"{tree}/mtree", "rb") as file:
        data = file.read()
    found = treediff.compare(mtree.rows(data, f"{tree}/mtree"), f"{there}/rootfs")
    if found:
        raise VerifyError(
            f"image {record.name}: its files in the store were changed:"
            f" {found[0].path} {found[0].what}",
            f"make them again: podwright image render --force {record.name}",
            object=record.name,
            reason="tree-changed",
        )
    imagecheck.mark(f"{layout.images}/{record.id}")
    fs.write_atomic(f"{there}/mtree", data)
    fs.unlink(f"{there}/rendered")
    treecheck.mark(there, made)


def _refuse_running(layout: Layout, record: Record) -> None:
    """Raise UsageError when a pod has the image's tree below its root."""
    from podwright.stage0 import usage

    for image_id, user in usage.by_live_pods(layout).items():
        above = store.read_record(layout, image_id)
        if above is not None and record.id in [layer.tree for layer in above.layers]:
            raise UsageError(
                f"image {record.name} is used by {user}", "stop the pod first", object=record.name
            )
