# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What of a pod is measured."""

from __future__ import annotations

from pathlib import Path

import pytest

from podwright.host.paths import Layout
from podwright.tpm import events


@pytest.mark.parametrize("damaged", ["", '{"tree"', "[]", "{}"])
def test_what_was_remembered_of_the_agent_and_is_damaged_stops_no_pod(
    tmp_path: Path, damaged: str
) -> None:
    layout = Layout(data=f"{tmp_path}/data", run=f"{tmp_path}/run")
    found = events.code(layout)
    cache = tmp_path / "run/tpm/agent"
    good = cache.read_text()
    cache.write_text(damaged)
    assert events.code(layout) == found and cache.read_text() == good
