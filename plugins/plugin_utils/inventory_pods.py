# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What hosts say of their pods, as hosts of an inventory. Pure.

A host is a stranger here: what it says becomes values of our own variables, below names of our own, and
names of groups with a beginning of our own. Nothing it says names a variable or a host by itself.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import Any, NamedTuple

MOST_PODS = 10_000
MOST_LABELS = 64
MOST = 1000
"""Apps, networks and ports of a pod."""
LONGEST = 100
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,252}\Z")
"""A host of an inventory that is nothing else to Ansible: no pattern, no range, no option."""
WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _-]{0,39}\Z")
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")
_NO_GROUP = re.compile(r"[^A-Za-z0-9_]")
PREFIX = "podwright"


class Answer(Exception):
    """A host has said something that makes no sense."""


class Entry(NamedTuple):
    """A pod, or one of its apps, as a host.

    name       in the inventory, still without what a template makes of it
    variables  podwright_...; connection and host not among them
    groups     by what the host says
    """

    name: str
    variables: dict[str, Any]
    groups: list[str]


def read(out: bytes) -> list[dict[str, Any]]:
    """What `podwright list --format=json` said, as far as it is needed here. Raises Answer."""
    try:
        found = json.loads(out)
    except (ValueError, RecursionError):
        raise Answer("its agent's answer is not JSON") from None
    if not isinstance(found, list) or len(found) > MOST_PODS:
        raise Answer(f"its agent's answer is not a list of up to {MOST_PODS} pods")
    return [_pod(one) for one in found if isinstance(one, dict)]


def entries(host: str, pods: list[dict[str, Any]], states: list[str], per: str) -> list[Entry]:
    """The pods of a host in these states, as hosts; `per` is pod or app."""
    chosen = [pod for pod in pods if not states or pod["state"].split()[0] in states]
    names = Counter(pod["pod_name"] for pod in chosen)
    out = []
    for pod in chosen:
        own = pod["pod_name"] if pod["pod_name"] and names[pod["pod_name"]] == 1 else ""
        base = f"{own or pod['uuid'][:8]}.{host}"
        apps = [app["name"] for app in pod["apps"]]
        if per == "app":
            out += [_entry(f"{app}.{base}", host, pod, own, app) for app in apps]
        else:
            out.append(_entry(base, host, pod, own, apps[0] if apps else None))
    return out


def group(*words: str) -> str:
    """The name of a group of ours."""
    return _NO_GROUP.sub("_", "_".join((PREFIX, *(word[:LONGEST] for word in words))))


def _entry(name: str, host: str, pod: dict[str, Any], own: str, app: str | None) -> Entry:
    shown = [one for one in pod["apps"] if one["name"] == app] or [{}]
    ips = [net["ip"] for net in pod["networks"]]
    labels = pod["labels"]
    variables = {
        "podwright_pod": own or pod["uuid"],
        "podwright_name": pod["pod_name"],
        "podwright_uuid": pod["uuid"],
        "podwright_app": app,
        "podwright_apps": pod["apps"],
        "podwright_image": shown[0].get("image", ""),
        "podwright_version": shown[0].get("version", ""),
        "podwright_state": pod["state"],
        "podwright_ready": pod["ready"],
        "podwright_stage1": pod["stage1"],
        "podwright_labels": labels,
        "podwright_annotations": pod["annotations"],
        "podwright_ip": ips[0] if ips else "",
        "podwright_ips": ips,
        "podwright_ports": pod["ports"],
    }
    images = {one["image"] for one in pod["apps"] if app is None or one["name"] == app}
    groups = [
        "podwright_pods",
        group("host", host),
        group("state", pod["state"].split()[0]),
        *([group("stage1", pod["stage1"])] if pod["stage1"] else []),
        *(group("image", image) for image in sorted(images) if image),
        *(group("label", key, value) for key, value in sorted(labels.items())),
    ]
    return Entry(name, variables, groups)


def _pod(said: dict[str, Any]) -> dict[str, Any]:
    """One pod; whatever is not of the form it should be is left out."""
    uuid = _text(said.get("name"))
    if not UUID.match(uuid):
        raise Answer("a pod of its agent's answer has no UUID")
    name = _text(said.get("pod_name"))
    apps = [_app(app) for app in _list(said.get("apps")) if isinstance(app, dict)]
    state = _text(said.get("state"))
    return {
        "uuid": uuid,
        "pod_name": name if NAME.match(name) else "",
        "state": state if WORD.match(state) else "unknown",
        "ready": said.get("ready") is True,
        "stage1": _text(said.get("stage1")),
        "labels": _texts(said.get("user_labels")),
        "annotations": _texts(said.get("user_annotations")),
        "networks": [_network(net) for net in _list(said.get("networks")) if isinstance(net, dict)],
        "ports": [_scalars(one) for one in _list(said.get("ports")) if isinstance(one, dict)],
        "apps": [app for app in apps if NAME.match(app["name"])],
    }


def _app(said: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": _text(said.get("name")),
        "image": _text(said.get("image_name")),
        "version": _text(said.get("image_version")),
        "image_id": _text(said.get("image_id")),
        "state": _text(said.get("state")),
        "labels": _texts(said.get("user_labels")),
        "annotations": _texts(said.get("user_annotations")),
    }


def _network(said: dict[str, Any]) -> dict[str, str]:
    return {"name": _text(said.get("name")), "ip": _text(said.get("ip"))}


def _list(said: Any) -> list[Any]:
    return said[:MOST] if isinstance(said, list) else []


def _text(said: Any) -> str:
    """A text that can be written to files and terminals: JSON may have half of a character."""
    return said.encode("utf-8", "replace").decode() if isinstance(said, str) else ""


def _texts(said: Any) -> dict[str, str]:
    found = said if isinstance(said, dict) else {}
    some = list(found.items())[:MOST_LABELS]
    return {_text(key): _text(str(value)) for key, value in some}


def _scalars(said: dict[str, Any]) -> dict[str, Any]:
    """The texts and numbers of a mapping: what lies deeper could lie very deep."""
    kept = {_text(key): value for key, value in list(said.items())[:MOST_LABELS]}
    return {
        key: _text(value) if isinstance(value, str) else value
        for key, value in kept.items()
        if isinstance(value, (str, int, float))
    }
