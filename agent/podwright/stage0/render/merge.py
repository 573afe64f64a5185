# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The merged tree of an image with a path whitelist (behaviour.md A3).

A whitelist takes away what lower layers have, which a stack of layers cannot express; so the
layers and the image's own files are copied into one tree, without what the list does not name.
Directories are all kept. What was copied is compared with the lists of the layers, whose digests
stand in the records: what runs is what was verified (threats.md T40).
"""

from __future__ import annotations

from podwright.errors import ImageError
from podwright.kernel import copytree, fs
from podwright.stage0 import store, treecheck
from podwright.stage0.render import mtree, treediff
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.host.paths import Layout
    from podwright.stage0.store import Layer, Record


@value
class _Part:
    """One layer: its root, and its list."""

    rootfs: str
    rows: dict[bytes, bytes]


def merge(
    layout: Layout, work: str, record: Record, below: tuple[Layer, ...], kept: frozenset[bytes]
) -> Layer:
    """Replace `work`/tree, which holds the image's own files, by the merged tree; its layer.

    below  the layers of what it is built on, lowest first
    Raises ImageError when a layer is not what its record says.
    """
    tree, own = f"{work}/tree", f"{work}/own"
    fs.rename(tree, own, durable=False)
    for path in (tree, f"{tree}/rootfs"):
        fs.mkdir(path)
    parts = [_part(f"{layout.trees}/{layer.tree}", layer.mtree, record) for layer in below]
    parts.append(_part(own, record.layers[0].mtree, record))
    expected = overlaid([part.rows for part in parts])
    expected = {path: row for path, row in expected.items() if path in kept or _is_dir(row)}
    copytree.copy_layers(
        tuple(part.rootfs for part in reversed(parts)), f"{tree}/rootfs", kept.__contains__
    )
    data = b"#mtree\n" + b"".join(expected[path] + b"\n" for path in sorted(expected))
    fs.write_new(f"{tree}/mtree", data, durable=False)
    found = treediff.compare(expected, f"{tree}/rootfs")
    if found:
        raise ImageError(
            f"image {record.name}: what it is built on changed while it was rendered:"
            f" {found[0].path} {found[0].what}",
            "see podwright image verify --all",
            object=record.name,
            reason="tree-changed",
        )
    layer = store.Layer(record.id, mtree.sha256(data))
    treecheck.mark(tree, layer)
    fs.remove_tree(own)
    return layer


def _part(base: str, digest: str, record: Record) -> _Part:
    path = f"{base}/mtree"
    try:
        with open(path, "rb") as file:
            data = file.read()
    except FileNotFoundError:
        data = b""
    if mtree.sha256(data) != digest:
        raise ImageError(
            f"image {record.name}: the list of digests {path} is missing or was changed",
            "see podwright image verify --all",
            object=record.name,
            reason="tree-changed",
        )
    return _Part(f"{base}/rootfs", mtree.rows(data, path))


def overlaid(layers: list[dict[bytes, bytes]]) -> dict[bytes, bytes]:
    """The list of what layers, lowest first, show together. Without whiteouts: an ACI has none."""
    out: dict[bytes, bytes] = {}
    for rows in layers:
        hidden = []
        for path, row in rows.items():
            was = out.get(path)
            if was is not None and _is_dir(was) and not _is_dir(row):
                hidden.append(path + b"/")
        if hidden:
            gone = tuple(hidden)
            out = {path: row for path, row in out.items() if not path.startswith(gone)}
        out.update(rows)
    return out


def _is_dir(row: bytes) -> bool:
    return b"type=dir" in row.split()
