# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Options of the module bundle. Made by `make fragments`; see tools/doc_fragments.py."""

from __future__ import annotations


class ModuleDocFragment:
    """Options, as ansible-doc shows them."""

    DOCUMENTATION = r"""
options:
  path:
    description: &id001
      - Absolute path of the file, in a directory that exists. Its signature is beside it, with
        C(.asc) added. Needed, unless O(bundles) is given.
    type: path
  fleet:
    description: &id002
      - Whose bundle it is, such as V(acme/shop). Hosts take it only with a key that they trust
        for this fleet.
    type: str
  state:
    description: &id003
      - The desired state of all hosts of the fleet, with C(pods), C(images), C(networks) and
        so on, as C(podwright apply) reads it.
      - Mutually exclusive with O(hosts).
    type: dict
  hosts:
    description: &id004
      - Desired states of some hosts, each with C(state) and C(match), whose C(names), C(groups)
        and C(labels) say which.
    type: list
    elements: dict
  rollout:
    description: &id005
      - Which share of the hosts may take it from when on, each with C(percent) and C(after).
    type: list
    elements: dict
  expires:
    description: &id006
      - Until when hosts take it, a time such as V(2026-12-31T00:00:00Z) or a duration from now.
    type: str
    default: 720h
  renew:
    description: &id007
      - With a duration in O(expires), how long a bundle that says the same must still be good
        to stay as it is. Half of that duration if omitted.
    type: str
  serial:
    description: &id008
      - Its serial number, higher than all before. The next one if omitted.
    type: int
  not_before:
    description: &id009
      - The time before which no host takes it.
    type: str
  minimum_agent:
    description: &id010
      - Version of podwright that a host must have to take it.
    type: str
  push:
    description: &id011
      - Registry to push it to, with its signature, as C(oci://REGISTRY/REPOSITORY:TAG). Log-ins
        are those of the agent's configuration.
    type: str
  sign_key:
    description: &id012
      - Sign with this key. A fingerprint or user ID in gpg's home, or the path on the managed
        host of a file with the secret key.
      - Mutually exclusive with O(sign_secret_key).
    type: str
  sign_secret_key:
    description: &id013
      - Sign with this armoured secret key.
    type: str
  sign_passphrase:
    description: &id014
      - Passphrase of the key.
    type: str
  sign_passphrase_file:
    description: &id015
      - File on the managed host with the passphrase of the key, which nobody but its owner may
        read. It never leaves that host.
    type: path
  gpg_home:
    description: &id016
      - Home of gpg with the secret key, if it is not that of the user who runs the module.
    type: path
  bundles:
    description:
      - Several bundles, one after the other until one fails. What one does not say is as the
        options of the same name of the module say. Each needs a O(bundles[].path) of its own.
      - Mutually exclusive with O(path).
    type: list
    elements: dict
    suboptions:
      path:
        description: *id001
        type: path
      fleet:
        description: *id002
        type: str
      state:
        description: *id003
        type: dict
      hosts:
        description: *id004
        type: list
        elements: dict
      rollout:
        description: *id005
        type: list
        elements: dict
      expires:
        description: *id006
        type: str
      renew:
        description: *id007
        type: str
      serial:
        description: *id008
        type: int
      not_before:
        description: *id009
        type: str
      minimum_agent:
        description: *id010
        type: str
      push:
        description: *id011
        type: str
      sign_key:
        description: *id012
        type: str
      sign_secret_key:
        description: *id013
        type: str
      sign_passphrase:
        description: *id014
        type: str
      sign_passphrase_file:
        description: *id015
        type: path
      gpg_home:
        description: *id016
        type: path
"""
