# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Families about pods and apps, made of samples: pure."""

from __future__ import annotations

import calendar
import time

from podwright.metrics.text import Family
from podwright.stage0.pods import STATE_NAMES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, Optional, Union

    from podwright.metrics.text import Labels, Point
    from podwright.stage0.sample import Sample

    Number = Union[int, float]

APP_STATES = ("created", "running", "exited")
USED = (
    ("cpu", "cpu_seconds", "counter", "seconds", "CPU time used"),
    ("memory", "memory_bytes", "gauge", "bytes", "memory in use"),
    ("memory_limit", "memory_limit_bytes", "gauge", "bytes", "most memory that may be used"),
    ("pids", "pids", "gauge", "", "processes and threads"),
    ("pids_limit", "pids_limit", "gauge", "", "most processes and threads that may be"),
    ("read", "io_read_bytes", "counter", "bytes", "bytes read from disks"),
    ("written", "io_written_bytes", "counter", "bytes", "bytes written to disks"),
    ("swap", "swap_bytes", "gauge", "bytes", "memory that is on disks"),
    ("throttled", "cpu_throttled_seconds", "counter", "seconds", "time held back by a CPU limit"),
    ("oom_kills", "oom_kills", "counter", "", "processes killed for want of memory"),
    ("cpu_waiting", "cpu_waiting_seconds", "counter", "seconds", "time of waiting for a CPU"),
    (
        "memory_waiting",
        "memory_waiting_seconds",
        "counter",
        "seconds",
        "time of waiting for memory",
    ),
    ("io_waiting", "io_waiting_seconds", "counter", "seconds", "time of waiting for disks"),
)
"""Field of Usage, end of the name, kind, unit, words for help."""
OWN = " of the pod itself; those of its apps are counted with them"


def families(samples: list[Sample]) -> Iterator[Family]:
    """Every family about these pods. Only what can be told has points."""
    yield _states(samples)
    yield _app_states(samples)
    running = [one for one in samples if one.running]
    yield _of_pods("ready", "Whether a running pod is ready", running, _ready)
    yield _of_pods(
        "start_time_seconds", "When the pod started", running, _started, "gauge", "seconds"
    )
    for field, end, kind, unit, words in USED:
        points = [(_pod(one), getattr(one.usage, field)) for one in running]
        of_pod = f"{words}{OWN if field == 'throttled' else ''}"
        yield _family(f"pod_{end}", kind, f"Of a running pod: {of_pod}", points, unit)
    for field, end in (("received", "receive"), ("sent", "transmit")):
        yield Family(
            f"podwright_pod_network_{end}_bytes",
            "counter",
            f"Bytes {field} on a link of a running pod",
            tuple(
                ((*_pod(one), ("ifname", link.ifname)), getattr(link, field))
                for one in running
                for link in one.links
            ),
            "bytes",
        )
    yield from _apps(samples, running)


def _ready(one: Sample) -> int:
    return int(bool(one.pod["ready"]))


def _started(one: Sample) -> Optional[float]:
    return seconds(one.pod["started_at"])


def _apps(samples: list[Sample], running: list[Sample]) -> Iterator[Family]:
    each = [(one, app) for one in samples for app in one.pod["apps"]]
    yield _family(
        "app_running",
        "gauge",
        "Whether an app runs",
        [(_app(one, app), int(app["state"] == "running")) for one, app in each],
    )
    yield _family(
        "app_restarts",
        "counter",
        "How often an app was started again",
        [(_app(one, app), app["restarts"]) for one, app in each],
    )
    yield _family(
        "app_last_exit_code",
        "gauge",
        "Exit status of an app that has ended at least once",
        [(_app(one, app), app["exit_code"]) for one, app in each],
    )
    yield Family(
        "podwright_app_last_exit",
        "info",
        "Why an app has ended",
        tuple(
            ((*_app(one, app), ("reason", str(app["exit_reason"]))), 1)
            for one, app in each
            if app["exit_reason"]
        ),
    )
    for field, words in (("started_at", "start"), ("finished_at", "finish")):
        yield _family(
            f"app_{words}_time_seconds",
            "gauge",
            f"When an app {'started' if words == 'start' else 'ended'} last",
            [(_app(one, app), seconds(app[field])) for one, app in each],
            "seconds",
        )
    for field, end, kind, unit, words in USED:
        points = [
            (_app(one, {"name": name}), getattr(usage, field))
            for one in running
            for name, usage in one.apps.items()
        ]
        yield _family(f"app_{end}", kind, f"Of an app of a running pod: {words}", points, unit)


def _states(samples: list[Sample]) -> Family:
    counts = dict.fromkeys(STATE_NAMES.values(), 0)
    for one in samples:
        counts[one.pod["state"]] += 1
    points = tuple(((("state", state),), count) for state, count in counts.items())
    return Family("podwright_pods", "gauge", "Pods by state", points)


def _app_states(samples: list[Sample]) -> Family:
    counts = dict.fromkeys(APP_STATES, 0)
    for one in samples:
        for app in one.pod["apps"]:
            counts[app["state"]] = counts.get(app["state"], 0) + 1
    points = tuple(((("state", state),), count) for state, count in counts.items())
    return Family("podwright_apps", "gauge", "Apps by state", points)


def _of_pods(
    name: str, words: str, samples: list[Sample], of: Any, kind: str = "gauge", unit: str = ""
) -> Family:
    return _family(f"pod_{name}", kind, words, [(_pod(one), of(one)) for one in samples], unit)


def _family(
    name: str,
    kind: str,
    words: str,
    points: list[tuple[Labels, Optional[Number]]],
    unit: str = "",
) -> Family:
    known: tuple[Point, ...] = tuple(
        (labels, number) for labels, number in points if number is not None
    )
    return Family(f"podwright_{name}", kind, words, known, unit)


def _pod(one: Sample) -> Labels:
    return (("pod", one.pod["pod_name"] or one.pod["name"]), ("uuid", one.pod["name"]))


def _app(one: Sample, app: dict[str, Any]) -> Labels:
    return (*_pod(one), ("app", app["name"]))


def seconds(text: Optional[str]) -> Optional[float]:
    """A time of RFC 3339 in UTC as seconds since the epoch; None for anything else."""
    try:
        whole = calendar.timegm(time.strptime(str(text)[:19], "%Y-%m-%dT%H:%M:%S"))
        rest = str(text)[19:].rstrip("Z")
        return whole + float(f"0{rest}") if rest else float(whole)
    except (ValueError, OverflowError):
        return None
