# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""How long to wait for what should happen soon: longer on a machine in software emulation (tests.vm.subset)."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

VARIABLE = "PODWRIGHT_PATIENCE"
FACTOR = float(os.environ.get(VARIABLE, "1"))
"""How much slower than an ordinary machine this one may be."""


def patient(seconds: float) -> float:
    """Return how long to wait here for what takes no longer than `seconds` on an ordinary machine."""
    return seconds * FACTOR


def until(holds: Callable[[], Any], what: str, seconds: float = 120.0) -> Any:
    """Wait until something is so, by default as long as nothing takes; what it was."""
    deadline = time.monotonic() + patient(seconds)
    while True:
        found = holds()
        if found:
            return found
        assert time.monotonic() < deadline, f"never: {what}"
        time.sleep(0.02)
