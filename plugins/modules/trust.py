#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module podwright.fleet.trust."""

from __future__ import annotations

DOCUMENTATION = r"""
module: trust
short_description: Trust keys that sign images
version_added: 0.1.0
description:
  - Makes OpenPGP keys be trusted, or not be trusted any more, for images whose name starts with a
    prefix; one by the module's own options or many with O(keys).
  - The full fingerprint is always needed, and a key that does not have it is refused; so is a key
    that is weak, expired or revoked.
author:
  - The podwright authors (@podwright)
extends_documentation_fragment:
  - podwright.fleet.agent
  - podwright.fleet.agent.attributes
  - podwright.fleet.agent.changes
  - podwright.fleet.common_options
  - podwright.fleet.trust_options
seealso:
  - module: podwright.fleet.trust_info
  - module: podwright.fleet.image
  - module: podwright.fleet.pod
"""

EXAMPLES = r"""
- name: Trust a key for all images below example.com
  podwright.fleet.trust:
    prefix: example.com
    fingerprint: 18AD 5014 C99E F7E3 BA5F  6CE9 50BD D3E0 FC8A 365E
    key: "{{ lookup('ansible.builtin.file', 'keys/example.asc') }}"

- name: Trust two keys, of which one is taken from its owner's server and one is for all images
  podwright.fleet.trust:
    keys:
      - prefix: example.org/tools
        fingerprint: 5B1A 2C4D 7E8F 9012 3456  789A BCDE F012 3456 789A
        key_url: https://example.org/keys/release.asc
      - root: true
        fingerprint: 18ad5014c99ef7e3ba5f6ce950bdd3e0fc8a365e
        key_file: /usr/share/keyrings/site.asc

- name: Do not trust it for these images any more
  podwright.fleet.trust:
    prefix: example.com
    fingerprint: 18ad5014c99ef7e3ba5f6ce950bdd3e0fc8a365e
    state: absent
"""

RETURN = r"""
keys:
  description: What was done, or would be done in check mode, for each key in the order of the request.
  returned: when the agent was asked
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
    changed:
      description: Whether anything was changed for this key.
      type: bool
      returned: always
    action:
      description: What was done, one of trust, remove, mask, none.
      type: str
      returned: always
      sample: trust
    state:
      description:
        - What the administrator's configuration says of the key for the prefix, one of V(trusted),
          V(masked), V(absent).
      type: str
      returned: always
      sample: trusted
diff:
  description:
    - In C(before) and C(after), below C(keys), for each key that is different its C(state) and the
      C(sha256) of its file.
  returned: in diff mode
  type: dict
reason:
  description: One stable word for why it failed.
  returned: on failure
  type: str
  sample: bad-input
stage:
  description: The step that failed, one of input, fetch, verify, host.
  returned: on failure
  type: str
  sample: input
object:
  description: The key or path that it failed for.
  returned: on failure
  type: str
hint:
  description: What to do about it.
  returned: on failure
  type: str
"""

from typing import Any

from ansible_collections.podwright.fleet.plugins.module_utils.objects import Kind, manage
from ansible_collections.podwright.fleet.plugins.module_utils.options import OptionError
from ansible_collections.podwright.fleet.plugins.module_utils.spec import (
    KEY,
    KEY_STATES,
    fingerprint,
)

MAX_KEY_BYTES = 1024 * 1024
SOURCES = ("key", "key_file", "key_url")


def read_key(out: dict[str, Any], given: dict[str, Any], path: str) -> None:
    """Put the content of `key_file` into the desired state. Raises OptionError."""
    source = given.get("key_file")
    where = f"{path}.key_file" if path else "key_file"
    sources = [name for name in SOURCES if given.get(name) is not None]
    if len(sources) > 1:
        where = f"{path}.{sources[1]}" if path else sources[1]
        raise OptionError(f"{where}: {' and '.join(sources)} exclude each other; give one of them")
    if source is None:
        return
    try:
        with open(source, "rb") as stream:
            content = stream.read(MAX_KEY_BYTES + 1)
    except OSError as error:
        raise OptionError(f"{where}: cannot read {source} on this host: {error.strerror}") from None
    if len(content) > MAX_KEY_BYTES:
        raise OptionError(f"{where}: {source} is larger than any key (1 MiB)")
    try:
        out["key"] = content.decode("ascii")
    except UnicodeDecodeError:
        raise OptionError(
            f"{where}: {source} is not an armoured key; write it with gpg --armor --export"
        ) from None


KIND = Kind("keys", "fingerprint", KEY_STATES, KEY, read_key, fingerprint)


def main() -> None:
    """Make keys be trusted or not."""
    manage(KIND)


if __name__ == "__main__":
    main()
