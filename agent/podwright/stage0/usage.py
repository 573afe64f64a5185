# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What needs a stored image: pods, named pods that are to start again, images built on it."""

from __future__ import annotations

import os

from podwright.errors import PodwrightError, StoreError, UsageError
from podwright.model.names import is_pod_name
from podwright.stage0 import pods, store, storewriter
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from podwright.host.paths import Layout

LIVE = ("running", "prepared", "preparing")


def by_pods(layout: Layout) -> dict[str, str]:
    """Image ID -> the pod that runs it, or is going to, in words."""
    return {**_named(layout), **by_live_pods(layout)}


def by_live_pods(layout: Layout, without: tuple[str, ...] = ()) -> dict[str, str]:
    """Image ID -> a pod that runs, or is prepared to, in words; not one of the UUIDs `without`."""
    from podwright.stage0.start import read_manifest

    used: dict[str, str] = {}
    for pod in pods.each(layout, (pods.PREPARE, pods.PREPARED, pods.RUN)):
        if pod.state not in LIVE or pod.uuid in without:
            continue
        try:
            manifest = read_manifest(pod.path)
        except FileNotFoundError:
            continue  # it is only being made, and will see that the image is gone
        ids = [app.image_id for app in manifest.apps]
        stage1 = pod.read_object("runtime-config").get("stage1Image")
        for image_id in [*ids, str(stage1)] if stage1 else ids:
            used.setdefault(image_id, f"pod {called(layout, pod)} ({pod.state})")
    return used


def called(layout: Layout, pod: pods.Pod) -> str:
    """The name of a pod's that means it now; else its UUID."""
    name = str(pod.read_object("runtime-config").get("name", ""))
    return name if is_pod_name(name) and pods.instance(layout, name) == pod.uuid else pod.uuid


def _named(layout: Layout) -> dict[str, str]:
    """Image ID -> the named pod whose current revision is made of it, in words."""
    from podwright.reconcile import revisions

    found: dict[str, str] = {}
    for name in revisions.names(layout):
        revision = revisions.current(layout, name)
        for image_id in _of_revision(revision.runtime) if revision else ():
            found[image_id] = f"pod {safe(name)}, which starts it again"
    return found


def _of_revision(runtime: dict[str, Any]) -> list[str]:
    """The images of a revision, with its stage1's."""
    found = [str(app.get("image_id")) for app in runtime.get("apps", ())]
    return [*found, str(runtime["stage1_image"])] if runtime.get("stage1_image") else found


def by_revisions(layout: Layout) -> dict[str, str]:
    """Image ID -> the named pod that can be brought back to a revision made of it, in words."""
    from podwright.reconcile import revisions

    found: dict[str, str] = {}
    for name in revisions.names(layout):
        for revision in revisions.every(layout, name):
            if revision.result.outcome not in (revisions.FAILED, revisions.ROLLED_BACK):
                for image_id in _of_revision(revision.runtime):
                    found[image_id] = f"pod {safe(name)}, which can go back to it"
    return found


def by_images(layout: Layout) -> dict[str, str]:
    """Image ID -> an image that is built on it. One whose record is damaged does not count: it
    cannot run, and has to be fetched again with what it is built on.
    """
    out: dict[str, str] = {}
    for image_id in store.image_ids(layout):
        try:
            record = store.read_record(layout, image_id)
        except StoreError:
            continue
        for below in record.dependencies if record else ():
            out.setdefault(below, full_name(record.name, record.labels) if record else "")
    return out


def full_name(name: str, labels: tuple[tuple[str, str], ...]) -> str:
    """An image's name with its version, as people say it."""
    version = dict(labels).get("version", "")
    return f"{name}:{version}" if version else name


def refuse_used(layout: Layout, image_id: str, name: str) -> None:
    """Raise UsageError when something needs the image."""
    user = by_pods(layout).get(image_id)
    if user:
        raise UsageError(
            f"image {name} is used by {user}",
            "remove the pod first; one with a name goes by podwright apply with its state absent",
            object=name,
            reason="in-use",
        )
    above = by_images(layout).get(image_id)
    if above:
        raise UsageError(
            f"image {name} is what image {above} is built on",
            f"remove {above} first",
            object=name,
            reason="in-use",
        )


def remove(layout: Layout, image_id: str, name: str) -> None:
    """Remove an image that nothing needs.

    A pod that is prepared at the same moment either is seen here, and the image stays, or finds
    that the image is gone: it is moved away before the last look, and a pod writes down what it
    is made of before it takes the trees.
    """
    store.check(layout)
    with store.lock(layout, "removing an image"):
        refuse_used(layout, image_id, name)
        storewriter.remove(layout, image_id, lambda: refuse_used(layout, image_id, name))


def collect(layout: Layout, grace: float) -> tuple[list[str], list[str]]:
    """Remove images not used for `grace` seconds that nothing needs, and trees of no image.

    Returns the IDs that went, and one sentence for each image that could not.
    """
    import time

    from podwright.stage0 import sweep

    gone: list[str] = []
    problems: dict[str, str] = {}
    oldest = time.time() - grace
    again = store.check(layout)
    while again:
        again = False
        needed = {**by_revisions(layout), **by_pods(layout), **by_images(layout)}
        for image_id in store.image_ids(layout):
            if image_id in needed or image_id in problems or not _idle(layout, image_id, oldest):
                continue
            try:
                remove(layout, image_id, _name(layout, image_id))
            except PodwrightError as err:
                problems[image_id] = err.sentence()
                continue
            gone.append(image_id)
            again = True  # what it was built on may be needed no more
    sweep.sweep_tmp(layout)
    return gone, list(problems.values())


def to_collect(layout: Layout, grace: float, without: tuple[str, ...] = ()) -> list[str]:
    """The IDs that `collect` would remove, in its order, when the pods `without` are gone; changes nothing."""
    import time

    gone: list[str] = []
    oldest = time.time() - grace
    known = store.image_ids(layout) if store.check(layout) else []
    records = {image_id: _below(layout, image_id) for image_id in known}
    needed = {**by_revisions(layout), **_named(layout), **by_live_pods(layout, without)}
    again = True
    while again:
        left = [image_id for image_id in known if image_id not in gone]
        below = {one for image_id in left for one in records[image_id]}
        more = [
            image_id
            for image_id in left
            if image_id not in needed and image_id not in below and _idle(layout, image_id, oldest)
        ]
        gone += more
        again = bool(more)
    return gone


def _below(layout: Layout, image_id: str) -> tuple[str, ...]:
    """What an image is built on; nothing for one whose record is damaged, as in `by_images`."""
    try:
        record = store.read_record(layout, image_id)
    except StoreError:
        return ()
    return tuple(record.dependencies) if record else ()


def _name(layout: Layout, image_id: str) -> str:
    try:
        record = store.read_record(layout, image_id)
    except StoreError:
        record = None
    return record.name if record else image_id


def _idle(layout: Layout, image_id: str, oldest: float) -> bool:
    try:
        return os.stat(f"{layout.images}/{image_id}/used").st_mtime <= oldest
    except OSError:
        return False
