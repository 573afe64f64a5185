# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The same two pods in each flavour, and all that can be found out about them, as one value.

`tell(flavour, base, lab)` runs a pod of many apps, each of which writes down what it finds (`FACTS` in
`flavour_apps`), then one that stays, which is entered, attached to and stopped. A machine takes seconds to boot, so
this is done once for all tests of a run: `told(...)` keeps the answer where other workers of pytest find it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.agent import flavour_apps as apps
from tests.support import kvm_image, tiny_image
from tests.support.agent import Agent
from tests.support.filelock import build_once
from tests.support.gpglab import Key
from tests.support.private_host import PrivateHost

FLAVOURS = ("namespaces", "kvm")
PATIENCE = 120.0
"""Seconds after which what we wait for is not going to happen: a machine boots in two, beside others in ten."""

Told = Mapping[str, Any]


def told(flavour: str, shared: Path, key: Key) -> Told:
    """What there is to know about a flavour, found out by whichever worker asks first."""

    def make(partial: Path) -> None:
        scratch = shared / f"flavour-{flavour}"
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir()
        partial.write_text(json.dumps(_told_or_why_not(flavour, scratch, key)))

    found: Told = json.loads(build_once(shared / f"flavour-{flavour}.json", make).read_text())
    assert "failed" not in found, found["failed"]
    return found


def _told_or_why_not(flavour: str, scratch: Path, key: Key) -> Told:
    """What failed once is not to be tried again by each of a hundred tests."""
    try:
        return tell(flavour, scratch, key)
    except Exception:
        return {"failed": traceback.format_exc()}


def tell(flavour: str, base: Path, key: Key) -> Told:
    """Run both pods on a host of their own and say everything about them."""
    (base / "host").mkdir()
    with PrivateHost(base / "host") as host:
        house = Flavoured(host, base, flavour, key)
        return {"many": house.many(), "live": house.live()}


class Flavoured:
    """A private host whose pods are all of one flavour."""

    def __init__(self, host: PrivateHost, base: Path, flavour: str, key: Key) -> None:
        self.host = host
        self.base = base
        self.agent = Agent(host, base / "agent")
        self.agent.trust(key, "example.com")
        self.choice = [f"--stage1-name={flavour}", "--net=none"]
        if flavour == "kvm":
            self.agent.trust(key, kvm_image.NAME)
            self.agent.ok("fetch", self._signed(kvm_image.image(), "stage1", key), timeout=PATIENCE)
            self.choice += ["--kvm-accelerator=tcg"]
        self.images = {name: self._image(name, app, key) for name, app in apps.IMAGES.items()}

    def _image(self, name: str, app: Mapping[str, Any], key: Key) -> str:
        return self._signed(tiny_image.build(f"example.com/{name}", app=app), name, key)

    def _signed(self, image: Path, name: str, key: Key) -> str:
        target = self.base / f"{name}.aci"
        shutil.copyfile(image, target)
        key.sign(target)
        return str(target)

    def _run(self, *options: str, pod: Sequence[apps.App]) -> list[str]:
        """The command line that runs a pod."""
        words = ["run", *self.choice, *options]
        for number, app in enumerate(pod):
            words += ["---"] if number else []
            words += [self.images[app.image], f"--name={app.name}", *app.options]
            words += ["--exec=/bin/sh", "--", "-c", app.script] if app.script else []
        return words

    def many(self) -> Told:
        """Run the pod whose apps tell what they find, to its end."""
        places = apps.Places.make(self.base / "places")
        uuid = self.base / "many.uuid"
        options = (f"--uuid-file-save={uuid}", *apps.options(places))
        ended = self.agent(*self._run(*options, pod=apps.FACTS), timeout=PATIENCE)
        return {
            "exit": ended.exit,
            "stdout": ended.stdout,
            "stderr": ended.stderr,
            "status": self._status(uuid.read_text().strip()) if uuid.exists() else None,
            "facts": {path.name: path.read_text() for path in sorted(places.out.iterdir())},
            "host": places.seen(),
        }

    def _status(self, uuid: str) -> Any:
        return json.loads(self.agent.ok("status", "--format=json", uuid))

    def live(self) -> Told:
        """Run the pod that stays, see what can be done with it, and stop it."""
        uuid = self.base / "live.uuid"
        command = self._run(f"--uuid-file-save={uuid}", *apps.LIVE_OPTIONS, pod=apps.LIVE)
        with self.host.popen([*self.agent.command, *command]) as process:
            try:
                return self._steps(process, uuid)
            finally:
                if process.poll() is None:
                    process.kill()

    def _steps(self, process: subprocess.Popen[str], file: Path) -> Told:
        self._until(
            process, lambda: file.exists() and file.read_text().strip(), "the pod has a number"
        )
        uuid = file.read_text().strip()
        self._until(process, lambda: self._is_up(uuid), "its apps are up")
        steps = {}
        for step in apps.STEPS:
            words = [uuid if word == "UUID" else word for word in step.words]
            done = self.agent(*words, stdin=step.stdin, timeout=PATIENCE)
            steps[step.name] = [done.exit, done.stdout, done.stderr]
        self._until(process, lambda: self._has_settled(uuid), "it is ready")
        running = self._status(uuid)
        stopped = self.agent("stop", uuid, timeout=PATIENCE)
        stdout, stderr = process.communicate(timeout=PATIENCE)
        return {
            "steps": steps,
            "running": running,
            "stop": [stopped.exit, stopped.stdout, stopped.stderr],
            "exit": process.returncode,
            "stdout": stdout,
            "stderr": stderr,
            "stopped": self._status(uuid),
            "gone": self._remove(uuid),
        }

    def _is_up(self, uuid: str) -> bool:
        done = self.agent("enter", "--app=late", uuid, "/bin/test", "-e", "/tmp/up")
        return done.exit == 0

    def _has_settled(self, uuid: str) -> bool:
        """Whether it is ready, for which an app that starts again has it wait, and the app has ended that was fed."""
        told = self._status(uuid)
        states = {app["name"]: app["state"] for app in told["apps"]}
        return bool(told["ready"] and states["echoes"] == "exited")

    def _remove(self, uuid: str) -> dict[str, str]:
        """Remove the pod and say what is left of it on the host."""
        self.agent.ok("rm", uuid)
        look = {
            "mounts": f"grep -c {uuid} /proc/self/mountinfo",
            "files": f"find {self.agent.data}/pods /run -name '*{uuid}*'",
            "processes": "ps -eo comm= | grep -E 'qemu|virtiofsd|podwright'",
        }
        return {name: self.host.run(["sh", "-c", line]).stdout for name, line in look.items()}

    def _until(
        self, process: subprocess.Popen[str], holds: Callable[[], object], what: str
    ) -> None:
        deadline = time.monotonic() + PATIENCE
        while not holds():
            if time.monotonic() > deadline or process.poll() is not None:
                process.kill()
                raise AssertionError(f"{what}: never; {process.communicate()}")
            time.sleep(0.05)


def shared_directory(base: Path) -> Path:
    """The directory that all workers of one pytest run have in common; `base` is this worker's."""
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
