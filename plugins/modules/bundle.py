#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module podwright.fleet.bundle."""

from __future__ import annotations

DOCUMENTATION = r"""
module: bundle
short_description: Make, sign and publish what hosts of a fleet pull
version_added: 0.1.0
description:
  - Makes the bundle of desired states that hosts of a fleet follow by C(podwright pull), signs it, and pushes it to a
    registry if asked to. Mostly it runs where the play does, with C(delegate_to=localhost) and C(run_once=true); the
    agent must be there.
  - A bundle that says the same and is good for longer than O(renew) stays as it is. Another one gets the next serial
    number, so that a second run changes nothing.
  - What is wrong in a desired state is refused here, before any host sees it.
author:
  - The podwright authors (@podwright)
extends_documentation_fragment:
  - podwright.fleet.agent
  - podwright.fleet.agent.attributes
  - podwright.fleet.agent.changes
  - podwright.fleet.common_options
  - podwright.fleet.bundle_options
seealso:
  - module: podwright.fleet.pull
  - module: podwright.fleet.pull_info
"""

EXAMPLES = r"""
- name: Have all hosts of the fleet run the shop, by the web server that they pull from
  podwright.fleet.bundle:
    path: /srv/www/fleet/shop.json
    fleet: acme/shop
    state:
      pods:
        - name: shop
          image: example.com/shop:1.4
    sign_key: fleet@example.com
    sign_passphrase_file: /root/fleet.pass

- name: Different hosts, a tenth of them an hour earlier, by a registry
  podwright.fleet.bundle:
    path: /srv/fleet/shop.json
    fleet: acme/shop
    expires: 168h
    rollout:
      - percent: 10
      - percent: 100
        after: "2026-12-01T10:00:00Z"
    hosts:
      - match:
          groups: [web]
        state:
          pods:
            - name: shop
              image: example.com/shop:1.5
    sign_key: fleet@example.com
    push: oci://registry.example.com/fleet/shop:stable
  delegate_to: localhost
  run_once: true

- name: See what would change
  podwright.fleet.bundle:
    bundles:
      - path: /srv/www/fleet/shop.json
        fleet: acme/shop
        state: "{{ shop_state }}"
      - path: /srv/www/fleet/edge.json
        fleet: acme/edge
        state: "{{ edge_state }}"
    sign_key: fleet@example.com
  check_mode: true
  diff: true
"""

RETURN = r"""
bundles:
  description: The bundles, or what they would be in check mode, in the order of the request.
  returned: when the agent was asked
  type: list
  elements: dict
  contains:
    path:
      description: Its file. The signature is beside it, with C(.asc) added.
      type: str
      returned: always
      sample: /srv/www/fleet/shop.json
    fleet:
      description: Whose it is.
      type: str
      returned: always
      sample: acme/shop
    serial:
      description: Its serial number.
      type: int
      returned: always
      sample: 7
    expires:
      description: Until when hosts take it.
      type: str
      returned: always
      sample: "2026-12-23T14:00:00Z"
    fingerprint:
      description: Whose key signed it.
      type: str
      returned: with a key to sign with
    pushed:
      description: The artifact, with C(url), C(digest) (C(null) in check mode if it is not there yet) and C(changed).
      type: dict
      returned: with O(push)
    changed:
      description: Whether it is another one than before.
      type: bool
      returned: always
reason:
  description: One stable word for why it failed.
  returned: on failure
  type: str
  sample: bad-input
stage:
  description: The step that failed.
  returned: on failure
  type: str
  sample: input
object:
  description: The file or option that it failed for.
  returned: on failure
  type: str
hint:
  description: What to do about it.
  returned: on failure
  type: str
"""

from typing import Any

from ansible_collections.podwright.fleet.plugins.module_utils.agent import (
    COMMON_SPEC,
    Agent,
    AgentError,
    result,
    warn,
)
from ansible_collections.podwright.fleet.plugins.module_utils.module import Module
from ansible_collections.podwright.fleet.plugins.module_utils.options import (
    Option,
    OptionError,
    Table,
    argument_spec,
    desired,
)
from ansible_collections.podwright.fleet.plugins.module_utils.spec_build import (
    SIGN,
    several,
    signer,
)

SAID: Table = {
    "path": Option("path"),
    "fleet": Option(),
    "state": Option("dict"),
    "hosts": Option("list", elements="dict"),
    "rollout": Option("list", elements="dict"),
    "expires": Option(),
    "renew": Option(),
    "serial": Option("int"),
    "not_before": Option(),
    "minimum_agent": Option(),
    "push": Option(),
}
ONE: Table = {**SAID, **{name: option._replace(field="-") for name, option in SIGN.items()}}
"""What is said of a bundle."""

DEFAULTS: dict[str, Any] = {"expires": "720h"}

OPTIONS: Table = {
    **{name: option._replace(default=DEFAULTS.get(name)) for name, option in ONE.items()},
    "bundles": Option("list", elements="dict", table=ONE),
}


def order(params: dict[str, Any]) -> dict[str, Any]:
    """What the agent is asked for. Raises OptionError."""
    if params["bundles"] is None:
        return {"bundles": [_one(params, "")]}
    said = several(params, "bundles")
    return {"bundles": [_one(one, f"bundles[{index}].") for index, one in enumerate(said)]}


def _one(params: dict[str, Any], where: str) -> dict[str, Any]:
    """The order for a bundle. Raises OptionError."""
    for name in ("path", "fleet"):
        if not params.get(name):
            raise OptionError(f"{where}{name}: is missing; say which {name} the bundle is for")
    return {**desired(SAID, params), **signer(params, where)}


def main() -> None:
    """Have the bundles."""
    module = Module(
        argument_spec={**COMMON_SPEC, **argument_spec(OPTIONS)},
        mutually_exclusive=[
            ("sign_key", "sign_secret_key"),
            ("sign_passphrase", "sign_passphrase_file"),
            ("state", "hosts"),
            ("bundles", "path"),
        ],
        supports_check_mode=True,
    )
    try:
        answer = Agent(module).make_bundles(order(module.params))
    except OptionError as error:
        module.fail_json(msg=str(error), object=error.path, hint=error.hint)
    except AgentError as error:
        module.fail_json(**error.failure)
    warn(module, answer)
    found = result(answer, "bundles", *(("diff",) if module._diff else ()))
    module.exit_json(**found)


if __name__ == "__main__":
    main()
