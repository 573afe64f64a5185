# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Named pods on disk: every desired state that was ever current is a revision.

`<data>/named/<name>/revisions/<n>.json`, the link `current` to one of them, and `instance`, the
UUID that the supervisor runs or ran last.
"""

from __future__ import annotations

import os

from podwright import jsonio
from podwright.errors import PodwrightError, StoreError, UsageError
from podwright.host import clock
from podwright.kernel import fs
from podwright.model.names import is_pod_name
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from podwright.host.paths import Layout

FORMAT = 1
KEEP = 3


@value
class Revision:
    """One revision of a named pod.

    number    counts from 1
    runtime   what the pod is made of, image IDs resolved; a difference needs a new pod
    settings  how it is supervised (restart, ready, stop timeout); a difference does not
    images    the image arguments as they were asked for, by app, for people
    uuid      the pod that was prepared for it
    """

    number: int
    created: str
    runtime: dict[str, Any]
    settings: dict[str, Any]
    images: dict[str, str]
    uuid: str


def directory(layout: Layout, name: str) -> str:
    """Where a named pod's files lie."""
    return f"{layout.named}/{name}"


def names(layout: Layout) -> list[str]:
    """All named pods of this host."""
    try:
        return sorted(name for name in os.listdir(layout.named) if is_pod_name(name))
    except FileNotFoundError:
        return []


def current(layout: Layout, name: str) -> Optional[Revision]:
    """The current revision, or None when the pod is not known. A damaged one is an error."""
    path = f"{directory(layout, name)}/current"
    try:
        with open(path, "rb") as file:
            raw = jsonio.loads(file.read(), path)
    except FileNotFoundError:
        return None
    except UsageError as err:
        raise StoreError(err.message, "remove the pod and apply it again", object=name) from None
    if not isinstance(raw, dict) or raw.get("format") != FORMAT:
        raise StoreError(
            f"{path} is not a revision that this agent reads", "upgrade the agent", object=name
        )
    try:
        return Revision(
            raw["revision"],
            raw["created"],
            raw["runtime"],
            raw["settings"],
            raw["images"],
            raw["uuid"],
        )
    except KeyError as err:
        raise StoreError(
            f"{path} lacks {err}", "remove the pod and apply it again", object=name
        ) from None


def numbers(layout: Layout, name: str) -> list[int]:
    """The revisions that are kept, oldest first."""
    try:
        found = os.listdir(f"{directory(layout, name)}/revisions")
    except FileNotFoundError:
        return []
    return sorted(
        int(entry[:-5]) for entry in found if entry.endswith(".json") and entry[:-5].isdigit()
    )


def add(
    layout: Layout,
    name: str,
    runtime: dict[str, Any],
    settings: dict[str, Any],
    images: dict[str, str],
    uuid: str,
) -> Revision:
    """Write a new revision (not yet current); durable before it returns."""
    number = max(numbers(layout, name), default=0) + 1
    revision = Revision(number, clock.now(), runtime, settings, images, uuid)
    fs.ensure_dir(layout.named, 0o750)
    fs.ensure_dir(directory(layout, name), 0o750)
    fs.ensure_dir(f"{directory(layout, name)}/revisions", 0o750)
    raw = {
        "format": FORMAT,
        "revision": number,
        "created": revision.created,
        "runtime": runtime,
        "settings": settings,
        "images": images,
        "uuid": uuid,
    }
    fs.write_atomic(_file(layout, name, number), jsonio.dumps(raw).encode())
    return revision


def _file(layout: Layout, name: str, number: int) -> str:
    return f"{directory(layout, name)}/revisions/{number}.json"


def switch(layout: Layout, name: str, number: int) -> None:
    """Make a revision current, atomically; older ones beyond KEEP go."""
    base = directory(layout, name)
    link = f"{base}/current.new"
    fs.unlink(link)
    fs.symlink(f"revisions/{number}.json", link)
    fs.rename(link, f"{base}/current")
    for old in numbers(layout, name)[:-KEEP]:
        if old != number:
            fs.unlink(_file(layout, name, old))


def drop(layout: Layout, name: str, number: int) -> None:
    """Forget a revision that never became ready."""
    fs.unlink(_file(layout, name, number))


def forget(layout: Layout, name: str) -> None:
    """Remove all that is kept of a named pod."""
    fs.remove_tree(directory(layout, name))


def set_instance(layout: Layout, name: str, uuid: str) -> None:
    """Record which pod runs for the name."""
    fs.write_atomic(f"{directory(layout, name)}/instance", uuid.encode(), 0o640)


def problem(layout: Layout, name: str) -> str:
    """Why the current revision cannot be read, or ""."""
    try:
        current(layout, name)
    except PodwrightError as err:
        return err.sentence()
    return ""
