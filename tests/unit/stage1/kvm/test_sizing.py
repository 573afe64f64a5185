# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""How large a pod's machine is."""

from __future__ import annotations

import pytest

from podwright.host.cgrouplimits import Limits
from podwright.stage1.kvm import sizing

MIB = sizing.MIB
NONE = Limits()


@pytest.mark.parametrize(
    ("pod", "apps", "expected"),
    [
        (NONE, [NONE], 512),
        (NONE, [NONE, NONE], 896),
        (NONE, [Limits(memory=256 * MIB)], 384),
        (NONE, [Limits(memory=256 * MIB), Limits(memory=1)], 385),
        (NONE, [Limits(memory=16 * MIB)], 256),
        (Limits(memory=1024 * MIB), [NONE, Limits(memory=4096 * MIB)], 1152),
        (NONE, [Limits(memory=1 << 62)], sizing.MOST),
    ],
)
def test_memory(pod: Limits, apps: list[Limits], expected: int) -> None:
    assert sizing.memory(pod, apps) == expected


def test_an_administrator_says_another_overhead() -> None:
    assert sizing.memory(NONE, [Limits(memory=512 * MIB)], 64) == 576


@pytest.mark.parametrize(
    ("pod", "apps", "expected"),
    [
        (NONE, [NONE], 1),
        (NONE, [NONE, NONE, NONE], 1),
        (NONE, [Limits(cpu_milli=100)], 1),
        (NONE, [Limits(cpu_milli=1500)], 2),
        (NONE, [Limits(cpu_milli=1500), NONE], 3),
        (NONE, [Limits(cpu_milli=64000)], 4),
        (Limits(cpu_milli=2000), [Limits(cpu_milli=64000)], 2),
    ],
)
def test_cpus(pod: Limits, apps: list[Limits], expected: int) -> None:
    assert sizing.cpus(pod, apps, 4) == expected
