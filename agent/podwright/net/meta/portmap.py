# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Published ports in a chain (`portmap`): our own publishing does it, for every network we make.

What it does anyway may be asked for; what it does not do is refused.
"""

from __future__ import annotations

from podwright.errors import UsageError
from podwright.net.kinds import options

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from podwright.net.plan import Step
    from podwright.net.values import Attachment

KEYS = frozenset(
    (
        "backend",
        "snat",
        "masqAll",
        "markMasqBit",
        "externalSetMarkChain",
        "conditionsV4",
        "conditionsV6",
    )
)


def alter(attached: Attachment, plugin: dict[str, Any]) -> Attachment:
    """The attachment as it is. Raises UsageError for what we do not do."""
    fields = options.read(attached.net, plugin)
    for name, wrong, why in (
        ("backend", fields.choice("backend", ("", "nftables", "iptables"), "") == "iptables",
         "ports are published with nftables"),
        ("snat", not fields.boolean("snat", True),
         "a pod must be able to answer 127.0.0.1 and itself"),
        ("masqAll", fields.boolean("masqAll"), "the pod sees who calls"),
        ("markMasqBit", fields.optional_integer("markMasqBit") is not None, "no marks are used"),
        ("externalSetMarkChain", bool(fields.text("externalSetMarkChain")), "no marks are used"),
        ("conditionsV4", bool(fields.texts("conditionsV4")), "they are words of iptables"),
        ("conditionsV6", bool(fields.texts("conditionsV6")), "they are words of ip6tables"),
    ):  # fmt: skip
        if wrong:
            raise UsageError(
                f"{fields.at(name)}: cannot be had: {why}", "leave it out", object=fields.at(name)
            )
    return attached


def steps(attached: Attachment, plugin: dict[str, Any]) -> tuple[Step, ...]:
    """None: the firewall admits the pod with its ports."""
    del attached, plugin
    return ()
