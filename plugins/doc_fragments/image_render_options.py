# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Options of the module image_render. Made by `make fragments`; see tools/doc_fragments.py."""

from __future__ import annotations


class ModuleDocFragment:
    """Options, as ansible-doc shows them."""

    DOCUMENTATION = r"""
options:
  images:
    description:
      - The images, written one after the other until one fails.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description:
          - Name with or without version, or ID, of an image of the store.
        type: str
        required: true
      path:
        description:
          - Absolute path of the directory; the one above it exists.
        type: path
        required: true
      whole:
        description:
          - Whether what the image is built on is part of it. If not, only what its own archive
            holds is written.
        type: bool
        default: true
      rootfs_only:
        description:
          - Whether the directory becomes the root itself. If not, it holds C(manifest) and C(rootfs).
        type: bool
        default: false
  overwrite:
    description:
      - Whether a directory that is something else is replaced as a whole. If not, that is a failure.
    type: bool
    default: false
"""
