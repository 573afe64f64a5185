# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One host's answer as the report has it: the host and its pods, with what is wrong with them. Pure."""

from __future__ import annotations

from typing import Any

from ansible_collections.podwright.fleet.plugins.plugin_utils.status_values import (
    count,
    items,
    mapping,
    moment,
    number,
    text,
    texts,
)

FAILURE = ("msg", "reason", "stage", "object", "hint")
DEAD = ("exited", "exited garbage", "garbage", "aborted prepare", "deleting")


def host(name: str, answer: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A host and its pods, of the result of podwright.fleet.status_info; no result is a host that was not asked."""
    found = mapping(answer)
    out: dict[str, Any] = {"name": text(name), **_reached(found), "problems": []}
    out.update(_facts(found))
    if out["state"] != "reached":
        return out, []
    out["problems"] = [
        {"part": text(one.get("part")), **failure(one)} for one in items(found.get("problems"))
    ]
    verdicts = {text(one.get("id")): one for one in items(found.get("images"))}
    used = {text(one.get("name")): one for one in items(found.get("usage"))}
    now = moment(mapping(found.get("host")).get("time"))
    pods = items(found.get("pods"))
    newest = _newest(pods)
    shown = [one for one in pods if not _superseded(one, newest)]
    return out, [pod(out["name"], one, verdicts, used, now) for one in shown]


def failure(raw: dict[str, Any]) -> dict[str, str]:
    """What failed, in the collection's five words."""
    return {name: text(raw.get(name)) for name in FAILURE}


def _reached(found: dict[str, Any]) -> dict[str, Any]:
    """Whether a host could be asked: reached, failed (it was, and could not tell) or unreachable."""
    if found.get("unreachable") is True or not found:
        told = {**failure(found), "reason": "unreachable", "stage": "connection"}
        told["msg"] = told["msg"] or "the host was not asked: the play ended before"
        told["hint"] = told["hint"] or "look at the host and at how Ansible connects to it"
        return {"state": "unreachable", "failure": told}
    if found.get("failed") is True or "pods" not in found:
        told = failure(found)
        told["reason"] = told["reason"] or "failed"
        return {"state": "failed", "failure": told}
    return {"state": "reached", "failure": None}


def _facts(found: dict[str, Any]) -> dict[str, Any]:
    facts = mapping(found.get("host"))
    checks = items(found.get("checks"))
    agent = mapping(found.get("agent"))
    out: dict[str, Any] = {"agent": text(agent.get("podwright"), 60)}
    out.update({key: text(facts.get(key), 200) for key in ("kernel", "os", "arch", "selinux")})
    for key in ("cpus", "memory_total", "memory_available", "uptime"):
        out[key] = number(facts.get(key))
    load = facts.get("load")
    out["load"] = number(load[0]) if isinstance(load, (list, tuple)) and load else None
    out["checks"] = {
        status: [text(one.get("name"), 60) for one in checks if one.get("status") == status]
        for status in ("ok", "limited", "missing")
    }
    return out


def _newest(pods: list[dict[str, Any]]) -> dict[str, str]:
    """When the last pod of a name was made, by name."""
    found: dict[str, str] = {}
    for one in pods:
        name, made = text(one.get("pod_name")), text(one.get("created_at"))
        found[name] = max(made, found.get(name, ""))
    return found


def _superseded(one: dict[str, Any], newest: dict[str, str]) -> bool:
    """Whether a pod has ended and another one has its name since: it waits for gc and is no news."""
    name = text(one.get("pod_name"))
    if text(one.get("state")) in ("running", "preparing") or not name:
        return text(one.get("state")) in ("garbage", "deleting")
    return newest[name] > text(one.get("created_at"))


def pod(
    host_name: str,
    raw: dict[str, Any],
    images: dict[str, Any],
    used: dict[str, Any],
    now: float | None,
) -> dict[str, Any]:
    """A pod as the report has it, without what only the fleet's other hosts tell."""
    apps = [_app(one, images) for one in items(raw.get("apps"))]
    usage = mapping(used.get(text(raw.get("name"))))
    began = moment(raw.get("started_at"))
    state = text(raw.get("state"), 60)
    out: dict[str, Any] = {
        "host": host_name,
        "name": text(raw.get("pod_name"), 200),
        "uuid": text(raw.get("name"), 60),
        "state": state,
        "health": _health(raw, state, apps),
        "ready": raw.get("ready") is True,
        "why": _why(raw, apps),
        "apps": apps,
        "isolation": _isolation(raw),
        "verdict": _verdict(raw, apps),
        "history": [_revision(one) for one in items(raw.get("history"))],
        "drift": [],
        "restarts": sum(one["restarts"] for one in apps),
        "cpu_percent": number(usage.get("cpu_percent")),
        "memory": number(usage.get("memory")),
        "memory_limit": number(usage.get("memory_limit")),
        "created_at": text(raw.get("created_at"), 40),
        "started_at": text(raw.get("started_at"), 40),
        "uptime": None,
        "ports": [_port(one) for one in items(raw.get("ports"), 100)],
        "reports": texts(raw.get("reports")),
    }
    if state == "running" and began is not None and now is not None:
        out["uptime"] = max(0, int(now - began))
    if len(apps) == 1 and out["memory_limit"] is None:
        (inner,) = items(usage.get("apps"))[:1] or [{}]
        out["memory_limit"] = number(inner.get("memory_limit"))
    return out


def _app(raw: dict[str, Any], images: dict[str, Any]) -> dict[str, Any]:
    image = mapping(images.get(text(raw.get("image_id"))))
    last = mapping(raw.get("last_failure"))
    return {
        "name": text(raw.get("name"), 200),
        "image": text(raw.get("image_name"), 300),
        "version": text(raw.get("image_version"), 100) or _tag(text(raw.get("image_name"))),
        "image_id": text(raw.get("image_id"), 200),
        "digest": text(image.get("digest"), 200) or text(raw.get("image_id"), 200),
        "state": text(raw.get("state"), 60),
        "ready": raw.get("ready") is True,
        "exit_code": number(raw.get("exit_code")),
        "exit_reason": text(raw.get("exit_reason"), 200),
        "restarts": count(raw.get("restarts")),
        "last_failure": "; ".join(text(part, 300) for part in last.values() if text(part)),
        "verdict": verdict(image) if image else {"kind": "unknown", "text": "", "keys": []},
    }


def _tag(name: str) -> str:
    """The tag of docker://registry:5000/team/api:2.1; a port is none."""
    last = name.rpartition("/")[2]
    return last.partition(":")[2] if ":" in last and "@" not in last else ""


def verdict(image: dict[str, Any]) -> dict[str, Any]:
    """Why an image may run: signed, accepted (the policy wants no signature) or insecure (a check was lifted)."""
    raw = mapping(image.get("verdict"))
    kind = text(raw.get("kind"), 40)
    return {
        "kind": kind if kind in ("signed", "accepted", "insecure") else "unknown",
        "text": text(raw.get("text"), 400),
        "keys": [text(one.get("key"), 100) for one in items(raw.get("signatures"), 10)],
        "expires": min((text(one.get("expires"), 40) for one in items(raw.get("signatures"), 10)
                        if one.get("expires")), default=""),
        "lifted": texts(raw.get("options"), 20),
        "scope": text(raw.get("scope"), 200),
    }  # fmt: skip


WORST = ("insecure", "unknown", "accepted", "signed")


def _verdict(raw: dict[str, Any], apps: list[dict[str, Any]]) -> dict[str, Any]:
    """A pod's verdict is that of its worst image, with all checks that were lifted for it."""
    kinds = [one["verdict"]["kind"] for one in apps]
    lifted = texts(raw.get("insecure"), 20)
    for one in apps:
        lifted += [name for name in one["verdict"].get("lifted", []) if name not in lifted]
    # A sandbox without apps has nothing that could be unsigned.
    empty = "signed" if raw.get("apps") == [] and not raw.get("error") else "unknown"
    kind = next((one for one in WORST if one in kinds), empty)
    keys = sorted({key for one in apps for key in one["verdict"]["keys"]})
    return {"kind": "insecure" if lifted else kind, "keys": keys, "lifted": lifted}


def _health(raw: dict[str, Any], state: str, apps: list[dict[str, Any]]) -> str:
    """serving, starting, unready, failed, stopped, waiting (prepared) or unknown."""
    if raw.get("error") or not state:
        return "unknown"
    if state == "running":
        if raw.get("ready") is True:
            return "serving"
        fresh = any(one["state"] in ("created", "waiting") for one in apps)
        return "starting" if fresh and not any(one["last_failure"] for one in apps) else "unready"
    if state in ("prepared", "preparing", "embryo"):
        return "waiting"
    if state in DEAD or state.startswith("exited"):
        wrong = raw.get("exit_status") not in (0, None) or raw.get("exit_error")
        return "failed" if wrong or raw.get("exit_reason") == "unknown" else "stopped"
    return "unknown"


def _why(raw: dict[str, Any], apps: list[dict[str, Any]]) -> str:
    """Why a pod is not what it should be, in the words of the host."""
    told = text(raw.get("error")) or text(raw.get("exit_error"))
    if not told and raw.get("exit_status") not in (0, None):
        told = f"ended with {text(raw.get('exit_status'), 20)}"
        told += f" ({text(raw.get('exit_reason'), 100)})" if raw.get("exit_reason") else ""
    failing = (f"{one['name']}: {one['last_failure']}" for one in apps if one["last_failure"])
    return told or next(failing, "")


def _isolation(raw: dict[str, Any]) -> dict[str, Any]:
    selinux, users = mapping(raw.get("selinux")), mapping(raw.get("private_users"))
    machine = mapping(raw.get("machine"))
    return {
        "stage1": text(raw.get("stage1"), 60),
        "stage1_image": text(mapping(raw.get("stage1_image")).get("name"), 300),
        "machine": {key: text(machine.get(key), 60) for key in ("accelerator", "kernel", "memory")
                    if key in machine},
        "users": "own" if users else "host" if raw.get("state") == "running" else "",
        "first_uid": number(users.get("first")),
        "selinux": text(selinux.get("process"), 200),
        "selinux_off": text(selinux.get("off"), 200),
        "net": text(raw.get("net"), 200),
        "networks": [
            " ".join(part for part in (text(one.get("netName"), 60), text(one.get("ip"), 60)) if part)
            for one in items(raw.get("networks"), 20)
        ],
    }  # fmt: skip


def _port(one: dict[str, Any]) -> str:
    where = text(one.get("host_ip"), 60)
    return (
        f"{where + ':' if where else ''}{count(one.get('host_port'))} {text(one.get('name'), 60)}"
    )


def _revision(one: dict[str, Any]) -> dict[str, Any]:
    return {
        "revision": count(one.get("revision")),
        "current": one.get("current") is True,
        "outcome": text(one.get("outcome"), 40),
        "why": text(one.get("why"), 400),
        "by": text(one.get("by"), 40),
        "created_at": text(one.get("created_at"), 40),
        "images": [
            {key: text(image.get(key), 300) for key in ("app", "image", "version", "id")}
            for image in items(one.get("images"), 100)
        ],
    }
