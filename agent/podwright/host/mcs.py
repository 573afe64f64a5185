# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""MCS pairs: two of 1024 categories for each pod of the host, which no other running pod has.

A pair is a slot (host/slots.py) below `<run>/mcs`: taken while a process of the pod lives. Which
pair a pod gets is random among half a million, so that what an ended pod left behind, labelled
with its pair, is hardly ever met by another one's.
"""

from __future__ import annotations

import os

from podwright.errors import HostError
from podwright.host import slots
from podwright.model.label import PAIRS, number_of_pair, pair, pair_of_number

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Optional

TRIES = 4096
"""Random pairs that are tried; with as many as a thousand pods one try in 500 meets one in use."""


def directory(run: str) -> str:
    """Where the pairs in use stand; `run` is `Layout.run`."""
    return f"{run}/mcs"


def take(run: str, uuid: str) -> tuple[str, slots.Slot]:
    """A level `s0:cA,cB` for the pod, and the slot that holds it. Raises HostError."""
    slot = slots.allocate(directory(run), _random(), uuid, what="MCS pair")
    return pair(*pair_of_number(slot.number)), slot


def hold(run: str, uuid: str, level: str) -> Optional[slots.Slot]:
    """The slot of a pair that an operator says, so that no other pod is given it.

    None when the level is no pair, and when a pod that runs has it: several may be said to share one.
    """
    number = number_of_pair(level)
    if number < 0:
        return None
    try:
        return slots.allocate(directory(run), (number,), uuid, what="MCS pair")
    except HostError:
        return None


def in_use(run: str) -> dict[str, str]:
    """The levels that pods hold at this moment, with their UUIDs."""
    seen = slots.each(directory(run))
    return {pair(*pair_of_number(slot.number)): slot.record for slot in seen if slot.held}


def reclaim(run: str) -> None:
    """Remove what pods that were killed have left."""
    slots.sweep(directory(run))


def _random() -> Iterator[int]:
    for _ in range(TRIES):
        # 2**64 is so much more than the pairs that none is more likely than another.
        yield int.from_bytes(os.urandom(8), "little") % PAIRS
