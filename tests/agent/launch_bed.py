# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pods without images: a tree, a manifest and stage1's `launch`, on a private host.

`Bed(private_host, tmp_path)`; `bed.run(app("a", "/bin/true"))` → how it ended; `bed.start(...)` → a running pod.
"""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.support import tiny_image
from tests.support.patience import patient
from tests.support.private_host import PrivateHost

DRIVER = Path(__file__).with_name("launch_driver.py")
PATIENCE = patient(30.0)
IMAGE_ID = "sha512-" + "0" * 64


def _layers(tree: Path | Sequence[Path]) -> list[str]:
    """One tree, or several, top first."""
    return [str(each) for each in ([tree] if isinstance(tree, Path) else tree)]


def app(
    name: str, *exec_: str, tree: Path | Sequence[Path] | None = None, **section: Any
) -> dict[str, Any]:
    """An app of a pod; `section` are fields of its `app` object, `mounts` and `readOnlyRootFS` those of the app itself.

    `life` are its annotations podwright.io/..., by the rest of the name.
    """
    life = section.pop("life", {})
    outer: dict[str, Any] = {
        key: section.pop(key) for key in ("mounts", "readOnlyRootFS") if key in section
    }
    if life:
        outer["annotations"] = own_annotations(life)
    inner = {"exec": list(exec_), "user": "0", "group": "0", **section}
    return {"name": name, "image": {"id": IMAGE_ID}, "app": inner, "tree": tree, **outer}


def own_annotations(ours: Mapping[str, str]) -> list[dict[str, str]]:
    """Annotations of ours, by the name after podwright.io/."""
    return [{"name": f"podwright.io/{name}", "value": text} for name, text in ours.items()]


def sh(name: str, script: str, **section: Any) -> dict[str, Any]:
    """An app that runs a shell script."""
    return app(name, "/bin/sh", "-c", script, **section)


def python(name: str, code: str, **section: Any) -> dict[str, Any]:
    """An app that runs Python code with the host's interpreter; needs `python_tree` and USR."""
    points = [{"name": "usr", "path": "/usr", "readOnly": True}]
    return app(name, "/usr/bin/python3", "-IS", "-c", code, mountPoints=points, **section)


USR = {"name": "usr", "kind": "host", "source": "/usr"}


def isolator(name: str, value: Any, **more: Any) -> dict[str, Any]:
    """One isolator of an app or of a pod; `more` may be optional=True."""
    return {"name": name, "value": value, **more}


@dataclasses.dataclass(frozen=True)
class Ended:
    """How a pod ended. `outcome` is [status, reason]; `refused` the sentence instead of it, or ""."""

    exit: int
    stdout: str
    stderr: str
    outcome: list[Any]
    apps: Mapping[str, int]
    notes: Sequence[str]
    refused: str
    was_ready: bool
    pod_dir: Path
    records: Mapping[str, Mapping[str, Any]] = dataclasses.field(default_factory=dict)
    reports: Sequence[str] = ()

    def reasons(self) -> dict[str, str]:
        """Why each app ended."""
        return {name: record["reason"] for name, record in self.records.items()}

    def status_file(self, name: str) -> str:
        """What the stage1 contract's status file of an app says."""
        return (self.pod_dir / "stage1/rootfs/rkt/status" / name).read_text().strip()


class Pod:
    """A pod that was started. Leave its `with` block and it is killed."""

    def __init__(self, host: PrivateHost, spec: Mapping[str, Any], command: Sequence[str]) -> None:
        self.pod_dir = Path(spec["pod_dir"])
        self.events_path = Path(spec["events"])
        self.host = host
        self.process = host.popen(command)

    def __enter__(self) -> Pod:
        return self

    def __exit__(self, *_: object) -> None:
        self._kill()
        self.process.communicate()

    def _kill(self) -> None:
        """Kill the driver (the process that was started is nsenter, which leads its group)."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)

    def events(self) -> list[dict[str, Any]]:
        """What the driver has said so far."""
        if not self.events_path.exists():
            return []
        return [json.loads(line) for line in self.events_path.read_text().splitlines()]

    def wait_until(self, holds: Callable[[], object], what: str) -> None:
        """Wait until something holds; fail with everything known when it never does."""
        deadline = time.monotonic() + PATIENCE
        while not holds():
            if time.monotonic() > deadline or self.process.poll() is not None:
                if holds():
                    return
                self._kill()
                out, err = self.process.communicate()
                raise AssertionError(f"{what}: never; {self.events()}\n{out}\n{err}")
            time.sleep(0.01)

    def wait_ready(self) -> None:
        """Wait for the readiness event."""
        self.wait_until(lambda: any("ready" in event for event in self.events()), "ready")

    def init(self) -> dict[str, Any]:
        """The record of the pod's PID 1, by the private host's numbers."""
        path = self.pod_dir / "init"
        self.wait_until(path.exists, "PID 1 recorded")
        record: dict[str, Any] = json.loads(path.read_text())
        return record

    def signal(self, number: int) -> None:
        """Send a signal to the waiting parent, as systemd or a shell would."""
        parent = (self.pod_dir / "ppid").read_text().strip()
        self.host.run(["kill", f"-{signal.Signals(number).name[3:]}", parent]).check()

    def ended(self) -> Ended:
        """Wait for the pod's end."""
        try:
            stdout, stderr = self.process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            self._kill()
            stdout, stderr = self.process.communicate()
            raise AssertionError(
                f"the pod did not end; {self.events()}\n{stdout}\n{stderr}"
            ) from None
        events = self.events()
        last = events[-1] if events else {}
        return Ended(
            self.process.returncode,
            stdout,
            stderr,
            last.get("outcome", []),
            last.get("apps", {}),
            last.get("notes", []),
            last.get("refused", ""),
            any("ready" in event for event in events),
            self.pod_dir,
            last.get("records", {}),
            last.get("reports", []),
        )


