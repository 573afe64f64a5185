# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The state of each app of a pod, from what stage1 recorded."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from podwright.stage0 import report

WAITS = (("podwright.io/depends-on", "db"),)
BEGUN = {"status": None, "started": "2026-01-01T00:00:00.000Z", "restarts": 0, "over": False}


@pytest.mark.parametrize(
    ("pod", "annotations", "life", "status", "state"),
    [
        ("prepared", (), {"status": None}, None, "created"),
        ("running", (), {"status": None}, None, "running"),
        ("running", (), {"status": 3}, 3, "exited"),
        ("running", WAITS, {"status": None}, None, "created"),
        ("running", WAITS, BEGUN, None, "running"),
        ("running", (), {**BEGUN, "status": 3, "restarts": 2}, 3, "running"),
        ("running", (), {**BEGUN, "status": 3, "over": True}, 3, "exited"),
        ("exited", WAITS, {"status": None}, None, "exited"),
        ("exited garbage", (), {"status": 0}, 0, "exited"),
    ],
)
def test_what_an_app_is(
    pod: str, annotations: Any, life: dict[str, Any], status: Any, state: str
) -> None:
    found: Any = SimpleNamespace(state=pod)
    app: Any = SimpleNamespace(annotations=annotations)
    assert report._state(found, app, life, status) == state
