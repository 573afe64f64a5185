# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Downloads in the live view: what hosts tell, what a log has, what fits into a terminal."""

from __future__ import annotations

import json
import re
import threading
from typing import Any

import pytest
from ansible_collections.podwright.fleet.plugins.plugin_utils import (
    live_fetch,
    live_model,
    live_panel,
    live_wire,
)
from ansible_collections.podwright.fleet.plugins.plugin_utils.live_fetch import Fetch

MIB = 1048576


def told(*images: Any, **more: Any) -> Fetch | None:
    """What is understood of a host's answer."""
    return live_fetch.told(json.dumps({"version": 1, "images": list(images), **more}))


def one(image: Any = "a", done: Any = 1, total: Any = 2) -> dict[str, Any]:
    """An image of an answer."""
    return {"image": image, "done": done, "total": total}


def test_what_counts_is_the_last_image_that_has_not_come_yet() -> None:
    assert told(one("a", 2, 2), one("b", 1, 2), one("c", 1, None), one("d", 2, 2)) == Fetch(
        "c", 1, None
    )
    assert told(one("a", 2, 2), one("b", 2, 2)) == Fetch("b", 2, 2)
    assert live_fetch.told('motd\n{"version":1,"images":[{"image":"a","done":1,"total":2}]}\n')


@pytest.mark.threat("T95")
@pytest.mark.parametrize(
    "raw",
    [
        "", "{", "[]", "{}", "null", "[" * 16000, '{"a":' * 3000, '{"version":1,"images":7}',
        '{"version":1,"images":[7,{"image":"a"}]}', '{"version":2,"images":[{"image":"a","done":1,"total":2}]}',
        '{"version":1,"images":[{"image":"a","done":1' + "0" * 9000 + ',"total":2}]}',
    ],
)  # fmt: skip
def test_an_answer_that_makes_no_sense_is_none(raw: str) -> None:
    assert live_fetch.told(raw) is None


@pytest.mark.threat("T95")
@pytest.mark.parametrize(
    "done", [-1, 3, True, "1", None, float("nan"), float("inf"), 2**63, [1], 1e400]
)
def test_numbers_that_are_none_are_not_shown(done: Any) -> None:
    assert told(one(done=done)) is None
    assert told(one(done=1)) == Fetch("a", 1, 2)


@pytest.mark.threat("T95")
def test_no_host_drives_the_terminal_or_widens_a_line() -> None:
    found = told(one("\x1b[2J\x1b]0;x\x07\u202e" + "\u4e2d" * 300, MIB, 9 * MIB))
    assert found is not None
    fleet = live_model.Fleet()
    fleet.play("p", ["h"], False, 0.0)
    fleet.start("h", "t", 0.0)
    fleet.fetching("h", found, 0.0, 1.0)
    for width in (20, 80, 200):
        lines = live_panel.panel(fleet, live_panel.View(width, 30, color=False), 1.0)
        assert all(live_panel.width(line) < width for line in lines)
        assert not re.search("[\x00-\x1f\x7f-\x9f\u202e]", "".join(lines))
    assert "1.0 of 9.0 MiB" in "".join(lines)


def test_a_log_has_the_quarters_of_what_takes_long() -> None:
    log = live_fetch.Log(10, 0.0)
    said = [(now, log.line(Fetch("x", now, 100), now)) for now in range(101)]
    assert [now for now, line in said if line] == [10, 25, 50, 75]
    assert dict(said)[25] == "fetching x: 0.0 of 0.0 MiB (25 %)"
    quick = live_fetch.Log(10, 0.0)
    assert not any(quick.line(Fetch("x", now * 10, 100), now) for now in range(11))


def test_a_log_has_a_line_a_minute_of_what_has_no_size() -> None:
    log = live_fetch.Log(10, 0.0)
    spoken = [now for now in range(200) if log.line(Fetch("x", now, None), now)]
    assert spoken == [10, 70, 130, 190]


def test_each_image_has_its_own_patience() -> None:
    log = live_fetch.Log(10, 0.0)
    assert log.line(Fetch("x", 1, 100), 11)
    assert not log.line(Fetch("y", 1, 100), 12)
    assert log.line(Fetch("y", 1, 100), 22)


def test_what_comes_late_or_is_about_nobody_is_not_shown() -> None:
    fleet = live_model.Fleet()
    fleet.play("p", ["h"], False, 0.0)
    found = Fetch("x", 1, 2)
    assert fleet.fetching("h", found, 0.0, 1.0) == "" and fleet.rows["h"].fetch != found
    fleet.start("h", "t", 0.0)
    assert fleet.fetching("h", found, 0.0, 1.0).startswith("h  fetching x: ")
    assert fleet.rows["h"].fetch == found
    fleet.fetching("stranger", found, 0.0, 1.0)
    assert list(fleet.rows) == ["h"]
    fleet.end("h", live_model.OK)
    assert fleet.rows["h"].fetch is None


def test_the_wire_carries_messages_while_somebody_listens() -> None:
    assert not live_wire.is_open()
    live_wire.send({"lost": 1})
    heard: list[dict[str, Any]] = []
    here = threading.Event()

    def hear(message: dict[str, Any]) -> None:
        heard.append(message)
        here.set()

    listener = live_wire.Listener(hear, threading.RLock())
    listener.open()
    try:
        live_wire.send({"much": "x" * live_wire.LONGEST})
        live_wire.send({"host": "h"})
        assert here.wait(60)
    finally:
        listener.close()
    assert heard == [{"host": "h"}]
    assert not live_wire.is_open()
