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


def tell(
    name: str,
    verb: tuple[str, ...],
    table: Table,
    selected: Callable[[Objects, dict[str, Any]], Objects],
) -> None:
    """Run a module that returns, as `name`, what `selected` leaves of a verb's answer."""
    module = Module(argument_spec={**COMMON_SPEC, **argument_spec(table)}, supports_check_mode=True)
    try:
        wanted = desired(table, module.params)
        found = selected(Agent(module).read(*verb), wanted)
    except OptionError as error:
        module.fail_json(msg=str(error), object=error.path, hint=error.hint)
    except AgentError as error:
        module.fail_json(**error.failure)
    module.exit_json(changed=False, **{name: found})
