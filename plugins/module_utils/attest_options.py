# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Options of the module attest, for its halves on the controller and on the host."""

from __future__ import annotations

from typing import Any

from ansible_collections.podwright.fleet.plugins.module_utils.agent import COMMON
from ansible_collections.podwright.fleet.plugins.module_utils.options import (
    Option,
    Table,
    argument_spec,
)

NAMES = Option("list", elements="str")

ALLOW: Table = {
    "images": NAMES,
    "signers": NAMES,
    "policies": NAMES,
    "stage1": NAMES,
    "agents": NAMES,
    "flavours": NAMES,
    "networks": NAMES,
    "private_users": Option("bool", default=False),
    "insecure": NAMES,
    "minimum_stage1": Option(choices=("fly", "namespaces", "vm"), default="fly"),
}

ASK: Table = {
    "verb": Option(choices=("quote", "key", "activate"), required=True),
    "nonce": Option(),
    "credential": Option(no_log=False),
    "secret": Option(no_log=False),
}
"""What the host is asked. The secret is encrypted for one TPM, and a nonce is for everybody to see."""

OPTIONS: Table = {
    "state": Option(choices=("attested", "enrolled", "forgotten"), default="attested"),
    "keys": Option("path", no_log=False),
    "key": Option(no_log=False),
    "ca_certificates": Option("list", elements="path"),
    "endorsement_key": Option(no_log=False),
    "first_use": Option("bool", default=False),
    "replace": Option("bool", default=False),
    "allow": Option("dict", table=ALLOW),
    "scope": Option(choices=("boot", "running"), default="boot"),
    "max_age": Option(),
    "pcr": Option("int", default=13),
    "bank": Option(choices=("sha256", "sha384", "sha512"), default="sha256"),
    "remember": Option("bool", default=True),
    "sleeps": Option("bool", default=False),
    "fail_on_untrusted": Option("bool", default=True),
    "timeout": Option("int", default=180),
    "ask": Option("dict", table=ASK),
}


def spec() -> dict[str, Any]:
    """The argument spec."""
    return argument_spec({**COMMON, **OPTIONS})
