# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What `top` shows, made of two looks at the pods: pure."""

from __future__ import annotations

import calendar
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from podwright.host.usage import Usage
    from podwright.stage0.sample import Sample

TITLES = (
    *("POD", "APP", "CPU", "MEMORY", "LIMIT", "PIDS"),
    *("READ", "WRITTEN", "IN", "OUT", "THROTTLED", "OOM", "RESTARTS", "AGE"),
)
DROPPED = (
    "OOM",
    "THROTTLED",
    "LIMIT",
    "READ",
    "WRITTEN",
    "RESTARTS",
    "PIDS",
    "AGE",
    "IN",
    "OUT",
    "APP",
)
"""What a narrow terminal does not show, the least important first."""


def rows(before: list[Sample], now: list[Sample], sort: str) -> list[dict[str, Any]]:
    """The running pods as JSON; rates are bytes per second, `cpu_percent` is of one core.

    What is not counted, and what has no rate yet, is None.
    """
    known = {one.pod["name"]: one for one in before}
    found = [_pod(known.get(one.pod["name"]), one) for one in now if one.running]
    found.sort(key=lambda row: (row["pod_name"] or row["name"], row["name"]))
    if sort != "name":
        field = "cpu_percent" if sort == "cpu" else "memory"
        found.sort(key=lambda row: -(row[field] or 0))
    return found


def _pod(before: Optional[Sample], now: Sample) -> dict[str, Any]:
    seconds = now.at - before.at if before is not None else 0.0
    pod = now.pod
    old = before.usage if before is not None else None
    links = {one.ifname: one for one in before.links} if before is not None else {}
    shared = [(links[one.ifname], one) for one in now.links if one.ifname in links]
    received = [_rate(a.received, b.received, seconds) for a, b in shared]
    sent = [_rate(a.sent, b.sent, seconds) for a, b in shared]
    apps = []
    for app in pod["apps"]:
        used = now.apps.get(app["name"])
        was = before.apps.get(app["name"]) if before is not None else None
        head = {"name": app["name"], "state": app["state"], "restarts": app["restarts"]}
        head["started_at"] = app["started_at"]
        apps.append({**head, **_used(was, used, seconds)})
    return {
        "name": pod["name"],
        "pod_name": pod["pod_name"],
        "started_at": pod["started_at"],
        "ready": pod["ready"],
        "restarts": sum(app["restarts"] for app in pod["apps"]),
        **_used(old, now.usage, seconds),
        "network_in": _sum(received),
        "network_out": _sum(sent),
        "apps": apps,
    }


def _used(before: Optional[Usage], now: Optional[Usage], seconds: float) -> dict[str, Any]:
    cpu = _rate(before.cpu, now.cpu, seconds) if before is not None and now is not None else None
    out: dict[str, Any] = {"cpu_percent": None if cpu is None else round(cpu * 100, 1)}
    for field in ("memory", "memory_limit", "swap", "pids", "pids_limit", "oom_kills"):
        out[field] = getattr(now, field) if now is not None else None
    for field, shown in (("read", "io_read"), ("written", "io_written")):
        both = before is not None and now is not None
        rate = _rate(getattr(before, field), getattr(now, field), seconds) if both else None
        out[shown] = None if rate is None else round(rate)
    for field in ("throttled", "cpu_waiting", "memory_waiting", "io_waiting"):
        both = before is not None and now is not None
        rate = _rate(getattr(before, field), getattr(now, field), seconds) if both else None
        out[f"{field}_percent"] = None if rate is None else round(rate * 100, 1)
    return out


def _rate(before: Optional[float], now: Optional[float], seconds: float) -> Optional[float]:
    """What was added in a second; None for what began anew meanwhile."""
    if before is None or now is None or seconds <= 0 or now < before:
        return None
    return (now - before) / seconds


def _sum(rates: list[Optional[float]]) -> Optional[int]:
    known = [one for one in rates if one is not None]
    return round(sum(known)) if known else None


def cells(found: list[dict[str, Any]], now: float) -> list[tuple[str, ...]]:
    """A line for each pod, and below it one for each of its apps when it has several."""
    out = []
    for pod in found:
        apps = pod["apps"]
        name, shown = "", pod
        if len(apps) == 1:
            name, shown = apps[0]["name"], {**pod, **_of_both(pod, apps[0])}
        out.append(_line(pod["pod_name"] or pod["name"][:8], name, shown, now))
        if len(apps) > 1:
            out += [_line("", app["name"], app, now) for app in apps]
    return out


def _of_both(pod: dict[str, Any], app: dict[str, Any]) -> dict[str, Any]:
    """What holds for a pod with one app: limits of either, and what these have done to it."""
    limits = ("memory_limit", "pids_limit")
    out = {field: app[field] for field in limits if pod[field] is None}
    for field in ("throttled_percent", "oom_kills"):
        each = (pod[field], app[field])
        out[field] = max((one for one in each if one is not None), default=None)
    return out


def _line(pod: str, app: str, row: dict[str, Any], now: float) -> tuple[str, ...]:
    cpu = row["cpu_percent"]
    return (
        pod,
        app,
        "-" if cpu is None else f"{cpu:.1f}%",
        size(row["memory"]),
        size(row["memory_limit"]),
        "-" if row["pids"] is None else str(row["pids"]),
        *(size(row.get(name)) for name in ("io_read", "io_written", "network_in", "network_out")),
        "-" if row["throttled_percent"] is None else f"{row['throttled_percent']:.0f}%",
        "-" if row["oom_kills"] is None else str(row["oom_kills"]),
        str(row["restarts"]),
        age(row["started_at"], now) if row.get("state", "running") == "running" else row["state"],
    )


def size(count: Optional[int]) -> str:
    """Bytes for people, in at most six characters."""
    if count is None:
        return "-"
    number = float(count)
    for unit in ("B", "K", "M", "G", "T"):
        if number < 1000 or unit == "T":
            break
        number /= 1024
    return f"{number:.0f}{unit}" if unit == "B" or number >= 100 else f"{number:.1f}{unit}"


def age(text: Optional[str], now: float) -> str:
    """`5s`, `12m`, `3h`, `2d` since a time of RFC 3339."""
    try:
        then = calendar.timegm(time.strptime(str(text)[:19], "%Y-%m-%dT%H:%M:%S"))
    except ValueError:
        return "-"
    seconds = max(0, int(now - then))
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= 2 * length or (unit == "m" and seconds >= length):
            return f"{seconds // length}{unit}"
    return f"{seconds}s"
