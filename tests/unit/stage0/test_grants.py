# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an image may say of process limits; tests/agent/test_attacks.py asks the agent."""

from __future__ import annotations

import resource

from podwright.model.isolators import Isolators
from podwright.stage0 import grants


def test_an_image_raised_a_soft_limit_that_was_below_the_hard_one() -> None:
    before = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, before[1]))
    try:
        assert grants._rlimits(Isolators(rlimits=(("CORE", -1, -1),))) == ["core=unlimited"]
        assert grants._rlimits(Isolators(rlimits=(("CORE", 1, 1),))) == ["core=1"]
        assert grants._rlimits(Isolators(rlimits=(("CORE", 0, 0),))) == []
    finally:
        resource.setrlimit(resource.RLIMIT_CORE, before)
