#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module podwright.fleet.trust_info."""

from __future__ import annotations

DOCUMENTATION = r"""
module: trust_info
short_description: Tell which keys are trusted on the host
version_added: 0.1.0
description:
  - Tells which OpenPGP keys the host trusts, for which images, and what masks them.
author:
  - The podwright authors (@podwright)
extends_documentation_fragment:
  - podwright.fleet.agent
  - podwright.fleet.agent.attributes
  - podwright.fleet.agent.reads
  - podwright.fleet.common_options
  - podwright.fleet.trust_info_options
seealso:
  - module: podwright.fleet.trust
"""

EXAMPLES = r"""
- name: See which keys are trusted for all images
  podwright.fleet.trust_info:
    prefix: [""]
  register: roots

- name: Insist that there are none but ours
  ansible.builtin.assert:
    that: roots.trusted_keys | map(attribute='fingerprint') | difference(our_root_keys) | length == 0
"""

RETURN = r"""
trusted_keys:
  description: The files of the trust store, as C(podwright trust list --format=json) tells them.
  returned: success
  type: list
  elements: dict
  contains:
    prefix:
      description: For which images the key is trusted; empty for all.
      type: str
      returned: always
      sample: example.com
    fingerprint:
      description: The key's fingerprint.
      type: str
      returned: always
      sample: 18ad5014c99ef7e3ba5f6ce950bdd3e0fc8a365e
    scope:
      description: Whether a package ships it (V(system)) or the administrator trusts it (V(local)).
      type: str
      returned: always
      sample: local
    state:
      description:
        - V(trusted), V(masked) (it counts for nothing), or V(mask) (an empty file that masks keys).
      type: str
      returned: always
      sample: trusted
    masked_by:
      description: The file that masks it; empty if there is none.
      type: str
      returned: always
    masked_for:
      description: Longer prefixes for which alone it is masked.
      type: list
      elements: str
      returned: always
    identities:
      description: Whom the key says that it belongs to.
      type: list
      elements: str
      returned: always
    algorithm:
      description: The key's algorithm.
      type: str
      returned: always
      sample: EdDSA
    created:
      description: When it was made.
      type: str
      returned: always
      sample: "2026-11-21T22:08:13Z"
    expires:
      description: When it expires; empty for never.
      type: str
      returned: always
    key_state:
      description: V(valid), V(expired) or V(revoked); empty for a mask.
      type: str
      returned: always
      sample: valid
    file:
      description: Path of its file.
      type: str
      returned: always
    problem:
      description: Why the file cannot be read; empty if it can.
      type: str
      returned: always
reason:
  description: One stable word for why it failed.
  returned: on failure
  type: str
  sample: no-agent
stage:
  description: The step that failed, one of input, host.
  returned: on failure
  type: str
  sample: host
object:
  description: What it failed for, if that is known.
  returned: on failure
  type: str
hint:
  description: What to do about it.
  returned: on failure
  type: str
"""

from typing import Any

from ansible_collections.podwright.fleet.plugins.module_utils.info import tell
from ansible_collections.podwright.fleet.plugins.module_utils.options import (
    Option,
    Table,
)
from ansible_collections.podwright.fleet.plugins.module_utils.spec import fingerprint


def fingerprints(value: list[Any], path: str) -> list[str]:
    """Full fingerprints."""
    return [fingerprint(item, f"{path}[{index}]") for index, item in enumerate(value)]


OPTIONS: Table = {
    "prefix": Option("list", elements="str"),
    "fingerprint": Option("list", elements="str", convert=fingerprints),
}


def selected(keys: list[dict[str, Any]], wanted: dict[str, Any]) -> list[dict[str, Any]]:
    """The keys that the options ask for."""
    return [
        key for key in keys if all(key.get(field) in allowed for field, allowed in wanted.items())
    ]


def main() -> None:
    """Tell which keys are trusted."""
    tell("trusted_keys", ("trust", "list"), OPTIONS, selected)


if __name__ == "__main__":
    main()
