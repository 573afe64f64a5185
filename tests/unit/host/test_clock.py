# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Times are RFC 3339 in UTC, whatever the host's zone."""

from __future__ import annotations

import datetime
import re
import time

import pytest

from podwright.host import clock


@pytest.mark.parametrize(
    "seconds, text",
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (1700000000.9996, "2023-11-14T22:13:20.999Z"),
        (951782400.5, "2000-02-29T00:00:00.500Z"),
        (4102444800, "2100-01-01T00:00:00.000Z"),
    ],
)
def test_rfc3339(seconds: float, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for zone in ("UTC", "Asia/Kathmandu", "EST5EDT"):
        monkeypatch.setenv("TZ", zone)
        time.tzset()
        try:
            assert clock.rfc3339(seconds) == text
        finally:
            monkeypatch.undo()
            time.tzset()


def test_now_is_now() -> None:
    before = datetime.datetime.now(datetime.timezone.utc)
    text = clock.now()
    after = datetime.datetime.now(datetime.timezone.utc)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", text)
    found = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    assert before - datetime.timedelta(milliseconds=1) <= found <= after
