# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starts, ends and changes of pods are measured: what stage0 calls where that is configured."""

from __future__ import annotations

import os

from podwright import jsonio
from podwright.errors import HostError, PodwrightError
from podwright.host import counters
from podwright.host.paths import Layout
from podwright.kernel import beneath, fs
from podwright.model import measured
from podwright.stage0 import pods
from podwright.tpm import eventlog, events, settings
from podwright.tpm.child import Child
from podwright.tpm.measure import Session, last_event
from podwright.tpm.settings import OFF, REQUIRE, Settings
from podwright.values_json import to_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Optional

    from podwright.model.pod import PodApp, PodManifest
    from podwright.stage1.contract import Launch

MEASURED = "measured"
"""A file of a pod whose start was measured: how, so that its end is measured the same way."""
UNKNOWN = "unknown"
LATER = "a pod's end is not measured yet, the next measurement makes up for it"


class Measuring:
    """A pod's start is being measured. `wait` before any of its apps executes."""

    def __init__(self, layout: Layout, said: Settings, launch: Launch) -> None:
        self._layout = layout
        self._said = said
        self._path = launch.pod_dir
        self._uuid = launch.uuid
        self._child: Optional[Child] = _child(layout, said, lambda: _start(layout, said, launch))

    def wait(self) -> tuple[str, ...]:
        """Return when it is measured; sentences about what is not as it should be.

        Raises HostError when it cannot be and must be. Once is enough; more do nothing.
        """
        child, self._child = self._child, None
        if child is None:
            return ()
        try:
            reports = child.result()
        except HostError as err:
            _failed(self._layout, err)
            if self._said.mode == REQUIRE:
                raise HostError(
                    f"pod {self._uuid} was not started, since that cannot be measured: {err.message}",
                    err.hint,
                    object=self._uuid,
                    reason=err.reason,
                ) from None
            _miss(self._layout, self._uuid, "")
            return (f"the pod's start is not measured: {err.sentence()}",)
        _succeeded(self._layout, len(reports))
        how = {
            "run": self._layout.run,
            "data": self._layout.data,
            "settings": to_json(self._said),
        }
        data = jsonio.dumps(how).encode()
        fs.write_atomic(f"{self._path}/{MEASURED}", data, 0o640, durable=False)
        return tuple(reports)

    def cancel(self) -> None:
        """The pod will not start."""
        if self._child is not None:
            self._child.end()
            self._child = None


def begin(layout: Layout, said: Settings, launch: Launch) -> Optional[Measuring]:
    """Begin to measure a pod's start; None where nothing is to be measured."""
    return None if said.mode == OFF else Measuring(layout, said, launch)


def ended(path: str, status: Optional[int], reason: str) -> tuple[str, ...]:
    """Measure the end of the pod in `path`, where its start was; sentences about what went wrong."""
    try:
        how = jsonio.loads(beneath.read_regular(path, MEASURED, 65536), path)
        layout = Layout(data=how["data"], run=how["run"])
        said = Settings(**how["settings"])
    except (OSError, PodwrightError, KeyError, TypeError):
        return (f"{LATER}: {path}/{MEASURED} is damaged",)
    uuid = os.path.basename(path)
    return _told(layout, said, lambda: _end(layout, said, uuid, status, reason))


def settle(layout: Layout) -> tuple[str, ...]:
    """Measure the ends that nobody has measured, and what was missed; sentences about what went wrong."""
    where = eventlog.place(layout)
    if not eventlog.opened(where) and not eventlog.missed(where):
        return ()
    said = settings.read(layout)
    if said.mode == OFF:
        return ()
    return _told(layout, said, lambda: _settle(layout, said))


def app_added(
    layout: Layout, uuid: str, app: PodApp, manifest: PodManifest, insecure: frozenset[str]
) -> tuple[str, ...]:
    """Measure an app before it comes into its pod. Raises HostError when that must be and cannot."""
    said = settings.read(layout)
    if said.mode == OFF:
        return ()
    if uuid not in eventlog.opened(eventlog.place(layout)):
        return _late(layout, said, uuid, app.name)

    def work() -> list[str]:
        return _add(layout, said, [events.app_add(layout, uuid, app, manifest, insecure)])

    try:
        reports = tuple(_child(layout, said, work).result())
    except HostError as err:
        _failed(layout, err)
        if said.mode == REQUIRE:
            text = f"app {app.name} was not added, since that cannot be measured: {err.message}"
            raise HostError(text, err.hint, object=app.name, reason=err.reason) from None
        _miss(layout, uuid, app.name)
        return (f"app {app.name} is not measured: {err.sentence()}",)
    _succeeded(layout, len(reports))
    return reports


