# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Options of the module pull. Made by `make fragments`; see tools/doc_fragments.py."""

from __future__ import annotations


class ModuleDocFragment:
    """Options, as ansible-doc shows them."""

    DOCUMENTATION = r"""
options:
  url:
    description:
      - Where the bundle lies, C(https://HOST/PATH), with its signature at the same URL and C(.asc),
        or C(oci://REGISTRY/REPOSITORY:TAG).
    type: str
  fleet:
    description:
      - Whose bundle it must be. Keys for it are trusted with the prefix C(pull:FLEET).
    type: str
  host:
    description:
      - Name of this host for the bundle's selectors. Its own if omitted.
    type: str
  groups:
    description:
      - Groups that this host is in, for selectors.
    type: list
    elements: str
  labels:
    description:
      - Labels of this host, for selectors.
    type: dict
  allow:
    description:
      - What the bundle may do besides pods, images and networks.
    type: list
    elements: str
    choices:
      - keys
      - policy
      - insecure
  adopt:
    description:
      - Whether it takes over pods and networks of the same names that were here before.
    type: bool
  repair:
    description:
      - Whether a bundle that has been applied is applied again, so that what drifted is put right.
    type: bool
  again:
    description:
      - Whether a bundle that failed is tried again at once.
    type: bool
    default: false
  timeout:
    description:
      - In which the bundle must have come, such as V(120s).
    type: str
    default: 120s
  lock_timeout:
    description:
      - Seconds to wait for another pull or play on the same host.
    type: int
    default: 60
"""
