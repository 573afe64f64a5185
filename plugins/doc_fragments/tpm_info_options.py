# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Options of the module tpm_info. Made by `make fragments`; see tools/doc_fragments.py."""

from __future__ import annotations


class ModuleDocFragment:
    """Options, as ansible-doc shows them."""

    DOCUMENTATION = r"""
options:
  log:
    description:
      - Whether to tell what was measured, too. It grows with each start of a pod.
    type: bool
    default: false
  keys:
    description:
      - Whether to tell the keys that the TPM answers with, too. It takes a TPM about a second,
        and fails without one.
    type: bool
    default: false
"""
