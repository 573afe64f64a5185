# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Start the programs of apps, and learn whether they were executed."""

from __future__ import annotations

import os

from podwright.errors import LaunchError
from podwright.kernel import beneath
from podwright.stage1.namespaces import link as messages
from podwright.stage1.namespaces import program
from podwright.stage2 import app as apps
from podwright.stage2.appstate import MAIN, PRE_START
from podwright.text import safe
from podwright.values import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.stage1.namespaces.identity import Identity
    from podwright.stage1.namespaces.link import Inside
    from podwright.stage2.appstate import App


class Starter:
    """Forks apps' programs. `launching`: an app that cannot be confined ends the launch."""

    def __init__(self, link: Inside, stdio: apps.Stdio, null: int) -> None:
        self.link = link
        self.stdio = stdio
        self.quiet = apps.Stdio(null, null, null)
        self.launching = True
        self.starting: list[tuple[App, apps.Started, str]] = []

    def start(self, app: App, argv: tuple[str, ...], identity: Identity) -> bool:
        """Start the program of the phase that the app is in; False when it cannot be started.

        Once the pod runs, a host that is short of something ends a life and not the pod.
        """
        try:
            path, why = self.find(app, argv[0])
            if not path:
                self._note(app, argv[0], why)
                return False
            started = apps.spawn(app.target, path, argv, identity, self._stdio(app.phase))
        except OSError as err:
            if self.launching:
                raise
            self.link.report(messages.NOTE, f"app {app.name}: cannot be started: {safe(err)}")
            return False
        app.pid = started.pid
        self.starting.append((app, started, path))
        return True

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
        """Learn of the children just forked; those that executed their program."""
        good = []
        while self.starting:
            app, started, path = self.starting.pop(0)
            try:
                apps.confirm(started)
                good.append(app)
            except apps.StartError as err:
                self._failed(app, path, err)
        return good

    def _failed(self, app: App, path: str, err: apps.StartError) -> None:
        """Say why; the child ends with 203 or 254, which then is the app's status."""
        if not err.executing:
            text = f"app {app.name}: cannot be started: {safe(err.strerror)}"
            if self.launching:
                raise LaunchError(text, object=app.name) from None
            self.link.report(messages.NOTE, text)
            return
        root = os.open(app.target.root, beneath.DIRECTORY)
        why = program.explain(root, path, err.errno or 0)
        os.close(root)
        self._note(app, path, why)

    def _note(self, app: App, command: str, why: str) -> None:
        text = f"app {app.name}: cannot execute {safe(command, 120)}: {why}"
        self.link.report(messages.NOTE, text)

    def probe(self, app: App, argv: tuple[str, ...]) -> tuple[int, str]:
        """Start a readiness command: (its pid, or 0; why it could not be executed)."""
        try:
            path, why = self.find(app, argv[0])
            if not path:
                return 0, why
            started = apps.spawn(app.target, path, argv, app.target.identity, self.quiet)
        except OSError as err:
            return 0, str(err)
        try:
            apps.confirm(started)
        except apps.StartError as err:
            why = f"{argv[0]}: {err.strerror}"
        return started.pid, why
