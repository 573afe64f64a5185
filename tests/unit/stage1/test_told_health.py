# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is kept of what probes say."""

from __future__ import annotations

from pathlib import Path

from podwright.stage1.namespaces import health


def test_why_the_last_life_was_ended_outlives_the_first_try_of_the_next_one(tmp_path: Path) -> None:
    directory = str(tmp_path)
    health.told(directory, ["web", "0", "liveness", "ended with 1", "1.0"])
    health.told(directory, ["web", "0", "readiness", "Connection refused", "2.0"])
    found = health.read(directory)["web"]
    assert found["failure"]["text"] == "Connection refused"
    assert (found["ended"]["probe"], found["ended"]["text"]) == ("liveness", "ended with 1")
    health.told(directory, ["web", "1", "", "", "3.0"])
    assert health.read(directory)["web"]["ended"] == found["ended"]
