# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""2,000 cases of the fuzz (T25, bar B2); `make fuzz` runs 100,000."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.hostile import fuzz
from tests.hostile.fuzz_worker import WEIGHTS
from tests.hostile.readers import READERS
from tests.hostile.rig import Rig
from tests.hostile.seeds import seeds

CASES = 2_000
SHARES = 8


@pytest.mark.threat("T25")
@pytest.mark.parametrize("share", range(SHARES))
def test_no_mutation_escapes_crashes_or_hangs(tmp_path: Path, share: int) -> None:
    print(f"seed {fuzz.SEED}, cases {share} to {CASES} in steps of {SHARES}")
    tally = fuzz.run(tmp_path, fuzz.SEED, share, CASES, SHARES)
    assert tally.wrong == []
    assert tally.accepted + tally.refused == CASES // SHARES


def test_every_reader_is_fuzzed_with_enough_seeds() -> None:
    kinds = seeds()
    assert set(kinds) == set(READERS) == set(WEIGHTS)
    assert sum(len(each) for each in kinds.values()) >= 50


@pytest.mark.parametrize("reader", READERS)
def test_seeds_are_good(bench: Rig, reader: str) -> None:
    answers = [bench.read(reader, data) for data in seeds()[reader]]
    assert [answer for answer in answers if "refusal" in answer] == []


def test_a_case_depends_on_seed_and_number_alone() -> None:
    command = [sys.executable, "-m", "tests.hostile.fuzz", "--show=17"]
    first, again = (
        subprocess.run(command, capture_output=True, check=True).stdout for _ in range(2)
    )
    assert first == again != b""
