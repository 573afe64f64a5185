# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Options of the module image_info. Made by `make fragments`; see tools/doc_fragments.py."""

from __future__ import annotations


class ModuleDocFragment:
    """Options, as ansible-doc shows them."""

    DOCUMENTATION = r"""
options:
  name:
    description:
      - Only images with one of these names, written with or without the version as C(NAME[:VERSION]),
        with one of these references such as C(docker://registry.example.com/team/api:2.1), or
        with one of these IDs or digests. A name that no image has is not an error.
      - All images if omitted.
    type: list
    elements: str
  labels:
    description:
      - Only images that have all these labels.
    type: dict
  unsigned_only:
    description:
      - Only images without an accepted signature, because the policy asks for none or the check
        was left out.
    type: bool
    default: false
  unused:
    description:
      - Only images that no pod needs and no other image is built on.
    type: bool
    default: false
"""
