# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said to the agent for a connection, what it tells, and how many hosts are asked at once."""

from __future__ import annotations

import copy
import json
import shlex
import subprocess
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from ansible.utils.unsafe_proxy import wrap_var
from ansible_collections.podwright.fleet.plugins.plugin_utils import connection_words as words
from ansible_collections.podwright.fleet.plugins.plugin_utils import inventory_ask, inventory_pods

TOLD = b'\npodwright-outcome M1 {"end": "exited", "status": 7, "message": "", "hint": ""}\n'


@pytest.mark.parametrize(
    ("command", "executable", "argv"),
    [
        ("/bin/sh -c 'echo a b'", None, ["/bin/sh", "-c", "echo a b"]),
        ("/bin/sh -c 'echo a b'", "/bin/ash", ["/bin/ash", "-c", "echo a b"]),
        ("/bin/bash -c 'x' && y", None, ["/bin/sh", "-c", "/bin/bash -c 'x' && y"]),
        ("echo 'a", None, ["/bin/sh", "-c", "echo 'a"]),
        ("sh -c x", "/bin/ash", ["/bin/ash", "-c", "sh -c x"]),
        ("/bin/sh -c 'a'\n'b'", None, ["/bin/sh", "-c", "/bin/sh -c 'a'\n'b'"]),
    ],
)
def test_a_shells_command_line_is_run_without_a_second_shell(
    command: str, executable: str | None, argv: list[str]
) -> None:
    assert words.argv(command, executable) == argv


@pytest.mark.threat("T95")
def test_names_of_pods_and_users_are_words_and_no_options() -> None:
    agent = words.Agent("/opt/a b", "/data")
    line = words.enter(agent, "M1", "--privileged", ["sh"], app="a;b", user="$(id)")
    assert line[:2] == ["/opt/a b", "--dir=/data"]
    assert line[-3:] == ["--", "--privileged", "sh"]
    said = words.line(line, reads=False)
    assert "'--user=$(id)'" in said and "'--app=a;b'" in said and said.endswith(" </dev/null")


def test_the_outcome_is_the_last_line_with_our_mark_and_the_rest_the_commands() -> None:
    before = b"ssh: a warning\npodwright-begin M1\nerr"
    assert words.split(before + TOLD + b"late", "M1") == (
        b"errlate",
        words.Outcome("exited", 7, "", ""),
    )
    forged = TOLD.replace(b"M1", b"M2")
    assert words.split(b"podwright-begin M1\n" + forged + TOLD, "M1")[0] == forged


@pytest.mark.parametrize(
    "said",
    [b"", b"sudo: no\n", TOLD.replace(b"M1", b"M2"), TOLD[:-40], b"\npodwright-outcome M1 []\n"],
)
def test_without_an_outcome_there_is_none(said: bytes) -> None:
    assert words.split(said, "M1") == (said, None)


@pytest.mark.threat("T95")
@pytest.mark.parametrize("status", ["Infinity", "NaN", "[" * 100_000, '"x"', "{}", "null"])
def test_an_outcome_that_makes_no_sense_is_none(status: str) -> None:
    said = TOLD.replace(b"7", status.encode())
    assert words.split(said, "M1") == (said, None)
    listed = b'\npodwright-outcome M1 ["end", "status"]\n'
    assert words.split(listed, "M1") == (listed, None)


def test_a_file_is_read_piece_by_piece_and_one_that_is_gone_has_no_end(tmp_path: Path) -> None:
    place = tmp_path / "it's a file"
    data = bytes(range(256)) * 5
    place.write_bytes(data)

    def read(at: int, **more: Any) -> subprocess.CompletedProcess[bytes]:
        script = words.piece(shlex.quote(str(place)), at, 500)
        command = ["/bin/sh", "-c", script]
        return subprocess.run(command, capture_output=True, check=False, **more)

    pieces = [read(at) for at in (0, 500, 1000, 1280)]
    assert b"".join(one.stdout for one in pieces) == data
    assert {one.returncode for one in pieces} == {0} and pieces[-1].stdout == b""
    without = {"env": {"PATH": str(tmp_path)}}
    assert {read(at, **without).returncode for at in (0, 500)} == {words.NOT_FOUND}
    place.unlink()
    for at in (0, 500):
        gone = read(at)
        assert gone.returncode not in (0, words.NOT_FOUND) and gone.stdout == b"", gone


