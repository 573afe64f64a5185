#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module podwright.fleet.pull_info."""

from __future__ import annotations

DOCUMENTATION = r"""
module: pull_info
short_description: Tell how a host follows its fleet
version_added: 0.1.0
description:
  - Tells how the last pull of each fleet went that a host follows, as C(podwright pull --status) does. A pull that
    failed is told, and is no failure of the module.
author:
  - The podwright authors (@podwright)
extends_documentation_fragment:
  - podwright.fleet.agent
  - podwright.fleet.agent.attributes
  - podwright.fleet.agent.reads
  - podwright.fleet.common_options
  - podwright.fleet.pull_info_options
seealso:
  - module: podwright.fleet.pull
  - module: podwright.fleet.status_info
"""

EXAMPLES = r"""
- name: See how the host follows its fleet
  podwright.fleet.pull_info:
    fleet: [acme/shop]
  register: found

- name: Insist that it has taken at least serial 7
  ansible.builtin.assert:
    that:
      - found.pulls | length == 1
      - found.pulls[0].serial >= 7
      - found.pulls[0].state in ['applied', 'unchanged']
"""

RETURN = r"""
pulls:
  description: The last pull of each fleet, as C(podwright pull --status --format=json) tells it.
  returned: success
  type: list
  elements: dict
  contains:
    fleet:
      description: The fleet.
      type: str
      returned: always
      sample: acme/shop
    state:
      description: >-
        How the last pull ended: V(unchanged), V(applied), V(waiting) (for its turn or for another try), V(failed) or
        V(refused).
      type: str
      returned: always
      sample: applied
    serial:
      description: Serial number of the newest bundle that this host has taken; C(null) if it has taken none.
      type: int
      returned: always
      sample: 7
    url:
      description: Where the bundle lies.
      type: str
      returned: always
    host:
      description: Name of the host that the bundle's selectors saw.
      type: str
      returned: always
    at:
      description: When that was.
      type: str
      returned: always
      sample: "2026-11-23T14:00:00Z"
    last_success:
      description: When a pull last went well; C(null) if none did.
      type: str
      returned: always
    expires:
      description: When the bundle expires.
      type: str
      returned: always
    until:
      description: Until when the host waits; empty if it does not.
      type: str
      returned: always
    failures:
      description: How many pulls in a row have failed.
      type: int
      returned: always
    error:
      description: Why the last pull failed, by C(reason), C(stage), C(object), C(message), C(hint); else C(null).
      type: dict
      returned: always
reason:
  description: One stable word for why it failed.
  returned: on failure
  type: str
  sample: no-agent
stage:
  description: The step that failed.
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

OPTIONS: Table = {"fleet": Option("list", elements="str")}
FAILED = 254
"""Status when the last pull of a fleet failed, which is an answer here."""


def look(agent: Agent, wanted: dict[str, Any]) -> dict[str, Any]:
    """The pulls of the fleets that are asked for. Raises AgentError."""
    pulls = agent.told("pull", "--status", fine=(0, FAILED))
    fleets = wanted.get("fleet")
    return {"pulls": [one for one in pulls if fleets is None or one.get("fleet") in fleets]}


def main() -> None:
    """Tell how pulls went."""
    report(OPTIONS, look)


if __name__ == "__main__":
    main()
