# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Options of the module trust. Made by `make fragments`; see tools/doc_fragments.py."""

from __future__ import annotations


class ModuleDocFragment:
    """Options, as ansible-doc shows them."""

    DOCUMENTATION = r"""
options:
  fingerprint:
    description:
      - Fingerprint of the primary key, all 40 hexadecimal digits; spaces and case do not matter.
        Short key IDs are refused, since they can be forged.
      - Mutually exclusive with O(keys); one of the two is required.
    type: str
  state:
    description:
      - Whether the key is trusted for O(prefix), or for all images with O(root).
      - With V(absent), a key that a package ships for the same prefix is masked by an empty file
        in the administrator's configuration. With V(present) that mask is lifted. A key that
        is also trusted for another prefix, or for all images, stays trusted there.
      - With O(keys) this is the state of keys that do not say their own.
    type: str
    choices:
      - present
      - absent
    default: present
  prefix: &id001
    description:
      - The key is trusted for the image with this name and all whose name continues it after
        a slash. V(example.com/db) is for C(example.com/db/redis), and not for C(example.com/dbx).
      - Either O(prefix) or O(root) is needed.
    type: str
  root: &id002
    description:
      - Trust the key for all images.
    type: bool
  key: &id003
    description:
      - The armoured public key.
      - One of O(key), O(key_file) and O(key_url) is needed, unless O(state=absent).
    type: str
  key_file: &id004
    description:
      - Path on the managed host of a file with the armoured public key. For a file on the controller
        use O(key) with P(ansible.builtin.file#lookup).
    type: path
  key_url: &id005
    description:
      - URL with https from which the managed host gets the armoured public key. It is only asked
        while the key is not trusted, and once the key that is has expired.
    type: str
  keys:
    description:
      - Many keys, each with the options that are described above for one.
      - Mutually exclusive with all of these except O(state).
    type: list
    elements: dict
    suboptions:
      fingerprint:
        description:
          - Fingerprint of the primary key, all 40 hexadecimal digits.
        type: str
        required: true
      state:
        description:
          - State of this key, see O(state), whose value is taken if this one is omitted.
        type: str
        choices:
          - present
          - absent
      prefix: *id001
      root: *id002
      key: *id003
      key_file: *id004
      key_url: *id005
"""
