# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a pod is measured, read from the store, the configuration and the agent's own files."""

from __future__ import annotations

import os

from podwright import __version__, jsonio
from podwright.errors import HostError, PodwrightError
from podwright.host import clock, ownplace
from podwright.kernel import fs
from podwright.model import measured
from podwright.model.pod import dump_pod
from podwright.stage0 import store, treecheck, verdict
from podwright.stage0.judge import policy

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, Optional

    from podwright.host.paths import Layout
    from podwright.model.pod import PodApp, PodManifest
    from podwright.stage0.store import Record
    from podwright.stage1.contract import Launch

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PARTS = ("bin", "podwright")


def start(layout: Layout, launch: Launch) -> dict[str, Any]:
    """The content of `pod-start`. Raises HostError for what has no digest."""
    image = launch.stage1_image
    return {
        "event": measured.POD_START,
        "format": measured.FORMAT,
        "uuid": launch.uuid,
        "name": launch.name,
        "time": clock.now(),
        "flavour": launch.stage1,
        "accelerator": _accelerator(launch),
        "net": launch.net,
        "private_users": bool(launch.private_users),
        "agent": {"version": __version__, "code": code(layout)},
        "stage1": None if image is None else _stage1(layout, image.id),
        "manifest": _manifest(launch.manifest),
        "apps": [_app(layout, app, launch.insecure) for app in launch.manifest.apps],
        "policy": _policy(layout),
        "insecure": sorted(launch.insecure),
    }


def _accelerator(launch: Launch) -> str:
    """What a machine of flavour kvm runs on: software emulation (tcg) is no machine that keeps a guest apart."""
    if launch.stage1 != "kvm":
        return ""
    from podwright.stage1.kvm.machine import Settings

    return (launch.kvm or Settings()).accelerator


def end(uuid: str, status: Optional[int], reason: str) -> dict[str, Any]:
    """The content of `pod-end`."""
    return {
        "event": measured.POD_END,
        "uuid": uuid,
        "time": clock.now(),
        "status": status,
        "reason": reason,
    }


def app_add(
    layout: Layout, uuid: str, app: PodApp, manifest: PodManifest, insecure: frozenset[str]
) -> dict[str, Any]:
    """The content of `app-add`; `manifest` is the pod's with the app."""
    return {
        "event": measured.APP_ADD,
        "uuid": uuid,
        "time": clock.now(),
        "app": _app(layout, app, insecure),
        "manifest": _manifest(manifest),
        "policy": _policy(layout),
        "insecure": sorted(insecure),
    }


def app_rm(uuid: str, app: str, manifest: PodManifest) -> dict[str, Any]:
    """The content of `app-rm`; `manifest` is the pod's without the app."""
    return {
        "event": measured.APP_RM,
        "uuid": uuid,
        "time": clock.now(),
        "app": app,
        "manifest": _manifest(manifest),
    }


def _manifest(manifest: PodManifest) -> str:
    return f"sha256:{measured.digest(jsonio.dumps(dump_pod(manifest)).encode())}"


def _app(layout: Layout, app: PodApp, insecure: frozenset[str]) -> dict[str, Any]:
    record = _record(layout, app.image_id)
    subject = verdict.subject_of(record)
    kind, signatures = verdict.standing(layout, subject, record.verdict, insecure)
    return {
        "name": app.name,
        "image": record.id,
        "image_name": record.name,
        "root": root(record),
        "verdict": kind,
        "keys": [one.key for one in signatures],
    }


def _stage1(layout: Layout, image_id: str) -> dict[str, Any]:
    record = _record(layout, image_id)
    return {"name": record.name, "image": record.id, "root": root(record)}


def _record(layout: Layout, image_id: str) -> Record:
    record = store.read_record(layout, image_id)
    if record is None:
        raise HostError(f"image {image_id[:19]} is not in the store", reason="not-measured")
    return record


def root(record: Record) -> str:
    """The digest of what an image was rendered to."""
    return measured.root_digest((layer.mtree for layer in record.layers), f"image {record.name}")


def _policy(layout: Layout) -> str:
    """The digest of the policy that counts. Raises PolicyError for one that cannot be believed."""
    for directory in (layout.local_config, layout.system_config):
        data = policy.read_owned(f"{directory}/policy.json", policy.MAX_POLICY)
        if data is not None:
            return f"sha256:{measured.digest(data)}"
    return "none"


def code(layout: Layout) -> str:
    """The digest of this agent's files, as the module `agent` makes it.

    Reading them all takes some 50 ms; so it is remembered with their stat data, where only root writes.
    Raises HostError where others do.
    """
    ownplace.ensure(f"{layout.run}/tpm")
    cache = f"{layout.run}/tpm/agent"
    now = treecheck.stat_digest(TREE)
    try:
        with open(cache, "rb") as file:
            known = jsonio.loads(file.read(4096), cache)
        if known["tree"] == TREE and known["stat"] == now:
            return str(known["code"])
    except (OSError, PodwrightError, KeyError, TypeError, ValueError):
        pass
    found = f"sha256:{_code()}"
    said = {"tree": TREE, "stat": now, "code": found}
    fs.write_atomic(cache, jsonio.dumps(said).encode(), durable=False)
    return found


def _code() -> str:
    total = measured.hasher("sha256")()
    for name in sorted(one for part in PARTS for one in _files(part)):
        with open(f"{TREE}/{name}", "rb") as file:
            total.update(f"{name}\0{measured.digest(file.read())}\0".encode())
    found: str = total.hexdigest()
    return found


def _files(folder: str) -> Iterator[str]:
    """The files of the agent in a folder, without what the interpreter makes of them."""
    for entry in os.scandir(f"{TREE}/{folder}"):
        name = f"{folder}/{entry.name}"
        if entry.is_dir():
            if entry.name != "__pycache__":
                yield from _files(name)
        elif not name.endswith(".pyc"):
            yield name
