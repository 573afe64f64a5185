#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module podwright.fleet.app."""

from __future__ import annotations

DOCUMENTATION = r"""
module: app
short_description: Have apps in a pod that runs, or not
version_added: 0.1.0
description:
  - Makes apps of pods that were started by C(podwright app sandbox) be there, run, stand still or be gone, all of a
    host in one call. The pod goes on running.
  - Apps of other pods cannot be changed while the pod runs; M(podwright.fleet.pod) replaces these pods.
author:
  - The podwright authors (@podwright)
extends_documentation_fragment:
  - podwright.fleet.agent
  - podwright.fleet.agent.attributes
  - podwright.fleet.agent.changes
  - podwright.fleet.common_options
  - podwright.fleet.app_options
notes:
  - An app that is different from what is asked for is removed and added again, and loses what it has written outside
    of its volumes. Its image is fetched and verified before it is stopped.
  - An app that has ended is started again by O(apps[].state=started).
  - In check mode nothing is fetched. An app whose image is not on the host would be added, or replaced.
seealso:
  - module: podwright.fleet.app_info
  - module: podwright.fleet.pod
"""

EXAMPLES = r"""
- name: Run two apps in the pod of a sandbox
  podwright.fleet.app:
    apps:
      - pod: box
        name: web
        image: example.com/web:1
        volumes: ["www,kind=host,source=/srv/www,readOnly=true"]
        mounts: ["www:/www"]
      - pod: box
        name: cache
        image: example.com/redis:7
        environment:
          MAXMEMORY: 64mb

- name: Stop one, and see that another one is gone
  podwright.fleet.app:
    apps:
      - pod: box
        name: cache
        state: stopped
      - pod: box
        name: old
        state: absent
"""

RETURN = r"""
apps:
  description:
    - What was done, or would be done in check mode, for each app in the order of the request. When one fails, those
      before it.
  returned: when the agent was asked
  type: list
  elements: dict
  contains:
    pod:
      description: The pod as it was asked for.
      type: str
      returned: always
    uuid:
      description: UUID of the pod.
      type: str
      returned: always
    name:
      description: Name of the app.
      type: str
      returned: always
      sample: web
    changed:
      description: Whether anything was changed for this app.
      type: bool
      returned: always
    actions:
      description: What was done, in this order, of stop, rm, add, start.
      type: list
      elements: str
      returned: always
      sample: [add, start]
    state:
      description: What it is now, one of running, created, exited, absent. V(created) has not been started yet.
      type: str
      returned: always
      sample: running
diff:
  description: The apps that are different, before and after, by pod and name, each with its C(state) and its C(app).
  returned: in diff mode
  type: dict
reason:
  description: One stable word for why it failed.
  returned: on failure
  type: str
  sample: not-found
stage:
  description: The step that failed, one of input, fetch, verify, policy, render, prepare, launch, host.
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

from ansible_collections.podwright.fleet.plugins.module_utils.agent import (
    COMMON_SPEC,
    Agent,
    AgentError,
    result,
    warn,
)
from ansible_collections.podwright.fleet.plugins.module_utils.module import Module
from ansible_collections.podwright.fleet.plugins.module_utils.notation import volumes
from ansible_collections.podwright.fleet.plugins.module_utils.options import (
    Option,
    OptionError,
    Table,
    argument_spec,
    desired,
)
from ansible_collections.podwright.fleet.plugins.module_utils.spec_pod import LIFE, PROBES, PROCESS

NOT_ADDED = (*PROBES, "notify", "watchdog", "depends_on")
"""What only the start of a pod gives to an app."""

APP: Table = {
    "pod": Option(required=True),
    "name": Option(required=True),
    "state": Option(choices=("started", "stopped", "present", "absent")),
    "image": Option(),
    **{name: one for name, one in {**PROCESS, **LIFE}.items() if name not in NOT_ADDED},
    "volumes": Option("list", elements="raw", convert=volumes),
    "pull_policy": Option(choices=("new", "update", "never")),
    "insecure_options": Option("list", elements="str"),
}

OPTIONS: Table = {"apps": Option("list", elements="dict", required=True, table=APP)}


def main() -> None:
    """Have the apps, or not."""
    module = Module(
        argument_spec={**COMMON_SPEC, **argument_spec(OPTIONS)}, supports_check_mode=True
    )
    try:
        order: dict[str, Any] = desired(OPTIONS, module.params)
        answer = Agent(module).make_apps(order)
    except OptionError as error:
        module.fail_json(msg=str(error), object=error.path, hint=error.hint)
    except AgentError as error:
        module.fail_json(**error.failure)
    warn(module, answer)
    module.exit_json(**result(answer, "apps", *(("diff",) if module._diff else ())))


if __name__ == "__main__":
    main()