class Bed:
    """A place for pods: trees, pod directories and a private host to run them on."""

    def __init__(self, host: PrivateHost, base: Path) -> None:
        self.host = host
        self.base = base
        self.pods = base / "data/pods/run"
        self.pods.mkdir(parents=True)
        self._tiny: Path | None = None

    def tree(self, files: Mapping[str, str] | None = None) -> Path:
        """A new root file system with busybox and `files`."""
        path = self.base / f"tree-{uuid.uuid4().hex[:8]}"
        path.mkdir()
        tiny_image.make_rootfs(path, files or {})
        return path

    @property
    def tiny(self) -> Path:
        """The same root file system for all pods that need nothing special."""
        if self._tiny is None:
            self._tiny = self.tree()
        return self._tiny

    def python_tree(self) -> Path:
        """A root file system in which the host's /usr works."""
        path = self.tree()
        for name in ("lib", "lib64"):
            (path / name).symlink_to(f"usr/{name}")
        return path

    def python(self, code: str, **options: Any) -> str:
        """The output of Python code that runs as the only app, and must succeed."""
        section = {
            key: options.pop(key) for key in ("isolators", "user", "group") if key in options
        }
        pod = python("app", code, tree=self.python_tree(), **section)
        ended = self.run(pod, volumes=[USR], **options)
        assert ended.outcome == [0, "exited"], ended
        return ended.stdout

    def start(
        self, *apps: Mapping[str, Any], volumes: Sequence[Mapping[str, Any]] = (), **options: Any
    ) -> Pod:
        """Start a pod; `options` are fields of the driver's spec; `wrap` goes before its command line."""
        wrap = options.pop("wrap", [])
        policy = options.pop("exit_policy", "")
        secrets = options.pop("secrets", None)
        pod_isolators = options.pop("pod_isolators", [])
        ours = dict(options.pop("annotations", {}))
        number = str(uuid.uuid4())
        pod_dir = self.pods / number
        (pod_dir / "stage1/rootfs").mkdir(parents=True)
        (pod_dir / "stage1/rootfs").chmod(0o755)
        sections = [{key: value for key, value in one.items() if key != "tree"} for one in apps]
        spec = {
            "uuid": number,
            "pod_dir": str(pod_dir),
            "events": str(self.base / f"{number}.events"),
            "trees": {one["name"]: _layers(one["tree"] or self.tiny) for one in apps},
            "manifest": {
                "acKind": "PodManifest",
                "acVersion": "0.8.11",
                "apps": sections,
                "volumes": list(volumes),
                "isolators": pod_isolators,
                "annotations": own_annotations(
                    {**({"exit-policy": policy} if policy else {}), **ours}
                ),
                "secrets": secrets,
            },
            **options,
        }
        path = self.base / f"{number}.json"
        path.write_text(json.dumps(spec))
        command = ["/usr/bin/python3", "-IS", str(DRIVER), str(path)]
        return Pod(self.host, spec, [*wrap, *command])

    def run(self, *apps: Mapping[str, Any], **options: Any) -> Ended:
        """Run a pod to its end."""
        with self.start(*apps, **options) as pod:
            return pod.ended()

    def says(self, script: str, **section: Any) -> str:
        """The output of a shell script that runs as the only app, and must succeed."""
        options = {
            key: section.pop(key)
            for key in (
                *("insecure", "volumes", "overlay", "net", "hostname", "pod_isolators"),
                "private_users",
            )
            if key in section
        }
        ended = self.run(sh("app", script, **section), **options)
        assert ended.outcome == [0, "exited"], ended
        return ended.stdout