def test_what_a_host_says_of_a_failure_reaches_no_terminal_raw() -> None:
    told = b'\npodwright-outcome M1 {"end": "refused", "status": 254, "message": "a\\u001b[2Jb\\n", "hint": "h"}\n'
    outcome = words.split(told, "M1")[1]
    assert outcome is not None
    assert outcome.sentence() == "a\N{REPLACEMENT CHARACTER}[2Jb\N{REPLACEMENT CHARACTER}; h"
    assert words.last_line(b"first\n\x1b[31mlast \n\n") == "\N{REPLACEMENT CHARACTER}[31mlast"


def test_a_host_that_hangs_holds_no_other_one_up() -> None:
    never = threading.Event()
    asks: dict[str, Callable[[], object]] = {f"good{n}": partial(int, n) for n in range(5)}
    asks |= {"bad": partial(divmod, 1, 0), "hangs": never.wait}
    answers, problems = inventory_ask.ask(asks, forks=2, seconds=2)
    assert answers == {f"good{n}": n for n in range(5)}
    assert problems == {
        "bad": "integer division or modulo by zero",
        "hangs": "it has not answered within 2 s",
    }
    never.set()


def listed(**changes: Any) -> bytes:
    """What an agent lists, of one pod with these changes."""
    uuid = "0b5cf2a6-8b34-4b73-a1cb-4f1a4c1f3b11"
    pod = {"name": uuid, "pod_name": "web", "state": "running", "ready": True, **changes}
    return json.dumps([pod]).encode()


DEEP: Any = "x"
for _ in range(400):
    DEEP = [{"a": DEEP}]


@pytest.mark.parametrize(
    "changes",
    [
        {"state": " "}, {"state": ""}, {"state": "- -"}, {"state": [DEEP]},
        {"ports": [{"name": DEEP, "host_port": 80}, DEEP]}, {"ports": {"a": DEEP}},
        {"user_labels": {"a": DEEP, "\ud800": "\udfff"}}, {"user_annotations": [DEEP]},
        {"apps": [{"name": "web", "image_name": "\ud800"}, {"name": DEEP}, DEEP]},
        {"networks": [{"name": DEEP, "ip": "\ud800"}] * 5000}, {"pod_name": "{{ x }}"}, {"pod_name": "a\n"},
    ],
)  # fmt: skip
@pytest.mark.threat("T95")
def test_what_one_host_lists_breaks_no_inventory(changes: dict[str, Any]) -> None:
    """Nothing that it says goes deep, is long without an end, or cannot be written."""
    (pod,) = inventory_pods.read(listed(**changes))
    for per in ("pod", "app"):
        for entry in inventory_pods.entries("web1", [pod], [], per):
            written = repr(entry)
            assert entry.name.isascii() and len(written.encode("utf-8")) < 100_000
            copy.deepcopy(wrap_var(entry.variables))
    (control,) = inventory_pods.entries("web1", inventory_pods.read(listed()), ["running"], "pod")
    assert control.name == "web.web1" and "podwright_state_running" in control.groups


def test_a_port_is_told_as_the_agent_tells_it() -> None:
    port = {"name": "http", "host_port": 8080, "host_ip": "", "protocol": "tcp"}
    (pod,) = inventory_pods.read(listed(ports=[port]))
    assert pod["ports"] == [port]


def test_a_group_is_a_word_of_ours_however_long_or_odd_a_label_is() -> None:
    assert inventory_pods.group("label", "tier", "web") == "podwright_label_tier_web"
    assert inventory_pods.group("label", "a-b", "{{ x }}") == "podwright_label_a_b____x___"
    assert len(inventory_pods.group("label", "k" * 10_000, "v" * 10_000)) < 250
