# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Modules that only read: a list of the agent's, and of it what the options ask for."""

from __future__ import annotations

from typing import Any, Callable

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
    desired,
)

Objects = list[dict[str, Any]]
Look = Callable[[Agent, dict[str, Any]], dict[str, Any]]
"""What a module that reads does: (agent, what the options want) -> what it returns. Raises OptionError, AgentError."""


def report(table: Table, look: Look, **more: Any) -> None:
    """Run a module that changes nothing, and returns what `look` finds; `more` is for AnsibleModule."""
    module = Module(
        argument_spec={**COMMON_SPEC, **argument_spec(table)}, supports_check_mode=True, **more
    )
    try:
        found = look(Agent(module), desired(table, module.params))
    except OptionError as error:
        module.fail_json(msg=str(error), object=error.path, hint=error.hint)
    except AgentError as error:
        module.fail_json(**error.failure)
    module.exit_json(changed=False, **found)


def tell(
    name: str,
    verb: tuple[str, ...],
    table: Table,
    selected: Callable[[Objects, dict[str, Any]], Objects],
) -> None:
    """Run a module that returns, as `name`, what `selected` leaves of a verb's answer."""
    report(table, lambda agent, wanted: {name: selected(agent.read(*verb), wanted)})


def named(*fields: str) -> Callable[[Objects, dict[str, Any]], Objects]:
    """What leaves the objects that have one of the names asked for in one of these fields; all if none is asked for."""

    def selected(objects: Objects, wanted: dict[str, Any]) -> Objects:
        names = wanted.get("name")
        if names is None:
            return objects
        return [one for one in objects if any(one.get(field) in names for field in fields)]

    return selected
