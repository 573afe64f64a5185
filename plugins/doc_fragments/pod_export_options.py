# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Options of the module pod_export. Made by `make fragments`; see tools/doc_fragments.py."""

from __future__ import annotations


class ModuleDocFragment:
    """Options, as ansible-doc shows them."""

    DOCUMENTATION = r"""
options:
  pods:
    description:
      - The pods, written one after the other until one fails.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description:
          - Name or UUID of a pod that has ended.
        type: str
        required: true
      app:
        description:
          - Which app. Needed where the pod has several.
        type: str
      path:
        description:
          - Absolute path of the file, in a directory that exists.
        type: path
        required: true
  overwrite:
    description:
      - Whether a file that is something else is replaced. If not, that is a failure.
    type: bool
    default: false
"""
