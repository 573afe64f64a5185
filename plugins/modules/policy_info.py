#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module podwright.fleet.policy_info."""

from __future__ import annotations

DOCUMENTATION = r"""
module: policy_info
short_description: Tell the admission policy of a host, and what it makes of images
version_added: 0.1.0
description:
  - Tells the admission policy that is in force on a host, and explains for images why they are admitted or refused.
author:
  - The podwright authors (@podwright)
extends_documentation_fragment:
  - podwright.fleet.agent
  - podwright.fleet.agent.attributes
  - podwright.fleet.agent.reads
  - podwright.fleet.common_options
  - podwright.fleet.policy_info_options
seealso:
  - module: podwright.fleet.policy
  - module: podwright.fleet.trust_info
"""

EXAMPLES = r"""
- name: See what the policy makes of the images of a release, before it is rolled out
  podwright.fleet.policy_info:
    images:
      - example.com/redis:7.0.15
      - docker://registry.example.com/team/api:2.1
  register: found

- name: Stop where one of them would be refused
  ansible.builtin.assert:
    that: found.images | rejectattr('decision', 'eq', 'admitted') | length == 0

- name: Insist that the host has our policy
  ansible.builtin.assert:
    that: found.policy.document == (lookup('ansible.builtin.file', 'policy.json') | from_json)
"""

RETURN = r"""
policy:
  description: The policy in force.
  returned: success
  type: dict
  contains:
    path:
      description: Its file; empty if there is none, and every image must be signed by a key of the trust store.
      type: str
      returned: always
      sample: /etc/podwright/policy.json
    document:
      description: What it says, in the words of the file; C(null) if there is none, or it cannot be read.
      type: dict
      returned: always
    problem:
      description: Why it is not in order, so that every image is refused; empty if it is.
      type: str
      returned: always
images:
  description: What it makes of each image of O(images), as C(podwright policy check --format=json) tells it.
  returned: with O(images)
  type: list
  elements: dict
  contains:
    image:
      description: The image as it was asked for.
      type: str
      returned: always
      sample: example.com/redis:7.0.15
    decision:
      description: V(admitted), V(refused), or V(open) where only a download can tell.
      type: str
      returned: always
      sample: admitted
    scope:
      description: The scope of the policy that decides.
      type: str
      returned: always
    requirements:
      description: Its requirements, each with C(requirement), C(keys), C(state) and C(why).
      type: list
      elements: dict
      returned: always
    stage1:
      description: The weakest isolation in which it may run; empty if it is not said.
      type: str
      returned: always
    isolation:
      description: Whether this host has that isolation.
      type: bool
      returned: always
    error:
      description: Why it could not be looked at; empty if it could.
      type: str
      returned: always
reason:
  description: One stable word for why it failed.
  returned: on failure
  type: str
  sample: no-agent
stage:
  description: The step that failed, one of input, host.
  returned: on failure
  type: str
  sample: host
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

from ansible_collections.podwright.fleet.plugins.module_utils.agent import Agent
from ansible_collections.podwright.fleet.plugins.module_utils.info import report
from ansible_collections.podwright.fleet.plugins.module_utils.options import Option, Table

OPTIONS: Table = {"images": Option("list", elements="str")}
REFUSED = 254
"""What the agent ends with when it has explained a refusal."""


def look(agent: Agent, wanted: dict[str, Any]) -> dict[str, Any]:
    """The policy, and what it makes of images."""
    out = {"policy": agent.told("policy", "show", fine=(0, REFUSED))}
    images = wanted.get("images")
    if images is not None:
        check = ("policy", "check")
        out["images"] = agent.told(*check, fine=(0, REFUSED), words=images) if images else []
    return out


def main() -> None:
    """Tell the policy, and explain what it makes of images."""
    report(OPTIONS, look)


if __name__ == "__main__":
    main()
