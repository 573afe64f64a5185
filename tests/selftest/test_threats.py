# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of threat rows: a pass only where a test passed and none failed or was skipped."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import threats
from tests.support.paths import CHECKOUT
from tests.support.threats import Ran

TESTS = """
import pytest
pytestmark = pytest.mark.threat("T01")
def test_good(): pass
@pytest.mark.threat("T02")
def test_bad(): assert False
@pytest.mark.threat("T03")
def test_left_out(): pytest.skip("no power to cut")
@pytest.mark.threat("T04", "T05")
def test_of_two(): pass
"""


@pytest.mark.parametrize("workers", ["0", "2"])
def test_rows_are_in_the_junit_file_also_with_xdist(tmp_path: Path, workers: str) -> None:
    (tmp_path / "test_rows.py").write_text(TESTS)
    results = tmp_path / "results.xml"
    pytest_ = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-n",
        workers,
        f"--rootdir={tmp_path}",
        f"--junitxml={results}",
    ]
    command = [*pytest_, "-c", "/dev/null", "-p", "tests.conftest", str(tmp_path)]
    subprocess.run(command, cwd=CHECKOUT, capture_output=True)
    found = {row: threats.verdict(ran) for row, ran in threats.from_junit([results]).items()}
    assert found["T04"] == found["T05"] == "PASS (1 test)"
    assert found["T01"].startswith("FAIL (") and found["T02"].startswith("FAIL (")
    assert found["T03"] == "SKIP (no power to cut)"


@pytest.mark.parametrize(
    ("ran", "shown"),
    [
        ([], "NONE (no test)"),
        ([Ran("a", "passed")], "PASS (1 test)"),
        ([Ran("a", "passed"), Ran("b", "passed")], "PASS (2 tests)"),
        ([Ran("a", "passed"), Ran("b", "failed")], "FAIL (b)"),
        ([Ran("a", "passed"), Ran("b", "skipped", "why")], "SKIP (why)"),
    ],
)
def test_verdicts(ran: list[Ran], shown: str) -> None:
    assert threats.verdict(ran) == shown


def test_the_table_has_a_line_for_every_row_of_the_issue() -> None:
    wanted = [f"T{n:02}" for n in (*range(1, 61), 82, 84, 87, 88, 90)]
    assert [line.split()[0] for line in threats.table({})] == threats.not_passed({})
    assert set(wanted) <= set(threats.not_passed({}))
    assert all(row in threats.page({}) for row in wanted)
