# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a pod looks like from outside: the JSON object of behaviour.md B10, times in RFC 3339."""

from __future__ import annotations

import os

from podwright.errors import PodwrightError
from podwright.host import clock, uidranges
from podwright.kernel import beneath
from podwright.model.volume import in_memory, is_read_only
from podwright.stage0 import netinfo
from podwright.stage0.start import read_manifest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from podwright.model.pod import PodApp, PodManifest
    from podwright.stage0.pods import Pod


def report(pod: Pod) -> dict[str, Any]:
    """One pod as JSON. A damaged pod is reported with what can be read, and `error`."""
    runtime = _object(pod.read_json("runtime-config"))
    ended = _object(pod.read_json("exited"))
    networks, ignored = _networks(pod)
    out: dict[str, Any] = {
        "name": pod.uuid,
        "pod_name": runtime.get("name", ""),
        "state": pod.state,
        "stage1": runtime.get("stage1", ""),
        "stage1_image": _stage1_image(runtime),
        "machine": _machine(pod),
        "net": runtime.get("net", ""),
        "metadata": runtime.get("metadata") is True,
        "insecure": _texts(runtime.get("insecure")),
        "created_at": pod.read("pod-created").strip() or _mtime(pod.path),
        "started_at": pod.read("started-at").strip() or None,
        "finished_at": ended.get("finished"),
        "networks": networks,
        "ready": is_ready(pod),
        "pid": _pid(pod),
        "exit_status": ended.get("status"),
        "exit_reason": ended.get("reason") or _unknown(pod, ended),
        "exit_error": ended.get("error") or None,
        "ports": [],
        "apps": [],
        "app_names": [],
        "user_annotations": {},
        "user_labels": {},
        "allow": [],
        "reports": [*_reports(pod, runtime), *ignored],
        "private_users": _users(pod),
        "profile": "",
        "lives": _lives(pod),
        "selinux": _selinux(pod, runtime),
    }
    try:
        manifest = read_manifest(pod.path)
    except (PodwrightError, OSError) as err:
        out["error"] = str(err)
        return out
    out["apps"] = [_app(pod, manifest, app, out, ended) for app in manifest.apps]
    machine = pod.state == "running" and out["stage1"] in ("kvm", "xen")
    boots = machine and not _has_booted(out["machine"])
    for app in out["apps"]:
        if boots and app["state"] == "running":
            app["state"] = "created"
        app.update(_health(pod, app))
    out["app_names"] = [app.name for app in manifest.apps]
    out["ports"] = [
        {
            "name": port.name,
            "host_port": port.host_port,
            "host_ip": port.host_ip,
            "count": port.count,
        }
        for port in manifest.ports
    ]
    out["user_annotations"] = dict(manifest.user_annotations)
    out["user_labels"] = dict(manifest.user_labels)
    out["allow"] = _allow(manifest)
    out["profile"] = dict(manifest.annotations).get("podwright.io/profile", "")
    return out


def _unknown(pod: Pod, ended: dict[str, Any]) -> Optional[str]:
    """What is said of the end of a pod that nobody was there to record, as in a crash of its host."""
    return "unknown" if pod.state.startswith("exited") and not ended else None


def _lives(pod: Pod) -> list[dict[str, Any]]:
    """The lives that the pod had before this one."""
    if not os.path.isdir(f"{pod.path}/lives"):
        return []
    from podwright.stage0 import rerun

    return rerun.history(pod)


def _health(pod: Pod, app: dict[str, Any]) -> dict[str, Any]:
    """Whether an app serves, and how a probe of it has failed last; who has none serves as it runs."""
    known: dict[str, Any] = {}
    if os.path.exists(f"{pod.path}/health"):
        from podwright.stage1.namespaces import health

        known = _object(health.read(pod.path).get(app["name"]))
    asked = any(name in app["probes"] for name in ("startup", "readiness"))
    serves = known.get("serving") if asked else True
    failure, ended = known.get("failure"), known.get("ended")
    return {
        "ready": app["state"] == "running" and bool(serves),
        "last_failure": failure if isinstance(failure, dict) else None,
        "last_unhealthy": ended if isinstance(ended, dict) else None,
    }


