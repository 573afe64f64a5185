# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pod is replaced while it runs: the new one starts beside it, takes over, and then the old one stops.

Until the new revision is the current one, all can be undone by ending the new pod; from then on all
goes forward. Whoever comes after a kill (`recover`) sees by the current revision which it is.
"""

from __future__ import annotations

import os
import time

from podwright.errors import HostError, NotReadyError, PodwrightError
from podwright.host import identity, succession, supervisor, systemd
from podwright.host.succession import Succession
from podwright.kernel import fs
from podwright.reconcile import revisions
from podwright.stage0 import pods, report

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from podwright.host.paths import Layout
    from podwright.reconcile.revisions import Revision

TICK = 0.02
BEGIN = 30.0
"""Seconds that the new supervisor has to begin."""
LISTENING, BUSY = b"0A", (b"01", b"03", b"04", b"08", b"09", b"0B")
"""States of TCP connections (include/net/tcp_states.h): those that an app has not done with, or whose
last data the other side has not acknowledged."""
QUIET = 5
"""How often in a row nobody is found connected, since a packet may still be under way."""


class Succeeding:
    """The start of a new revision beside the old one; `wait` tells how it went."""

    def __init__(self, layout: Layout, name: str, new: Revision, old: str, bound: float) -> None:
        self.layout, self.name, self.new, self.old = layout, name, new, old
        self.bound = bound
        self.timeout = new.settings.get("start_bound", new.settings["ready"]["timeout"])
        supervisor.record_problem(layout, name, "")
        succession.begin(layout, name, Succession(new.number, old, new.uuid))
        pod = pods.get(layout, old)
        if pod is None or not succession.tell(succession.parent_of(pod.path)):
            succession.end(layout, name)
            raise NotReadyError(f"pod {name} ended before it could be replaced", object=name)
        self.since = time.monotonic()

    def wait(self) -> None:
        """Return when the new pod is ready; raises NotReadyError with its supervisor's words."""
        if not self._is_ready():
            why = supervisor.problem(self.layout, self.name) or "it ended or was not ready in time"
            raise NotReadyError(
                f"pod {self.name} did not become ready: {why}",
                f"podwright logs {self.new.uuid} and podwright status {self.new.uuid} show more",
                object=self.name,
            )

    def _is_ready(self) -> bool:
        begun = False
        while time.monotonic() - self.since < self.timeout + supervisor.GRACE + BEGIN:
            process = succession.successor(self.layout, self.name)
            begun = begun or bool(process)
            pod = pods.get(self.layout, self.new.uuid)
            if pod is not None and report.is_ready(pod):
                return True
            if begun and not identity.alive(process):
                return False
            if not begun and time.monotonic() - self.since > BEGIN:
                return False
            time.sleep(TICK)
        return False

    def give_up(self) -> None:
        """End the new pod; the old one has never been touched."""
        succession.abandon(self.layout, self.name, self.bound + supervisor.GRACE)

    def take_over(self) -> None:
        """The new pod is the one of the name from here on, and the old one ends.

        Raises PodwrightError, with everything as it was, when it cannot have the ports.
        """
        take_over(self.layout, self.name, Succession(self.new.number, self.old, self.new.uuid))

    def finish(self, command: list[str]) -> None:
        """Make its supervisor the main one, and stop the old pod."""
        plan = Succession(self.new.number, self.old, self.new.uuid)
        finish(self.layout, self.name, plan, self.new.settings, command)


def take_over(layout: Layout, name: str, plan: Succession) -> None:
    """Make the new revision current, and lead ports and names to it. Safe to repeat."""
    before = revisions.current(layout, name)
    revisions.switch(layout, name, plan.revision)
    revisions.set_instance(layout, name, plan.new)
    from podwright.net import handover

    try:
        handover.take_over(layout.net, plan.new)
    except PodwrightError:
        if before is not None and before.number != plan.revision:
            revisions.switch(layout, name, before.number)
            revisions.set_instance(layout, name, plan.old)
        raise


