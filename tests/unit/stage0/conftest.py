# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What tests of stage0 share; files that need another layout have their own."""

from __future__ import annotations

from pathlib import Path

import pytest

from podwright.host.paths import Layout


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """Three configuration directories, empty."""
    for name in ("system", "local", "user"):
        (tmp_path / name).mkdir()
    return Layout(
        data=str(tmp_path / "data"),
        system_config=str(tmp_path / "system"),
        local_config=str(tmp_path / "local"),
        user_config=str(tmp_path / "user"),
    )
