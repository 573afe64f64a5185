# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The image store: content-addressed, published by rename, one directory per image.

    version                         {"format": 1}
    cas/image/<id>/manifest         the image manifest: as it was in the archive, or made from an
                                    OCI image's configuration
                   record.json      name, labels, verdict, layers, where it came from
                   used             its time is when the image was last used
                   intact           digests and stat data of these files (`imagecheck.py`)
                   aci, aci.asc     ACI: archive and signature as served
                   oci-manifest, oci-config, signatures.json   OCI: what was signed, and by what
    cas/tree/<tree>/rootfs          one layer, unpacked; several make an image's root
                    mtree           what must be in it, with digests
                    rendered        the mark that it is complete
    cas/ref/name/<name>/<id>        look-up by name, `/` in names written as `,`
    cas/ref/url/<digest>            which image a URL or file gave last, with ETag and max-age
    tmp/                            work in progress, locked by whoever works

An image is listed when its directory is there: it appears by one rename, after everything in it
and its layers has reached the disk. Directories are 0700 and must be our own; what a group gets of
them is in `sharing.py`.
"""

from __future__ import annotations

import errno
import os
import stat
import time

from podwright import jsonio
from podwright.errors import PodwrightError, StoreError, UsageError
from podwright.host import clock
from podwright.host.lock import HostLock, try_lock
from podwright.host.paths import FORMAT
from podwright.kernel import fs
from podwright.kernel.step import step
from podwright.model.names import is_image_id
from podwright.stage0 import verdict
from podwright.values import value
from podwright.values_json import to_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Optional

    from podwright.host.paths import Layout

RECORD_FORMAT = 2
PRIVATE, GROUP_READS, OTHERS_WRITE = 0o077, 0o027, 0o022
"""Mode bits that a directory of the store must not have."""
_DIR = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@value
class Layer:
    """One directory below `cas/tree` that is a part of an image's root.

    tree   its name: an image ID (the image's own root, or its merged one), or `sha256-<64 hex>`,
           the digest of an OCI layer as served, which several images may share
    mtree  SHA-256 of its `mtree` file; "" in what agents before record format 2 stored
    """

    tree: str
    mtree: str


@value
class Record:
    """What is remembered of an image beside its manifest.

    latest        it was found by discovery when no version was asked for
    size          bytes stored: archive and files of the layers
    source        {kind: name|url|file|docker|..., ref, url, signature}
    layers        what its root is stacked from, lowest first
    dependencies  IDs of the images whose layers are below its own, flattened, lowest first
    merged        the layers that its own tree was merged with, lowest first, when it was
    transport     appc, docker, oci, docker-archive or oci-archive: where the policy looks
    identity      what the policy judges: the image name; for docker the canonical reference
    digest        OCI: `sha256:<hex>` of the image's manifest, which is what gets signed
    """

    id: str
    name: str
    labels: tuple[tuple[str, str], ...]
    verdict: verdict.Verdict
    imported: str
    latest: bool
    size: int
    source: dict[str, str]
    layers: tuple[Layer, ...] = ()
    dependencies: tuple[str, ...] = ()
    transport: str = "appc"
    identity: str = ""
    digest: str = ""
    merged: tuple[Layer, ...] = ()


def ensure(layout: Layout) -> None:
    """Make the store's directories where they are missing; check that they are ours."""
    if not _checked(layout.data, OTHERS_WRITE):
        fs.ensure_dir(layout.data, 0o700)
    if not check(layout):
        fs.write_atomic(f"{layout.data}/version", jsonio.dumps({"format": FORMAT}).encode(), 0o644)
    refs = f"{layout.cas}/ref"
    for path in (
        layout.tmp, layout.locks, layout.cas, layout.images, layout.trees,
        refs, f"{refs}/name", f"{refs}/url",
    ):  # fmt: skip
        forbidden = GROUP_READS if path in (layout.cas, layout.images) else PRIVATE
        if not _checked(path, forbidden):
            try:
                fs.mkdir(path)
            except FileExistsError:
                _checked(path, forbidden)
    from podwright.stage0 import sharing

    sharing.prepare(layout)


def check(layout: Layout) -> bool:
    """Whether there is a store; StoreError when it is foreign or newer than this agent."""
    if not _checked(layout.data, OTHERS_WRITE):
        return False
    _checked(layout.cas, GROUP_READS)
    try:
        with open(f"{layout.data}/version", "rb") as file:
            found = jsonio.loads(file.read(4096), f"{layout.data}/version")
    except FileNotFoundError:
        return False
    except (OSError, UsageError) as err:
        raise StoreError(
            f"{layout.data}/version cannot be read: {err}", object=layout.data
        ) from None
    number = found.get("format") if isinstance(found, dict) else None
    if type(number) is not int or not 1 <= number <= FORMAT:
        raise StoreError(
            f"{layout.data} has format {number}, this agent knows {FORMAT}",
            "upgrade the agent, or use another data directory",
            object=layout.data,
            reason="newer-format",
        )
    return True


def _checked(path: str, forbidden: int) -> bool:
    """Whether a directory is there; StoreError unless it is a real one, root's or ours, and its
    mode has none of the `forbidden` bits.
    """
    try:
        info = os.lstat(path)
    except FileNotFoundError:
        return False
    except OSError as err:
        hint = "be root, or a member of the group podwright" if err.errno == errno.EACCES else ""
        raise StoreError(f"{path} cannot be read: {err.strerror}", hint, object=path) from None
    why = ""
    if not stat.S_ISDIR(info.st_mode):
        why = "is not a directory (links are not followed)"
    elif info.st_uid not in (0, os.geteuid()):
        why = f"belongs to user {info.st_uid}, not {os.geteuid()}"
    elif info.st_mode & forbidden:
        why = f"is open to others (mode {info.st_mode & 0o7777:04o})"
    if why:
        raise StoreError(f"{path} {why}", "make it a directory that only root can use", object=path)
    return True


def read_record(layout: Layout, image_id: str) -> Optional[Record]:
    """The record of an image, or None when it is not stored."""
    path = f"{layout.images}/{image_id}/record.json"
    try:
        with open(path, "rb") as file:
            raw = jsonio.loads(file.read(), path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, UsageError) as err:
        raise _broken(path, err) from None
    try:
        number = raw.pop("format")
        if number not in (1, RECORD_FORMAT):
            raise StoreError(f"{path} has a newer format", "upgrade the agent", object=path)
        labels = tuple((str(key), str(text)) for key, text in raw.pop("labels"))
        raw["verdict"] = verdict.read(raw["verdict"])
        layers = raw.pop("layers", [{"tree": image_id, "mtree": ""}])
        raw["layers"] = tuple(Layer(**layer) for layer in layers)
        raw["merged"] = tuple(Layer(**layer) for layer in raw.pop("merged", ()))
        raw["dependencies"] = tuple(raw.pop("dependencies", ()))
        record = Record(labels=labels, **raw)
    except (TypeError, KeyError, ValueError, AttributeError) as err:
        raise _broken(path, err) from None
    if record.id != image_id:
        raise _broken(path, ValueError("it is about another image"))
    return record


def _broken(path: str, err: Exception) -> StoreError:
    return StoreError(
        f"{path} is damaged ({err})", "remove the image and fetch it again", object=path
    )


def record_bytes(record: Record) -> bytes:
    """A record as it is stored."""
    return jsonio.pretty({"format": RECORD_FORMAT, **to_json(record)}).encode() + b"\n"


def write_record(layout: Layout, record: Record) -> None:
    """Replace the record of a stored image."""
    fs.write_atomic(f"{layout.images}/{record.id}/record.json", record_bytes(record), 0o640)


def image_ids(layout: Layout) -> list[str]:
    """The IDs of all stored images."""
    try:
        return sorted(name for name in os.listdir(layout.images) if is_image_id(name))
    except FileNotFoundError:
        return []


def touch(layout: Layout, image_id: str) -> None:
    """Note that an image is used now."""
    step("utime")
    try:
        os.utime(f"{layout.images}/{image_id}/used")
    except OSError as err:
        if err.errno not in (errno.ENOENT, errno.EROFS, errno.EACCES):
            raise


def last_used(layout: Layout, image_id: str) -> str:
    """RFC 3339; "" when unknown."""
    try:
        return clock.rfc3339(os.stat(f"{layout.images}/{image_id}/used").st_mtime)
    except OSError:
        return ""


def tree_path(layout: Layout, tree: str) -> str:
    """The root file system, or layer of one, called `tree`."""
    return f"{layout.trees}/{tree}/rootfs"


def tree_complete(layout: Layout, tree: str) -> bool:
    """Whether a rendered tree is there in full."""
    return os.path.lexists(f"{layout.trees}/{tree}/rendered")


def ids_by_name(layout: Layout, name: str) -> list[str]:
    """Images that were stored under a name; some may have been removed since."""
    try:
        return sorted(os.listdir(_name_dir(layout, name)))
    except FileNotFoundError:
        return []


def _name_dir(layout: Layout, name: str) -> str:
    return f"{layout.cas}/ref/name/{name.replace('/', ',')}"


def read_place(layout: Layout, place: str) -> Optional[dict[str, Any]]:
    """What is known of a URL or file: {place, id, etag, fresh_until, ...}, or None."""
    path = _place_file(layout, place)
    try:
        with open(path, "rb") as file:
            raw = jsonio.loads(file.read(65536), path)
    except FileNotFoundError:
        return None
    except (OSError, UsageError):
        return None  # only a memory of where something came from: fetching again repairs it
    return raw if isinstance(raw, dict) and raw.get("place") == place else None


def write_place(layout: Layout, place: str, known: dict[str, Any]) -> None:
    """Remember what a URL or file gave."""
    data = jsonio.dumps({**known, "place": place}).encode()
    fs.write_atomic(_place_file(layout, place), data, durable=False)


def _place_file(layout: Layout, place: str) -> str:
    return f"{layout.cas}/ref/url/{short_digest(place)}"


def short_digest(text: str) -> str:
    """32 hex digits that stand for a text in file names."""
    from podwright.stage0.trustring import sha256

    return sha256(text.encode("utf-8", "surrogateescape"))[:32]


def lock(layout: Layout, doing: str) -> HostLock:
    """The lock under which images appear, change and go."""
    return HostLock(f"{layout.locks}/store", doing)


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

    The caller holds the store's lock. A complete tree is kept, since pods may be using it and
    its content is the same by its name.
    """
    if tree_complete(layout, tree):
        return
    fs.remove_tree(f"{layout.trees}/{tree}")
    fs.rename(made, f"{layout.trees}/{tree}")


def publish_image(layout: Layout, made: str, record: Record) -> None:
    """Make the finished image directory `made` visible; its layers must be there.

    The caller holds the store's lock, and has held it since it last saw the layers complete, so
    that none of them was swept meanwhile. An image that is there already is replaced as a whole.
    """
    missing = [layer.tree for layer in record.layers if not tree_complete(layout, layer.tree)]
    if missing:
        raise StoreError(
            f"image {record.name}: its layer {missing[0]} was removed meanwhile", "fetch it again"
        )
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


def _refer(layout: Layout, record: Record) -> None:
    """Make the name lead to the image that is about to appear.

    This comes first and is on the disk before the image is: a name that leads nowhere is an image
    less, but an image that its name does not lead to would be one that nobody can run or replace.
    """
    names = _name_dir(layout, record.name)
    fs.ensure_dir(names)
    reference = f"{names}/{record.id}"
    if not os.path.lexists(reference):
        fs.write_new(reference, b"")
        fs.fsync_dir(names)
        fs.fsync_dir(os.path.dirname(names))


def publish(layout: Layout, workspace: str, record: Record) -> None:
    """Make an ACI visible: `workspace` holds `image/` and `tree/`, all complete.

    The caller holds the store's lock.
    """
    publish_tree(layout, f"{workspace}/tree", record.id)
    publish_image(layout, f"{workspace}/image", record)


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
    for other_id in ids_by_name(layout, record.name):
        try:
            other = read_record(layout, other_id)
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
        record = read_record(layout, image_id)
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
            names = _name_dir(layout, record.name)
            fs.unlink(f"{names}/{image_id}")
            if not os.listdir(names):
                os.rmdir(names)


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
    records = (read_record(layout, image_id) for image_id in image_ids(layout))
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
        found += [(name, image_id) for image_id in ids_by_name(layout, name)]
    return found


def not_stored(what: str) -> PodwrightError:
    """The error for an image that is not in the store and may not be fetched."""
    from podwright.errors import NotFoundError

    return NotFoundError(
        f"image {what} is not in the store", "fetch it with: podwright fetch IMAGE", object=what
    )
