#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module podwright.fleet.pull."""

from __future__ import annotations

DOCUMENTATION = r"""
module: pull
short_description: Have a host follow the signed state of its fleet now
version_added: 0.1.0
description:
  - Has a host fetch the bundle of its fleet, verify its signature, its serial number and its time, and apply it, as the
    timer of the role P(podwright.fleet.agent#role) does from time to time, and C(podwright pull) by hand.
  - What is not said here is read from C(pull.d) in the agent's configuration, which that role writes.
  - The pause by which hosts of a fleet do not all ask at once is left out.
author:
  - The podwright authors (@podwright)
extends_documentation_fragment:
  - podwright.fleet.agent
  - podwright.fleet.agent.attributes
  - podwright.fleet.agent.changes
  - podwright.fleet.common_options
  - podwright.fleet.pull_options
seealso:
  - module: podwright.fleet.pull_info
  - module: podwright.fleet.trust
"""

EXAMPLES = r"""
- name: Follow the fleet now, not when the timer comes to it
  podwright.fleet.pull:

- name: See what a new bundle would change on this host
  podwright.fleet.pull:
    url: https://example.com/next/fleet.json
    fleet: acme/shop
  check_mode: true
  diff: true

- name: Put right what has drifted, and try again what failed
  podwright.fleet.pull:
    repair: true
    again: true
"""

RETURN = r"""
fleet:
  description: The fleet.
  type: str
  returned: when the agent was asked
  sample: acme/shop
state:
  description: >-
    How the last pull ended: V(unchanged), V(applied), V(waiting) (for its turn or for another try), V(failed) or
    V(refused).
  type: str
  returned: when the agent was asked
  sample: applied
serial:
  description: Serial number of the newest bundle that this host has taken; C(null) if it has taken none.
  type: int
  returned: when the agent was asked
  sample: 7
url:
  description: Where the bundle lies.
  type: str
  returned: when the agent was asked
host:
  description: Name of the host that the bundle's selectors saw.
  type: str
  returned: when the agent was asked
at:
  description: When that was.
  type: str
  returned: when the agent was asked
  sample: "2026-11-23T14:00:00Z"
last_success:
  description: When a pull last went well; C(null) if none did.
  type: str
  returned: when the agent was asked
expires:
  description: When the bundle expires.
  type: str
  returned: when the agent was asked
until:
  description: Until when the host waits; empty if it does not.
  type: str
  returned: when the agent was asked
failures:
  description: How many pulls in a row have failed.
  type: int
  returned: when the agent was asked
error:
  description: Why the last pull failed, by C(reason), C(stage), C(object), C(message), C(hint); else C(null).
  type: dict
  returned: when the agent was asked
pods:
  description: What was done, or would be done in check mode, for each pod of the bundle.
  returned: when the agent was asked
  type: list
  elements: dict
images:
  description: The same for images.
  returned: when the agent was asked
  type: list
  elements: dict
networks:
  description: The same for networks.
  returned: when the agent was asked
  type: list
  elements: dict
keys:
  description: The same for keys.
  returned: when the agent was asked
  type: list
  elements: dict
reason:
  description: One stable word for why it failed.
  returned: on failure
  type: str
  sample: bad-signature
stage:
  description: The step that failed.
  returned: on failure
  type: str
  sample: verify
object:
  description: What it failed for, if that is known.
  returned: on failure
  type: str
hint:
  description: What to do about it.
  returned: on failure
  type: str
"""

from typing import Any

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
    Table,
    argument_spec,
)

OPTIONS: Table = {
    "url": Option(),
    "fleet": Option(),
    "host": Option(),
    "groups": Option("list", elements="str"),
    "labels": Option("dict"),
    "allow": Option("list", elements="str", choices=("keys", "policy", "insecure")),
    "adopt": Option("bool"),
    "repair": Option("bool"),
    "again": Option("bool", default=False),
    "timeout": Option(default="120s"),
    "lock_timeout": Option("int", default=60),
}
TOLD = (
    *("fleet", "state", "serial", "url", "host", "at", "last_success", "expires", "until", "failures", "error"),
    *("pods", "images", "networks", "keys"),
)  # fmt: skip


def arguments(params: dict[str, Any]) -> list[str]:
    """The verb's flags."""
    plain = ("fleet", "host", "timeout")
    out = [f"--{name}={params[name]}" for name in plain if params[name] is not None]
    out += [f"--group={name}" for name in params["groups"] or ()]
    out += [f"--label={name}={text}" for name, text in (params["labels"] or {}).items()]
    out += [f"--allow={','.join(params['allow'])}"] if params["allow"] is not None else []
    for name in ("adopt", "repair"):
        if params[name] is not None:
            out.append(f"--{name}={'true' if params[name] else 'false'}")
    out += ["--again"] if params["again"] else []
    return [*out, f"--lock-timeout={params['lock_timeout']}", "--splay=0s"]


def main() -> None:
    """Pull."""
    module = Module(
        argument_spec={**COMMON_SPEC, **argument_spec(OPTIONS)}, supports_check_mode=True
    )
    url = module.params["url"]
    try:
        agent = Agent(module)
        answer = agent.do(["pull", *arguments(module.params)], [url] if url else [])
    except AgentError as error:
        module.fail_json(**error.failure)
    warn(module, answer)
    known = (*TOLD, "diff") if module._diff else TOLD
    module.exit_json(**result(answer, *known))


if __name__ == "__main__":
    main()
