# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Options of the module trust_info. Made by `make fragments`; see tools/doc_fragments.py."""

from __future__ import annotations


class ModuleDocFragment:
    """Options, as ansible-doc shows them."""

    DOCUMENTATION = r"""
options:
  prefix:
    description:
      - Only keys that are trusted for exactly these prefixes. An empty one stands for all images.
      - All keys if omitted.
    type: list
    elements: str
  fingerprint:
    description:
      - Only keys with these fingerprints, all 40 hexadecimal digits; spaces and case do not matter.
    type: list
    elements: str
"""
