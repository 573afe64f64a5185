# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The fleet's report as one value: what JSON, Markdown and the page are made of. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from ansible_collections.podwright.fleet.plugins.plugin_utils import (
    status_attention,
    status_drift,
    status_gather,
)
from ansible_collections.podwright.fleet.plugins.plugin_utils.status_values import stamp, text

SCHEMA = "podwright.fleet.status"
VERSION = 1
"""Of the report. Fields may be added under the same version; what a field means changes only with another one."""


class Told(NamedTuple):
    """What is known of a host: results of status_info, and of the module pod in check mode."""

    name: str
    status: Any
    desired: Any = None


def report(told: Iterable[Told], now: float, title: str) -> dict[str, Any]:
    """The report; docs/status.md says what is in it."""
    hosts, pods = [], []
    for one in told:
        host, found = status_gather.host(one.name, one.status)
        wanted = status_drift.of_desired(one.desired)
        for pod in found:
            pod["drift"] = [*status_drift.of_revision(pod), *wanted.pop(pod["name"], [])]
        silent = status_drift.not_compared(one.desired)
        if silent is not None and host["state"] == "reached":
            host["problems"].append({"part": "desired", **status_gather.failure(silent)})
        host["wanted"] = [{"pod": name, "text": drift[0]["text"]} for name, drift in wanted.items()]
        hosts.append({**host, "pods": len(found)})
        pods += found
    status_drift.across(pods)
    for pod in pods:
        pod.pop("created_at")
        current = [one["revision"] for one in pod.pop("history") if one["current"]]
        pod["revision"] = current[0] if current else None
    attention = status_attention.found(hosts, pods)
    return {
        "schema": SCHEMA,
        "version": VERSION,
        "title": text(title, 200),
        "generated_at": stamp(now),
        "summary": _summary(hosts, pods, attention),
        "attention": attention,
        "hosts": hosts,
        "pods": pods,
        "images": _images(pods),
    }


def _summary(
    hosts: list[dict[str, Any]], pods: list[dict[str, Any]], attention: list[dict[str, Any]]
) -> dict[str, int]:
    states = [one["state"] for one in hosts]
    health = [one["health"] for one in pods]
    severe = [one["severity"] for one in attention]
    return {
        "hosts": len(hosts),
        **{name: states.count(name) for name in ("reached", "failed", "unreachable")},
        "pods": len(pods),
        "running": sum(one["state"] == "running" for one in pods),
        "serving": health.count("serving"),
        "not_serving": sum(one in ("starting", "unready", "failed", "unknown") for one in health),
        "drifted": sum(bool(one["drift"]) for one in pods),
        "unsigned": sum(one["verdict"]["kind"] != "signed" for one in pods),
        "errors": severe.count("error"),
        "warnings": severe.count("warning"),
    }


def _images(pods: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The images that pods are of, by name, version and digest, with the number of hosts and pods that run them."""
    found: dict[tuple[str, str, str], dict[str, Any]] = {}
    hosts: dict[tuple[str, str, str], set[str]] = {}
    for pod in pods:
        for app in pod["apps"]:
            key = (app["image"], app["version"], app["digest"])
            one = found.setdefault(
                key,
                {"name": app["image"], "version": app["version"], "digest": app["digest"],
                 "verdict": app["verdict"], "hosts": 0, "pods": 0},
            )  # fmt: skip
            if (
                status_attention.RANK[app["verdict"]["kind"]]
                > status_attention.RANK[one["verdict"]["kind"]]
            ):
                one["verdict"] = app["verdict"]
            one["pods"] += 1
            hosts.setdefault(key, set()).add(pod["host"])
            one["hosts"] = len(hosts[key])
    return sorted(found.values(), key=lambda one: (one["name"], one["version"], one["digest"]))
