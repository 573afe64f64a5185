# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The log has a line per refusal, as long as somebody can read them."""

from __future__ import annotations

from podwright.metadata.refusals import BURST, Refusals


def test_a_flood_is_counted_and_not_written() -> None:
    lines: list[str] = []
    now = [0.0]
    refusals = Refusals(lines.append, lambda: now[0])
    for _ in range(BURST + 100):
        refusals.tell("192.0.2.1", "no")
    assert lines == ["refused 192.0.2.1: no"] * BURST
    refusals.tell("192.0.2.9", "neither", stranger=True)
    assert lines.pop() == "refused 192.0.2.9: neither"
    now[0] = 1.0
    refusals.tell("192.0.2.1", "no")
    assert lines[-1] == "refused 192.0.2.1: no (100 more were refused meanwhile)"
    now[0] = 1000.0
    refusals.tell("\x1b[2J", "no\n")
    assert lines[-1] == "refused \\x1b[2J: no\\x0a"
