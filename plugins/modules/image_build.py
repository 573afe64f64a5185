#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module podwright.fleet.image_build."""

from __future__ import annotations

DOCUMENTATION = r"""
module: image_build
short_description: Build, sign, publish and push container images
version_added: 0.1.0
description:
  - Makes an image of a directory or an OCI layout on the managed host, signs it, puts it into the web
    root of its host and pushes it to a registry, whatever of this is asked for.
  - The same source gives the same bytes on every host. What is there already and is the same is left
    alone, so nothing is changed unless the source, an option or a key is.
  - With O(source) omitted, an image that is at O(path) already is signed, published and pushed.
author:
  - The podwright authors (@podwright)
extends_documentation_fragment:
  - podwright.fleet.agent
  - podwright.fleet.agent.attributes
  - podwright.fleet.agent.changes
  - podwright.fleet.common_options
  - podwright.fleet.image_build_options
seealso:
  - module: podwright.fleet.image
  - module: podwright.fleet.trust
notes:
  - Secrets go to the agent over standard input; they are never on a command line, in an answer or in
    a file other than the throw-away home of gpg.
  - Check mode builds what would be new into a private directory, so that what it says of publishing
    and pushing is exact.
  - The variable E(SOURCE_DATE_EPOCH), set with C(environment), becomes the image's annotation
    C(created).
"""

EXAMPLES = r"""
- name: Build, sign and publish an image
  podwright.fleet.image_build:
    path: /srv/build/app-1.0.aci
    source: /srv/build/app-root
    name: example.com/app
    version: "1.0"
    exec: [/bin/app, --listen, ":8080"]
    user: app
    group: app
    owner: "0:0"
    ports:
      - {name: http, port: 8080}
    sign_secret_key: "{{ lookup('ansible.builtin.file', 'release.key') }}"
    sign_passphrase: "{{ release_passphrase }}"
    publish:
      directory: /srv/www
      latest: true

- name: Push an image that is there already
  podwright.fleet.image_build:
    path: /srv/build/app-1.0.aci
    push:
      target: docker://registry.example.com/team/app:1.0
      registry_auth:
        - registry: registry.example.com
          username: builder
          password: "{{ registry_password }}"
  register: pushed
"""

RETURN = r"""
image:
  description: The image.
  returned: success
  type: dict
  contains:
    path:
      description: Where it is.
      type: str
      returned: always
      sample: /srv/build/app-1.0.aci
    id:
      description: Its ID.
      type: str
      returned: always
      sample: sha512-96b1de6dbd8f3aed9e9ac45bd4c9f4a5b1b9f6e09bd4ae2a5b2f5db5e7d9f3f0
    changed:
      description: Whether it was written.
      type: bool
      returned: always
signature:
  description: Its signature.
  returned: with a key to sign with
  type: dict
  contains:
    path:
      description: Where it is.
      type: str
      returned: always
    fingerprint:
      description: The key that made it.
      type: str
      returned: always
    changed:
      description: Whether it was made now.
      type: bool
      returned: always
published:
  description: What is in the web root.
  returned: with O(publish)
  type: dict
  contains:
    host:
      description: The host whose web root it is.
      type: str
      returned: always
    images:
      description: Paths of the image below C(images).
      type: list
      elements: str
      returned: always
    files:
      description: Paths below the web root that were written.
      type: list
      elements: str
      returned: always
    changed:
      description: Whether any file was written.
      type: bool
      returned: always
pushed:
  description: What is in the registry.
  returned: with O(push)
  type: dict
  contains:
    digest:
      description: Digest of the image's manifest there, by which it can be pinned.
      type: str
      returned: always
      sample: sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
    reference:
      description: Its name there.
      type: str
      returned: always
      sample: registry.example.com/team/app:1.0
    signatures:
      description: Where its signatures are.
      type: list
      elements: str
      returned: always
    changed:
      description: Whether anything was not there before.
      type: bool
      returned: always
diff:
  description: ID and manifest before and after, and which files and tags are new.
  returned: in diff mode
  type: dict
reason:
  description: One stable word for why it failed.
  returned: on failure
  type: str
  sample: bad-input
stage:
  description: The step that failed, one of input, fetch, verify, render, host.
  returned: on failure
  type: str
  sample: input
object:
  description: The image, file or field that it failed for.
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
    OptionError,
    argument_spec,
    desired,
)
from ansible_collections.podwright.fleet.plugins.module_utils.spec_build import (
    BUILD,
    ORDER,
    SIGN,
)

OPTIONS = {**ORDER, **BUILD, **SIGN}
PARTS = ("image", "signature", "published", "pushed")


def order(params: dict[str, Any]) -> dict[str, Any]:
    """What the agent is asked for. Raises OptionError."""
    out = desired(ORDER, params)
    build = desired(BUILD, params)
    sign = desired(SIGN, params)
    if "source" in build:
        out["build"] = build
    elif build:
        raise OptionError(f"{min(build)}: says how to build, but there is no source to build from")
    if "key" in sign or "secret_key" in sign:
        out["sign"] = sign
    elif sign:
        raise OptionError(f"{min(sign)}: is given without a key: sign_key or sign_secret_key")
    return out


def main() -> None:
    """Build, sign, publish and push."""
    module = Module(
        argument_spec={**COMMON_SPEC, **argument_spec(OPTIONS)},
        mutually_exclusive=[
            ("sign_key", "sign_secret_key"),
            ("sign_passphrase", "sign_passphrase_file"),
        ],
        supports_check_mode=True,
    )
    try:
        answer = Agent(module).make(order(module.params))
    except OptionError as error:
        module.fail_json(msg=str(error), object=error.path, hint=error.hint)
    except AgentError as error:
        module.fail_json(**error.failure)
    warn(module, answer)
    module.exit_json(**result(answer, *PARTS, *(("diff",) if module._diff else ())))


if __name__ == "__main__":
    main()
