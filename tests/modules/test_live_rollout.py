# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real rollout, seen by the callback plugins live and notify."""

from __future__ import annotations

import json
import os
import re
import signal
import termios
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Keys
from tests.modules.rollout_fleet import Fleet
from tests.support import aci
from tests.support.agent import Agent
from tests.support.namespaces import nsenter
from tests.support.terminal import Terminal

CHOOSY = ["/bin/sh", "-c", 'test "$BAD" = yes && exit 9; exec sleep 3600']


@pytest.fixture
def fleet(
    agent: Agent, lab: Keys, published: Callable[..., Path], tmp_path: Path
) -> Iterator[Fleet]:
    """Three hosts that trust the key."""
    agent.trust(lab.key, "example.com")
    published("1.0", app=aci.app(CHOOSY))
    made = Fleet(agent.host, tmp_path / "fleet", ("a", "b", "c"), agent.local).prepare()
    yield made
    made.stop()


def web(*bad: str, **changes: Any) -> list[dict[str, Any]]:
    """A pod that does not start on some hosts."""
    environment = {"BAD": "{{ 'yes' if inventory_hostname in " + repr(list(bad)) + " else 'no' }}"}
    pod = {"name": "web", "image": "example.com/tiny:1.0", "net": "none", "restart": "no"}
    return [{**pod, "ready": {"seconds": 0.1}, "environment": environment, **changes}]


def seen(fleet: Fleet, pods: list[dict[str, Any]], **more: str) -> list[str]:
    """What is on a terminal after a rollout."""
    env = {
        **os.environ,
        **fleet.env,
        "ANSIBLE_STDOUT_CALLBACK": "podwright.fleet.live",
        "TERM": "xterm",
        **more,
    }
    command = nsenter(fleet.host.pid, fleet.command(pods))
    with Terminal(command, env, 160, 45) as terminal:
        terminal.wait(250)
        assert b"batch" in terminal.raw or b"canary" in terminal.raw
        return terminal.lines()


def test_a_rollout_is_told_in_lines_and_to_others(fleet: Fleet, tmp_path: Path) -> None:
    hear = tmp_path / "hear"
    hear.write_text(f"#!/bin/sh\ncat >>{tmp_path}/heard\n")
    hear.chmod(0o755)
    lines = seen(
        fleet, web("b"), ANSIBLE_CALLBACKS_ENABLED="recorder,podwright.fleet.notify", PODWRIGHT_NOTIFY_COMMAND=str(hear)
    )  # fmt: skip
    text = "\n".join(lines)
    assert any(line == "canary: 1 host" for line in lines), text
    assert any(line.startswith("a  canary: web: ") and "start" in line for line in lines), text
    assert not any(" look: " in line or " stage: web" in line for line in lines), text
    (failed,) = [line for line in lines if line.startswith("b  batch 1") and "FAILED" in line]
    assert "[" in failed and "web" in failed
    assert sum("FAILED" in line or "b  failed" in line for line in lines) == 1, text
    assert any(line.startswith("b     rolled-back") for line in lines), "and once in the table"
    assert lines[-1].startswith("3 hosts: 1 not-tried, 1 rolled-back, 1 updated in "), text
    heard = [json.loads(line)["event"] for line in (tmp_path / "heard").read_text().splitlines()]
    assert heard[0] == "rollout-started" and heard[-1] == "rollout-finished"
    assert "host-failed" in heard and "host-ok" not in heard


def live(fleet: Fleet) -> dict[str, str]:
    """The environment of a rollout with the live view."""
    shown = {"ANSIBLE_STDOUT_CALLBACK": "podwright.fleet.live", "TERM": "xterm"}
    return {**os.environ, **fleet.env, **shown}


def test_a_refused_rollout_is_told_once(fleet: Fleet) -> None:
    command = nsenter(fleet.host.pid, fleet.command(web(), max_failures="some"))
    with Terminal(command, live(fleet), 160, 45) as terminal:
        assert terminal.wait(250) != 0
        lines = terminal.lines()
    (told,) = [line for line in lines if "max_failures" in line]
    assert told.startswith("rollout: REFUSED  [bad-input]"), lines
    assert re.fullmatch(r"\d hosts?: \d failed in .*", lines[-1]), lines


def test_a_question_is_asked_on_the_terminal_and_its_answer_counts(fleet: Fleet) -> None:
    given: dict[str, Any] = {"canary": 1, "batches": [1], "pause": ["canary", "batch"]}
    command = nsenter(fleet.host.pid, fleet.command(web(), **given, pause_for="prompt"))
    asked = "paused after {}: go, or anything else to stop here"

    def asks(after: str, terminal: Terminal) -> list[str]:
        return terminal.until(lambda lines: any(asked.format(after) in line for line in lines[-3:]))

    with Terminal(command, live(fleet), 160, 45) as terminal:
        asks("canary", terminal)
        assert fleet.versions() == {"a": "1.0", "b": "", "c": ""}
        terminal.type("go\r")
        asks("batch 1", terminal)
        assert fleet.versions() == {"a": "1.0", "b": "1.0", "c": ""}
        terminal.type("no\r")
        assert terminal.wait(250) == 0
        lines = terminal.lines()
        assert termios.tcgetattr(terminal.slave) == terminal.before
    assert fleet.report()["outcome"] == "paused" and fleet.versions()["c"] == ""
    assert any("the same command goes on" in line for line in lines), lines
    with Terminal(command, live(fleet), 160, 45) as terminal:
        assert terminal.wait(250) == 0
        assert not any("paused after" in line for line in terminal.lines())
    assert fleet.report()["outcome"] == "done" and set(fleet.versions().values()) == {"1.0"}


def test_ctrl_c_says_how_it_goes_on_and_the_next_run_what_was_done_before(
    fleet: Fleet, tmp_path: Path
) -> None:
    hold = tmp_path / "hold.yml"
    hold.write_text(
        f"- name: Hold\n  ansible.builtin.shell: touch {tmp_path}/holds;"
        f" until test -e {tmp_path}/go; do sleep 0.1; done\n"
        "  when: inventory_hostname == 'b'\n"
    )
    given: dict[str, Any] = {"before": str(hold), "canary": 1, "batches": ["100%"]}
    with Terminal(
        nsenter(fleet.host.pid, fleet.command(web(), **given)), live(fleet), 160, 45
    ) as terminal:
        terminal.until(lambda _: (tmp_path / "holds").exists())
        below = Path(f"/proc/{terminal.process.pid}/task/{terminal.process.pid}/children")
        # nsenter itself would die of it, and hang up
        (ansible,) = map(int, below.read_text().split())
        os.kill(ansible, signal.SIGINT)
        assert terminal.wait(250) != 0
        lines = terminal.lines()
        assert any("give the same command again" in line for line in lines), lines
        assert any(line.startswith("rollout default: INTERRUPTED in batch 1") for line in lines)
    (tmp_path / "go").touch()
    with Terminal(
        nsenter(fleet.host.pid, fleet.command(web(), **given)), live(fleet), 160, 45
    ) as terminal:
        assert terminal.wait(250) == 0
        lines = terminal.lines()
    assert "rollout default: done: 1 done before, 2 updated" in lines, lines
    assert any(re.match(r"a +done before ", line) for line in lines), lines
    assert not any("INTERRUPTED" in line for line in lines)
