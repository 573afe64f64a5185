# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images built on images (behaviour.md A3): find what is below, put the layers in order.

A dependency comes by the same road as any image: by discovery, with its own signature, by a key
that is trusted for its own name, with its own verdict. The images are flattened depth first in
list order, the image itself last and on top; one that occurs several times keeps only its topmost
place. What an image is built on is settled when it is stored.
"""

from __future__ import annotations

from podwright.errors import ImageError, PodwrightError, StoreError, UsageError, VerifyError
from podwright.model.dependency import parse_dependencies, parse_whitelist
from podwright.stage0 import platform, store, verdict
from podwright.text import safe
from podwright.values import replace, value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Optional, TypeVar

    from podwright.host.paths import Layout
    from podwright.model.dependency import Dependency
    from podwright.model.image import ImageManifest
    from podwright.stage0.images import FetchOptions
    from podwright.stage0.store import Layer, Record

    T = TypeVar("T")

MAX_DEPTH = 32
MAX_LAYERS = 128
FILLED = ("os", "arch")
"""Labels that a dependency takes from the host, and that it may lack altogether."""


@value
class _Ancestor:
    """An image that is being fetched, and waits for what it is built on."""

    id: str
    name: str
    labels: tuple[tuple[str, str], ...]


class Builder:
    """Finds what images are built on, for one call of the agent; each image is visited once.

    fetch  gets a dependency from where it is, and calls `compose` for it in turn
    """

    def __init__(
        self, layout: Layout, options: FetchOptions, fetch: Callable[[Dependency], Record]
    ) -> None:
        self._layout = layout
        self._options = options
        self._fetch = fetch
        self._chain: list[_Ancestor] = []
        self._found: dict[Dependency, Record] = {}

    def compose(self, manifest: ImageManifest, record: Record, work: str) -> Record:
        """The record of a fetched image with all its layers, its dependencies being stored.

        work  the workspace with its own `tree`, which becomes a merged one when there is a whitelist
        """
        known = _known(self._layout, record.id)
        if known is not None:
            return as_known(record, known)
        shown = f"image {manifest.name}"
        try:
            needs, kept = parse_dependencies(manifest), parse_whitelist(manifest)
        except UsageError as err:
            raise ImageError(f"{shown}: {err.message}", object=manifest.name) from None
        self._chain.append(_Ancestor(record.id, manifest.name, manifest.labels))
        try:
            below = [self._obtain(need) for need in needs]
        finally:
            self._chain.pop()
        ids = _topmost(each for one in below for each in (*one.dependencies, one.id))
        layers = _topmost(layer for one in below for layer in one.layers)
        self._check_stack(manifest.name, record.id, ids, layers)
        if kept:
            from podwright.stage0.render import merge

            merged = merge.merge(self._layout, work, record, layers, kept)
            return replace(record, layers=(merged,), dependencies=ids, merged=layers)
        return replace(record, layers=(*layers, *record.layers), dependencies=ids)

    def _obtain(self, need: Dependency) -> Record:
        """The stored record of a dependency."""
        found = self._found.get(need)
        if found is None:
            self._refuse_cycle(need)
            if len(self._chain) > MAX_DEPTH:
                raise _too_much(self._chain[0].name, f"more than {MAX_DEPTH} images deep")
            if len(self._found) >= MAX_LAYERS:
                raise _too_much(self._chain[0].name, f"on more than {MAX_LAYERS} images")
            found = self._stored(need) or self._from_its_place(need)
            self._check(need, found)
            self._found[need] = found
        return found

    def _from_its_place(self, need: Dependency) -> Record:
        try:
            return self._fetch(need)
        except PodwrightError as err:
            if " is built " not in err.message:
                above = f"image {self._chain[-1].name} is built on {safe(need.ref.text, 200)}"
                err.message = f"{above}: {err.message}"
            raise

    def _refuse_cycle(self, need: Dependency) -> None:
        for index, each in enumerate(self._chain):
            labels = dict(each.labels)
            same = all(labels.get(label) == text for label, text in need.labels)
            if each.name == need.name and same and each.id.startswith(need.image_id):
                names = [*(_shown(one) for one in self._chain[index:]), _shown(each)]
                raise ImageError(
                    f"image {self._chain[0].name} is built on itself: {' -> '.join(names)}",
                    "its maker must take one of these dependencies away",
                    object=self._chain[0].name,
                    reason="dependency-cycle",
                )

    def _stored(self, need: Dependency) -> Optional[Record]:
        """What the store has, where the pull policy lets it do: with `update` only what is pinned."""
        pinned = len(need.image_id) == len("sha512-") + 64
        if self._options.pull_policy == "update" and not pinned:
            return None
        wanted = dict(need.labels)
        found = []
        for image_id in store.ids_by_name(self._layout, need.name):
            record = _known(self._layout, image_id)
            if record is None or record.transport != "appc":
                continue
            if image_id.startswith(need.image_id) and _fits(record, need.name, wanted):
                found.append(record)
        found.sort(key=lambda record: ("version" not in wanted and record.latest, record.imported))
        if not found:
            return None
        try:
            _reevaluate(self._layout, found[-1], self._options.insecure)
        except VerifyError:
            return None  # the place it comes from may have it with a signature that counts
        return found[-1]

    def _check(self, need: Dependency, found: Record) -> None:
        """Refuse a dependency that is not what the image above says it is."""
        above = self._chain[-1].name
        if not _fits(found, need.name, dict(need.labels)):
            raise _wrong(above, need, f"is not what was found: {found.name} {found.id[:19]}")
        if not found.id.startswith(need.image_id):
            raise _wrong(above, need, f"must have the ID {need.image_id}, but has {found.id}")
        if need.size:
            from podwright.stage0 import archive

            sizes = archive.sizes(self._layout, found)
            if need.size not in sizes:
                said = " or ".join(str(size) for size in sizes)
                raise _wrong(above, need, f"must have {need.size} bytes, but has {said}")

    def _check_stack(
        self, name: str, own_id: str, ids: tuple[str, ...], layers: tuple[Layer, ...]
    ) -> None:
        if own_id in ids:
            raise ImageError(
                f"image {name} is built on itself", object=name, reason="dependency-cycle"
            )
        if len(layers) + 1 > MAX_LAYERS:
            raise _too_much(name, f"on more than {MAX_LAYERS - 1} layers")
        if _depth(self._layout, ids) > MAX_DEPTH:
            raise _too_much(name, f"more than {MAX_DEPTH} images deep")


def fits_host(labels: dict[str, str], wanted: dict[str, str]) -> bool:
    """Whether labels are those asked for, and for the rest this host's or nobody's."""
    host = {"os": platform.OS, "arch": platform.host_arch()}
    return all(labels.get(label) == text for label, text in wanted.items()) and all(
        labels.get(label, host[label]) == host[label] for label in FILLED if label not in wanted
    )


def admit_all(
    layout: Layout, record: Record, insecure: frozenset[str], *, write: bool = True
) -> None:
    """Evaluate the verdicts of all that an image is built on again; VerifyError when one fails."""
    for image_id in record.dependencies:
        below = store.read_record(layout, image_id)
        if below is None:
            raise VerifyError(
                f"image {record.name} is built on {image_id[:19]}, which is not in the store",
                f"fetch it again: podwright fetch {record.name}",
                object=record.name,
                reason="dependency-missing",
            )
        try:
            _reevaluate(layout, below, insecure, write=write)
        except VerifyError as err:
            err.message = f"image {record.name} is built on {below.name}: {err.message}"
            raise


def _reevaluate(
    layout: Layout, record: Record, insecure: frozenset[str], *, write: bool = True
) -> None:
    try:
        verdict.reevaluate(layout, verdict.subject_of(record), record.verdict, insecure)
    except verdict.Stale:
        from podwright.stage0 import again

        again.verify_again(layout, record, write=write)


def as_known(record: Record, known: Record) -> Record:
    """What an image is made of is settled when it is stored; it stays when it is fetched again."""
    return replace(
        record, layers=known.layers, dependencies=known.dependencies, merged=known.merged
    )


def complete(layout: Layout, record: Record) -> bool:
    """Whether everything that an image is made of is in the store."""
    return all(store.tree_complete(layout, layer.tree) for layer in record.layers) and all(
        store.read_record(layout, image_id) is not None for image_id in record.dependencies
    )


def settle(layout: Layout, record: Record) -> Record:
    """The record to publish, now that the caller holds the store's lock.

    Raises StoreError when something below was removed meanwhile.
    """
    known = _known(layout, record.id)
    if known is not None:
        return as_known(record, known)
    if not complete(layout, replace(record, layers=())):
        raise StoreError(
            f"image {record.name}: what it is built on was removed meanwhile", "fetch it again"
        )
    from podwright.kernel import fs
    from podwright.stage0 import treecheck

    mark = treecheck.read_mark(layout, record.id)
    if mark is not None and mark.get("mtree") != record.layers[-1].mtree:
        fs.remove_tree(f"{layout.trees}/{record.id}")  # no image has it: a publication broke off
    return record


def _known(layout: Layout, image_id: str) -> Optional[Record]:
    """The record of a stored image, when all that belongs to it is there."""
    try:
        record = store.read_record(layout, image_id)
        return record if record is not None and complete(layout, record) else None
    except StoreError:
        return None


def _fits(record: Record, name: str, wanted: dict[str, str]) -> bool:
    return record.name == name and fits_host(dict(record.labels), wanted)


def _topmost(items: Iterable[T]) -> tuple[T, ...]:
    """Lowest first; what occurs several times only at its last place."""
    return tuple(reversed(dict.fromkeys(reversed(list(items)))))


def _depth(layout: Layout, ids: tuple[str, ...]) -> int:
    """How many images the longest way down passes; `ids` are whole: with all that is below them."""
    records = [store.read_record(layout, image_id) for image_id in ids]
    depths: dict[str, int] = {}
    # An image has more below it than each of those has.
    for record in sorted(filter(None, records), key=lambda each: len(each.dependencies)):
        depths[record.id] = 1 + max((depths.get(e, 0) for e in record.dependencies), default=0)
    return max(depths.values(), default=0)


def _shown(one: _Ancestor) -> str:
    version = dict(one.labels).get("version", "")
    return safe(f"{one.name}:{version}" if version else one.name, 200)


def _too_much(name: str, what: str) -> ImageError:
    return ImageError(
        f"image {name} is built {what}", "flatten it", object=name, reason="too-many-dependencies"
    )


def _wrong(above: str, need: Dependency, what: str) -> VerifyError:
    return VerifyError(
        f"image {above} is built on {safe(need.ref.text, 200)}, which {what}",
        "get an image whose dependencies are served as it names them",
        object=above,
        reason="wrong-dependency",
    )
