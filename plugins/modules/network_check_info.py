#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module podwright.fleet.network_check_info."""

from __future__ import annotations

DOCUMENTATION = r"""
module: network_check_info
short_description: Tell whether running pods still have their networks
version_added: 0.1.0
description:
  - Tells whether running pods still have what their networks were made of, links, addresses, routes, forwarding,
    firewall, as C(podwright network check) does. Plugins of CNI that made a network are asked, too.
  - It repairs nothing. Restarting a pod makes its networks anew.
author:
  - The podwright authors (@podwright)
extends_documentation_fragment:
  - podwright.fleet.agent
  - podwright.fleet.agent.attributes
  - podwright.fleet.agent.reads
  - podwright.fleet.common_options
  - podwright.fleet.network_check_info_options
seealso:
  - module: podwright.fleet.network
  - module: podwright.fleet.network_info
  - module: podwright.fleet.pod
"""

EXAMPLES = r"""
- name: Look whether somebody has changed the firewall below the pods
  podwright.fleet.network_check_info:
  register: found

- name: Make the networks of those anew that lack something
  podwright.fleet.pod:
    name: "{{ item.name }}"
    state: restarted
  loop: "{{ found.pods | rejectattr('problems', 'eq', []) | selectattr('name') }}"
"""

RETURN = r"""
ok:
  description: Whether nothing is missing.
  returned: success
  type: bool
pods:
  description: The running pods with networks of their own, as C(podwright network check --format=json) tells them.
  returned: success
  type: list
  elements: dict
  contains:
    uuid:
      description: The pod's UUID.
      type: str
      returned: always
    name:
      description: The pod's name; empty if it has none.
      type: str
      returned: always
      sample: shop
    networks:
      description: Names of its networks.
      type: list
      elements: str
      returned: always
      sample: [default]
    addresses:
      description: Its addresses.
      type: list
      elements: str
      returned: always
      sample: [172.16.28.2]
    problems:
      description: What is missing, in words; empty if nothing is.
      type: list
      elements: str
      returned: always
reason:
  description: One stable word for why it failed.
  returned: on failure
  type: str
  sample: bad-input
stage:
  description: The step that failed, one of input, host.
  returned: on failure
  type: str
  sample: input
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

OPTIONS: Table = {"name": Option("list", elements="str")}
BROKEN = 254
"""What the agent ends with when it has told that something is missing."""


def look(agent: Agent, wanted: dict[str, Any]) -> dict[str, Any]:
    """What is missing of which pods."""
    names = wanted.get("name")
    check = ("network", "check")
    found = agent.told(*check, fine=(0, BROKEN), words=names or ()) if names != [] else []
    return {"ok": not any(one.get("problems") for one in found), "pods": found}


def main() -> None:
    """Tell whether the networks of pods are as they were made."""
    report(OPTIONS, look)


if __name__ == "__main__":
    main()
