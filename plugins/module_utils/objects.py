# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Modules that manage objects of one kind: one object by the module's options, or a list of them."""

from __future__ import annotations

from typing import Any, Callable, NamedTuple, Optional

from ansible_collections.podwright.fleet.plugins.module_utils.agent import (
    COMMON_SPEC,
    Agent,
    AgentError,
    result,
    warn,
)
from ansible_collections.podwright.fleet.plugins.module_utils.module import Module
from ansible_collections.podwright.fleet.plugins.module_utils.options import (
    Option,
    OptionError,
    Table,
    argument_spec,
    desired,
)


class Kind(NamedTuple):
    """A kind of object.

    list_name  option that takes a list of objects, and field of desired state and answer
    identity   option that names an object
    states     first one is the default
    table      all other options
    complete   changes an object of the desired state once more: (object, its options, path)
    convert    of the identity
    shared     options of the module that are for all objects, with a list too
    """

    list_name: str
    identity: str
    states: tuple[str, ...]
    table: Table
    complete: Optional[Callable[[dict[str, Any], dict[str, Any], str], None]] = None
    convert: Optional[Callable[[Any, str], Any]] = None
    shared: Optional[Table] = None

    def element(self) -> Table:
        """Options of an element of the list."""
        return {
            self.identity: Option(required=True, no_log=False, convert=self.convert),
            "state": Option(choices=self.states),
            **self.table,
        }

    def module_table(self) -> Table:
        """Options of the module."""
        return {
            self.identity: Option(no_log=False, convert=self.convert),
            "state": Option(choices=self.states, default=self.states[0]),
            **self.table,
            self.list_name: Option("list", elements="dict", no_log=False, table=self.element()),
            **(self.shared or {}),
        }


def objects(kind: Kind, params: dict[str, Any]) -> list[dict[str, Any]]:
    """The objects of the desired state that the module's options ask for.

    Elements of the list that do not say their state get the module's. Raises OptionError.
    """
    if params.get(kind.list_name) is None:
        return [_object(kind, params, "")]
    return [
        _object(
            kind,
            {**item, "state": item.get("state") or params["state"]},
            f"{kind.list_name}[{index}]",
        )
        for index, item in enumerate(params[kind.list_name])
    ]


def _object(kind: Kind, given: dict[str, Any], path: str) -> dict[str, Any]:
    out = desired(kind.element(), given, path)
    if kind.complete is not None:
        kind.complete(out, given, path)
    return out


def manage(kind: Kind) -> None:
    """Run a module that manages objects of this kind, in one call of the agent."""
    module = Module(
        argument_spec={**COMMON_SPEC, **argument_spec(kind.module_table())},
        mutually_exclusive=[
            (kind.list_name, name)
            for name in (kind.identity, *kind.table)
            if name not in (kind.shared or {})
        ],
        required_one_of=[(kind.identity, kind.list_name)],
        supports_check_mode=True,
    )
    try:
        wanted = desired(kind.shared or {}, module.params)
        wanted[kind.list_name] = objects(kind, module.params)
        answer = Agent(module).apply(wanted)
    except OptionError as error:
        module.fail_json(msg=str(error), object=error.path, hint=error.hint)
    except AgentError as error:
        module.fail_json(**error.failure)
    warn(module, answer)
    known = (kind.list_name, "diff") if module._diff else (kind.list_name,)
    module.exit_json(**result(answer, *known))