def _probes(app: PodApp) -> list[str]:
    """Which probes an app has."""
    names = (name.partition("podwright.io/")[2] for name, _ in app.annotations)
    return [name for name in names if name in ("startup", "readiness", "liveness")]


def _allow(manifest: PodManifest) -> list[dict[str, Any]]:
    """The pod's own rules, as a desired state has them."""
    from podwright.model import podrules

    if podrules.ANNOTATION not in dict(manifest.annotations):
        return []
    return podrules.dump(podrules.of_annotations(manifest.annotations, "pod manifest"))


def _selinux(pod: Pod, runtime: dict[str, Any]) -> dict[str, str]:
    """The contexts of a pod, or why it has none."""
    text = pod.read("selinux")
    given = _object(pod.read_json("selinux")) if text else {}
    if given:
        return {"process": str(given.get("process", "")), "file": str(given.get("file", ""))}
    if runtime.get("selinux") == "off":
        return {"off": "as asked"}
    if not os.path.exists("/sys/fs/selinux/enforce"):
        return {"off": "not enabled on this host"}
    return {"off": "see reports" if pod.state == "running" else "not started"}


def _reports(pod: Pod, runtime: dict[str, Any]) -> list[str]:
    """Protection that the pod does not have: as known when it was prepared, and found later."""
    found = [runtime.get("reports"), pod.read_json("reports")]
    return [text for part in found for text in _texts(part)]


def _texts(raw: Any) -> list[str]:
    """A list of texts, without what is damaged."""
    return [text for text in raw if isinstance(text, str)] if isinstance(raw, list) else []


def _users(pod: Pod) -> Optional[dict[str, int]]:
    """The ids of the host that are the pod's users; None while it has none, or the host's."""
    found = uidranges.of(pod.path)
    return None if found is None else {"first": found[0], "count": found[1]}


def _stage1_image(runtime: dict[str, Any]) -> dict[str, str]:
    """The image that the pod's stage1 comes from; empty for the flavours of ours."""
    if not runtime.get("stage1Image"):
        return {}
    return {"id": str(runtime["stage1Image"]), "name": str(runtime.get("stage1Name", ""))}


MACHINE: dict[str, type] = {
    "accelerator": str,
    "runner": str,
    "kind": str,
    "kernel": str,
    "memory": int,
    "cpus": int,
    "boot": float,
}
"""What is told of a virtual machine; memory in MiB, boot in seconds until the guest has said hello."""


STEPS = ("kernel", "guest", "app")
"""Of its boot: until its kernel, then its first process, then its apps were ready to begin."""


def _machine(pod: Pod) -> dict[str, Any]:
    """What its keeper has written down of the pod's virtual machine; empty where there is none."""
    raw = _object(pod.read_json("machine"))
    found: dict[str, Any] = {}
    for name, kind in MACHINE.items():
        said = raw.get(name)
        if type(said) is kind or (kind is float and type(said) is int):
            found[name] = said
    steps = _object(raw.get("steps"))
    said_steps = {name: steps[name] for name in STEPS if type(steps.get(name)) in (int, float)}
    return {**found, "steps": said_steps} if said_steps else found


def _has_booted(machine: dict[str, Any]) -> bool:
    """Whether the apps in it have been begun: until then it boots, which takes a while."""
    return "app" in machine.get("steps", {})


def _object(raw: Any) -> dict[str, Any]:
    """A JSON object, empty when it is missing or damaged."""
    return raw if isinstance(raw, dict) else {}


def _mtime(path: str) -> Optional[str]:
    try:
        return clock.rfc3339(os.lstat(path).st_mtime)
    except OSError:
        return None


def _networks(pod: Pod) -> tuple[list[dict[str, Any]], tuple[str, ...]]:
    """Networks of a pod that runs; addresses of an ended one are free again."""
    return netinfo.read(pod) if pod.state == "running" else ([], ())


def is_ready(pod: Pod) -> bool:
    """Whether stage1 has said that the pod is ready, and it still runs."""
    try:
        target = os.readlink(f"{pod.path}/stage1/rootfs/rkt/supervisor-status")
    except OSError:
        return False
    return pod.state == "running" and target == "ready"


