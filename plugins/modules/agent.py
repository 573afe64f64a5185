#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module podwright.fleet.agent."""

from __future__ import annotations

DOCUMENTATION = r"""
module: agent
short_description: Install the podwright agent's files
version_added: 0.1.0
description:
  - Makes the agent that comes with this collection be on the host, or not be there, with its
    directories, groups, certificates and, where systemd runs, units.
  - This is what the role P(podwright.fleet.agent#role) uses, which also installs the packages that
    the agent needs, and removes the pods before it removes the agent. Use the role.
  - Files that were changed by hand are put right. Running pods are left alone, by an upgrade, too.
  - An agent that is too old for what a newer one has written on the host is refused, with the reason
    V(newer-format), before anything is changed. One that can read all of it may be older.
author:
  - The podwright authors (@podwright)
extends_documentation_fragment:
  - podwright.fleet.agent.changes
  - podwright.fleet.agent_options
attributes:
  platform:
    description: Target systems that can be operated against.
    support: full
    platforms: linux
  action:
    description: Has a part that runs on the controller, where the agent's files are.
    support: full
"""

EXAMPLES = r"""
- name: Install the agent's files, without the packages that it needs
  podwright.fleet.agent:

- name: Install them with the libraries that the distribution does not have
  podwright.fleet.agent:
    wheels:
      - wheels/pyroute2-0.9.5-py3-none-any.whl
      - wheels/python_gnupg-0.5.5-py2.py3-none-any.whl
"""

RETURN = r"""
changes:
  description: What was changed, or would be changed in check mode.
  returned: always
  type: list
  elements: str
  sample: [/usr/lib/podwright, /usr/bin/podwright]
systemd:
  description: Whether systemd runs on the host.
  returned: success
  type: bool
reason:
  description: One stable word for why it failed.
  returned: on failure
  type: str
  sample: install-failed
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

from ansible_collections.podwright.fleet.plugins.module_utils import agent_install
from ansible_collections.podwright.fleet.plugins.module_utils.changes import (
    InstallError,
    NeedsArchive,
)
from ansible_collections.podwright.fleet.plugins.module_utils.module import Module
from ansible_collections.podwright.fleet.plugins.module_utils.options import (
    Option,
    Table,
    argument_spec,
)

OPTIONS: Table = {
    "state": Option(choices=("present", "absent"), default="present"),
    "ca_certificates": Option("list", elements="str", default=[]),
    "wheels": Option("list", elements="path", default=[]),
    "checksums": Option("list", elements="str", default=[]),
    "rkt_name": Option("bool", default=False),
    "remove_data": Option("bool", default=False),
    "content_hash": Option(),
    "archive": Option("path"),
}


def main() -> None:
    """Install or remove the agent's files."""
    module = Module(
        argument_spec=argument_spec(OPTIONS),
        required_if=[("state", "present", ("content_hash",))],
        supports_check_mode=True,
    )
    params = module.params
    systemd = agent_install.systemd_runs()
    try:
        if params["state"] == "present":
            wanted = agent_install.Wanted(
                params["content_hash"],
                params["archive"],
                params["ca_certificates"],
                systemd,
                params["rkt_name"],
            )
            changes = agent_install.install(wanted)
        else:
            changes = agent_install.remove(params["remove_data"])
        if not module.check_mode:
            for change in changes:
                change.make()
    except NeedsArchive:
        module.exit_json(changed=False, needs_archive=True)
    except InstallError as error:
        hint = str(error).partition("; ")[2]
        about = {"object": error.about} if error.about else {}
        module.fail_json(msg=str(error), reason=error.reason, stage="host", hint=hint, **about)
    module.exit_json(
        changed=bool(changes),
        changes=[change.what for change in changes],
        systemd=systemd,
        diff={
            "before": {change.what: change.before for change in changes},
            "after": {change.what: change.after for change in changes},
        },
    )


if __name__ == "__main__":
    main()
