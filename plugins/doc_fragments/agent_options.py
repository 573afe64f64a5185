# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Options of the module agent. Made by `make fragments`; see tools/doc_fragments.py."""

from __future__ import annotations


class ModuleDocFragment:
    """Options, as ansible-doc shows them."""

    DOCUMENTATION = r"""
options:
  state:
    description:
      - Whether the agent is there.
    type: str
    choices:
      - present
      - absent
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
      - Wheels on the controller, pure Python (C(py3-none-any)), that are unpacked beside the
        agent, for hosts whose distribution has no packages of the libraries that it needs. They
        come before the distribution's packages.
      - They are all that the agent has of wheels afterwards. Relative names are searched for
        as M(ansible.builtin.copy) does.
    type: list
    elements: path
    default: []
  checksums:
    description:
      - SHA-256 checksums of wheels that are taken besides those that the playbook C(podwright.fleet.wheels)
        downloads, as 64 hexadecimal digits. Any other wheel is refused.
    type: list
    elements: str
    default: []
  rkt_name:
    description:
      - Whether the agent can be called C(rkt), too. It then reads C(/etc/rkt) and C(/usr/lib/rkt)
        as well.
      - Refused when the host has another C(/usr/bin/rkt).
    type: bool
    default: false
  remove_data:
    description:
      - With O(state=absent), also remove all images, what is kept of pods, the configuration
        with the trusted keys, and the groups.
    type: bool
    default: false
  content_hash:
    description:
      - Set by the action plugin of the same name, and not for playbooks. Hash of the files that
        the host should have.
    type: str
  archive:
    description:
      - Set by the action plugin of the same name, and not for playbooks. Where the files are
        on the host.
    type: path
"""
