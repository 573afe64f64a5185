# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Options of the module pod_metrics_info. Made by `make fragments`; see tools/doc_fragments.py."""

from __future__ import annotations


class ModuleDocFragment:
    """Options, as ansible-doc shows them."""

    DOCUMENTATION = r"""
options:
  name:
    description:
      - Only pods with these names or UUIDs. A name that no running pod has is not an error.
      - All running pods if omitted.
    type: list
    elements: str
  interval:
    description:
      - Seconds, from 0.1 to 60, over which everything is measured that is told per second or
        in percent.
    type: float
    default: 0.5
"""
