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
from podwright.values import replace, value
from podwright.values_json import to_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from podwright.host.paths import Layout

FORMAT = 1
LATER_FORMAT = 2
"""Of pods with a stage1 image, and of sandboxes, which an older agent would run as something else."""
KEEP_REVISIONS = 3
AGAIN = "remove the pod and apply it again"
MEMBERS: dict[str, tuple[type, ...]] = {
    "revision": (int,),
    "created": (str,),
    "runtime": (dict,),
    "settings": (dict,),
    "images": (dict,),
    "uuid": (str,),
    "by": (str,),
    "source": (int,),
    "versions": (dict, type(None)),
    "result": (dict,),
}
"""What a revision has. What a newer agent adds is passed over."""
TOLD = ("outcome", "why", "instance", "time")
READY, FAILED, ROLLED_BACK = "ready", "failed", "rolled-back"


@value
class Result:
    """What became of a revision.

    outcome   READY, FAILED, ROLLED_BACK (failed, and the one before it runs again); "" as long as
              nobody has seen it start
    why       of one that failed
    instance  the pod that failed, whose directory and log are kept for a while
    time      of the outcome
    """

    outcome: str = ""
    why: str = ""
    instance: str = ""
    time: str = ""


@value
class Revision:
    """One revision of a named pod.

    number    counts from 1
    runtime   what the pod is made of, image IDs resolved; a difference needs a new pod
    settings  how it is supervised (restart, ready, stop timeout); a difference does not
    images    the image arguments as they were asked for, by app, for people
    uuid      the pod that was prepared for it
    by        who made it: `apply`, or `rollback`
    source    the revision that it is made after, 0 for none
    versions  the version of each app's image, by app, for people
    """

    number: int
    created: str
    runtime: dict[str, Any]
    settings: dict[str, Any]
    images: dict[str, str]
    uuid: str
    by: str = "apply"
    source: int = 0
    versions: Optional[dict[str, str]] = None
    result: Result = Result()


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
    return _read(f"{directory(layout, name)}/current", name)


def read(layout: Layout, name: str, number: int) -> Optional[Revision]:
    """One of the revisions that are kept, or None. A damaged one is an error."""
    return _read(_file(layout, name, number), name)


def every(layout: Layout, name: str) -> list[Revision]:
    """The revisions that are kept and can be read, oldest first."""
    found = []
    for number in numbers(layout, name):
        try:
            revision = read(layout, name, number)
        except StoreError:
            continue
        found += [revision] if revision is not None else []
    return found


def damaged(layout: Layout, name: str) -> list[int]:
    """The revisions that are kept and cannot be read."""
    readable = {one.number for one in every(layout, name)}
    return [number for number in numbers(layout, name) if number not in readable]


def _format(raw: dict[str, Any]) -> int:
    runtime = raw.get("runtime")
    later = isinstance(runtime, dict) and ("stage1_image" in runtime or "sandbox" in runtime)
    return LATER_FORMAT if later else FORMAT


def _read(path: str, name: str) -> Optional[Revision]:
    try:
        with open(path, "rb") as file:
            raw = jsonio.loads(file.read(), path)
    except FileNotFoundError:
        return None
    except UsageError as err:
        raise StoreError(err.message, AGAIN, object=name) from None
    except OSError as err:
        raise StoreError(f"{path}: {err.strerror}", AGAIN, object=name) from None
    if not isinstance(raw, dict) or raw.get("format") != _format(raw):
        raise StoreError(
            f"{path} is not a revision that this agent reads", "upgrade the agent", object=name
        )
    raw = {"by": "apply", "source": 0, "versions": None, "result": {"outcome": READY}, **raw}
    for member, kinds in MEMBERS.items():
        if member not in raw:
            raise StoreError(f"{path} lacks {member!r}", AGAIN, object=name)
        if not isinstance(raw[member], kinds) or isinstance(raw[member], bool):
            raise StoreError(f"{path}: {member} is not what it should be", AGAIN, object=name)
    result = {key: text for key, text in raw["result"].items() if key in TOLD}
    texts = [*result.values(), *raw["images"].values(), *(raw["versions"] or {}).values()]
    if not all(isinstance(text, str) for text in texts):
        raise StoreError(f"{path}: has a number where a text should be", AGAIN, object=name)
    return Revision(
        raw["revision"],
        raw["created"],
        raw["runtime"],
        raw["settings"],
        raw["images"],
        raw["uuid"],
        raw["by"],
        raw["source"],
        raw["versions"],
        Result(**result),
    )


