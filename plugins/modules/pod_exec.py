#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module podwright.fleet.pod_exec."""

from __future__ import annotations

DOCUMENTATION = r"""
module: pod_exec
short_description: Run a command in a pod that runs
version_added: 0.1.0
description:
  - Runs a command in an app of a running pod, confined as the app is, and returns what it says.
  - There is no shell in between, on no side. The command fails the task unless it ends with 0.
author:
  - The podwright authors (@podwright)
extends_documentation_fragment:
  - podwright.fleet.agent
  - podwright.fleet.agent.attributes
  - podwright.fleet.common_options
  - podwright.fleet.pod_exec_options
attributes:
  check_mode:
    description: Can run without changing anything and tell what it would change.
    support: partial
    details:
      - What a command would do is not known. It is skipped.
  diff_mode:
    description: Tells what is different, before and after.
    support: none
  idempotent:
    description: A second run with the same options changes nothing.
    support: none
    details:
      - The command is run each time, and said to have changed something. Use C(changed_when).
notes:
  - Whoever may list the processes of the host sees O(argv) and O(environment) while it runs. Secrets belong into
    O(stdin), with C(no_log) for the task.
seealso:
  - module: podwright.fleet.pod
  - module: podwright.fleet.pod_info
"""

EXAMPLES = r"""
- name: Ask the database how it is
  podwright.fleet.pod_exec:
    name: shop
    app: db
    user: postgres
    argv: [psql, -Atc, "select count(*) from orders"]
    timeout: 30
  register: orders
  changed_when: false

- name: Load a schema that is given on standard input
  podwright.fleet.pod_exec:
    name: shop
    app: db
    user: postgres
    argv: [psql, --set=ON_ERROR_STOP=1]
    stdin: "{{ lookup('ansible.builtin.file', 'schema.sql') }}"

- name: See whether a file is there, and take both answers
  podwright.fleet.pod_exec:
    name: web
    argv: [test, -e, /srv/ready]
  register: ready
  changed_when: false
  failed_when: ready.rc not in (0, 1)
"""

RETURN = r"""
rc:
  description: The status that the command has ended with.
  returned: when it was run to its end
  type: int
  sample: 0
stdout:
  description: What it has written.
  returned: when it was run to its end
  type: str
stderr:
  description: What it has written of errors.
  returned: when it was run to its end
  type: str
reason:
  description:
    - One stable word for why it failed. V(command-failed) if the command has ended with another status than 0,
      V(timeout) if it was ended since it took too long, V(pod-ended) if the pod has ended under it.
  returned: on failure
  type: str
  sample: command-failed
stage:
  description: The step that failed, one of input, launch, host.
  returned: on failure
  type: str
  sample: launch
object:
  description: The pod that it failed for.
  returned: on failure
  type: str
  sample: shop
hint:
  description: What to do about it.
  returned: on failure
  type: str
"""

from ansible_collections.podwright.fleet.plugins.module_utils import execution
from ansible_collections.podwright.fleet.plugins.module_utils.agent import (
    COMMON_SPEC,
    Agent,
    AgentError,
)
from ansible_collections.podwright.fleet.plugins.module_utils.module import Module
from ansible_collections.podwright.fleet.plugins.module_utils.options import (
    OptionError,
    argument_spec,
    desired,
)

OPTIONS = execution.OPTIONS


def main() -> None:
    """Run the command."""
    module = Module(
        argument_spec={**COMMON_SPEC, **argument_spec(OPTIONS)}, supports_check_mode=True
    )
    try:
        wanted = desired(OPTIONS, module.params)
        words = execution.words(wanted)
        agent = Agent(module)
        if module.check_mode:
            module.exit_json(changed=False, skipped=True, msg="a command is not run in check mode")
        done = execution.run(agent.command, words, wanted)
    except OptionError as error:
        module.fail_json(msg=str(error), object=error.path, hint=error.hint)
    except AgentError as error:
        module.fail_json(**error.failure)
    out = {"rc": done.status, "stdout": done.stdout, "stderr": done.stderr, "changed": True}
    if done.status == 0:
        module.exit_json(**out)
    module.fail_json(
        msg=f"the command in pod {wanted['name']} has ended with {done.status}",
        reason="command-failed",
        stage="launch",
        object=wanted["name"],
        **out,
    )


if __name__ == "__main__":
    main()
