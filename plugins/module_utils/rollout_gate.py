# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether the pods of a host do well: two looks compared, commands, URLs."""

from __future__ import annotations

import subprocess
import time
from typing import Any, Callable, NamedTuple, Optional
from urllib.parse import urlsplit, urlunsplit

from ansible.module_utils.urls import open_url

LONGEST = 200
"""Characters of what a check said that are told."""


class Trouble(NamedTuple):
    """Why a pod or a check does not do well."""

    reason: str
    object: str
    message: str
    hint: str = ""


def snapshot(listed: list[dict[str, Any]], names: list[str]) -> dict[str, dict[str, Any]]:
    """What matters of the named pods, of the agent's list. Pods that it does not have are missing. Pure."""
    found: dict[str, dict[str, Any]] = {}
    for pod in listed:
        if pod.get("pod_name") in names and pod.get("history") is not None:
            found[pod["pod_name"]] = _one(pod, pod["history"])
    return found


def _one(pod: dict[str, Any], history: list[dict[str, Any]]) -> dict[str, Any]:
    current: dict[str, Any] = next((one for one in history if one.get("current")), {})
    apps = [app for app in pod.get("apps") or [] if isinstance(app, dict)]
    failures = [_failure(app) for app in apps if not app.get("ready")]
    return {
        "state": pod.get("state", ""),
        "ready": bool(pod.get("ready")),
        "uuid": pod.get("name", ""),
        "revision": current.get("revision", 0),
        "created_at": current.get("created_at", ""),
        "images": [_version(image) for image in current.get("images") or []],
        "restarts": {app["name"]: app.get("restarts") or 0 for app in apps},
        "failing": "; ".join(text for text in failures if text),
    }


def _version(image: dict[str, Any]) -> str:
    """What an image was asked for as, with its version where that does not say it."""
    name, version = str(image.get("image") or ""), str(image.get("version") or "")
    return name if not version or name.endswith(f":{version}") else f"{name} ({version})"


def _failure(app: dict[str, Any]) -> str:
    last = app.get("last_failure") or {}
    return f"app {app.get('name')}: {last.get('probe')}: {last.get('text')}" if last else ""


def trouble(
    wanted: dict[str, str], before: dict[str, dict[str, Any]], now: dict[str, dict[str, Any]]
) -> Optional[Trouble]:
    """What is wrong with the first pod that does not do well, `before` being an earlier look. Pure.

    wanted  the state that each pod is to have: started, stopped, absent
    """
    for name, state in wanted.items():
        if state == "started":
            found = _running(name, before.get(name), now.get(name))
            if found is not None:
                return found
    return None


def _running(
    name: str, before: Optional[dict[str, Any]], now: Optional[dict[str, Any]]
) -> Optional[Trouble]:
    logs = f"podwright logs {name} shows what it has said"
    if now is None or now["state"] != "running":
        state = now["state"] if now else "gone"
        return Trouble("not-running", name, f"pod {name} is {state}, and should run", logs)
    if before is not None and before["uuid"] != now["uuid"]:
        return Trouble(
            "replaced",
            name,
            f"pod {name} was started anew, by somebody else or after it ended",
            logs,
        )
    for app, count in now["restarts"].items():
        if before is not None and count > before["restarts"].get(app, 0):
            return Trouble(
                "restarted", name, f"app {app} of pod {name} had to be started again", logs
            )
    if not now["ready"]:
        why = f": {now['failing']}" if now["failing"] else ""
        return Trouble("not-ready", name, f"pod {name} runs, but is not ready{why}", logs)
    return None


def watch(
    look: Callable[[], dict[str, dict[str, Any]]],
    wanted: dict[str, str],
    before: dict[str, dict[str, Any]],
    seconds: float,
    interval: float,
) -> Optional[Trouble]:
    """Look again and again for `seconds`, at least once; the first trouble ends it."""
    until = time.monotonic() + seconds
    while True:
        found = trouble(wanted, before, look())
        left = until - time.monotonic()
        if found is not None or left <= 0:
            return found
        time.sleep(min(interval, left))


def check(checks: list[dict[str, Any]]) -> Optional[Trouble]:
    """Make the checks, each again and again until it succeeds or its time is over."""
    for one in checks:
        until = time.monotonic() + one["timeout"]
        said = _try(one)
        while said is not None and time.monotonic() < until:
            time.sleep(min(1.0, one["timeout"] / 10))
            said = _try(one)
        if said is not None:
            what = shown(one)
            return Trouble("check-failed", what, f"{what}: {said}", "look at what it asks")
    return None


def shown(one: dict[str, Any]) -> str:
    """What a check is called in reports: no arguments, and no log-in or query of a URL, which may be secrets."""
    if not one["url"]:
        return str((one["command"] or ("",))[0])
    try:
        parts = urlsplit(one["url"])
    except ValueError:
        return "url"
    return str(urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", "")))


def _try(one: dict[str, Any]) -> Optional[str]:
    """What is wrong, or None."""
    return _get(one) if one["url"] else _run(one)


def _run(one: dict[str, Any]) -> Optional[str]:
    try:
        done = subprocess.run(
            one["command"],
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=max(1.0, one["timeout"]),
        )
    except subprocess.TimeoutExpired:
        return f"has not ended in {one['timeout']:g} seconds"
    except OSError as error:
        return f"cannot be run: {error.strerror}"
    if done.returncode == 0:
        return None
    text = " ".join(done.stdout.decode("utf-8", "replace").split())[-LONGEST:]
    return f"ended with {done.returncode}{': ' + text if text else ''}"


def _get(one: dict[str, Any]) -> Optional[str]:
    try:
        answer = open_url(one["url"], timeout=max(1.0, one["timeout"]), follow_redirects="safe")
        status = int(answer.getcode())
        answer.close()
    except Exception as error:  # urllib, ssl, socket and http.client each have their own
        status = getattr(error, "code", None) or 0
        if not status:
            return str(error).replace(one["url"], shown(one))[:LONGEST]
    return None if status in one["status"] else f"answered with {status}"
