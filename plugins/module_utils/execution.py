# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A command in an app of a running pod: `podwright enter`, which tells apart what it says and what the command says."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from typing import Any, NamedTuple, Optional

from ansible_collections.podwright.fleet.plugins.module_utils.agent import AgentError
from ansible_collections.podwright.fleet.plugins.module_utils.options import (
    Option,
    OptionError,
    Table,
    mapping,
    text,
    texts,
)

OPTIONS: Table = {
    "name": Option(required=True),
    "argv": Option("list", elements="raw", required=True, convert=texts),
    "app": Option(),
    "user": Option("raw", convert=text),
    "working_dir": Option(),
    "environment": Option("dict", convert=mapping),
    "stdin": Option(),
    "stdin_add_newline": Option("bool", default=True),
    "strip_empty_ends": Option("bool", default=True),
    "timeout": Option("float"),
}

FLAGS = {"app": "--app", "user": "--user", "working_dir": "--workdir"}
BEGIN, OUTCOME = "podwright-begin", "podwright-outcome"
"""What the lines begin with that `enter --outcome` writes, before and after what the command does."""


class Done(NamedTuple):
    """What a command has made of itself."""

    status: int
    stdout: str
    stderr: str


def words(wanted: dict[str, Any]) -> list[str]:
    """Arguments of `podwright`, all but the mark of the outcome. Raises OptionError."""
    argv = wanted["argv"]
    if not argv or not argv[0]:
        raise OptionError("argv: is empty; name the program first")
    if not wanted["name"]:
        raise OptionError("name: is empty; name the pod")
    for place, one in [("name", wanted["name"]), *(("argv", word) for word in argv)]:
        if "\0" in one:
            raise OptionError(f"{place}: has a NUL in it; leave it out")
    if wanted.get("timeout") is not None and wanted["timeout"] <= 0:
        raise OptionError("timeout: must be more than 0 seconds")
    flags = [f"{flag}={wanted[name]}" for name, flag in FLAGS.items() if name in wanted]
    flags += [f"--env={name}={value}" for name, value in wanted.get("environment", {}).items()]
    return ["enter", "--no-tty", *flags, "--", wanted["name"], *argv]


def run(agent: list[str], arguments: list[str], wanted: dict[str, Any]) -> Done:
    """Run it. Raises AgentError when it could not be run to its end."""
    mark = os.urandom(16).hex()
    verb, *rest = arguments
    command = [*agent, verb, f"--outcome={mark}", *rest]
    given = wanted.get("stdin")
    if given is not None and wanted["stdin_add_newline"]:
        given += "\n"
    out, err = _communicate(command, given, wanted)
    before, found, after = err.rpartition(f"\n{OUTCOME} {mark} ".encode())
    try:
        outcome = json.loads(after) if found else {}
    except ValueError:
        outcome = {}
    if outcome.get("end") != "exited":
        raise _not_run(outcome, err, wanted["name"])
    strip = "\r\n" if wanted["strip_empty_ends"] else ""
    said = before.replace(f"{BEGIN} {mark}\n".encode(), b"", 1)
    shown = [stream.decode("utf-8", "replace") for stream in (out, said)]
    return Done(int(outcome["status"]), *(one.rstrip(strip) if strip else one for one in shown))


def _communicate(
    command: list[str], given: Optional[str], wanted: dict[str, Any]
) -> tuple[bytes, bytes]:
    """Both outputs; everything is ended when it takes too long. Raises AgentError."""
    data = given.encode("utf-8", "surrogateescape") if given is not None else None
    try:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL if data is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:
        raise AgentError(
            f"the agent {command[0]} cannot be started: {error.strerror}",
            reason="no-agent",
            object=command[0],
        ) from None
    with child:
        try:
            return child.communicate(data, wanted.get("timeout"))
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            child.communicate()
    raise AgentError(
        f"the command in pod {wanted['name']} has not ended within {wanted['timeout']:g} seconds",
        reason="timeout",
        stage="launch",
        object=wanted["name"],
        hint="find out what it waits for, or give it a longer timeout",
    )


def _not_run(outcome: dict[str, Any], err: bytes, pod: str) -> AgentError:
    last = err.decode("utf-8", "replace").strip().rpartition("\n")[2][:500]
    message = str(outcome.get("message") or last or "the agent did not say how the command ended")
    hint = str(outcome.get("hint") or "")
    reason = "pod-ended" if outcome.get("end") == "pod-ended" else outcome.get("reason")
    return AgentError(
        f"{message}; {hint}" if hint else message,
        reason=str(reason or "agent-failed"),
        stage="launch",
        object=pod,
        hint=hint,
    )
