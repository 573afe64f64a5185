#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module podwright.fleet.config_info."""

from __future__ import annotations

DOCUMENTATION = r"""
module: config_info
short_description: Tell how a host's agent is configured
version_added: 0.1.0
description:
  - Tells what the configuration directories of a host come to, as C(podwright config) does. For what there are
    log-ins is told, and never which.
author:
  - The podwright authors (@podwright)
extends_documentation_fragment:
  - podwright.fleet.agent
  - podwright.fleet.agent.attributes
  - podwright.fleet.agent.reads
  - podwright.fleet.common_options
  - podwright.fleet.config_info_options
seealso:
  - module: podwright.fleet.host_info
  - module: podwright.fleet.policy_info
"""

EXAMPLES = r"""
- name: See how the agent is configured
  podwright.fleet.config_info:
    kind: [paths, auth, dockerAuth]
  register: found

- name: Insist that there is a log-in for our registry
  ansible.builtin.assert:
    that: "'registry.example.com' in (found.config | map(attribute='registries', default=[]) | flatten)"
"""

RETURN = r"""
config:
  description:
    - What is in force, one object for each kind, and for each server or registry that there is a log-in for. What else
      an object has depends on its kind, and is what C(podwright config) prints.
  returned: success
  type: list
  elements: dict
  contains:
    rktKind:
      description: What it is, one of V(paths), V(stage1), V(kvm), V(xen), V(auth), V(dockerAuth).
      type: str
      returned: always
      sample: paths
    rktVersion:
      description: Version of its format.
      type: str
      returned: always
      sample: v1
directories:
  description: Where it comes from, C(system), C(local) and C(user); what a later one says holds.
  returned: success
  type: dict
  sample: {"system": "/usr/lib/podwright", "local": "/etc/podwright", "user": ""}
reason:
  description: One stable word for why it failed.
  returned: on failure
  type: str
  sample: not-found
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

KINDS = ("paths", "stage1", "kvm", "xen", "auth", "dockerAuth")
OPTIONS: Table = {"kind": Option("list", elements="str", choices=KINDS)}


def look(agent: Agent, wanted: dict[str, Any]) -> dict[str, Any]:
    """What is in force, of the kinds that are asked for. Raises AgentError."""
    told = agent.told("config", "--without-credentials")
    kinds = wanted.get("kind") or KINDS
    found = [one for one in told["stage0"] if one.get("rktKind") in kinds]
    return {"config": found, "directories": told["directories"]}


def main() -> None:
    """Tell the configuration."""
    report(OPTIONS, look)


if __name__ == "__main__":
    main()
