# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The variables of a rollout, judged once for the fleet before any host is asked. Pure.

Ansible judges a role's variables only where the role is used as a whole, and for each host; and on a command
line all of them are texts.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Mapping
from typing import Any, NoReturn

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.parsing.convert_bool import BOOLEANS, boolean
from ansible_collections.podwright.fleet.plugins.plugin_utils.rollout_plan import PlanError

PREFIX = "podwright_rollout_"
PREFIXES = (PREFIX, "podwright_rollback_")
"""What variables of the role begin with; the second one is of the playbook `rollback` only."""

OWN = (
    *("after_hook", "asked", "confirmed", "context", "direction", "hook", "hook_name", "hooked", "hosts", "judged"),
    *("looked", "lost", "mine", "now", "order", "result", "rolled_back", "rolled_back_all", "rolled_back_late"),
    *("rolled_back_lost", "serial"),
    *("single", "staged", "state", "switched", "unlocked"),
)  # fmt: skip
"""What the role calls its own variables, without the prefix."""


def refuse_strangers(names: Collection[str], known: Iterable[str]) -> None:
    """Raise PlanError for a variable that looks like one of the role and is none.

    names  all variables that there are
    known  those of the role
    """
    every = list(known)
    for prefix in PREFIXES:
        own = OWN if prefix == PREFIX else ()
        meant = [name[len(prefix) :] for name in every if name.startswith(prefix)]
        found = (name[len(prefix) :] for name in sorted(names) if name.startswith(prefix))
        for short in found:
            if short not in own and short not in meant:
                close = difflib.get_close_matches(short, meant, 1)
                hint = (
                    f"did you mean {prefix}{close[0]}?"
                    if close
                    else "docs/rollout.md says which there are"
                )
                raise PlanError(f"{prefix}{short}: there is no such variable; {hint}")


def validated(spec: dict[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """The variables as their types say. Raises PlanError.

    spec   of the role's argument_specs.yml
    given  by name; what is missing gets its default
    """
    checked = ArgumentSpecValidator(spec).validate(dict(given))
    if checked.error_messages:
        raise PlanError("; ".join(checked.error_messages))
    return dict(checked.validated_parameters)


def hosts(given: Any) -> Any:
    """`true`, or names of hosts, however that is written: `web1,web2` on a command line is a list."""
    if not isinstance(given, str):
        return given
    text = given.strip()
    if text.lower() in BOOLEANS:
        return boolean(text)
    return [name.strip() for name in text.split(",") if name.strip()]


def missing_pods() -> NoReturn:
    """Raise PlanError: nobody has said which pods."""
    raise PlanError(
        f"{PREFIX}pods: is not set; give the pods with -e @pods.yml, or in the inventory's group_vars"
    )
