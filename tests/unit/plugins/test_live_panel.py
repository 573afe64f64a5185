# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The live view without a terminal: what it knows, what fits, and what it says for good."""

from __future__ import annotations

import re
from typing import Any

import pytest
from ansible_collections.podwright.fleet.plugins.plugin_utils import (
    live_lines,
    live_model,
    live_panel,
    live_screen,
)

COLOR = re.compile(r"\x1b\[[0-9;]*m")
FAILED = {
    "event": "host-failed", "phase": "stage", "host": "web2", "reason": "no-signature", "stage": "verify",
    "object": "example.com/redis:7", "message": "image example.com/redis:7: nobody has signed it; trust the key",
    "hint": "trust the key",
}  # fmt: skip


def fleet(hosts: int = 3) -> live_model.Fleet:
    """A rollout whose hosts are about to be staged."""
    found = live_model.Fleet()
    names = [f"web{at}" for at in range(hosts)]
    found.play("Roll out", names, False, 0.0)
    found.event({"event": "rollout-started", "rollout": "shop", "hosts": names})
    found.event({"event": "phase-started", "phase": "stage", "hosts": names})
    found.next_task("Stage")
    return found


def drawn(known: live_model.Fleet, width: int = 80, height: int = 24, **more: bool) -> list[str]:
    """The panel's lines without colours."""
    lines = live_panel.panel(known, live_panel.View(width, height, **more), 65.0)
    return [COLOR.sub("", line) for line in lines]


def test_the_worst_comes_first_and_what_takes_longest() -> None:
    known = fleet(5)
    known.start("web0", "Stage", 40.0)
    known.start("web1", "Stage", 4.0)
    known.event({**FAILED, "host": "web4"})
    known.event(
        {
            "event": "host-failed",
            "phase": "stage",
            "host": "web3",
            "reason": "unreachable",
            "message": "gone",
        }
    )
    lines = drawn(known, 100)
    assert lines[1] == "Rollout shop  Stage  1:05"
    assert "2 of 5 hosts  1 unreachable  1 failed  2 running  1 waiting" in lines[2]
    assert [line.split()[1] for line in lines[4:]] == ["web3", "web4", "web1", "web0"]
    assert lines[5].endswith(
        "[no-signature] verify: image example.com/redis:7: nobody has signed it -> trus~"
    )


@pytest.mark.parametrize("width", [11, 20, 40, 80, 200])
@pytest.mark.parametrize("height", [4, 10, 24, 60])
def test_it_never_fills_more_than_the_terminal_has(width: int, height: int) -> None:
    known = fleet(400)
    for at in range(300):
        known.start(f"web{at}", "a task with a long name " * 5, float(at))
    for at in range(300, 350):
        known.event({**FAILED, "host": f"web{at}", "message": "\u6f22\u5b57 " * 50})
    lines = drawn(known, width, height)
    assert 0 < len(lines) <= height - 2
    assert max(live_panel.width(line) for line in lines) < width
    if height >= 24 and width >= 40:
        assert re.fullmatch(r"  and \d+ more of these", lines[-1])


@pytest.mark.threat("T95")
def test_names_and_messages_of_hosts_do_not_drive_the_terminal() -> None:
    bad = "\x1b[2J\x1b]0;title\x07\x9b1A\u202e\r\n"
    known = fleet()
    known.start(f"web{bad}", bad, 1.0)
    known.event({**FAILED, "message": bad, "hint": bad, "rollout": bad})
    known.event({"event": "rollout-started", "rollout": bad, "hosts": [bad]})
    for line in drawn(known, 200):
        assert line.isprintable(), line
    assert "\\x1b[2J" in "".join(drawn(known, 200))


def test_a_terminal_without_unicode_gets_none() -> None:
    known = fleet()
    known.start("web\u00e4", "Stage", 1.0)
    lines = drawn(known, unicode=False)
    assert all(line.isascii() for line in lines)
    assert "web\\xe4" in "".join(lines) or "web~" in "".join(lines), lines
    plain = live_panel.panel(known, live_panel.View(80, 24, color=False), 1.0)
    assert "\x1b" not in "".join(plain)


