# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pods as the fields of the API's messages, and its filters on them."""

from __future__ import annotations

import os

from podwright import jsonio
from podwright.metrics.pods import seconds
from podwright.stage0 import pods, report
from podwright.stage1.namespaces import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, Optional

    from podwright.host.paths import Layout

SHOWN = pods.DIRECTORIES
STATES = {
    "embryo": "EMBRYO",
    "preparing": "PREPARING",
    "prepared": "PREPARED",
    "running": "RUNNING",
    "aborted prepare": "ABORTED_PREPARE",
    "exited": "EXITED",
    "exited deleting": "DELETING",
    "deleting": "DELETING",
    "exited garbage": "GARBAGE",
    "garbage": "GARBAGE",
}
BARE = ("EMBRYO", "PREPARING", "ABORTED_PREPARE")
"""States in which a pod is only known by its ID."""
APP_STATES = {"running": "RUNNING", "exited": "EXITED"}


def every(layout: Layout) -> list[pods.Pod]:
    """All pods, once each."""
    return [pod for _, pod in sorted({pod.uuid: pod for pod in pods.each(layout, SHOWN)}.items())]


def fields(pod: pods.Pod, *, detail: bool) -> dict[str, Any]:
    """The fields of `Pod`. Apps have the IDs of their images only; enums are names."""
    state = STATES[pod.state]
    out: dict[str, Any] = {"id": pod.uuid, "state": f"POD_STATE_{state}"}
    if state in BARE:
        return out
    seen = report.report(pod)
    text = pod.read("pod")
    manifest = _object(text)
    out.update(
        apps=[_app(app, manifest, detail=detail) for app in seen["apps"]],
        networks=_networks(seen["networks"]),
        annotations=_pairs(manifest.get("annotations")),
        created_at=nanoseconds(seen["created_at"]),
        started_at=nanoseconds(seen["started_at"]),
        pid=seen["pid"] or 0,
    )
    if pod.directory in (pods.EXITED_GARBAGE, pods.GARBAGE):
        out["gc_marked_at"] = _marked(pod)
    if seen["state"] == "running":
        out["cgroup"] = cgroup(pod)
    if detail:
        out["manifest"] = text.encode("utf-8", "replace")
    return out


def _object(text: str) -> dict[str, Any]:
    from podwright.errors import PodwrightError

    try:
        found = jsonio.loads(text, "pod")
    except PodwrightError:
        return {}
    return found if isinstance(found, dict) else {}


def _app(app: dict[str, Any], manifest: dict[str, Any], *, detail: bool) -> dict[str, Any]:
    own: dict[str, Any] = next(
        (one for one in manifest.get("apps") or () if one.get("name") == app["name"]), {}
    )
    out = {
        "name": app["name"],
        "image": {"id": app["image_id"]},
        "annotations": _pairs(own.get("annotations")),
    }
    if detail:
        out["state"] = f"APP_STATE_{APP_STATES.get(app['state'], 'UNDEFINED')}"
        out["exit_code"] = app["exit_code"] or 0
    return out


def _pairs(raw: Any) -> list[dict[str, str]]:
    return [
        {"Key": str(one.get("name")), "value": str(one.get("value"))}
        for one in raw or ()
        if isinstance(one, dict)
    ]


def _networks(found: list[Any]) -> list[dict[str, str]]:
    out = []
    for one in found:
        ips = [text.partition("/")[0] for text in one.get("addresses", ())] or [one.get("ip", "")]
        out.append(
            {
                "name": one.get("netName", ""),
                "ipv4": next((ip for ip in ips if ip and ":" not in ip), ""),
                "ipv6": next((ip for ip in ips if ":" in ip), ""),
            }
        )
    return out


def nanoseconds(text: Optional[str]) -> int:
    """A time of RFC 3339 as nanoseconds since the epoch; 0 for none."""
    found = seconds(text)
    return 0 if found is None else round(found * 1000) * 1_000_000


def _marked(pod: pods.Pod) -> int:
    try:
        return os.lstat(pod.path).st_mtime_ns
    except OSError:
        return 0


def cgroup(pod: pods.Pod) -> str:
    """The pod's control group as systemd shows it, without where it is mounted; "" for none."""
    try:
        found = record.read(pod.path)
    except Exception:
        return ""
    top = "/sys/fs/cgroup"
    for path in found.cgroups if found is not None else ():
        if path.startswith(f"{top}/"):
            rest = path[len(top) :]
            unified = os.path.exists(f"{top}/cgroup.controllers")
            return rest if unified else "/" + rest[1:].partition("/")[2]
    return ""


def matches(pod: dict[str, Any], filters: Iterable[Any], names: dict[int, str]) -> bool:
    """Whether any filter holds; without one, every pod does.

    names  the values of PodState by number
    """
    filters = list(filters)
    return not filters or any(_holds(pod, one, names) for one in filters)


def _holds(pod: dict[str, Any], one: Any, names: dict[int, str]) -> bool:
    apps = pod.get("apps", ())
    group = pod.get("cgroup", "")
    return (
        (not one.ids or pod["id"] in one.ids)
        and (not one.states or pod["state"] in [names.get(number) for number in one.states])
        and {app["name"] for app in apps}.issuperset(one.app_names)
        and {app["image"]["id"] for app in apps}.issuperset(one.image_ids)
        and {net["name"] for net in pod.get("networks", ())}.issuperset(one.network_names)
        and has_pairs(pod.get("annotations", ()), one.annotations)
        and (not one.cgroups or (bool(group) and group in one.cgroups))
        and (not one.pod_sub_cgroups or (bool(group) and _above(group, one.pod_sub_cgroups)))
    )


def has_pairs(pairs: Iterable[dict[str, str]], wanted: Iterable[Any]) -> bool:
    """Whether all of the wanted pairs are there."""
    there = {(pair["Key"], pair["value"]) for pair in pairs}
    return there.issuperset((pair.Key, pair.value) for pair in wanted)


def _above(group: str, others: Iterable[str]) -> bool:
    return any(other == group or other.startswith(f"{group}/") for other in others)


def app_names(pod: pods.Pod) -> list[str]:
    """The apps of a pod."""
    return [str(name) for name in report.report(pod)["app_names"]]
