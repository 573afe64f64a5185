# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Named pods under supervision: one interface over systemd units and our own background process."""

from __future__ import annotations

import os
import time

from podwright import jsonio
from podwright.errors import NotReadyError, PodwrightError
from podwright.host import detached, identity, succession, systemd
from podwright.kernel import fs

TYPE_CHECKING = False
if TYPE_CHECKING:
    import subprocess
    from typing import Any, Optional

    from podwright.host.paths import Layout

GRACE = 20.0
"""Seconds that the supervisor gets on top of the pod's own stop timeout."""


def _file(layout: Layout, name: str, what: str) -> str:
    return f"{layout.named}/{name}/{what}"


def record_supervisor(layout: Layout, name: str, process: Optional[dict[str, Any]] = None) -> None:
    """Called by the supervisor itself: who it is, so that it can be stopped. Or who it is now."""
    data = jsonio.dumps(process or identity.of(os.getpid())).encode()
    fs.write_atomic(_file(layout, name, "supervisor"), data, durable=False)


def record_problem(layout: Layout, name: str, sentence: str) -> None:
    """Called by the supervisor: why the pod could not be run ("" = no problem)."""
    fs.write_atomic(_file(layout, name, "problem"), sentence.encode(), durable=False)


def problem(layout: Layout, name: str) -> str:
    """Why the last start failed, in one sentence, or ""."""
    try:
        with open(_file(layout, name, "problem"), encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def supervisor_of(layout: Layout, name: str) -> dict[str, Any]:
    """The identity of the background supervisor, or {}."""
    try:
        with open(_file(layout, name, "supervisor"), "rb") as file:
            raw = jsonio.loads(file.read(), "supervisor")
    except (FileNotFoundError, PodwrightError):
        return {}
    return raw if isinstance(raw, dict) else {}


def active(layout: Layout, name: str, units: systemd.ActiveStates) -> bool:
    """Whether something supervises the pod now (running it, or about to start it again)."""
    if systemd.running() and systemd.read_unit(name):
        return units.of(name) not in ("inactive", "failed")
    return identity.alive(supervisor_of(layout, name))


def stop_seconds(settings: dict[str, Any]) -> float:
    """For how long a pod of these settings may take to stop."""
    found = settings.get("stop_bound", settings.get("stop_timeout"))
    return float(found) if isinstance(found, (int, float)) else 10.0


def stop(layout: Layout, name: str, stop_timeout: float = 10.0) -> None:
    """Stop the pod and its supervisor; waits until both are gone."""
    succession.abandon(layout, name, stop_timeout + GRACE)
    if systemd.running():
        if systemd.read_unit(name) or systemd.is_mask(systemd.unit_path(name)):
            # Who connects between the two would start it again.
            socket = f"podwright-{name}.socket"
            sockets = [socket] if os.path.exists(f"{systemd.UNIT_DIR}/{socket}") else []
            systemd.systemctl("stop", *sockets, systemd.unit_name(name))
        return
    identity.end(supervisor_of(layout, name), stop_timeout + GRACE)


def log_of(layout: Layout, name: str) -> str:
    """Where to look what the pod and its supervisor have said."""
    if systemd.running():
        return f"journalctl -u {systemd.unit_name(name)}"
    return detached.log_path(layout, name)


class Starting:
    """A start (or restart) that is under way; `wait` tells how it went."""

    def __init__(
        self, layout: Layout, name: str, settings: dict[str, Any], command: list[str]
    ) -> None:
        self.layout = layout
        self.name = name
        self.timeout: float = settings.get("start_bound", settings["ready"]["timeout"]) + GRACE
        self.stop_timeout: float = stop_seconds(settings) + GRACE
        self.process: Optional[subprocess.Popen[bytes]] = None
        record_problem(layout, name, "")
        if systemd.running():
            self._systemd()
        else:
            stop(layout, name, stop_seconds(settings))
            self.pid = detached.spawn(layout, name, command)
        self.since = time.monotonic()

    def _systemd(self) -> None:
        import subprocess

        unit = systemd.unit_name(self.name)
        systemd.systemctl("reset-failed", unit, check=False)
        self.process = subprocess.Popen(
            ["/usr/bin/systemctl", "restart", unit],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def wait(self) -> None:
        """Return when the pod is ready; raises NotReadyError with the supervisor's own words."""
        ok = self._wait_systemd() if self.process else self._wait_detached()
        if not ok:
            why = problem(self.layout, self.name) or "it ended or was not ready in time"
            log = log_of(self.layout, self.name)
            raise NotReadyError(
                f"pod {self.name} did not become ready: {why}",
                f"podwright status {self.name} and its log ({log}) show more",
                object=self.name,
            )

    def _wait_systemd(self) -> bool:
        import subprocess

        assert self.process is not None
        try:
            # systemctl restart stops the old pod first; systemd's own limits come before ours.
            return self.process.wait(self.stop_timeout + self.timeout + GRACE) == 0
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return False

    def _wait_detached(self) -> bool:
        from podwright.stage0 import pods, report

        while time.monotonic() - self.since < self.timeout:
            uuid = pods.instance(self.layout, self.name)
            pod = pods.get(self.layout, uuid) if uuid else None
            supervisor = supervisor_of(self.layout, self.name)
            if supervisor.get("pid") == self.pid and pod is not None:
                if report.is_ready(pod):
                    return True
                if problem(self.layout, self.name):
                    return False
            if identity.start_time(self.pid) is None:
                return False
            time.sleep(0.02)
        return False
