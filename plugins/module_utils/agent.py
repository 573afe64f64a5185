# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ask the agent on this host: one process per module call, desired state and answer as JSON.

The desired state goes in on standard input, never on the command line, where other users could
read it. What comes back is data: only the keys that a module knows are returned.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from typing import Any, NamedTuple

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.podwright.fleet.plugins.module_utils.options import (
    Option,
    Table,
    argument_spec,
)

COMMON: Table = {
    "agent_path": Option("path", default="/usr/bin/podwright"),
    "data_dir": Option("path"),
    "local_config": Option("path"),
}
"""Options of every module; doc fragment `podwright.fleet.agent`."""

COMMON_SPEC = argument_spec(COMMON)
ERRORS, MARK = "PODWRIGHT_ERRORS", "podwright-error"
"""The variable that asks for errors as JSON, and what the line with one begins with."""

INSTALL = "apply the role podwright.fleet.agent to bring agent and collection to the same version"


class Said(NamedTuple):
    """What the agent has said on standard error: its last line, and the error that it tells of."""

    line: str
    error: dict[str, Any]


class AgentError(Exception):
    """The agent refused or failed: what `fail_json` is to be called with."""

    def __init__(self, message: str, **more: Any) -> None:
        super().__init__(message)
        unknown = {"reason": "agent-failed", "stage": "host", "object": "", "hint": ""}
        self.failure: dict[str, Any] = {"msg": message, **unknown, **more}


class Agent:
    """The agent with the directories that the module's options name."""

    def __init__(self, module: AnsibleModule) -> None:
        self._module = module
        self._command = [_agent_path(module.params["agent_path"])]
        for option, flag in (("data_dir", "--dir"), ("local_config", "--local-config")):
            path = module.params[option]
            if path is not None:
                self._command.append(f"{flag}={_absolute(option, path)}")

    @property
    def command(self) -> list[str]:
        """The program, and where its directories are."""
        return list(self._command)

    def apply(self, state: dict[str, Any], *flags: str) -> dict[str, Any]:
        """Make the host be as `state` says, or tell what would change in check mode.

        flags  further options of the verb, such as `--stage`
        Returns the agent's answer. Raises AgentError, with what was done so far, when something
        was refused or failed.
        """
        return self._ask(["apply", *flags], state)

    def make(self, order: dict[str, Any]) -> dict[str, Any]:
        """Build, sign, publish and push as `order` says, or tell what would change in check mode.

        Returns the agent's answer. Raises AgentError.
        """
        return self._ask(["image", "make"], order)

    def make_stage1(self, order: dict[str, Any]) -> dict[str, Any]:
        """Build, sign and store a stage1 image, or remove it, or tell what would change in check mode.

        Returns the agent's answer. Raises AgentError.
        """
        return self._ask(["stage1", "make"], order)

    def make_apps(self, order: dict[str, Any]) -> dict[str, Any]:
        """Have apps of pods that run be as `order` says, or tell what would change in check mode.

        Returns the agent's answer. Raises AgentError.
        """
        return self._ask(["app", "make"], order)

    def make_bundles(self, order: dict[str, Any]) -> dict[str, Any]:
        """Make, sign and publish bundles, or tell what would change in check mode.

        Returns the agent's answer. Raises AgentError.
        """
        return self._ask(["bundle", "make"], order)

    def _ask(self, command: list[str], state: dict[str, Any]) -> dict[str, Any]:
        """Have something done, or tell what would be done."""
        return self.ask(command + [flag for flag in self._asked() if flag not in command], state)

    def ask(self, command: list[str], state: dict[str, Any]) -> dict[str, Any]:
        """What a verb answers to an order as JSON. Raises AgentError."""
        return _done(*self._call([*command, "-"], json.dumps({"version": 1, **state})))

    def do(self, command: list[str], words: Sequence[str]) -> dict[str, Any]:
        """What a verb answers that has something done, or tells what would be done. Raises AgentError.

        words  what stands after all flags
        """
        flags = [*self._asked(), "--format=json", *(["--", *words] if words else ())]
        return _done(*self._call([*command, *flags], None))

    def _asked(self) -> list[str]:
        """The flags that stand for what Ansible was asked."""
        check = ["--check"] if self._module.check_mode else []
        return [*check, "--diff"] if self._module._diff else check

    def read(self, *arguments: str) -> list[dict[str, Any]]:
        """Run a verb that answers with a list of objects."""
        status, answer, said = self._call([*arguments, "--format=json"], None)
        if status != 0:
            raise _failed(status, said)
        if not isinstance(answer, list) or not all(isinstance(item, dict) for item in answer):
            raise _no_answer(status, said)
        return answer

    def told(self, *arguments: str, fine: tuple[int, ...] = (0,), words: Sequence[str] = ()) -> Any:
        """What a verb answers in JSON. words: what stands after all flags; fine: its good statuses"""
        rest = ["--", *words] if words else []
        status, answer, said = self._call([*arguments, "--format=json", *rest], None)
        if status not in fine or (answer is None and status != 0):
            raise _failed(status, said)
        if answer is None:
            raise _no_answer(status, said)
        return answer

    def text(self, *arguments: str) -> str:
        """Run a verb that must succeed, for those who read what it writes themselves."""
        status, out, said = self._run(list(arguments), None)
        if status == 0:
            return out
        try:
            answer = json.loads(out)
        except ValueError:
            answer = None
        if isinstance(answer, dict) and answer.get("error"):
            raise _refused(answer, said)
        raise _failed(status, said)

    def _call(self, arguments: list[str], data: str | None) -> tuple[int, Any, Said]:
        """Exit status, parsed standard output (None if it is not JSON), and what it said."""
        status, out, said = self._run(arguments, data)
        try:
            answer = json.loads(out)
        except ValueError:
            answer = None
        return status, answer, said

    def _run(self, arguments: list[str], data: str | None) -> tuple[int, str, Said]:
        """Exit status, standard output, and what it said."""
        try:
            status, out, err = self._module.run_command(
                [*self._command, *arguments],
                data=data,
                binary_data=True,
                expand_user_and_vars=False,
                handle_exceptions=False,
                errors="surrogate_then_replace",
                environ_update={ERRORS: "json"},
            )
        except OSError as error:
            raise AgentError(
                f"the agent {self._command[0]} cannot be started: {error.strerror}",
                reason="no-agent",
                stage="host",
                object=self._command[0],
                hint=INSTALL,
            ) from None
        return status, out, _said(err)


