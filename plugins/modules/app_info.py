#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module podwright.fleet.app_info."""

from __future__ import annotations

DOCUMENTATION = r"""
module: app_info
short_description: Tell which apps a pod has, and how they fare
version_added: 0.1.0
description:
  - Tells the apps of a pod, also of one whose apps come and go while it runs, as C(podwright app list) does.
author:
  - The podwright authors (@podwright)
extends_documentation_fragment:
  - podwright.fleet.agent
  - podwright.fleet.agent.attributes
  - podwright.fleet.agent.reads
  - podwright.fleet.common_options
  - podwright.fleet.app_info_options
seealso:
  - module: podwright.fleet.app
  - module: podwright.fleet.pod_info
"""

EXAMPLES = r"""
- name: See which apps are there
  podwright.fleet.app_info:
    pod: box
  register: box

- name: Insist that all of them run
  ansible.builtin.assert:
    that: box.apps | rejectattr('state', 'eq', 'running') | length == 0
"""

RETURN = r"""
apps:
  description: The apps, each as M(podwright.fleet.pod_info) tells it.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name of the app.
      type: str
      returned: always
      sample: web
    state:
      description: One of created, running, exited.
      type: str
      returned: always
      sample: running
    image_id:
      description: ID of its image.
      type: str
      returned: always
    image_name:
      description: Name of its image.
      type: str
      returned: always
      sample: example.com/web
    image_version:
      description: The image's label C(version).
      type: str
      returned: always
      sample: 1.0.0
    started_at:
      description: When it was started last; C(null) if it was not.
      type: str
      returned: always
    finished_at:
      description: When it ended last; C(null) if it did not.
      type: str
      returned: always
    exit_code:
      description: Status that it ended with last; C(null) if it did not.
      type: int
      returned: always
    exit_reason:
      description: Why it ended; C(null) if it did not.
      type: str
      returned: always
    restarts:
      description: How often it was started again by itself.
      type: int
      returned: always
    ready:
      description: Whether it serves.
      type: bool
      returned: always
    mounts:
      description: What of its volumes is where.
      type: list
      elements: dict
      returned: always
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
from ansible_collections.podwright.fleet.plugins.module_utils.options import (
    Option,
    OptionError,
    Table,
)

OPTIONS: Table = {"pod": Option(required=True), "name": Option("list", elements="str")}


def look(agent: Agent, wanted: dict[str, Any]) -> dict[str, Any]:
    """The apps of the pod."""
    if not wanted["pod"]:
        raise OptionError("pod: is empty; name the pod")
    apps = agent.told("app", "list", words=[wanted["pod"]])
    names = wanted.get("name")
    return {"apps": [one for one in apps if names is None or one["name"] in names]}


def main() -> None:
    """Tell which apps there are."""
    report(OPTIONS, look)


if __name__ == "__main__":
    main()
