# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How fast a pod may send and receive (`bandwidth`): bits, as the CNI plugin counts.

The words are the pod's: ingress is what it receives.
"""

from __future__ import annotations

from podwright.errors import UsageError
from podwright.net import limits
from podwright.net.kinds import options
from podwright.net.limits import Limit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from podwright.model.fields import Fields
    from podwright.net.plan import Step
    from podwright.net.values import Attachment

KEYS = frozenset(("ingressRate", "ingressBurst", "egressRate", "egressBurst"))
MOST = 2**50


def alter(attached: Attachment, plugin: dict[str, Any]) -> Attachment:
    """The attachment with its limits, which its steps and its end want. Raises UsageError."""
    args = {key: _number(attached, key, text) for key, text in attached.args if key in KEYS}
    fields = options.read(attached.net, {**plugin, **args})
    return limits.limited(attached, _limit(fields, "ingress"), _limit(fields, "egress"))


def _number(attached: Attachment, key: str, text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 16:
        raise UsageError(f"network {attached.net}: {key} must be a whole number of bits")
    return int(text)


def _limit(fields: Fields, way: str) -> Optional[Limit]:
    rate = fields.integer(f"{way}Rate", 0, 0, MOST)
    burst = fields.integer(f"{way}Burst", 0, 0, limits.MAX_BURST * 8)
    if bool(rate) != bool(burst):
        missing = f"{way}Burst" if rate else f"{way}Rate"
        raise UsageError(
            f"{fields.at(missing)}: is missing", f"say both {way}Rate and {way}Burst, in bits"
        )
    if 0 < rate < 8 * limits.MIN_RATE:
        raise UsageError(f"{fields.at(f'{way}Rate')}: {rate} bits a second are too few for a link")
    return Limit(rate // 8, max(burst // 8, limits.MIN_BURST)) if rate else None


def steps(attached: Attachment, plugin: dict[str, Any]) -> tuple[Step, ...]:
    """None here: a pod's links are limited after all of them are there (`net/limits.py`)."""
    del attached, plugin
    return ()
