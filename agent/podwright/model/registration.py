# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a pod needs to be registered with the metadata service (behaviour.md B13). Pure."""

from __future__ import annotations

from podwright.errors import UsageError
from podwright.text import safe

UNREACHABLE = {
    "none": "it has no network",
    "host": "its requests would come from the host's own address, as everybody's there do",
}


def check_net(net: str, where: str) -> None:
    """Refuse a pod without an address of its own, by which the service knows it."""
    if net in UNREACHABLE:
        raise UsageError(
            f"{where}: a pod with net {safe(net, 60)} cannot use the metadata service:"
            f" {UNREACHABLE[net]}",
            "give it a network that reaches the host, such as default or default-restricted",
            object=where,
        )
