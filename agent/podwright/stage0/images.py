# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images for the rest of the agent: find them in the store, or fetch them; admit them to run.

Every way to an image evaluates its verdict again, in the trust store of this moment. What is
needed for a store hit is imported here; network, gpg and archives only when they are needed.
"""

from __future__ import annotations

import os

from podwright import jsonio
from podwright.errors import ImageError, PodwrightError, UsageError, VerifyError
from podwright.model.image import parse_image
from podwright.model.imageref import parse_ref
from podwright.stage0 import platform, store, verdict
from podwright.text import safe
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Optional

    from podwright.host.paths import Layout
    from podwright.model.image import ImageManifest
    from podwright.model.imageref import ImageRef
    from podwright.stage0.store import Layer, Record
    from podwright.stage0.trust import KeyInfo
    from podwright.stage0.verdict import Verdict
    from podwright.stage0.web.givenlogins import Credentials

    Progress = Callable[[str, int, Optional[int]], None]
    AcceptKey = Callable[[KeyInfo, str, str], bool]

POLICIES = ("new", "update", "never")


@value
class FetchOptions:
    """How to get an image.

    pull_policy  `new`: the store first, the network only when it has none; `update`: the network
                 first, cache headers apply; `never`: the store only
    insecure     words of A12, groups already expanded
    signature    path of the detached signature, in place of the one beside the image
    accept_key   asked about keys that discovery finds when none is trusted for the name: called
                 with the key, the prefix that it would count for, and its URL; None: trust no key
    credentials  log-ins of the caller's, which come before those of the configuration
    digest       what it must turn out to be: an image ID, or the digest of an OCI manifest
    """

    pull_policy: str = "new"
    insecure: frozenset[str] = frozenset()
    signature: str = ""
    accept_key: Optional[AcceptKey] = None
    credentials: Optional[Credentials] = None
    digest: str = ""


@value
class StoredImage:
    """An image in the store. `trees` are the absolute paths of what its root is stacked from, top
    first; times are RFC 3339; `size` counts the bytes stored; `source` says where it came from.
    """

    id: str
    name: str
    labels: tuple[tuple[str, str], ...]
    manifest: ImageManifest
    verdict: Verdict
    trees: tuple[str, ...]
    imported: str
    last_used: str
    latest: bool
    size: int
    source: dict[str, str]
    layers: tuple[Layer, ...] = ()
    transport: str = "appc"
    identity: str = ""
    digest: str = ""
    dependencies: tuple[str, ...] = ()


def resolve(
    layout: Layout,
    ref_text: str,
    options: FetchOptions,
    progress: Optional[Progress] = None,
    *,
    cwd: Optional[str] = None,
) -> StoredImage:
    """The stored, verified and rendered image that an argument means, fetched as the pull policy
    says.

    progress  called with (argument, bytes done, bytes in all or None)
    Raises UsageError, NotFoundError, FetchError, VerifyError, ImageError.
    """
    ref = parse(ref_text, options, cwd)
    store.check(layout)
    if ref.kind == "id" or options.pull_policy != "update":
        record = _in_store(layout, ref, cwd)
        if record is not None and _is_wanted(record, ref, options):
            _check_plain_name(layout, record, ref, options)
            return _admitted(layout, record, options.insecure)
        if ref.kind == "id" or options.pull_policy == "never":
            raise store.not_stored(safe(ref_text, 200))
    record = _get(layout, ref, options, progress, cwd)
    if options.digest:
        _require(record, ref, options)
    return _admitted(layout, record, options.insecure)


def would_resolve(
    layout: Layout, ref_text: str, options: FetchOptions, *, cwd: Optional[str] = None
) -> tuple[Optional[StoredImage], bool]:
    """(the image in the store or None, whether `resolve` would fetch), without writing anything.

    With policy `update`, and where the stored image has not the wanted digest, the server is asked
    whether it has something new.
    """
    ref = parse(ref_text, options, cwd)
    record = _in_store(layout, ref, cwd) if store.check(layout) else None
    if ref.kind == "id" or options.pull_policy != "update":
        if record is not None and _is_wanted(record, ref, options):
            _check_plain_name(layout, record, ref, options)
            return _admitted(layout, record, options.insecure, write=False), False
        if ref.kind == "id" or options.pull_policy == "never":
            raise store.not_stored(safe(ref_text, 200))
        if record is None:
            return None, True
    current = _acquire(ref).current(layout, ref, options, cwd)
    if current is not None:
        if options.digest:
            _require(current, ref, options)
        return _admitted(layout, current, options.insecure, write=False), False
    return (_loaded(layout, record) if record else None), True


def admit(
    layout: Layout, image_id: str, insecure: frozenset[str], *, write: bool = True
) -> StoredImage:
    """The image with an ID, checked to run here and now: verdict, platform, complete tree.

    write  note the use, and repair what can be: a verdict whose key file was renewed, a tree that
           is missing
    """
    store.check(layout)
    record = store.read_record(layout, image_id)
    if record is None:
        raise store.not_stored(safe(image_id, 160))
    image = _admitted(layout, record, insecure, write=write)
    platform.check_runnable(image.manifest)
    return image


def list_images(
    layout: Layout, on_damage: Optional[Callable[[PodwrightError], None]] = None
) -> list[StoredImage]:
    """Every stored image, oldest import first.

    on_damage  called for an image that cannot be read, which is then left out
    """
    if not store.check(layout):
        return []
    images = []
    for image_id in store.image_ids(layout):
        try:
            images += [_loaded(layout, record) for record in _records(layout, [image_id])]
        except PodwrightError as err:
            if on_damage is None:
                raise
            on_damage(err)
    return sorted(images, key=lambda image: (image.imported, image.id))


def find_images(layout: Layout, text: str) -> list[StoredImage]:
    """The stored images that an argument may mean, the preferred one last; verdicts are not
    looked at. An ID may be cut to two digits or more.
    """
    ref = parse(text, FetchOptions(), None)
    if not store.check(layout):
        return []
    return [_loaded(layout, record) for record in _candidates(layout, ref, None)]


def _is_wanted(record: Record, ref: ImageRef, options: FetchOptions) -> bool:
    """Whether a stored image will do. Of another digest than the wanted one it does not, and
    where nothing else can be had it is refused.
    """
    if not options.digest or options.digest in (record.id, record.digest):
        return True
    if ref.kind == "id" or options.pull_policy == "never":
        _require(record, ref, options)
    return False


def _require(record: Record, ref: ImageRef, options: FetchOptions) -> None:
    from podwright.stage0 import expected

    expected.require(options.digest, ref.text, record.id, record.digest)


def _get(
    layout: Layout,
    ref: ImageRef,
    options: FetchOptions,
    progress: Optional[Progress],
    cwd: Optional[str],
) -> Record:
    """Get an image from the inbox, when it is new to the store, or from where it is."""

    def from_its_place() -> Record:
        record: Record = _acquire(ref).get(layout, ref, options, progress, cwd)
        return record

    if not os.path.isdir(layout.inbox) or _in_store(layout, ref, cwd) is not None:
        return from_its_place()
    from podwright.stage0 import inbox

    return inbox.take(layout, ref, options, progress, from_its_place)


def _acquire(ref: ImageRef) -> Any:
    """The module that gets images of this kind from where they are."""
    if ref.kind in ("name", "url", "file"):
        from podwright.stage0 import acquire

        return acquire
    from podwright.stage0.oci import acquire as oci_acquire

    return oci_acquire


def parse(text: str, options: FetchOptions, cwd: Optional[str]) -> ImageRef:
    """Read an image argument; `cwd` is where it may name a file. Raises UsageError."""
    if options.pull_policy not in POLICIES:
        raise UsageError(
            f"pull policy {safe(options.pull_policy, 40)!r} is not known",
            f"use one of {', '.join(POLICIES)}",
        )
    return parse_ref(text, lambda path: os.path.isfile(os.path.join(cwd or "", path)))


def _in_store(layout: Layout, ref: ImageRef, cwd: Optional[str]) -> Optional[Record]:
    found = _candidates(layout, ref, cwd)
    if ref.kind == "id" and len(found) > 1:
        raise UsageError(
            f"image ID {safe(ref.text, 160)} is ambiguous: {len(found)} images begin so",
            "give more digits",
        )
    return found[-1] if found else None


def _check_plain_name(layout: Layout, record: Record, ref: ImageRef, options: FetchOptions) -> None:
    """Refuse a container image under a plain name where the policy would not have an ACI of that
    name with the same signatures: scopes of `appc` count for whatever is asked for by image name.
    """
    if ref.kind != "name" or record.transport == "appc" or not verdict.has_policy(layout):
        return
    from podwright.stage0.judge import admission

    subject = verdict.subject_of(record)
    admission.check_plain_name(layout, subject, record.verdict, options.insecure)


def _candidates(layout: Layout, ref: ImageRef, cwd: Optional[str]) -> list[Record]:
    """Records that match, the preferred one last."""
    if ref.kind == "id":
        ids = [
            image_id for image_id in store.image_ids(layout) if image_id.startswith(ref.location)
        ]
        return _records(layout, ids)
    if ref.kind != "name":
        path = "" if ref.kind in ("url", "docker") else file_path(ref, cwd)
        known = store.read_place(layout, place_of(ref, path))
        if known is None or (path and known.get("stat") != state_of(ref, path)):
            return []
        return [
            record
            for record in _records(layout, [str(known.get("id"))])
            if (record.transport, record.identity) == identity_of(ref, path, record)
        ]
    wanted = {"os": platform.OS, "arch": platform.host_arch(), **dict(ref.labels)}
    found = []
    for record in _records(layout, store.ids_by_name(layout, ref.name)):
        if record.name != ref.name:
            from podwright.stage0 import storewriter

            raise storewriter.wrong_reference(ref.name, record)
        labels = dict(record.labels)
        if all(labels.get(label) == text for label, text in wanted.items()):
            found.append(record)
    no_version = "version" not in wanted
    return sorted(
        found,
        key=lambda record: (
            record.transport == "appc",
            no_version and record.latest,
            record.imported,
        ),
    )


def _records(layout: Layout, ids: list[str]) -> list[Record]:
    found = (store.read_record(layout, image_id) for image_id in ids)
    return [record for record in found if record is not None]


def place(ref: ImageRef, cwd: Optional[str]) -> str:
    """What the store remembers the place of an image by."""
    return place_of(ref, "" if ref.kind in ("url", "docker") else file_path(ref, cwd))


def place_of(ref: ImageRef, path: str) -> str:
    """As `place`, of what lies at a resolved path."""
    if ref.kind == "url":
        return ref.location
    if ref.kind == "docker":
        return f"docker://{ref.location}"
    inside = "" if ref.kind == "file" else ref.location.partition(":")[2]
    return f"{ref.kind}:{path}" + (f":{inside}" if inside else "")


def identity_of(ref: ImageRef, path: str, record: Optional[Record] = None) -> tuple[str, str]:
    """(transport, identity) of what an argument names, as the policy knows it.

    path    resolved, "" for what is no file
    record  of an ACI, which alone says what it is called
    """
    if ref.kind in ("url", "file"):
        return "appc", record.identity if record else ""
    if ref.kind == "docker":
        from podwright.model.ociref import parse_docker

        return ref.kind, parse_docker(ref.location).canonical
    return ref.kind, place_of(ref, path)[len(ref.kind) + 1 :]


def file_path(ref: ImageRef, cwd: Optional[str]) -> str:
    """The resolved path of a file argument, or of a layout or archive."""
    path = ref.location if ref.kind == "file" else ref.location.partition(":")[0]
    return os.path.realpath(os.path.join(cwd if cwd is not None else os.getcwd(), path))


def file_state(ref: ImageRef, cwd: Optional[str]) -> Optional[list[int]]:
    """Numbers that change when a file or the signature beside it does; None without the file."""
    return state_of(ref, file_path(ref, cwd))


def state_of(ref: ImageRef, path: str, held: str = "") -> Optional[list[int]]:
    """As `file_state`, of what lies at a resolved path, or is held open at another."""
    index = "/index.json" if ref.kind == "oci" else ""
    beside = held if index and held else path
    main = f"{held or path}{index}"
    out: list[int] = []
    for each in (main, f"{beside}{index}.asc"):
        try:
            info = os.stat(each)
        except OSError:
            if each == main:
                return None
            continue
        out += [info.st_dev, info.st_ino, info.st_size, info.st_mtime_ns, info.st_ctime_ns]
    return out


def _loaded(layout: Layout, record: Record) -> StoredImage:
    """A record together with its manifest."""
    path = f"{layout.images}/{record.id}/manifest"
    try:
        with open(path, "rb") as file:
            manifest = parse_image(jsonio.loads(file.read(), path), record.name)
    except (OSError, UsageError) as err:
        raise ImageError(
            f"image {record.name}: its stored manifest is damaged ({safe(err, 200)})",
            "remove the image and fetch it again",
            object=record.name,
        ) from None
    if manifest.name != record.name:
        raise ImageError(f"image {record.name}: its stored manifest names {manifest.name}")
    return StoredImage(
        id=record.id,
        name=record.name,
        labels=manifest.labels,
        manifest=manifest,
        verdict=record.verdict,
        trees=tuple(store.tree_path(layout, layer.tree) for layer in reversed(record.layers)),
        imported=record.imported,
        last_used=store.last_used(layout, record.id) or record.imported,
        latest=record.latest,
        size=record.size,
        source=record.source,
        layers=record.layers,
        transport=record.transport,
        identity=record.identity or record.name,
        digest=record.digest,
        dependencies=record.dependencies,
    )


def _admitted(
    layout: Layout, record: Record, insecure: frozenset[str], *, write: bool = True
) -> StoredImage:
    try:
        verdict.reevaluate(layout, verdict.subject_of(record), record.verdict, insecure)
    except verdict.Stale:
        from podwright.stage0 import again

        record = again.verify_again(layout, record, write=write)
    if record.dependencies:
        from podwright.stage0 import depend

        depend.admit_all(layout, record, insecure, write=write)
    complete = all(store.tree_complete(layout, layer.tree) for layer in record.layers)
    if not (complete or write):
        raise VerifyError(f"image {record.name}: its tree is missing", "fetch it again")
    if write and not (complete and all(layer.mtree for layer in record.layers)):
        from podwright.stage0 import again

        record = again.render_again(layout, record)
    image = _loaded(layout, record)
    if write:
        store.touch(layout, record.id)
    return image
