# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from tools import parts, run_parts
from tools.parts import Command
from tools.run_parts import Counts


def pytest_command(tmp_path: Path, test: str) -> Command:
    (tmp_path / "test_it.py").write_text(test)
    results = tmp_path / "results.xml"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    options = [f"--rootdir={tmp_path}", f"--junitxml={results}", str(tmp_path)]
    return Command((*command, *options), tmp_path, results)


@pytest.mark.parametrize(
    ("test", "counts"),
    [
        ("def test_a(): pass\ndef test_b(): assert 0\n", Counts(1, 1)),
        ("import pytest\ndef test_a(): pass\ndef test_b(): pytest.skip('no')\n", Counts(1, 0, 1)),
        ("syntax error\n", Counts(0, 1)),
        ("", Counts(0, 1)),
    ],
    ids=["a failure", "a skip", "an error", "no test at all"],
)
def test_tests_are_counted(tmp_path: Path, test: str, counts: Counts) -> None:
    with (tmp_path / "log").open("w") as log:
        assert run_parts.run_command(pytest_command(tmp_path, test), log) == counts


def test_other_commands_count_as_one(tmp_path: Path) -> None:
    with (tmp_path / "log").open("w") as log:
        assert run_parts.run_command(Command(("true",)), log) == Counts(passed=1)
        assert run_parts.run_command(Command(("false",)), log) == Counts(failed=1)


def test_a_command_that_hangs_fails_and_leaves_no_process(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    command = Command(("sh", "-c", f"sleep 100 & echo $! > {pid}; wait"), limit=3)
    with (tmp_path / "log").open("w") as log:
        assert run_parts.run_command(command, log) == Counts(failed=1)
    cmdline = Path(f"/proc/{pid.read_text().strip()}/cmdline")
    deadline = time.monotonic() + 10
    while _read(cmdline) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert _read(cmdline) == ""


def _read(path: Path) -> str:
    """Return what a process was started as; nothing when it has ended, also while nobody has waited for it."""
    try:
        return path.read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def test_a_failed_part_fails_the_run_and_shows_its_log(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(run_parts, "LOGS", tmp_path)
    monkeypatch.setitem(parts.PARTS, "lint", (Command(("sh", "-c", "echo dust; false")),))
    monkeypatch.setitem(parts.PARTS, "unit", (Command(("true",)),))
    assert run_parts.main(["lint", "unit"]) == 1
    output = capsys.readouterr().out
    assert "dust" in output
    assert output.splitlines()[-1] == "1 passed, 1 failed"