def is_number(text: str) -> bool:
    """Whether it is a number as we write it."""
    return text.isascii() and text.isdigit()


def numbers(layout: Layout, name: str) -> list[int]:
    """The revisions that are kept, oldest first."""
    try:
        found = os.listdir(f"{directory(layout, name)}/revisions")
    except FileNotFoundError:
        return []
    return sorted(
        int(entry[:-5]) for entry in found if entry.endswith(".json") and is_number(entry[:-5])
    )


def add(
    layout: Layout,
    name: str,
    runtime: dict[str, Any],
    settings: dict[str, Any],
    images: dict[str, str],
    uuid: str,
    source: int = 0,
    versions: Optional[dict[str, str]] = None,
) -> Revision:
    """Write a new revision (not yet current); durable before it returns.

    source  the revision that a rollback goes back to
    """
    number = max(numbers(layout, name), default=0) + 1
    by = "rollback" if source else "apply"
    revision = Revision(number, clock.now(), runtime, settings, images, uuid, by, source, versions)
    fs.ensure_dir(layout.named, 0o750)
    fs.ensure_dir(directory(layout, name), 0o750)
    fs.ensure_dir(f"{directory(layout, name)}/revisions", 0o750)
    _write(layout, name, revision)
    return revision


def _write(layout: Layout, name: str, revision: Revision) -> None:
    raw = {
        "format": _format({"runtime": revision.runtime}),
        "revision": revision.number,
        "created": revision.created,
        "runtime": revision.runtime,
        "settings": revision.settings,
        "images": revision.images,
        "uuid": revision.uuid,
        "by": revision.by,
        "source": revision.source,
        "versions": revision.versions,
        "result": to_json(revision.result),
    }
    fs.write_atomic(_file(layout, name, revision.number), jsonio.dumps(raw).encode())


def conclude(
    layout: Layout, name: str, number: int, outcome: str, why: str = "", instance: str = ""
) -> None:
    """Record what has become of a revision; what it was found to be before counts no more."""
    revision = read(layout, name, number)
    if revision is not None and (revision.result.outcome, outcome) != (READY, READY):
        told = Result(outcome, why, instance, clock.now())
        _write(layout, name, replace(revision, result=told))


def failed_instances(layout: Layout, name: str) -> set[str]:
    """Pods of revisions that failed: they are kept, for whoever wants to know why."""
    return {one.result.instance for one in every(layout, name)} - {""}


def _file(layout: Layout, name: str, number: int) -> str:
    return f"{directory(layout, name)}/revisions/{number}.json"


def switch(layout: Layout, name: str, number: int) -> None:
    """Make a revision current, atomically."""
    base = directory(layout, name)
    link = f"{base}/current.new"
    fs.unlink(link)
    fs.symlink(f"revisions/{number}.json", link)
    fs.rename(link, f"{base}/current")


def expired(kept: list[Revision], number: int, keep: int) -> list[int]:
    """Which revisions go: all but the current one, `keep` - 1 others to go back to, and as many
    of those that failed. Pure.

    kept    oldest first
    number  of the current one
    """
    others = [one for one in kept if one.number != number]
    good = [one.number for one in others if one.result.outcome == READY]
    bad = [one.number for one in others if one.result.outcome != READY]
    return sorted(good[: max(0, len(good) - keep + 1)] + bad[: max(0, len(bad) - keep)])


def prune(layout: Layout, name: str) -> None:
    """Forget revisions that are more than are kept."""
    now = current(layout, name)
    if now is not None:
        keep = int(now.settings.get("keep_revisions", KEEP_REVISIONS))
        for old in expired(every(layout, name), now.number, keep):
            fs.unlink(_file(layout, name, old))


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
