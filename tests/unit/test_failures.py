# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors as programs read them: one printable line, whatever the error and whatever is in it."""

from __future__ import annotations

import json
import os
import subprocess

import pytest

from podwright import failures
from podwright.errors import NotFoundError
from tests.support.paths import AGENT

ODD = '\x1b[2J\n\u202e\udcff\U0001f600 {"a": 1}'


def told(line: str) -> dict[str, str]:
    mark, _, text = line.partition(" ")
    assert mark == failures.MARK and line.endswith("\n") and line.count("\n") == 1
    assert line.isascii() and line.strip().isprintable()
    found: dict[str, str] = json.loads(text)
    assert found.keys() == {"message", "hint", "reason", "stage", "object"}
    return found


def test_an_error_says_what_it_knows() -> None:
    found = told(failures.line(NotFoundError("no such pod", "list them", object=ODD), "unused"))
    assert (found["reason"], found["stage"]) == ("not-found", "input")
    assert (found["message"], found["hint"]) == ("no such pod", "list them")
    assert found["object"] == '\\x1b[2J\\x0a\\u202e\\udcff\U0001f600 {"a": 1}'


@pytest.mark.parametrize(
    ("err", "reason", "stage"),
    [
        (PermissionError(13, "Permission denied", "/etc/x"), "host-failed", "host"),
        (RecursionError(), "bad-input", "input"),
        (MemoryError(), "no-memory", "host"),
        (KeyboardInterrupt(), "interrupted", "host"),
        (ZeroDivisionError(ODD), "internal-error", "host"),
    ],
)
def test_what_is_no_error_of_ours_is_named_too(err: BaseException, reason: str, stage: str) -> None:
    found = told(failures.line(err, f"sentence {ODD}"))
    assert (found["reason"], found["stage"]) == (reason, stage)
    assert found["hint"] and found["message"].startswith("sentence \\x1b")


def test_only_who_asks_is_told() -> None:
    command = [str(AGENT), "lst"]
    env = {**os.environ, "PODWRIGHT_ERRORS": "json"}
    asked = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    plain = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (asked.returncode, plain.returncode) == (254, 254)
    first, last = asked.stderr.splitlines(keepends=True)
    assert (plain.stderr, plain.stdout, asked.stdout) == (first, "", "")
    assert told(last)["reason"] == "bad-input"
