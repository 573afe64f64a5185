# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Options of the module bundle_info. Made by `make fragments`; see tools/doc_fragments.py."""

from __future__ import annotations


class ModuleDocFragment:
    """Options, as ansible-doc shows them."""

    DOCUMENTATION = r"""
options:
  paths:
    description:
      - Absolute paths of bundles. One that is not there is told as that, and is no failure.
    type: list
    elements: path
    required: true
  name:
    description:
      - Name of the host whose desired state is told, as the bundle's selectors see it.
      - The name that this host has if omitted.
    type: str
  groups:
    description:
      - Groups of that host.
    type: list
    elements: str
  labels:
    description:
      - Labels of that host.
    type: dict
"""
