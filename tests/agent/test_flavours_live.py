# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A pod that runs, is entered, attached to, stopped and removed, in each flavour."""

from __future__ import annotations

from typing import Any

import pytest

from tests.agent.flavour_apps import BETWEEN
from tests.agent.flavour_bed import Told

Steps = dict[str, Any]


@pytest.mark.threat("T61")
def test_who_enters_is_what_the_app_is(steps: Steps) -> None:
    exit, stdout, stderr = steps["facts"]
    assert (exit, stderr) == (0, "")
    of_app, of_entered = stdout.split(f"{BETWEEN}\n")
    assert of_entered == of_app
    assert "Uid:\t1000\t1000\t1000\t1000\n" in of_entered
    assert "env-A: b c\n" in of_entered
    assert "cwd: /var/tmp\n" in of_entered


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        ("status", [7, "100000\n", "err\n"]),
        ("signal", [137, "x" * 300000, ""]),
        ("attach", [0, "said one\nsaid two\n", ""]),
    ],
)
def test_streams_and_statuses_of_what_is_run_in_a_pod(
    steps: Steps, step: str, expected: list[Any]
) -> None:
    assert steps[step] == expected


def test_what_cannot_be_run_is_said_in_one_sentence(steps: Steps) -> None:
    exit, stdout, stderr = steps["no such command"]
    assert (exit, stdout) == (203, "")
    assert stderr == (
        "podwright: app main: cannot execute /bin/nothing-here: /bin/nothing-here does not exist in its image\n"
    )
    exit, stdout, stderr = steps["no such app"]
    assert (exit, stdout) == (254, "")
    assert "has no app called 'nobody'" in stderr


def test_an_app_that_is_started_again_is_as_before_and_only_the_pods_processes_are_seen(
    steps: Steps,
) -> None:
    exit, stdout, stderr = steps["flaky"]
    assert (exit, stderr) == (0, "")
    count, *processes = stdout.split()
    assert count == "3"
    # A shell of busybox is called "exe" for a moment, before it becomes another of busybox's commands.
    allowed = {"COMMAND", "podwright-init", "ps", "sh", "sleep", "sort", "exe"}
    assert {"podwright-init", "sh", "ps"} <= set(processes) <= allowed


def test_the_status_of_a_running_pod(told: Told) -> None:
    running = told["live"]["running"]
    assert (running["state"], running["ready"]) == ("running", True)
    states = {app["name"]: app["state"] for app in running["apps"]}
    assert states == {
        **dict.fromkeys(("main", "stubborn", "signalled", "flaky", "late"), "running"),
        "echoes": "exited",
    }


def test_each_app_is_stopped_its_own_way(told: Told) -> None:
    stopped = told["live"]["stopped"]
    ends = {app["name"]: (app["exit_code"], app["exit_reason"]) for app in stopped["apps"]}
    by_us = "stopped-by-pod"
    assert ends == {
        "main": (5, by_us),
        "stubborn": (137, by_us),
        "signalled": (9, by_us),
        "echoes": (0, "exited"),
        "flaky": (143, by_us),
        "late": (143, by_us),
    }
    assert (stopped["state"], stopped["exit_reason"], stopped["exit_status"]) == (
        "exited",
        "stopped",
        5,
    )
    assert told["live"]["exit"] == 5
    assert told["live"]["stdout"] == "begins\nbye\n"
    assert told["live"]["stop"][0] == 0


def test_nothing_is_left_of_it(told: Told) -> None:
    assert told["live"]["gone"] == {"mounts": "0\n", "files": "", "processes": ""}
