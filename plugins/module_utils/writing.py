# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Modules that write files and directories of a host, one after the other, by verbs with `--same` and `--check`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ansible_collections.podwright.fleet.plugins.module_utils.agent import (
    COMMON_SPEC,
    Agent,
    AgentError,
)
from ansible_collections.podwright.fleet.plugins.module_utils.module import Module
from ansible_collections.podwright.fleet.plugins.module_utils.options import (
    OptionError,
    Table,
    argument_spec,
)

Calls = Iterable[tuple[tuple[str, ...], tuple[str, str]]]
"""For each that is to be written: verb and flags, and what it is made of with the path."""


def write(
    agent: Agent, kind: str, calls: Calls, overwrite: bool, check: bool
) -> list[dict[str, Any]]:
    """Write them, or ask what would be written. Raises AgentError with what was written before, under `kind`."""
    flags = ["--same", *(["--check"] if check else []), *(["--overwrite"] if overwrite else [])]
    done: list[dict[str, Any]] = []
    try:
        for verb, words in calls:
            done.append(agent.told(*verb, *flags, words=words))
    except AgentError as error:
        error.failure.update(changed=any(one["changed"] for one in done), **{kind: done})
        raise
    return done


def absolute(kind: str, items: list[dict[str, Any]]) -> None:
    """Raise OptionError for a path that is not absolute."""
    for index, item in enumerate(items):
        if not item["path"].startswith("/"):
            raise OptionError(f"{kind}[{index}].path: must be absolute; say where it is to be")


def run(options: Table, kind: str, calls: Callable[[dict[str, Any]], Calls]) -> None:
    """A module whose option and answer `kind` is the list of what is written."""
    module = Module(
        argument_spec={**COMMON_SPEC, **argument_spec(options)}, supports_check_mode=True
    )
    params = module.params
    try:
        absolute(kind, params[kind])
        done = write(
            Agent(module), kind, calls(params), params["overwrite"], check=module.check_mode
        )
    except OptionError as error:
        module.fail_json(msg=str(error), object=error.path, hint=error.hint)
    except AgentError as error:
        module.fail_json(**error.failure)
    paths = [one["path"] for one in done if one["changed"]]
    more = {"diff": {"before": {}, "after": {"written": paths}}} if module._diff and paths else {}
    module.exit_json(changed=bool(paths), **{kind: done}, **more)
