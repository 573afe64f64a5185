# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many tasks in one play: a fifth of the time that as many calls of `ansible` take.

script = Script(adhoc, tmp_path)
made, told = script(("secret", {...}), check("secret", {...}))     # results in order; each must succeed
(failed,) = script.any(("pod", {...}))                              # results, failed or not
script.output                                                       # all that was printed
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.modules.conftest import AdHoc
from tests.support.private_host import Result

Task = tuple[str, Mapping[str, Any]] | dict[str, Any]
"""A module of the collection and its options, or a task as a play has it."""


def check(module: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """A task in check mode, with its differences."""
    return {f"podwright.fleet.{module}": dict(options), "check_mode": True, "diff": True}


def diff(module: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """A task with its differences."""
    return {f"podwright.fleet.{module}": dict(options), "diff": True}


class Script:
    """See the module. `env` is added to the environment, `play` to the play."""

    def __init__(self, adhoc: AdHoc, base: Path, **play: Any) -> None:
        self.adhoc = adhoc
        self.base = base / "script"
        self.base.mkdir()
        self.play = play
        self.env: dict[str, str] = {}
        self.output = ""

    def __call__(self, *tasks: Task) -> list[dict[str, Any]]:
        """Run tasks, which must succeed."""
        found = self.any(*tasks)
        for one in found:
            assert not one.get("failed"), one
        return found

    def any(self, *tasks: Task) -> list[dict[str, Any]]:
        """Run tasks, which may fail."""
        answers = self.base / "answers.json"
        answers.unlink(missing_ok=True)
        steps = [
            {**self._task(task), "register": f"r{number}", "ignore_errors": True}
            for number, task in enumerate(tasks)
        ]
        names = ", ".join(f"r{number}" for number in range(len(steps)))
        content = {"content": f"{{{{ [{names}] | to_json }}}}", "dest": str(answers)}
        keep = {"ansible.builtin.copy": content, "no_log": True, "check_mode": False, "diff": False}
        done = self.raw([*steps, keep])
        assert done.exit == 0, self.output
        found: list[dict[str, Any]] = json.loads(answers.read_text())
        return found

    def _task(self, task: Task) -> dict[str, Any]:
        if isinstance(task, dict):
            return task
        return {f"podwright.fleet.{task[0]}": dict(task[1])}

    def raw(self, tasks: list[dict[str, Any]], *flags: str) -> Result:
        """Run a play of these tasks, as they are."""
        play = {
            "hosts": "localhost",
            "gather_facts": False,
            "module_defaults": {"group/podwright.fleet.podwright": self.adhoc.common},
            **self.play,
            "tasks": tasks,
        }
        (self.base / "play.json").write_text(json.dumps([play]))
        command = ["ansible-playbook", str(self.base / "play.json"), *flags]
        env = {**self.adhoc.env, **self.env}
        done = self.adhoc.agent.host.run(command, env=env, timeout=300)
        self.output = done.stdout + done.stderr
        return done
