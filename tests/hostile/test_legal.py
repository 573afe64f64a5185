# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""No false alarm: odd but legal archives come out as GNU tar makes them, and as bsdtar understands them (T15, T24)."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest

from tests.hostile import corpus
from tests.hostile.legal import LEGAL, ONLY
from tests.hostile.rig import Rig
from tests.hostile.snapshot import Facts, snapshot
from tests.hostile.tarwriter import FORMS, Writer

GNU_TAR = [
    "tar",
    "--extract",
    "--same-owner",
    "--numeric-owner",
    "--same-permissions",
    "--xattrs",
    "--xattrs-include=*",
]
BSDTAR = ["bsdtar", "--extract", "-p", "--numeric-owner"]
CASES = [
    pytest.param(form, name, id=f"{form}-{name}")
    for form in FORMS
    for name in (*LEGAL, *ONLY[form])
]


def unpacked(command: list[str], archive: bytes, top: Path) -> Path:
    """The directory into which another program has unpacked an archive."""
    top.mkdir(mode=0o755)
    done = subprocess.run(
        [*command, "-C", top, "-f", "-"], input=archive, capture_output=True, timeout=60
    )
    assert done.returncode == 0, done
    return top


def comparable(top: Path, started_ns: int, members: tuple[int, ...] = tuple(range(9))) -> Facts:
    """The tree's facts. Directories that no member names have the time of their making, which says nothing."""
    out: Facts = {}
    for path, facts in snapshot(top, times=False).items():
        when = facts[5]
        if isinstance(when, int) and (when >= started_ns or when == 0):
            facts = (*facts[:5], 0, *facts[6:])
        out[path] = tuple(facts[n] for n in members)
    return out


@pytest.mark.threat("T24", "T15")
@pytest.mark.parametrize(("form", "name"), CASES)
def test_legal_oddities_come_out_as_gnu_tar_makes_them(
    bench: Rig, tmp_path: Path, form: str, name: str
) -> None:
    archive = {**LEGAL, **ONLY[form]}[name](Writer("ustar", form))
    started = time.time_ns() - 1_000_000_000
    answer = bench.try_form(form, archive)
    assert "value" in answer, answer
    inside = "rootfs" if form == "aci" else "."
    theirs = unpacked(GNU_TAR, archive, tmp_path / "gnu") / inside
    others = unpacked(BSDTAR, archive, tmp_path / "bsd") / inside
    same = comparable(answer["tree"], started)
    wanted = comparable(theirs, started)
    if form == "layer" and b"./" not in archive[:100]:
        del same[b"."], wanted[b"."]  # nobody said what the root is like
    for path in wanted.keys() & same.keys():
        if wanted[path][5] == 0:
            same[path] = (*same[path][:5], 0, *same[path][6:])
    assert same == wanted
    # What bsdtar understands: names, types, sizes, targets and content; it leaves more attributes out than we do.
    content = (0, 4, 7)
    assert (
        comparable(answer["tree"], started, content).keys()
        == comparable(others, started, content).keys()
    )


@pytest.mark.threat("T24")
@pytest.mark.parametrize("squeeze", corpus.COMPRESSIONS)
@pytest.mark.parametrize("form", FORMS)
def test_the_compression_makes_no_difference(bench: Rig, form: str, squeeze: str) -> None:
    archive = LEGAL["PAX everything"](Writer("pax", form))
    plain = bench.try_form(form, archive)
    assert "value" in plain, plain
    before = snapshot(plain["tree"], times=False)
    answer = bench.try_form(form, corpus.COMPRESSIONS[squeeze](archive))
    assert answer.get("value") == plain["value"], answer
    assert snapshot(answer["tree"], times=False) == before


def test_there_are_as_many_as_the_bar_demands() -> None:
    assert len(LEGAL) >= 40
    assert all(os.path.exists(f"/usr/bin/{tool}") for tool in ("tar", "bsdtar"))
