#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module podwright.fleet.pod_info."""

from __future__ import annotations

DOCUMENTATION = r"""
module: pod_info
short_description: Tell which pods there are
version_added: 0.1.0
description:
  - Tells which pods are on the host and what they do, including those that were not started by
    Ansible.
author:
  - The podwright authors (@podwright)
extends_documentation_fragment:
  - podwright.fleet.agent
  - podwright.fleet.agent.attributes
  - podwright.fleet.agent.reads
  - podwright.fleet.common_options
  - podwright.fleet.pod_info_options
seealso:
  - module: podwright.fleet.pod
"""

EXAMPLES = r"""
- name: See all pods
  podwright.fleet.pod_info:
  register: found

- name: Show their states
  ansible.builtin.debug:
    msg: "{{ dict(found.pods | map(attribute='pod_name') | zip(found.pods | map(attribute='state'))) }}"
"""

RETURN = r"""
pods:
  description: The pods, as C(podwright list --format=json) tells them.
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description: The pod's UUID.
      type: str
      returned: always
      sample: 6733c088-a507-4694-aabf-edd7fa12d3a4
    pod_name:
      description: The pod's name; empty for pods without one.
      type: str
      returned: always
      sample: redis
    state:
      description: What the pod is.
      type: str
      returned: always
      sample: running
    ready:
      description: Whether it runs and is ready.
      type: bool
      returned: always
    stage1:
      description: How it is isolated.
      type: str
      returned: always
      sample: namespaces
    stage1_image:
      description: The stage1 image that it is run by, with C(id) and C(name); empty where it has none.
      type: dict
      returned: always
    machine:
      description:
        - Its virtual machine, with C(accelerator), C(runner), C(kind), C(memory) in MiB, C(cpus), and C(boot),
          the seconds that its guest took until it could run the pod; empty where it has none.
      type: dict
      returned: always
    pid:
      description: Process that is its PID 1, as the host sees it; C(null) if it does not run.
      type: int
      returned: always
    networks:
      description: The networks that it is on, with C(netName), C(ifName) and C(ip).
      type: list
      elements: dict
      returned: always
    ports:
      description: Its published ports, with C(name), C(host_port), C(host_ip) and C(count).
      type: list
      elements: dict
      returned: always
    apps:
      description:
        - Its apps, with C(name), C(state), C(image_id), C(image_name), C(exit_code), C(exit_reason)
          and C(restarts).
      type: list
      elements: dict
      returned: always
    history:
      description:
        - Its revisions that are kept, the oldest first, with C(revision), C(created_at), C(current), C(outcome)
          (C(ready), C(failed), C(rolled-back), or empty if it was not started), C(why), C(by) (C(apply) or
          C(rollback)), C(source) (the revision that it went back to), C(uuid) (of the
          current one the pod of now), C(pod_state) (its state, or C(gone)) and C(images).
      type: list
      elements: dict
      returned: for the pod that a name means now
    created_at:
      description: When it was made.
      type: str
      returned: always
      sample: "2026-11-21T22:08:13Z"
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

from ansible_collections.podwright.fleet.plugins.module_utils.info import named, tell
from ansible_collections.podwright.fleet.plugins.module_utils.options import Option, Table

OPTIONS: Table = {"name": Option("list", elements="str")}


def main() -> None:
    """Tell which pods there are."""
    tell("pods", ("list",), OPTIONS, named("pod_name", "name"))


if __name__ == "__main__":
    main()
