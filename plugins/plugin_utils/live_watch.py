# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""While a module runs on a host: ask the host now and then how far its downloads are, and tell the live view.

Only where the live view listens. It asks over a connection of its own, by a program that ends at once, and
whatever goes wrong with that, the module goes on as if nobody had asked. The agent gets the name of the file to tell
it in from its environment: one that does not know the name of that variable does not mind it.
"""

from __future__ import annotations

import contextlib
import contextvars
import copy
import os
import secrets
import threading
from collections.abc import Iterator
from typing import Any

from ansible.plugins.loader import connection_loader
from ansible_collections.podwright.fleet.plugins.plugin_utils import live_fetch, live_wire

VARIABLE = "PODWRIGHT_PROGRESS"
PLACE = "/run/podwright/progress"
LONGEST_PAUSE, NEVER_SEEN = 5.0, 15.0
"""Seconds between two questions, at most: to a host that has answered, and to one that never has (an old agent)."""
PATIENCE = 10
"""Questions without an answer after which a host is one of the latter."""
GRACE = 1.0
"""Seconds that a question may hold up the end of the task."""


@contextlib.contextmanager
def watching(action: Any, task_vars: dict[str, Any], fetches: bool = True) -> Iterator[None]:
    """In this context the action's module runs, which may download images if it `fetches`."""
    if not fetches or not live_wire.is_open() or action._task.check_mode:
        yield
        return
    name = secrets.token_hex(16)
    kept = action._task.environment
    given = kept if isinstance(kept, list) else [kept] if kept else []
    watch = _Watch(action, str(task_vars.get("inventory_hostname", "")), name)
    action._task.environment = [*given, {VARIABLE: name}]
    watch.start()
    try:
        yield
    finally:
        action._task.environment = kept
        watch.end()


class _Watch:
    """The questions about one module."""

    def __init__(self, action: Any, host: str, name: str) -> None:
        self._host = host
        self._command = f"head -c {live_fetch.MOST_TOLD} {PLACE}/{name} 2>/dev/null"
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        with contextlib.suppress(Exception):  # a kind of connection that cannot be had twice
            self._action = _beside(action)
            context = contextvars.copy_context()
            self._thread = threading.Thread(target=context.run, args=(self._run,), daemon=True)

    def start(self) -> None:
        """Begin to ask."""
        if self._thread is not None:
            self._thread.start()

    def end(self) -> None:
        """Ask no more; a question that is on its way is not waited for for long."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(GRACE)

    def _run(self) -> None:
        asked, seen = 0, False
        # The connection is not closed: some kinds share what is below it, and the worker ends soon.
        while not self._stop.wait(pause(asked, seen)):
            asked += 1
            try:
                answer = self._action._low_level_execute_command(self._command)
            except Exception:  # whatever it is, the module will meet it, too, and has better words
                return
            found = live_fetch.told(str(answer.get("stdout") or ""))
            if found is not None and not self._stop.is_set():
                seen = True
                live_wire.send({"host": self._host, **found._asdict()})


def pause(asked: int, seen: bool) -> float:
    """Seconds until the next question."""
    if not seen and asked >= PATIENCE:
        return NEVER_SEEN
    return min(LONGEST_PAUSE, 1.0 + asked // 3)


def _beside(action: Any) -> Any:
    """The same action with a connection of its own, to the same host in the same way."""
    mine = action._connection
    name = getattr(mine, "ansible_name", None) or mine._load_name
    beside = connection_loader.get(
        name,
        action._play_context,
        task_uuid=action._task._uuid,
        ansible_playbook_pid=str(os.getppid()),
    )
    options = {key: content for key, content in mine._options.items() if content is not None}
    beside.set_options(direct=options)
    beside._shell = mine._shell
    if mine.become is not None:
        beside.set_become_plugin(copy.copy(mine.become))
    out = copy.copy(action)
    out._connection = beside
    return out
