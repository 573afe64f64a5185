# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Start the programs of apps, and learn whether they were executed."""

from __future__ import annotations

import os
import time

from podwright.errors import LaunchError
from podwright.kernel import beneath, signals
from podwright.stage1.namespaces import link as messages
from podwright.stage1.namespaces import program
from podwright.stage2 import app as apps
from podwright.stage2.appstate import MAIN, NEVER, PRE_START
from podwright.text import safe
from podwright.values import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Optional

    from podwright.stage1.namespaces.identity import Identity
    from podwright.stage1.namespaces.link import Inside
    from podwright.stage2.appstate import App
    from podwright.stage2.streams import Streams

PATIENCE = 30.0
"""Seconds from the fork to the program."""


class _Starting:
    """A child on its way to its program; `told` that of a probe. `late`: it was killed."""

    def __init__(
        self,
        app: App,
        started: apps.Started,
        path: str,
        told: Optional[Callable[[str], None]] = None,
    ) -> None:
        self.app = app
        self.started = started
        self.path = path
        self.told = told
        self.late = False
        self.due = time.monotonic() + PATIENCE
        self.data = b""

    def arrived(self) -> bool:
        """Whether it has executed its program, or has ended; `data` says why it could not."""
        try:
            while True:
                piece = os.read(self.started.pipe, 4096)
                if not piece:
                    break
                self.data += piece
        except BlockingIOError:
            return False
        os.close(self.started.pipe)
        return True


class Starter:
    """Forks apps' programs. `launching`: an app that cannot be confined ends the launch."""

    def __init__(self, link: Inside, stdio: apps.Stdio, null: int) -> None:
        self.link = link
        self.stdio = stdio
        self.quiet = apps.Stdio(null, null, null)
        self.launching = True
        self.streams: Optional[Streams] = None
        self.starting: list[_Starting] = []

    def start(self, app: App, argv: tuple[str, ...], identity: Identity) -> bool:
        """Start the program of the phase that the app is in; False when it cannot be started.

        Once the pod runs, a host that is short of something ends a life and not the pod.
        """
        try:
            path, why = self.find(app, argv[0])
            if not path:
                self._note(app, argv[0], why)
                return False
            started = self._spawn(app, path, argv, identity)
        except OSError as err:
            self._unconfined(app, safe(err))
            return False
        app.pid = started.pid
        self.starting.append(_Starting(app, started, path))
        return True

    def _spawn(
        self, app: App, path: str, argv: tuple[str, ...], identity: Identity
    ) -> apps.Started:
        streams = self.streams
        stdio = self._stdio(app.phase) if streams is None else streams.stdio(app)
        if app.phase != MAIN:
            return apps.spawn(app.target, path, argv, identity, stdio)
        app.target.spaces.renew()
        more, listening = app.target.main_environment, app.target.listening
        return apps.spawn(app.target, path, argv, identity, stdio, more, listening)

    def _stdio(self, phase: int) -> apps.Stdio:
        """A terminal is controlled by the main program only, and hung up when that has ended."""
        if phase == MAIN or not self.stdio.controlling:
            return self.stdio
        return replace(self.stdio, controlling=False) if phase == PRE_START else self.quiet

    def find(self, app: App, command: str) -> tuple[str, str]:
        """(path in the app's root, "") or ("", why there is none)."""
        root = os.open(app.target.root, beneath.DIRECTORY)
        try:
            search = dict(app.plan.environment).get("PATH", "")
            return program.find(root, command, app.plan.directory, search)
        finally:
            os.close(root)

    def settle(self) -> list[App]:
        """Learn of the children that were forked; apps that have executed their program.

        Nothing is waited for: what else runs in the pod may stop a child on its way.
        """
        good = []
        for one in list(self.starting):
            if not one.arrived():
                self._hurry(one)
                continue
            self.starting.remove(one)
            if one.data:
                self._failed(one)
            elif one.told is None and not one.late:
                good.append(one.app)
        return good

    def due(self) -> float:
        """When a child takes too long (monotonic)."""
        return min((one.due for one in self.starting), default=NEVER)

    def _hurry(self, one: _Starting) -> None:
        """Kill who does not get to its program. It is still ours: its pipe is open."""
        if time.monotonic() < one.due:
            return
        one.late, one.due = True, NEVER
        os.kill(one.started.pid, signals.SIGKILL)
        self._note(one.app, one.path, f"it was held up for {PATIENCE:g} s")

    def _failed(self, one: _Starting) -> None:
        """Say why; the child ends with 203 or 254, which then is the app's status."""
        err = apps.failure(one.data)
        if one.told is not None:
            one.told(f"{one.path}: {err.strerror}")
        elif err.executing:
            why = program.explain(one.app.target.root, one.path, err.errno or 0)
            self._note(one.app, one.path, why)
        else:
            self._unconfined(one.app, safe(err.strerror))

    def _unconfined(self, app: App, why: str) -> None:
        """An app that cannot even be confined ends the launch, if that is still going on."""
        text = f"app {app.name}: cannot be started: {why}"
        if self.launching and not app.executed and not app.restarts:
            raise LaunchError(text, object=app.name)
        self.link.report(messages.NOTE, text)

    def _note(self, app: App, command: str, why: str) -> None:
        text = f"app {app.name}: cannot execute {safe(command, 120)}: {why}"
        self.link.report(messages.NOTE, text)

    def probe(
        self,
        app: App,
        argv: tuple[str, ...],
        told: Callable[[str], None],
        stdio: Optional[apps.Stdio] = None,
        joins: tuple[int, ...] = (),
    ) -> tuple[int, str]:
        """Start a command that asks how an app is: (its pid, or 0; why it could not be started).

        told   called with why it could not be executed
        stdio  none of its output is seen by default
        joins  files of a control group below the app's, which it joins instead
        """
        try:
            path, why = self.find(app, argv[0])
            if not path:
                return 0, why
            target = replace(app.target, joins=joins) if joins else app.target
            stdio = stdio or self.quiet
            started = apps.spawn(target, path, argv, app.target.identity, stdio)
        except OSError as err:
            return 0, str(err)
        self.starting.append(_Starting(app, started, path, told))
        return started.pid, ""
