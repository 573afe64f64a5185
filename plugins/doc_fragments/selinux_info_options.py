# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Options of the module selinux_info. Made by `make fragments`; see tools/doc_fragments.py."""

from __future__ import annotations


class ModuleDocFragment:
    """Options, as ansible-doc shows them."""

    DOCUMENTATION = r"""
options:
  name:
    description:
      - Names or UUIDs of pods that run; all that run if omitted.
    type: list
    elements: str
"""
