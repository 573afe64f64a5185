# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What has happened between two looks at a host: pure."""

from __future__ import annotations

from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, Optional

ORDER = {
    "embryo": 0,
    "preparing": 1,
    "prepared": 2,
    "running": 3,
    "exited": 4,
    "exited garbage": 5,
    "exited deleting": 5,
    "aborted prepare": 6,
    "garbage": 6,
    "deleting": 6,
}


@value
class SeenApp:
    """An app: how often it was started, and how it ended when it has."""

    started: int
    over: bool
    exit_code: Optional[int] = None
    reason: str = ""


@value
class SeenPod:
    """A pod: `state` as `stage0.pods` names it, `name` or else its UUID."""

    name: str
    state: str
    apps: tuple[tuple[str, SeenApp], ...] = ()
    started: str = ""
    reason: str = ""


@value
class Happened:
    """An event: `kind` is the end of a name of EventType."""

    kind: str
    id: str
    name: str
    data: tuple[tuple[str, str], ...] = ()


def seen(report: dict[str, Any]) -> SeenPod:
    """What matters of a pod's report."""
    apps = tuple(
        (
            app["name"],
            SeenApp(
                app["restarts"] + (app["state"] != "created"),
                app["state"] == "exited",
                app["exit_code"],
                str(app["exit_reason"] or ""),
            ),
        )
        for app in report["apps"]
    )
    return SeenPod(
        report["pod_name"] or report["name"],
        report["state"],
        apps,
        str(report["started_at"] or ""),
        str(report["exit_reason"] or ""),
    )


def between(before: dict[str, SeenPod], now: dict[str, SeenPod]) -> Iterator[Happened]:
    """Events of pods and apps, by UUID; what was passed too fast to be seen is made up for."""
    for uuid, pod in now.items():
        yield from _pod(uuid, before.get(uuid), pod)
    for uuid, pod in before.items():
        if uuid not in now:
            yield Happened("POD_GARBAGE_COLLECTED", uuid, pod.name)


def _pod(uuid: str, old: Optional[SeenPod], pod: SeenPod) -> Iterator[Happened]:
    was = ORDER[old.state] if old is not None else -1
    now = ORDER[pod.state]
    if now == 6:
        if was < 2:
            yield Happened("POD_PREPARE_ABORTED", uuid, pod.name)
        return
    again = old is not None and was >= 3 and now >= 3 and old.started != pod.started
    if was < 2 <= now:
        yield Happened("POD_PREPARED", uuid, pod.name)
    if was < 3 <= now or again:
        yield Happened("POD_STARTED", uuid, pod.name)
    known = dict(old.apps) if old is not None and was >= 3 and not again else {}
    if now >= 3 and was < 5:
        for name, app in pod.apps:
            yield from _app(uuid, name, known.get(name), app)
    if (was < 4 or again) and now in (4, 5):
        yield Happened("POD_EXITED", uuid, pod.name, (("reason", pod.reason),))


def _app(uuid: str, name: str, old: Optional[SeenApp], app: SeenApp) -> Iterator[Happened]:
    ended = Happened("APP_EXITED", uuid, name, (
        ("exit_code", "" if app.exit_code is None else str(app.exit_code)), ("reason", app.reason)
    ))  # fmt: skip
    was = old.started if old is not None else 0
    was_over = old.over if old is not None else True
    for _ in range(min(16, app.started - was)):
        if not was_over:
            yield ended
        yield Happened("APP_STARTED", uuid, name)
        was_over = False
    if app.over and not was_over:
        yield ended


def images(before: dict[str, str], now: dict[str, str]) -> Iterator[Happened]:
    """Events of images; ID -> name."""
    for image_id, name in now.items():
        if image_id not in before:
            yield Happened("IMAGE_IMPORTED", image_id, name)
    for image_id, name in before.items():
        if image_id not in now:
            yield Happened("IMAGE_REMOVED", image_id, name)
