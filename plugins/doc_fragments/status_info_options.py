# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Options of the module status_info. Made by `make fragments`; see tools/doc_fragments.py."""

from __future__ import annotations


class ModuleDocFragment:
    """Options, as ansible-doc shows them."""

    DOCUMENTATION = r"""
options:
  interval:
    description:
      - Seconds, from 0.1 to 60, over which the use of processors is measured. V(0) does not measure
        at all, which is quicker.
    type: float
    default: 0.5
  checks:
    description:
      - Whether to try what the host can enforce, too, as the module M(podwright.fleet.host_info)
        does.
    type: bool
    default: true
"""