def test_a_refusal_is_one_line_with_reason_object_and_hint() -> None:
    ((line, kind),) = live_lines.event(FAILED)
    assert kind == live_lines.BAD
    assert line == (
        "web2  stage: FAILED  [no-signature] verify: image example.com/redis:7: nobody has signed it -> trust the key"
    )
    other = {
        "reason": "http-404",
        "stage": "fetch",
        "object": "example.com/x",
        "msg": "it is not there",
        "failed": True,
    }
    ((line, _),) = live_lines.failed("web1", other)
    assert line == "web1  FAILED  [http-404] fetch example.com/x: it is not there"
    assert "did not say why" in live_lines.failed("web1", {"failed": True})[0][0]


def test_a_program_that_failed_has_its_last_lines() -> None:
    said = "\n".join(f"line {at}" for at in range(100))
    lines = live_lines.failed("web1", {"msg": "non-zero return code", "stderr": said, "rc": 1})
    assert [line for line, _ in lines][1:] == [
        f"web1    stderr: line {at}" for at in range(92, 100)
    ]
    hidden = live_lines.failed(
        "web1", {"censored": "the output has been hidden", "stderr": "secret"}
    )
    assert hidden == [("web1  FAILED  the output has been hidden", live_lines.BAD)]


def test_hosts_that_get_through_are_counted_and_not_listed() -> None:
    assert live_lines.event({"event": "host-ok", "phase": "stage", "host": "web1"}) == []
    done = {
        "event": "host-ok",
        "phase": "batch",
        "batch": 2,
        "batches": 9,
        "host": "web1",
        "actions": {"web": ["start"]},
    }
    assert live_lines.event(done) == [("web1  batch 2 of 9: web: start", live_lines.CHANGED)]
    assert live_lines.event({**done, "check": True}) == [
        ("web1  batch 2 of 9: would web: start", live_lines.CHANGED)
    ]
    ended = {
        "event": "rollout-finished",
        "rollout": "shop",
        "reason": "failed",
        "results": {"a": "updated", "b": "failed"},
    }
    assert live_lines.event(ended) == [
        ("rollout shop: failed: 1 failed, 1 updated", live_lines.BAD)
    ]


ODD: tuple[Any, ...] = (None, 7, [], {}, [1], {"a": 1}, "text", True)


@pytest.mark.parametrize("odd", ODD, ids=repr)
def test_no_result_and_no_event_breaks_the_view(odd: Any) -> None:
    known = fleet()
    kinds = (
        "rollout-started",
        "phase-started",
        "host-ok",
        "host-failed",
        "host-rolled-back",
        "rollout-finished",
    )
    fields = (
        "event",
        "rollout",
        "phase",
        "batch",
        "batches",
        "host",
        "hosts",
        "pods",
        "actions",
        "results",
        "reason",
    )
    for kind in kinds:
        for field in fields:
            event = {**FAILED, "event": kind, "hosts": ["web1"], field: odd}
            known.event(event)
            live_lines.event(event)
    result = {"podwright_event": odd, "podwright_events": odd}
    assert live_model.events(result, live_model.TELLERS[0]) in ([], [{}], [{"a": 1}])
    assert live_model.events(result, "ansible.builtin.ping") == []
    assert drawn(known)
    live_lines.failed(
        "web1", dict.fromkeys(("msg", "reason", "stage", "object", "hint", "stderr"), odd)
    )
    live_lines.changed("web1", {"pods": odd, "actions": odd}, "task")


@pytest.mark.threat("T95")
def test_of_all_that_is_written_a_terminal_obeys_colours_only() -> None:
    said = "\x1b[31mred\x1b[0m\ttab\n" + "\x1b[2J\x1b]52;c;x\x07\x9b2J\x00\u202e\r"
    assert live_screen.harmless(said) == (
        "\x1b[31mred\x1b[0m\ttab\n" + "\\x1b[2J\\x1b]52;c;x\\x07\\x9b2J\\x00\\u202e"
    )


def test_a_pause_says_how_it_goes_on() -> None:
    said = {
        "event": "rollout-paused",
        "rollout": "shop",
        "message": "paused after canary",
        "hint": "again",
    }
    assert live_lines.event(said) == [
        ("rollout shop: paused after canary; again", live_lines.CHANGED)
    ]
    assert live_lines.event({**said, "hint": ""})[0][0] == "rollout shop: paused after canary"
