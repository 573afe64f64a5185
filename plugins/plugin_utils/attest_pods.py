# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which pods run on a host, as its log tells it."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from ansible_collections.podwright.fleet.plugins.plugin_utils import attest_allow
from ansible_collections.podwright.fleet.plugins.plugin_utils.attest_allow import Allowed, Fault
from ansible_collections.podwright.fleet.plugins.plugin_utils.attest_answer import shown
from ansible_collections.podwright.fleet.plugins.plugin_utils.tpm_log import Record

LONGEST = 1000
"""Characters of a name that results have."""


class Running(NamedTuple):
    """A pod that was started and did not end.

    record   the number of its start, `start` its content
    apps     what it has of apps, with the numbers of their records
    added    contents of `app-add` of those that came later, with their numbers
    """

    uuid: str
    name: str
    record: int
    start: dict[str, Any]
    apps: tuple[tuple[int, dict[str, Any]], ...]
    added: tuple[tuple[int, dict[str, Any]], ...] = ()


def running(records: Iterable[Record]) -> dict[str, Running]:
    """The pods that run after all these records, by UUID, in the order of their starts."""
    found: dict[str, Running] = {}
    for one in records:
        uuid = one.content.get("uuid", "")
        if one.event == "pod-start":
            apps = tuple((one.number, app) for app in one.content["apps"])
            found.pop(uuid, None)
            found[uuid] = Running(uuid, one.content["name"], one.number, one.content, apps)
        elif one.event == "pod-end":
            found.pop(uuid, None)
        elif uuid in found:
            found[uuid] = _changed(found[uuid], one)
    return found


def _changed(pod: Running, one: Record) -> Running:
    """A pod with an app more, or less."""
    if one.event == "app-add":
        return pod._replace(
            apps=(*pod.apps, (one.number, one.content["app"])),
            added=(*pod.added, (one.number, one.content)),
        )
    if one.event == "app-rm":
        gone = one.content["app"]
        return pod._replace(
            apps=tuple(pair for pair in pod.apps if pair[1]["name"] != gone),
            added=tuple(pair for pair in pod.added if pair[1]["app"]["name"] != gone),
        )
    return pod


def faults_of_all(records: Iterable[Record], rules: Allowed) -> Iterator[tuple[Record, Fault]]:
    """What has happened since the host booted that is not allowed."""
    for one in records:
        faults: Iterable[Fault] = ()
        if one.event == "pod-start":
            faults = attest_allow.of_start(one.content, rules)
        elif one.event == "app-add":
            faults = attest_allow.of_addition(one.content, rules)
        for fault in faults:
            yield one, fault


def faults_of_running(pods: Iterable[Running], rules: Allowed) -> Iterator[tuple[int, Fault]]:
    """What of the pods that run is not allowed, with the numbers of records."""
    for pod in pods:
        for fault in attest_allow.of_start({**pod.start, "apps": []}, rules):
            yield pod.record, fault
        for number, content in pod.added:
            for fault in attest_allow.of_circumstances(content, rules):
                yield number, fault
        for number, app in pod.apps:
            for fault in attest_allow.of_app(app, rules):
                yield number, fault


def described(pod: Running, said: bool) -> dict[str, Any]:
    """A pod as results have it; `said` is whether the host says that it runs."""
    start = pod.start
    return {
        "uuid": pod.uuid,
        "name": shown(pod.name),
        "state": "running" if said else "gone",
        "flavour": start["flavour"],
        "started": shown(start["time"]),
        "record": pod.record,
        "manifest": start["manifest"],
        "policy": start["policy"],
        "insecure": start["insecure"],
        "agent": start["agent"]["code"],
        "stage1": "" if start["stage1"] is None else start["stage1"]["image"],
        "apps": [
            {
                **{name: app[name] for name in ("image", "root", "verdict")},
                **{name: shown(app[name], LONGEST) for name in ("name", "image_name")},
                "keys": [shown(key) for key in app["keys"]],
            }
            for _record, app in pod.apps
        ],
    }


def age(pod: Running, now: datetime.datetime) -> float | None:
    """Seconds since a pod's start; None if its time is none."""
    try:
        started = datetime.datetime.fromisoformat(pod.start["time"].replace("Z", "+00:00"))
        return (now - started).total_seconds()
    except (ValueError, TypeError):
        return None
