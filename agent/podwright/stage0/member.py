# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fetch as a member of the group `podwright`: download, verify, and leave it in the inbox.

Everything runs with the member's own rights. What it verifies is for the member to know; root
verifies it again, and takes it only by the name and version that its signed manifest carries
(`inbox.py`): what was asked for by URL, or without a version, is left under those.
"""

from __future__ import annotations

import os

from podwright.errors import UsageError, VerifyError
from podwright.host import groups
from podwright.kernel import fs
from podwright.model.imageref import format_ref, parse_ref
from podwright.stage0 import fetch, identify, inbox, spots
from podwright.stage0.judge import detached
from podwright.stage0.web import sources
from podwright.stage0.web.netchild import RemoteClient
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Optional

    from podwright.host.paths import Layout
    from podwright.model.image import ImageManifest
    from podwright.model.imageref import ImageRef
    from podwright.stage0.images import FetchOptions, Progress
    from podwright.stage0.judge.detached import Signature
    from podwright.stage0.spots import Spot
    from podwright.stage0.web.transport import Client


def leave(
    layout: Layout, text: str, options: FetchOptions, progress: Optional[Progress] = None
) -> tuple[str, str]:
    """Download and verify an image, and leave it for root; its ID, and what root calls it."""
    _check_access(layout)
    ref = parse_ref(text, os.path.isfile)
    _check_kind(ref, options)
    own = os.urandom(8).hex()
    work = f"{layout.inbox}/.{own}"
    fs.mkdir(work)
    try:
        image_id, manifest = _fetch(layout, ref, options, progress, work)
        named = _named(ref, manifest)
        fs.rename(work, f"{layout.inbox}/{inbox.key(named)}.{own}", durable=False)
    except BaseException:
        fs.remove_tree(work)
        raise
    return image_id, named.text


def _named(ref: ImageRef, manifest: ImageManifest) -> ImageRef:
    """What root must ask for to get this image from the inbox."""
    version = dict(manifest.labels).get("version", "")
    if not version:
        raise UsageError(
            f"image {safe(ref.text, 200)} has no version, and root takes images from the inbox by"
            " name and version only",
            f"try: sudo podwright fetch {safe(ref.text, 200)}",
            reason="not-permitted",
        )
    others = tuple((label, text) for label, text in ref.labels if label != "version")
    return parse_ref(
        format_ref(manifest.name, (("version", version), *others)), lambda _path: False
    )


def _check_access(layout: Layout) -> None:
    if not os.access(layout.inbox, os.W_OK | os.X_OK):
        raise UsageError(
            "fetch must be run as root, or by a member of the group podwright",
            f"try: sudo podwright fetch ...  (or let root add you: usermod -aG {groups.FETCHERS}"
            " USER; and fetch once, which makes the inbox)",
            reason="not-permitted",
        )


def _check_kind(ref: ImageRef, options: FetchOptions) -> None:
    """Refuse what root would not take."""
    why = ""
    if ref.kind == "file":
        why = "root reads files itself"
    elif ref.kind not in ("name", "url"):
        why = "images of registries are fetched by root only"
    elif "image" in options.insecure:
        why = "root takes only signed images from the inbox"
    elif options.signature:
        why = "a signature from elsewhere is for root to give"
    if why:
        raise UsageError(
            f"image {safe(ref.text, 200)}: {why}",
            f"try: sudo podwright fetch {safe(ref.text, 200)}",
            reason="not-permitted",
        )


def _fetch(
    layout: Layout,
    ref: ImageRef,
    options: FetchOptions,
    progress: Optional[Progress],
    work: str,
) -> tuple[str, ImageManifest]:
    """Download image and signature into `work`, and verify them; the image's ID and manifest."""

    def report(done: int, total: Optional[int]) -> None:
        if progress is not None:
            progress(ref.text, done, total)

    with RemoteClient(layout, options.insecure) as client:
        spot = spots.find(client, ref)
        signature = detached.read(layout, client, spot, options, None)
        if signature is None:
            raise VerifyError(
                f"image {safe(ref.text, 200)} is not signed",
                f"only root can fetch it: sudo podwright fetch {safe(ref.text, 200)}",
                reason="no-signature",
            )
        _download(client, spot.image, f"{work}/{inbox.ARCHIVE}", report)
        verified = _verify(layout, ref, spot, signature, f"{work}/{inbox.ARCHIVE}")
    fs.write_new(f"{work}/{inbox.SIGNATURE}", signature.data)
    return verified


def _download(
    client: Client, url: str, copy: str, report: Callable[[int, Optional[int]], None]
) -> None:
    download = sources.Download(client, url, copy, report)
    download.begin()
    for _ in download.chunks():
        pass


def _verify(
    layout: Layout, ref: ImageRef, spot: Spot, signature: Signature, archive: str
) -> tuple[str, ImageManifest]:
    wanted = fetch.Wanted(ref.text, spot.name, spot.labels, signature, (), spot.latest, {})
    fd = os.open(archive, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        image_id, data = identify.identify(fd)
    finally:
        os.close(fd)
    manifest = fetch.check_manifest(data, wanted)
    fetch.judge(layout, manifest.name, archive, wanted)
    return image_id, manifest
