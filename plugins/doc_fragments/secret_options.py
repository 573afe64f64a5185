# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Options of the module secret. Made by `make fragments`; see tools/doc_fragments.py."""

from __future__ import annotations


class ModuleDocFragment:
    """Options, as ansible-doc shows them."""

    DOCUMENTATION = r"""
options:
  name:
    description:
      - Name of the secret, of lower-case letters, digits and single hyphens.
      - Mutually exclusive with O(secrets); one of the two is required.
    type: str
  state:
    description:
      - V(present), the host keeps it with this content.
      - V(absent), the host does not keep it. Refused while a pod has it.
      - With O(secrets) this is the state of secrets that do not say their own.
    type: str
    choices:
      - present
      - absent
    default: present
  content: &id001
    description:
      - What is in it, at most 1 MiB. Needed, unless O(state=absent).
      - A pod that has the secret is replaced when it is applied again after the content has changed.
    type: str
  encoding: &id002
    description:
      - V(base64) if O(content) is encoded so, as it must be unless it is text.
      - The agent's default is V(text).
    type: str
    choices:
      - text
      - base64
  encrypt: &id003
    description:
      - V(auto), encrypted where the host can; a host that cannot is told of in a warning when
        it is written.
      - V(require), refused on hosts that cannot.
      - V(off), always in a file that only root can read, for pods that are not run by systemd.
      - The agent's default is V(auto).
    type: str
    choices:
      - auto
      - require
      - 'off'
  secrets:
    description:
      - Many secrets, each with the options that are described above for one.
      - Mutually exclusive with all of these except O(state).
    type: list
    elements: dict
    suboptions:
      name:
        description:
          - Name of the secret.
        type: str
        required: true
      state:
        description:
          - State of this secret, see O(state), whose value is taken if this one is omitted.
        type: str
        choices:
          - present
          - absent
      content: *id001
      encoding: *id002
      encrypt: *id003
"""