def finish(
    layout: Layout, name: str, plan: Succession, settings: dict[str, Any], command: list[str]
) -> None:
    """What is left to do once the new pod has taken over: the old one ends. Safe to repeat.

    settings  of the new revision, which say how long the old one may take, too
    """
    old = pods.get(layout, plan.old)
    if old is not None and old.state == "running":
        _make_main(layout, name, old, settings, command)
        seconds = supervisor.stop_seconds(settings)
        drain(old, seconds)
        _stop(layout, old, seconds + supervisor.GRACE)
    elif not systemd.running():
        _adopt(layout, name)
    succession.end(layout, name)


def _make_main(
    layout: Layout, name: str, old: pods.Pod, settings: dict[str, Any], command: list[str]
) -> None:
    """Have the host's supervision follow the new supervisor instead of the old one."""
    if not systemd.running():
        _adopt(layout, name)
        return
    process = succession.successor(layout, name)
    parent = succession.parent_of(old.path)

    def is_main() -> bool:
        return systemd.main_pid(name) == process.get("pid")

    if not is_main() and not (succession.tell(parent) and _await(is_main, BEGIN)):
        supervisor.Starting(layout, name, settings, command).wait()  # with a gap, but right


def _adopt(layout: Layout, name: str) -> None:
    """Without systemd: who is stopped when the pod is."""
    process = succession.successor(layout, name)
    before = supervisor.supervisor_of(layout, name)
    if process and process != before:
        supervisor.record_supervisor(layout, name, process)


def _await(done: Callable[[], bool], seconds: float) -> bool:
    until = time.monotonic() + seconds
    while not done():
        if time.monotonic() > until:
            return False
        time.sleep(TICK)
    return True


def drain(pod: pods.Pod, seconds: float) -> None:
    """Wait until the apps of a pod have no connection from outside any more, for so long at most.

    No new ones come, since the ports lead elsewhere; what is under way would be cut off by a stop.
    """
    text = pod.read("pid").strip()
    quiet = 0

    def done() -> bool:
        nonlocal quiet
        quiet = 0 if _is_busy(int(text)) else quiet + 1
        return quiet >= QUIET

    if text.isdigit():
        _await(done, seconds)


def _is_busy(pid: int) -> bool:
    """Whether somebody is connected to a port on which a process's network listens."""
    rows = [row for name in ("tcp", "tcp6") for row in _rows(f"/proc/{pid}/net/{name}")]
    ports = {row[1].rpartition(b":")[2] for row in rows if row[3] == LISTENING}
    return any(row[3] in BUSY and row[1].rpartition(b":")[2] in ports for row in rows)


def _rows(path: str) -> list[list[bytes]]:
    try:
        with open(path, "rb") as file:
            return [line.split() for line in file.read().splitlines()[1:]]
    except OSError:
        return []


def _stop(layout: Layout, pod: pods.Pod, seconds: float) -> None:
    """Stop a pod and wait for its end; kill it when that takes too long."""
    from podwright.stage1.namespaces.stop import stop

    def has_ended() -> bool:
        found = pods.get(layout, pod.uuid)
        return found is None or found.state != "running"

    stop(pod.path)
    if not _await(has_ended, seconds):
        stop(pod.path, force=True)
        if not _await(has_ended, supervisor.GRACE):
            raise HostError(
                f"pod {pod.uuid}: the old one does not end",
                "podwright gc tries again",
                object=pod.uuid,
            )


def pending(layout: Layout, name: str) -> bool:
    """Whether an earlier call was killed on the way."""
    return succession.read(layout, name) is not None


def recover(layout: Layout, name: str, command: list[str]) -> bool:
    """Finish or undo what an earlier call was killed at; whether there was anything."""
    plan = succession.read(layout, name)
    if plan is None:
        return False
    revision = revisions.current(layout, name)
    new = pods.get(layout, plan.new)
    runs = new is not None and new.state == "running"
    if revision is not None and revision.number == plan.revision and runs:
        take_over(layout, name, plan)
        finish(layout, name, plan, revision.settings, command)
        revisions.conclude(layout, name, plan.revision, revisions.READY)
        return True
    settings = revision.settings if revision is not None else {"stop_timeout": 10.0}
    succession.abandon(layout, name, supervisor.stop_seconds(settings) + supervisor.GRACE)
    if os.path.lexists(f"{layout.named}/{name}/successor"):
        fs.unlink(f"{layout.named}/{name}/successor")
    return True