def _pid(pod: Pod) -> Optional[int]:
    text = pod.read("pid").strip() if pod.state == "running" else ""
    if not text and os.path.lexists(f"{pod.path}/stage1/programs") and pod.state == "running":
        found = _object(pod.read_json("init")).get("pid")
        return found if isinstance(found, int) and found > 0 else None
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def app_statuses(pod: Pod, manifest: PodManifest) -> dict[str, int]:
    """Exit statuses of the apps that have ended, from their status files."""
    out = {}
    for app in manifest.apps:
        text = _told_inside(pod, f"rkt/status/{app.name}")
        if text.isascii() and text.isdigit() and len(text) <= 3 and int(text) <= 255:
            out[app.name] = int(text)
    return out


def _told_inside(pod: Pod, path: str, limit: int = 64) -> str:
    """A short file in the root of the pod's PID 1, which could have made anything else of it."""
    try:
        top = os.open(f"{pod.path}/stage1/rootfs", beneath.DIRECTORY)
        try:
            return (
                (beneath.read_in_root(top, path, limit) or b"").decode("utf-8", "replace").strip()
            )
        finally:
            os.close(top)
    except OSError:
        return ""


def _told(pod: Pod, app: str) -> Optional[str]:
    """What an app that runs has last said of itself (STATUS= of sd_notify(3)), or None."""
    from podwright.text import safe

    return safe(_told_inside(pod, f"rkt/told/{app}", 4096), 400) or None


def _life(pod: Pod, app: PodApp, ended: dict[str, Any]) -> dict[str, Any]:
    """What stage1 recorded of an app (`stage1.namespaces.record.apps_json`); at least `status`.

    While the pod runs, an app of which nothing is recorded lives as the pod does.
    """
    records = _object(ended.get("records")) or _object(pod.read_json("apps"))
    known = _object(records.get(app.name))
    return known or {"status": _object(ended.get("apps")).get(app.name)}


def _state(pod: Pod, app: PodApp, life: dict[str, Any], status: Optional[int]) -> str:
    if pod.state.startswith("exited"):
        return "exited"
    if pod.state != "running":
        return "created"
    if life.get("over", status is not None):
        return "exited"
    waits = any(name == "podwright.io/depends-on" for name, _ in app.annotations)
    return "created" if waits and "started" not in life else "running"


def _is_mutable(manifest: PodManifest) -> bool:
    """Whether its apps come and go, so that what is not known of one has not begun."""
    return ("coreos.com/rkt/stage1/mutable", "true") in manifest.annotations


def _app(
    pod: Pod, manifest: PodManifest, app: PodApp, out: dict[str, Any], ended: dict[str, Any]
) -> dict[str, Any]:
    volumes = {volume.name: volume for volume in manifest.volumes}
    points = {point.path: point for point in app.app.mount_points}
    life = _life(pod, app, ended)
    mutable = _is_mutable(manifest)
    created = pod.read(f"appsinfo/{app.name}/created") if mutable else ""
    if created and (life.get("finished") or life.get("started") or created) < created:
        life = {"status": None}  # that of one of this name which was removed
    status = app_statuses(pod, manifest).get(app.name, life["status"])
    state = _state(pod, app, life, status)
    if mutable and state == "running" and not life.get("started"):
        state = "created"
    mounts = []
    for mount in app.mounts:
        volume = volumes.get(mount.volume)
        wish = bool(mount.path in points and points[mount.path].read_only)
        read_only = is_read_only(mount, volume, wish)
        source = volume.source if volume else ""
        if not source and not (volume and in_memory(volume)):
            source = f"{pod.path}/sharedVolumes/{mount.volume}"
        mounts.append(
            {
                "name": mount.volume,
                "container_path": mount.path,
                "host_path": source,
                "read_only": read_only,
            }
        )
    return {
        "name": app.name,
        "state": state,
        "image_id": app.image_id,
        "image_name": app.image_name,
        "image_version": dict(app.image_labels).get("version", ""),
        "created_at": created or out["created_at"],
        "started_at": life.get("started", None if mutable else out["started_at"]),
        "finished_at": life.get("finished", out["finished_at"]),
        "exit_code": status,
        "exit_reason": life.get("reason"),
        "told": _told(pod, app.name) if state == "running" else None,
        "restarts": life.get("restarts", 0),
        "probes": _probes(app),
        "mounts": mounts,
        "user_annotations": dict(app.app.user_annotations),
        "user_labels": dict(app.app.user_labels),
    }
