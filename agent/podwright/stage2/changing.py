# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The PID 1 of a pod whose apps come and go: it goes on without any, and does what `app ...` asks.

Requests on the control socket, by fields, each answered by `done`, or `failed` with a status and a
sentence:
  app-add    with descriptors: a file with the app (`handed`, and what `ADDED` names), files to join
             its control groups, those of its group, what counts its memory
  app-start  app: answered with when its program was executed
  app-stop   app: answered when nothing of it runs any more, with when it was started, or ""
  app-rm     app, which does not run; one that is not there is none already
  app-names  answered with the names of all apps
Only loaded for such pods, by PID 1 while it is root of the host.
"""

from __future__ import annotations

import os
import time

from podwright import jsonio
from podwright.kernel import fs
from podwright.model import life, probe  # noqa: F401  needed later, when nothing can be loaded
from podwright.stage1.contract import Ready
from podwright.stage1.namespaces import link as messages
from podwright.stage2 import handed, leftovers, streams
from podwright.stage2 import memory as counts
from podwright.stage2.appstate import (
    CREATED,
    MAIN,
    NEVER,
    OVER,
    PAUSE,
    PRE_START,
    WAITING,
    App,
)
from podwright.stage2.control import FAILED, Control, Refused
from podwright.stage2.entered import SPAWN, SPAWN_AS, Entered, Spawner
from podwright.stage2.errand import Errand, Overheard
from podwright.stage2.ready import Readiness
from podwright.stage2.supervise import Supervisor
from podwright.text import safe
from podwright.values import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Optional

    from podwright.stage2.app import Target
    from podwright.stage2.control import Client, Task
    from podwright.stage2.ground import Ground
    from podwright.stage2.leftovers import Group
    from podwright.stage2.memory import Memory

ADD, START, STOP, REMOVE, NAMES = "app-add", "app-start", "app-stop", "app-rm", "app-names"
DONE = "done"
ADDED = ("joins", "shows_group", "group", "memory", "reports", "rlimits")
"""How many files to join there are; whether it is shown its group; which files of its group (`kill`,
`limit`) follow its directory; what its memory limit is, if that follows; sentences to report; the
process limits it asks for."""
NOBODY = "the pod has no app called {}"


class Changing(Supervisor):
    """See the module. Apps are `CREATED` until they are started, and can be again when they are over."""

    link: Overheard
    ground: Ground
    served: Control
    spawner: Spawner

    def prepare(self, ground: Ground) -> None:
        """All apps wait for their start; the pod does not wait for them."""
        self.ground = ground
        self.starter.launching = False
        self.gate.passed, self.gate.deadline = True, NEVER
        self.gate.pod = Readiness(Ready(), "", lambda: True, lambda: None)
        self.gate.pod.ready = True
        for app in self.apps:
            app.enter(CREATED)

    def serve(self, server: int, mapped: bool) -> Control:
        """Begin to listen to clients."""
        self.spawner = Spawner({app.name: app.target for app in self.apps})
        verbs: dict[str, Callable[[Client, list[str]], Task]] = {
            SPAWN: self.spawner.spawn,
            SPAWN_AS: self.spawner.spawn_as,
            ADD: self.add,
            START: self.start,
            STOP: self.stop,
            REMOVE: self.remove,
            NAMES: lambda client, _: Errand(client, lambda: (DONE, *self.names())),
        }
        self.served = Control(server, verbs, mapped)
        return self.served

    def run(self) -> tuple[int, str]:
        """See `Supervisor`; such a pod is ready at once."""
        self.link.report(messages.APPS, *self.names())
        self.link.report(messages.READY)
        return super().run()

    def names(self) -> list[str]:
        """The names of all apps."""
        return [app.name for app in self.apps]

    # What is different in such a pod

    def goes_on(self) -> bool:
        """Until it is stopped."""
        return not self.stopping or super().goes_on()

    def failed_or_done(self, app: App, status: int) -> None:
        """The end of an app is no other app's business."""
        if self.stopping:
            super().failed_or_done(app, status)

    def _stop(self, reason: str) -> None:
        for app in self.apps:
            if app.phase == CREATED and not self.stopping:
                app.enter(WAITING)
        super()._stop(reason)

    def _check_readiness(self) -> None:
        self.gate.check()
        now = time.monotonic()
        for app in self.apps:
            rule = app.ready
            if rule is not None and not app.was_ready and now >= rule.deadline():
                self.lives.note(app, f"not ready after {rule.rule.timeout:g} s: {safe(rule.last)}")
                app.ready = None

    def _tick(self) -> None:
        super()._tick()
        if any(isinstance(task, Errand) for task in self.served.tasks):
            self.served.signalled()

    # What clients ask for

    def _find(self, fields: list[str]) -> App:
        found = [app for app in self.apps if [app.name] == fields]
        if not found:
            raise Refused(NOBODY.format(safe(" ".join(fields), 60)))
        return found[0]

    def add(self, client: Client, _fields: list[str]) -> Errand:
        """Take over an app whose root is mounted."""
        fds, client.fds = client.fds, []
        try:
            file, *rest = fds
            raw = _read(file)
            target, group, memory = self._made(raw, rest)
        except Refused:
            _close(fds)
            raise
        except (KeyError, TypeError, ValueError, IndexError, OSError) as err:
            _close(fds)
            raise Refused(f"what was handed over makes no sense: {safe(err)}") from None
        os.close(file)
        app = App(target, group)
        app.memory = memory
        app.enter(CREATED)
        self.apps.append(app)
        self.users[app.name] = frozenset()
        self.spawner.targets[app.name] = target
        self.link.report(messages.APPS, *self.names())
        for text in raw["reports"]:
            self.link.missing(text)
        return Errand(client, lambda: (DONE,))

    def _made(
        self, raw: dict[str, Any], fds: list[int]
    ) -> tuple[Target, Optional[Group], Optional[Memory]]:
        target = handed.load(raw, self.ground.own_users)
        if target.plan.name in self.names():
            raise Refused(f"the pod has an app called {target.plan.name} already")
        if self.stopping:
            raise Refused("the pod is being stopped")
        count = raw["joins"]
        asked = tuple((name, soft, hard) for name, soft, hard in raw["rlimits"])
        target = replace(target, joins=tuple(fds[:count]), rlimits=asked)
        target = self.ground.scored(self.ground.limited(target))
        if self.ground.metadata:
            told = {**dict(target.plan.environment), "AC_METADATA_URL": self.ground.metadata}
            plan = replace(target.plan, environment=tuple(sorted(told.items())))
            target = replace(target, plan=plan)
        rest = fds[count:]
        names = raw["group"]
        group = None if names is None else _Handed(names, rest[: len(names) + 1])
        memory = counts.Memory(rest[-1], raw["memory"]) if raw["memory"] else None
        return target, group, memory

    def start(self, client: Client, fields: list[str]) -> Errand:
        """Begin a life of an app that has none."""
        before = self._find(fields)
        if self.stopping:
            raise Refused("the pod is being stopped")
        if before.phase not in (CREATED, OVER):
            raise Refused("it runs already")
        app = App(before.target, before.group)
        app.memory = before.memory
        self.apps[self.apps.index(before)] = app
        self.link.last.pop(app.name, None)
        fs.unlink(f"/rkt/status/{app.name}")
        return Errand(client, lambda: self._begun(app))

    def _begun(self, app: App) -> Optional[tuple[str, ...]]:
        if app.executed:
            return (DONE, str(app.started))
        if app.phase in (OVER, PAUSE) or app.restarts:
            why = self.link.last.get(app.name) or "it ended before its program was executed"
            return (FAILED, "254", why)
        return None

    def stop(self, client: Client, fields: list[str]) -> Errand:
        """End an app's life; it is not started again by its policy."""
        app = self._find(fields)
        app.held = True
        if app.phase == WAITING:
            self.lives.never(app)
        elif app.phase == PAUSE:
            self.lives.over(app)
        elif app.phase in (PRE_START, MAIN) and app.pid and not app.asked:
            self.ask(app)
        ends = app.phase != CREATED
        done = (DONE, str(app.started) if ends else "")
        return Errand(client, lambda: done if app.phase in (CREATED, OVER) else None)

    def remove(self, client: Client, fields: list[str]) -> Errand:
        """Forget an app; its mounts are its client's business."""
        for app in [one for one in self.apps if [one.name] == fields]:
            if app.phase not in (CREATED, OVER):
                raise Refused("it runs")
            if any(
                isinstance(task, Entered) and task.target.plan.name == app.name
                for task in self.served.tasks
            ):
                raise Refused("somebody is in it (podwright enter)")
            self._forget(app)
        return Errand(client, lambda: (DONE,))

    def _forget(self, app: App) -> None:
        self.apps.remove(app)
        self.users.pop(app.name, None)
        self.spawner.targets.pop(app.name, None)
        self.link.last.pop(app.name, None)
        if isinstance(self.control, streams.Joined):
            own = self.control.streams.of.pop(app.name, None)
            if own is not None:
                own.close()
        app.target.spaces.close()
        fds = list(app.target.joins)
        if app.group is not None:
            fds += (app.group.directory, app.group.kill, app.group.limit)
        if app.memory is not None:
            fds.append(app.memory.fd)
        _close([fd for fd in fds if fd >= 0])
        for place in ("status", "env"):
            fs.unlink(f"/rkt/{place}/{app.name}")
        self.link.report(messages.APPS, *self.names())


class _Handed(leftovers.Group):
    """The processes of an app whose group somebody else has opened: its directory, and `names`."""

    def __init__(self, names: list[str], fds: list[int]) -> None:
        known = dict(zip(names, fds[1:]))
        self.directory = fds[0]
        self.kill, self.limit = known.get("kill", -1), known.get("limit", -1)
        self.barred = b""


def _read(file: int) -> dict[str, Any]:
    data = os.pread(file, jsonio.MAX_BYTES, 0)
    raw: dict[str, Any] = jsonio.loads(data, "the app")
    return raw


def _close(fds: list[int]) -> None:
    for fd in fds:
        os.close(fd)
