# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rig for hostile input: one per test process, since it is as new after every input."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.hostile.rig import Rig, rig


@pytest.fixture(scope="session")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """The rig, see `tests.hostile.rig`."""
    with rig(tmp_path_factory.mktemp("rig")) as made:
        yield made