def _late(layout: Layout, said: Settings, uuid: str, app: str) -> tuple[str, ...]:
    """An app of a pod that was started before it could be measured, or without."""
    why = f"the start of its pod {uuid} was not"
    if said.mode == REQUIRE:
        raise HostError(
            f"app {app} was not added, since that would be measured and {why}",
            "start the pod again: then it is measured",
            object=app,
            reason="not-measured",
        )
    _miss(layout, uuid, app)
    return (f"app {app} is not measured, since {why}",)


def app_removed(layout: Layout, uuid: str, app: str, manifest: PodManifest) -> tuple[str, ...]:
    """Measure that an app has left its pod; sentences about what went wrong."""
    said = settings.read(layout)
    if said.mode == OFF:
        return ()
    content = events.app_rm(uuid, app, manifest)
    otherwise = f"that app {app} has left is not measured"
    return _told(layout, said, lambda: _add(layout, said, [content]), otherwise)


def _child(layout: Layout, said: Settings, work: Callable[[], list[str]]) -> Child:
    """Work that waits for the TPM as long as is set."""
    return Child(work, said.timeout, eventlog.place(layout))


def _told(
    layout: Layout, said: Settings, work: Callable[[], list[str]], otherwise: str = LATER
) -> tuple[str, ...]:
    """Have something measured that has happened already; `otherwise` is said where that fails."""
    try:
        reports = tuple(_child(layout, said, work).result())
    except HostError as err:
        _failed(layout, err)
        return (f"{otherwise}: {err.sentence()}",)
    _succeeded(layout, len(reports))
    return reports


def _failed(layout: Layout, err: PodwrightError) -> None:
    counters.add(layout, {"tpm-failed": 1})
    if _is_there(eventlog.place(layout)):
        eventlog.set_error(eventlog.place(layout), err.sentence(), err.reason)


def _miss(layout: Layout, uuid: str, app: str) -> None:
    if _is_there(eventlog.place(layout)):
        eventlog.miss(eventlog.place(layout), uuid, app)


def _is_there(where: str) -> bool:
    """Whether there is a directory for notes: one that others can write to is told, and nothing is in it."""
    try:
        eventlog.make(where)
    except HostError:
        return False
    return True


def _succeeded(layout: Layout, mismatches: int) -> None:
    eventlog.set_error(eventlog.place(layout), "")
    counters.add(layout, {"tpm-measured": 1, "tpm-mismatches": mismatches})


# In the child


def _start(layout: Layout, said: Settings, launch: Launch) -> list[str]:
    content = events.start(layout, launch)
    where = eventlog.place(layout)
    with Session(where, said) as session:
        measure_ends(session, where, launch.uuid)
        eventlog.open_pod(where, launch.uuid, layout.data)
        session.add(content)
        return session.reports


def _end(
    layout: Layout, said: Settings, uuid: str, status: Optional[int], reason: str
) -> list[str]:
    where = eventlog.place(layout)
    with Session(where, said) as session:
        if uuid in eventlog.opened(where):
            _close(session, where, uuid, status, reason)
        measure_ends(session, where)
        return session.reports


def _settle(layout: Layout, said: Settings) -> list[str]:
    where = eventlog.place(layout)
    with Session(where, said) as session:
        measure_ends(session, where)
        return session.reports


def _add(layout: Layout, said: Settings, contents: list[dict[str, Any]]) -> list[str]:
    with Session(eventlog.place(layout), said) as session:
        for content in contents:
            session.add(content)
        return session.reports


def measure_ends(session: Session, where: str, starting: str = "") -> None:
    """Measure the ends of pods that nobody watches any more; `starting` is one that begins anew."""
    for uuid in eventlog.opened(where):
        layout = Layout(data=eventlog.pods_of(where, uuid))
        pod = pods.get(layout, uuid) if layout.data else None
        if pod is not None and pod.state == "running" and uuid != starting:
            continue
        _close(session, where, uuid, *_how(pod, uuid == starting))


def _close(session: Session, where: str, uuid: str, status: Optional[int], reason: str) -> None:
    """Measure an end, if the start is in the log: who was killed early has written none."""
    if last_event(eventlog.read(where), uuid) not in ("", measured.POD_END):
        session.add(events.end(uuid, status, reason))
    eventlog.close_pod(where, uuid)


def _how(pod: Optional[pods.Pod], again: bool) -> tuple[Optional[int], str]:
    """How a pod has ended, as its parent wrote it down if it could."""
    if pod is None:
        return None, UNKNOWN
    name = "exited"
    if again:  # its record was put away before it was started again
        lives = f"{pod.path}/lives"
        numbers = (
            [int(one) for one in os.listdir(lives) if one.isdigit()] if os.path.isdir(lives) else []
        )
        if not numbers:
            return None, UNKNOWN
        name = f"lives/{max(numbers)}/exited"
    raw = pod.read_object(name)
    status, reason = raw.get("status"), raw.get("reason")
    if type(status) is not int or not isinstance(reason, str):
        return None, UNKNOWN
    return status, reason