def result(answer: dict[str, Any], *known: str) -> dict[str, Any]:
    """The keys of the agent's answer that a module returns: `changed`, and those in `known`.

    Differences stand once, at the top, and only when they were asked for: they may be long.
    """
    out: dict[str, Any] = {"changed": answer.get("changed") is True}
    for key in known:
        found = answer.get(key)
        if isinstance(found, list):
            out[key] = [_without(item, "diff", "label") for item in found]
        elif found is not None:
            out[key] = found
    return out


def _without(item: Any, *names: str) -> Any:
    if not isinstance(item, dict):
        return item
    return {name: content for name, content in item.items() if name not in names}


def warn(module: AnsibleModule, answer: dict[str, Any]) -> None:
    """Show the agent's warnings as Ansible's."""
    warnings = answer.get("warnings")
    for warning in warnings if isinstance(warnings, list) else []:
        module.warn(str(warning))


def _agent_path(path: str) -> str:
    _absolute("agent_path", path)
    if not os.path.exists(path):
        raise AgentError(
            f"there is no podwright agent at {path} on this host; apply the role"
            " podwright.fleet.agent to it, or say where the agent is with agent_path",
            reason="no-agent",
            stage="host",
            object=path,
            hint="apply the role podwright.fleet.agent, or say where the agent is with agent_path",
        )
    if not os.path.isfile(path) or not os.access(path, os.X_OK):
        raise AgentError(
            f"agent_path {path} is not a program that can be run",
            reason="no-agent",
            stage="host",
            object=path,
            hint="say where the agent is with agent_path",
        )
    return path


def _absolute(option: str, path: str) -> str:
    if not os.path.isabs(path):
        raise AgentError(
            f"{option}: {path!r} is not an absolute path",
            reason="bad-input",
            stage="input",
            object=option,
            hint="write it from the root on: /var/lib/podwright",
        )
    return path


def _done(status: int, answer: Any, said: Said) -> dict[str, Any]:
    """The answer of a verb that has had something done. Raises AgentError."""
    if isinstance(answer, dict) and answer.get("error"):
        raise _refused(answer, said)
    if status != 0:
        raise _failed(status, said)
    if not isinstance(answer, dict):
        raise _no_answer(status, said)
    return answer


def _refused(answer: dict[str, Any], said: Said) -> AgentError:
    """A failure that an answer tells of, with what was done before it."""
    error = answer.get("error")
    known = ("apps", "bundles", "pods", "images", "networks", "keys", "secrets", "logs", "diff")
    return _told(
        error if isinstance(error, dict) else {},
        said,
        **result(answer, *(kind for kind in known if answer.get(kind))),
    )


def _failed(status: int, said: Said) -> AgentError:
    """A failure without an answer; an agent of an older version says a line, and no more."""
    if said.error:
        return _told(said.error, said)
    message = said.line or f"the agent failed with status {status}"
    return AgentError(message, hint=f"podwright says more on the host; {INSTALL}")


def _told(error: dict[str, Any], said: Said, **more: Any) -> AgentError:
    message = str(error.get("message") or said.line or "the agent failed and did not say why")
    hint = str(error.get("hint") or "")
    words = {key: str(error.get(key) or "") for key in ("reason", "stage", "object")}
    known = {key: word for key, word in words.items() if word}
    return AgentError(f"{message}; {hint}" if hint else message, hint=hint, **known, **more)


def _no_answer(status: int, said: Said) -> AgentError:
    return AgentError(
        f"the agent's answer (exit status {status}) is not the JSON that this collection"
        f" understands{': ' + said.line if said.line else ''}; {INSTALL}",
        reason="bad-answer",
        hint=INSTALL,
    )


def _said(stream: str) -> Said:
    """What the agent has said: for people, and for us."""
    lines = [line for line in stream.splitlines() if line.strip()]
    mark, _gap, told = lines[-1].partition(" ") if lines else ("", "", "")
    error: Any = None
    if mark == MARK:
        lines.pop()
        try:
            error = json.loads(told)
        except ValueError:
            error = None
    return Said(_last_line(lines), error if isinstance(error, dict) else {})


def _last_line(lines: list[str]) -> str:
    """The last line of what a program said, without control characters and of bounded length."""
    line = (
        "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in lines[-1])
        if lines
        else ""
    )
    return line[:500]
