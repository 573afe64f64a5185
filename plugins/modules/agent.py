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
  - Files that were changed by hand are put right. Running pods are left alone.
author:
  - The podwright authors (@podwright)
extends_documentation_fragment:
  - podwright.fleet.agent.changes
attributes:
  platform:
    description: Target systems that can be operated against.
    support: full
    platforms: linux
  action:
    description: Has a part that runs on the controller, where the agent's files are.
    support: full
options:
  state:
    description:
      - Whether the agent is there.
    type: str
    choices: [present, absent]
    default: present
  ca_certificates:
    description:
      - Certificates in PEM format of further authorities for HTTPS servers with images.
      - They are all that is in C(/etc/podwright/ca.d/ansible.pem) afterwards.
    type: list
    elements: str
    default: []
  wheels:
    description:
      - Wheels on the controller, pure Python (C(py3-none-any)), that are unpacked beside the agent,
        for hosts whose distribution has no packages of the libraries that it needs. They come
        before the distribution's packages.
      - They are all that the agent has of wheels afterwards. Relative names are searched for as
        M(ansible.builtin.copy) does.
    type: list
    elements: path
    default: []
  rkt_name:
    description:
      - Whether the agent can be called C(rkt), too. It then reads C(/etc/rkt) and C(/usr/lib/rkt) as well.
      - Refused when the host has another C(/usr/bin/rkt).
    type: bool
    default: false
  remove_data:
    description:
      - With O(state=absent), also remove all images, what is kept of pods, the configuration with
        the trusted keys, and the groups.
    type: bool
    default: false
  content_hash:
    description:
      - Set by the action plugin of the same name, and not for playbooks. Hash of the files that the
        host should have.
    type: str
  archive:
    description:
      - Set by the action plugin of the same name, and not for playbooks. Where the files are on the
        host.
    type: path
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


def main() -> None:
    """Install or remove the agent's files."""
    module = Module(
        argument_spec={
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "ca_certificates": {"type": "list", "elements": "str", "default": []},
            "wheels": {"type": "list", "elements": "path", "default": []},
            "rkt_name": {"type": "bool", "default": False},
            "remove_data": {"type": "bool", "default": False},
            "content_hash": {"type": "str"},
            "archive": {"type": "path"},
        },
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
        module.fail_json(msg=str(error), reason="install-failed", stage="host", hint=hint)
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
