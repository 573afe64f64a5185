# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Options of the module gc. Made by `make fragments`; see tools/doc_fragments.py."""

from __future__ import annotations


class ModuleDocFragment:
    """Options, as ansible-doc shows them."""

    DOCUMENTATION = r"""
options:
  grace_period:
    description:
      - For how long pods that ended are kept after they were marked, such as V(30m) or V(24h).
    type: str
    default: 30m
  expire_prepared:
    description:
      - After how long prepared pods that nobody has started expire.
    type: str
    default: 24h
  mark_only:
    description:
      - Only mark pods, remove nothing of them.
    type: bool
    default: false
  images:
    description:
      - Whether images go, too, that no pod and no kept revision needs and no other image is built
        on.
    type: bool
    default: false
  image_grace_period:
    description:
      - For how long images are kept after they were last used.
    type: str
    default: 24h
"""
