# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""How much of what could be tested is: a sample in `make test`, all of it in `make thorough-tests`.

What is left out is only ever one more of a kind: another step at which the same call is killed, another compression of
the same hostile archive. Tests marked `thorough` are such ones, too.
"""

from __future__ import annotations

import os

import pytest

THOROUGH = bool(os.environ.get("PODWRIGHT_THOROUGH"))


def steps(count: int, stride: int) -> range:
    """The numbers 1 to `count`: all, or in a sample each `stride`th."""
    return range(1, count + 1, 1 if THOROUGH else stride)


def select(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests that are marked `thorough`, where a sample will do."""
    if THOROUGH:
        return
    out = [item for item in items if item.get_closest_marker("thorough")]
    if out:
        items[:] = [item for item in items if not item.get_closest_marker("thorough")]
        config.hook.pytest_deselected(items=out)
