#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module podwright.fleet.secret."""

from __future__ import annotations

DOCUMENTATION = r"""
module: secret
short_description: Keep secrets on a host, for pods to refer to
version_added: 0.1.0
description:
  - Makes secrets be kept by the host, or not be there, one by the module's own options or many with O(secrets).
    Pods refer to them by name, see O(podwright.fleet.pod#module:secrets[].stored), so that plays about pods carry no
    contents.
  - Where systemd runs, a secret is encrypted by C(systemd-creds) for this host, with its TPM where it has one, and
    only systemd opens it, for the units of pods that have it. Elsewhere it is in a file that only root can read.
  - Contents reach the agent on its standard input. They are in no argument, log, answer and difference, and are
    compared by a digest whose key stays on the host.
author:
  - The podwright authors (@podwright)
extends_documentation_fragment:
  - podwright.fleet.agent
  - podwright.fleet.agent.attributes
  - podwright.fleet.agent.changes
  - podwright.fleet.common_options
  - podwright.fleet.secret_options
seealso:
  - module: podwright.fleet.secret_info
  - module: podwright.fleet.pod
"""

EXAMPLES = r"""
- name: Keep a password, and give it to a pod
  podwright.fleet.secret:
    name: db-password
    content: "{{ vault_db_password }}"

- name: Run the pod that reads it from /run/secrets/db-password
  podwright.fleet.pod:
    name: shop
    image: example.com/shop:3
    secrets:
      - name: db-password
        stored: db-password

- name: Keep a key that must be encrypted, and see that an old one is gone
  podwright.fleet.secret:
    secrets:
      - name: tls-key
        content: "{{ lookup('ansible.builtin.file', 'tls.p12.b64') }}"
        encoding: base64
        encrypt: require
      - name: old-token
        state: absent
"""

RETURN = r"""
secrets:
  description: What was done, or would be done in check mode, for each secret in the order of the request.
  returned: when the agent was asked
  type: list
  elements: dict
  contains:
    name:
      description: Name of the secret.
      type: str
      returned: always
      sample: db-password
    changed:
      description: Whether anything was changed for this secret.
      type: bool
      returned: always
    action:
      description: What was done, one of write, remove, none.
      type: str
      returned: always
      sample: write
    state:
      description: What it is now, V(present) or V(absent).
      type: str
      returned: always
      sample: present
    encrypted:
      description: Whether it is encrypted for this host.
      type: bool
      returned: always
diff:
  description:
    - In C(before) and C(after), below C(secrets), for each secret that is different whether it is C(encrypted), and of
      its C(content) only whether it is V(as wanted) or V(another one).
  returned: in diff mode
  type: dict
reason:
  description: One stable word for why it failed.
  returned: on failure
  type: str
  sample: in-use
stage:
  description: The step that failed, one of input, host.
  returned: on failure
  type: str
  sample: input
object:
  description: The secret or option that it failed for.
  returned: on failure
  type: str
hint:
  description: What to do about it.
  returned: on failure
  type: str
"""

from ansible_collections.podwright.fleet.plugins.module_utils.objects import Kind, manage
from ansible_collections.podwright.fleet.plugins.module_utils.spec import (
    KEPT_SECRET,
    SECRET_STATES,
)

KIND = Kind("secrets", "name", SECRET_STATES, KEPT_SECRET)


def main() -> None:
    """Make secrets be kept or not."""
    manage(KIND)


if __name__ == "__main__":
    main()
