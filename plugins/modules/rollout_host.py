#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module podwright.fleet.rollout_host."""

from __future__ import annotations

DOCUMENTATION = r"""
module: rollout_host
short_description: One step of a rollout, on one host
version_added: 0.1.0
description:
  - What the role P(podwright.fleet.rollout#role) does on each host, one call for each phase, whatever the number
    of pods. Use the role, or the playbook C(podwright.fleet.rollout), which know when to do what.
  - Leases and records are kept in C(rollouts/state.json) of the agent's data directory.
author:
  - The podwright authors (@podwright)
extends_documentation_fragment:
  - podwright.fleet.agent
  - podwright.fleet.agent.attributes
  - podwright.fleet.common_options
attributes:
  check_mode:
    description: Can run without changing anything and tell what it would change.
    support: partial
    details:
      - O(phase=look) and O(phase=rollback) answer the agent's plan. The others do nothing.
  diff_mode:
    description: Tells what is different, before and after.
    support: partial
    details:
      - With O(phase=look) in check mode, and with O(phase=switch).
  idempotent:
    description: A second run with the same options changes nothing.
    support: full
seealso:
  - module: podwright.fleet.rollout
  - module: podwright.fleet.pod
options:
  phase:
    description:
      - V(look), tell what is there, who holds a lease, what the last rollout left, and what would change.
      - V(stage), take the lease, fetch and verify images, and find whatever would be refused later.
      - V(switch), bring the pods to what is desired, watch them for O(seconds), and make O(checks).
      - V(settle), watch them for longer.
      - V(rollback), bring them back to what they were before O(phase=switch).
      - V(confirm), see that they are what O(phase=switch) has made of them, and do well.
      - V(finish), give back the lease, and with O(complete) record that this is what the fleet is to have.
    type: str
    choices: [look, stage, switch, settle, rollback, confirm, finish]
    required: true
  pods:
    description:
      - The pods, each with the options of the module M(podwright.fleet.pod). Their C(state) is V(started), V(stopped)
        or V(absent).
    type: list
    elements: dict
    required: true
  registry_auth:
    description:
      - Log-ins to fetch images with, as O(podwright.fleet.pod#module:registry_auth).
    type: list
    elements: dict
  context:
    description:
      - What the role says about the rollout, for events and leases, C(rollout), C(run), C(owner), C(phase),
        C(batch), C(batches), C(check), C(takes_over). With C(direction=back) the pods are to be what they were before
        the last rollout, and of O(pods) only the names count.
    type: dict
    default: {}
  lease:
    description:
      - Seconds that the lease is good for without being renewed. Each step renews it.
    type: int
    default: 3600
  force_unlock:
    description:
      - Take the lease also if somebody else holds it.
    type: bool
    default: false
  seconds:
    description:
      - How long to watch.
    type: float
    default: 0
  interval:
    description:
      - Seconds between two looks.
    type: float
    default: 2
  checks:
    description:
      - What must succeed besides the probes of the pods, on the host. It is tried again until its C(timeout) is over.
    type: list
    elements: dict
    default: []
    suboptions:
      command:
        description: Program and arguments; must end with 0.
        type: list
        elements: str
      url:
        description: A URL that is asked for.
        type: str
      status:
        description: Which statuses are good.
        type: list
        elements: int
        default: [200]
      timeout:
        description: For how many seconds it is tried again.
        type: float
        default: 30
  baseline:
    description:
      - For O(phase=settle), an earlier look that the pods are compared with.
    type: dict
  final:
    description:
      - For O(phase=switch) and O(phase=settle), whether the host has got through its gate when this succeeds.
    type: bool
    default: true
  complete:
    description:
      - For O(phase=finish), whether the whole fleet has got what it was to get.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: See what a rollout would find
  podwright.fleet.rollout_host:
    phase: look
    pods: "{{ podwright_rollout_pods }}"
  register: found
"""

RETURN = r"""
podwright:
  description: What was found.
  returned: always
  type: dict
  contains:
    known:
      description: Of each pod that is there, its C(state), C(ready), C(uuid), C(revision), C(images), C(restarts).
      type: dict
      returned: always
    left:
      description: What the last rollout left, by pod.
      type: dict
      returned: always
    lease:
      description: The lease of somebody else on one of the pods, if there is one.
      type: dict
      returned: with O(phase=look)
    held:
      description: Whether a run that is known to have ended has locked one of the pods.
      type: bool
      returned: with O(phase=look)
    actions:
      description: What is to be done, or was done, by pod.
      type: dict
      returned: with O(phase=look), O(phase=stage), O(phase=switch) and O(phase=rollback)
    wants:
      description: What is wanted of each pod, its state and images.
      type: dict
      returned: with O(phase=look)
run:
  description: The run that asked, C(run) of O(context).
  returned: by the role
  type: str
podwright_event:
  description: What is told to callbacks, see the collection's C(docs/rollout.md).
  returned: by the role
  type: dict
reason:
  description: One stable word for why it failed.
  returned: on failure
  type: str
  sample: not-ready
stage:
  description: The step that failed.
  returned: on failure
  type: str
  sample: settle
object:
  description: The pod, image, or check that it failed for.
  returned: on failure
  type: str
hint:
  description: What to do about it.
  returned: on failure
  type: str
"""

from typing import Any

from ansible_collections.podwright.fleet.plugins.module_utils import rollout_state
from ansible_collections.podwright.fleet.plugins.module_utils.agent import (
    COMMON_SPEC,
    AgentError,
)
from ansible_collections.podwright.fleet.plugins.module_utils.module import Module
from ansible_collections.podwright.fleet.plugins.module_utils.options import OptionError
from ansible_collections.podwright.fleet.plugins.module_utils.rollout_phases import Host

CHECK = {
    "command": {"type": "list", "elements": "str"},
    "url": {"type": "str"},
    "status": {"type": "list", "elements": "int", "default": [200]},
    "timeout": {"type": "float", "default": 30},
}
SPEC: dict[str, Any] = {
    "phase": {
        "type": "str",
        "choices": ["look", "stage", "switch", "settle", "rollback", "confirm", "finish"],
        "required": True,
    },
    "pods": {"type": "list", "elements": "dict", "required": True},
    "registry_auth": {"type": "list", "elements": "dict", "no_log": False},
    "context": {"type": "dict", "default": {}},
    "lease": {"type": "int", "default": 3600},
    "force_unlock": {"type": "bool", "default": False},
    "seconds": {"type": "float", "default": 0},
    "interval": {"type": "float", "default": 2},
    "checks": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": CHECK,
        "required_one_of": [("command", "url")],
        "mutually_exclusive": [("command", "url")],
    },
    "baseline": {"type": "dict"},
    "final": {"type": "bool", "default": True},
    "complete": {"type": "bool", "default": False},
}


def main() -> None:
    """Do one step."""
    module = Module(argument_spec={**COMMON_SPEC, **SPEC}, supports_check_mode=True)
    phase = module.params["phase"]
    if module.check_mode and phase not in ("look", "rollback"):
        module.exit_json(changed=False, podwright={})
    try:
        done = getattr(Host(module), phase)()
    except OptionError as error:
        module.fail_json(msg=str(error), object=error.path, hint=error.hint)
    except AgentError as error:
        module.fail_json(**error.failure)
    except (rollout_state.StateError, OSError) as error:
        module.fail_json(msg=str(error), reason="bad-state", stage="host", object="rollouts")
    module.exit_json(**{"changed": False, **done})


if __name__ == "__main__":
    main()
