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

from podwright import jsonio
from podwright.errors import PodwrightError, StoreError, UsageError
from podwright.host import clock
from podwright.host.lock import HostLock
from podwright.host.paths import FORMAT
from podwright.kernel.step import step
from podwright.model.names import is_image_id
from podwright.stage0 import verdict
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from podwright.host.paths import Layout

RECORD_FORMAT = 2
PRIVATE, GROUP_READS, OTHERS_WRITE = 0o077, 0o027, 0o022
"""Mode bits that a directory of the store must not have."""


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


def check(layout: Layout) -> bool:
    """Whether there is a store; StoreError when it is foreign or newer than this agent."""
    if not checked(layout.data, OTHERS_WRITE):
        return False
    checked(layout.cas, GROUP_READS)
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


def checked(path: str, forbidden: int) -> bool:
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
        raise broken_record(path, err) from None
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
        raise broken_record(path, err) from None
    if record.id != image_id:
        raise broken_record(path, ValueError("it is about another image"))
    return record


def broken_record(path: str, err: Exception) -> StoreError:
    return StoreError(
        f"{path} is damaged ({err})", "remove the image and fetch it again", object=path
    )


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
        return sorted(os.listdir(name_dir(layout, name)))
    except FileNotFoundError:
        return []


def name_dir(layout: Layout, name: str) -> str:
    return f"{layout.cas}/ref/name/{name.replace('/', ',')}"


def read_place(layout: Layout, place: str) -> Optional[dict[str, Any]]:
    """What is known of a URL or file: {place, id, etag, fresh_until, ...}, or None."""
    path = place_file(layout, place)
    try:
        with open(path, "rb") as file:
            raw = jsonio.loads(file.read(65536), path)
    except FileNotFoundError:
        return None
    except (OSError, UsageError):
        return None  # only a memory of where something came from: fetching again repairs it
    return raw if isinstance(raw, dict) and raw.get("place") == place else None


def place_file(layout: Layout, place: str) -> str:
    return f"{layout.cas}/ref/url/{short_digest(place)}"


def fetched_since(known: dict[str, Any], moment: float) -> bool:
    """Whether what `read_place` tells was fetched since a moment, in seconds since the epoch."""
    when = known.get("fetched", 0)
    return isinstance(when, (int, float)) and when >= moment


def short_digest(text: str) -> str:
    """32 hex digits that stand for a text in file names."""
    from podwright.stage0.trustring import sha256

    return sha256(text.encode("utf-8", "surrogateescape"))[:32]


def lock(layout: Layout, doing: str) -> HostLock:
    """The lock under which images appear, change and go."""
    return HostLock(f"{layout.locks}/store", doing)


def not_stored(what: str) -> PodwrightError:
    """The error for an image that is not in the store and may not be fetched."""
    from podwright.errors import NotFoundError

    return NotFoundError(
        f"image {what} is not in the store", "fetch it with: podwright fetch IMAGE", object=what
    )
