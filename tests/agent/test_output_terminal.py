# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A pod that is not interactive writes at the operator's terminal and does not get it (T78)."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.agent.launch_bed import Bed, Ended, sh
from tests.conftest import Keys
from tests.support import aci
from tests.support.agent import Agent
from tests.support.private_host import PrivateHost

TERMINAL = Path(__file__).with_name("launch_terminal.py")
FLAVOURS = [{}, {"stage1": "fly", "net": "host"}]


@pytest.fixture
def bed(private_host: PrivateHost, tmp_path: Path) -> Bed:
    return Bed(private_host, tmp_path)


def at_terminal(*steps: tuple[str, str]) -> list[str]:
    """A wrapper that runs the agent in a terminal; each step types its second text after its first was shown."""
    return ["/usr/bin/python3", str(TERMINAL), json.dumps(steps)]


def shown(bed: Bed, script: str, *steps: tuple[str, str], **options: Any) -> Ended:
    """What a script in a pod shows at the terminal; `around` goes between that and the agent."""
    around = options.pop("around", [])
    with bed.start(sh("app", script), wrap=[*at_terminal(*steps), *around], **options) as pod:
        return pod.ended()


@pytest.mark.threat("T78")
@pytest.mark.parametrize("options", FLAVOURS)
def test_an_app_does_not_get_the_terminal_that_the_pod_was_started_at(
    bed: Bed, options: dict[str, Any]
) -> None:
    look = "for fd in 0 1 2; do test -t $fd && echo terminal $fd; done; readlink /proc/self/fd/1"
    ended = shown(bed, f"{look}; echo error >&2; exit 3", **options)
    assert ended.outcome == [3, "failed"]
    pipe, error = ended.stdout.split()
    assert pipe.startswith("pipe:") and error == "error"
    control = shown(bed, "test -t 0 && test -t 1 && echo terminal", interactive=True)
    assert control.stdout.split() == ["terminal"]


@pytest.mark.threat("T78")
@pytest.mark.parametrize("fd", [0, 1, 2])
def test_an_app_cannot_switch_off_echo_at_the_operators_terminal_or_read_what_is_typed(
    bed: Bed, fd: int
) -> None:
    around = ["sh", "-c", 'stty -a > "$0.1"; "$@"; stty -a > "$0.2"; read a; echo is $a', "stty"]
    around[3] = str(bed.base / "stty")
    script = f"stty -echo <&{fd}; echo ready; cat <&{fd}"
    ended = shown(bed, script, ("ready", "typed\n"), around=around)
    assert (bed.base / "stty.1").read_text() == (bed.base / "stty.2").read_text()
    assert ended.stdout.splitlines()[-1] == "is typed"  # left for whom it was meant
    assert ended.stdout.count("typed") == 2  # echoed once


@pytest.mark.parametrize("options", FLAVOURS)
def test_all_output_arrives_in_its_order_before_the_pod_has_ended(
    bed: Bed, options: dict[str, Any]
) -> None:
    script = "i=0; while [ $i -lt 3000 ]; do echo out $i; echo err $i >&2; i=$((i+1)); done"
    ended = shown(bed, script, around=["sh", "-c", '"$@"; echo after', "sh"], **options)
    wanted = [f"{kind} {i}" for i in range(3000) for kind in ("out", "err")]
    assert ended.stdout.splitlines() == [*wanted, "after"]


def test_one_stream_at_the_terminal_leaves_the_other_where_it_goes(bed: Bed) -> None:
    log = bed.base / "log"
    around = ["sh", "-c", f'exec "$@" 2>{log}', "sh"]
    ended = shown(bed, "echo out; echo error >&2", around=around)
    assert (ended.stdout.split(), log.read_text()) == (["out"], "error\n")


def test_standard_input_from_a_pipe_does_not_hand_over_the_terminal_either(bed: Bed) -> None:
    around = ["sh", "-c", 'echo typed | "$@"', "sh"]
    ended = shown(bed, "cat; test -t 1 || echo none", around=around, interactive=True)
    assert ended.stdout.split() == ["typed", "none"]


def test_ctrl_c_at_the_terminal_stops_the_pod(bed: Bed) -> None:
    script = "trap 'echo asked; exit 5' TERM INT; echo up; while :; do sleep 0.05; done"
    ended = shown(bed, script, ("up", "\x03"))
    assert "asked" in ended.stdout
    assert ended.outcome[0] == 5


def test_an_ordinary_user_can_open_dev_stdout_again(bed: Bed) -> None:
    app = sh("app", "echo text > /proc/self/fd/1; cat < /proc/self/fd/1", user="1000", group="1000")
    with bed.start(app, wrap=at_terminal()) as pod:
        ended = pod.ended()
    assert ended.stdout.splitlines()[0] == "text"
    assert "Permission denied" in ended.stdout


def test_what_the_pod_leaves_writing_does_not_hold_the_terminal(bed: Bed) -> None:
    script = "(touch /up; while :; do echo more; done) & while [ ! -e /up ]; do :; done; exit 0"
    assert shown(bed, script, stage1="fly", net="host").outcome == [0, "exited"]
    assert shown(bed, script).outcome == [0, "exited"]


def test_nothing_is_copied_where_there_is_no_terminal(bed: Bed) -> None:
    assert bed.says("readlink /proc/self/fd/1").startswith("pipe:")
    log = bed.base / "log"
    wrap = ["sh", "-c", f'exec "$@" >{log} 2>&1', "sh"]
    assert bed.run(sh("app", "readlink /proc/self/fd/1"), wrap=wrap).outcome == [0, "exited"]
    assert log.read_text().strip().endswith("/log")


@pytest.mark.threat("T78")
@pytest.mark.parametrize("verb", ["run", "run-prepared", "fly"])
def test_no_verb_hands_over_the_terminal(
    agent: Agent, lab: Keys, signed_image: Callable[..., Path], verb: str
) -> None:
    agent.trust(lab.key, "example.com")
    look = "test -t 0 || test -t 1 || test -t 2 || echo none; exit 4"
    image = str(signed_image(app=aci.app(["/bin/sh", "-c", look])))
    words = ["run", "--net=none", image]
    if verb == "fly":
        words = ["run", "--stage1-name=fly", image]
    if verb == "run-prepared":
        words = ["run-prepared", "--net=none", agent.ok("prepare", image).split()[-1]]
    ended = agent.host.run([*at_terminal(), *agent.command, *words])
    assert (ended.exit, ended.stdout.splitlines()[-1]) == (4, "none")
