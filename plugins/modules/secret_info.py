#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module podwright.fleet.secret_info."""

from __future__ import annotations

DOCUMENTATION = r"""
module: secret_info
short_description: Tell which secrets a host keeps
version_added: 0.1.0
description:
  - Tells which secrets a host keeps by name, how, and which pods have them. What is in them is never told.
author:
  - The podwright authors (@podwright)
extends_documentation_fragment:
  - podwright.fleet.agent
  - podwright.fleet.agent.attributes
  - podwright.fleet.agent.reads
  - podwright.fleet.common_options
  - podwright.fleet.secret_info_options
seealso:
  - module: podwright.fleet.secret
"""

EXAMPLES = r"""
- name: See which secrets the host keeps
  podwright.fleet.secret_info:
  register: found

- name: Insist that all are encrypted
  ansible.builtin.assert:
    that: found.secrets | rejectattr('encrypted') | length == 0

- name: Remove those that no pod has
  podwright.fleet.secret:
    state: absent
    name: "{{ item.name }}"
  loop: "{{ found.secrets | selectattr('pods', 'eq', []) }}"
"""

RETURN = r"""
secrets:
  description: The secrets, as C(podwright secret list --format=json) tells them.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name of the secret.
      type: str
      returned: always
      sample: db-password
    encrypted:
      description: Whether it is encrypted for this host; if not, it is in a file that only root can read.
      type: bool
      returned: always
    size:
      description: Length of its content in bytes; C(null) if that is not known.
      type: int
      returned: always
      sample: 32
    changed_at:
      description: When its content was last given.
      type: str
      returned: always
      sample: "2026-11-21T22:08:13Z"
    why_not_encrypted:
      description: Why it is not encrypted although it was to be if possible; empty otherwise.
      type: str
      returned: always
    pods:
      description: Named pods that have it.
      type: list
      elements: str
      returned: always
      sample: [shop]
    problem:
      description: What is wrong with it, such as a file that somebody has changed; empty if nothing is.
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

from ansible_collections.podwright.fleet.plugins.module_utils.info import named, tell
from ansible_collections.podwright.fleet.plugins.module_utils.options import Option, Table

OPTIONS: Table = {"name": Option("list", elements="str")}


def main() -> None:
    """Tell which secrets there are."""
    tell("secrets", ("secret", "list"), OPTIONS, named("name"))


if __name__ == "__main__":
    main()
