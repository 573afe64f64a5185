#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module podwright.fleet.policy."""

from __future__ import annotations

DOCUMENTATION = r"""
module: policy
short_description: Decide which images a host may run
version_added: 0.1.0
description:
  - Writes the admission policy of a host, C(policy.json) in its local configuration, as a whole.
    The grammar is that of C(containers-policy.json(5)), in the words of this collection.
  - The policy counts from the next command on, for images that are on the host already too.
  - The agent checks the policy and the key files that it names before anything is written.
author:
  - The podwright authors (@podwright)
extends_documentation_fragment:
  - podwright.fleet.agent
  - podwright.fleet.agent.attributes
  - podwright.fleet.agent.changes
  - podwright.fleet.common_options
  - podwright.fleet.policy_options
seealso:
  - module: podwright.fleet.trust
  - module: podwright.fleet.image
"""

EXAMPLES = r"""
- name: Images of ours are signed, those of one vendor by the vendor, all others are refused
  podwright.fleet.policy:
    default:
      - type: reject
    transports:
      appc:
        example.com:
          - type: signedBy
      docker:
        registry.vendor.example/product:
          - type: signedBy
            key_path: /etc/podwright/keys/vendor.asc
            minimum_stage1: user-namespaced

- name: Without a policy all images must be signed by a trusted key
  podwright.fleet.policy:
    state: absent
"""

RETURN = r"""
policy:
  description: What was done, or would be done in check mode.
  returned: when the agent was asked
  type: dict
  contains:
    path:
      description: The policy file.
      type: str
      returned: always
      sample: /etc/podwright/policy.json
    changed:
      description: Whether it was changed.
      type: bool
      returned: always
    action:
      description: What was done, one of write, remove, none.
      type: str
      returned: always
reason:
  description: One stable word for why it failed.
  returned: on failure
  type: str
  sample: bad-policy
stage:
  description: The step that failed, one of input, policy, host.
  returned: on failure
  type: str
  sample: policy
object:
  description: The option or file that it failed for.
  returned: on failure
  type: str
hint:
  description: What to do about it.
  returned: on failure
  type: str
"""

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
    argument_spec,
)
from ansible_collections.podwright.fleet.plugins.module_utils.policy_spec import (
    REQUIREMENT,
    document,
)

OPTIONS = {
    "state": Option(choices=("present", "absent"), default="present"),
    "default": Option("list", elements="dict", table=REQUIREMENT),
    "transports": Option("dict"),
    "stage1_ranks": Option("dict"),
}


def main() -> None:
    """Make the policy be what is wanted."""
    module = Module(
        argument_spec={**COMMON_SPEC, **argument_spec(OPTIONS)},
        required_if=[("state", "present", ["default"])],
        supports_check_mode=True,
    )
    params = module.params
    try:
        wanted = {"state": params["state"]}
        if params["state"] == "present":
            wanted["document"] = document(params)
        answer = Agent(module).apply({"policy": wanted})
    except OptionError as error:
        module.fail_json(msg=str(error), object=error.path, hint=error.hint)
    except AgentError as error:
        module.fail_json(**error.failure)
    warn(module, answer)
    out = result(answer, "policy")
    out["policy"] = out["policy"][0]
    if module._diff:
        out["diff"] = answer["diff"]
    module.exit_json(**out)


if __name__ == "__main__":
    main()
