# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is accepted of forged archives, GNU tar and bsdtar find too (T15): no member hides from one of us."""

from __future__ import annotations

import stat
import subprocess
from pathlib import Path
from random import Random

import pytest

from tests.hostile import mutate
from tests.hostile.rig import Rig
from tests.hostile.seeds import archives
from tests.hostile.snapshot import snapshot
from tests.hostile.tarwriter import FORMS
from tests.support import scratch
from tests.support.thorough import THOROUGH

CASES = 400 if THOROUGH else 200
SHARES = 2
READERS = {
    "GNU tar": ["tar", "--extract", "--numeric-owner"],
    "bsdtar": ["bsdtar", "--extract", "--numeric-owner"],
}
NO_ARCHIVE = b"Unrecognized archive format"
"""bsdtar guesses by the first header whether this is tar at all."""


def found(top: Path, form: str) -> dict[bytes, tuple[object, object]]:
    """Path → type and content or target. Whiteouts, AUFS's files, devices and the top are things of their own."""
    out: dict[bytes, tuple[object, object]] = {}
    for path, facts in snapshot(top, times=False).items() if top.is_dir() else ():
        mode = facts[0]
        assert isinstance(mode, int)
        if (
            path == b"."
            or stat.S_ISCHR(mode)
            or stat.S_ISBLK(mode)
            or (form == "layer" and b"/.wh." in path)
        ):
            continue
        out[path] = (stat.S_IFMT(mode), None if stat.S_ISDIR(mode) else facts[7])
    return out


@pytest.mark.threat("T15")
@pytest.mark.parametrize("share", range(SHARES))
@pytest.mark.parametrize("form", FORMS)
def test_three_readers_find_the_same(bench: Rig, tmp_path: Path, form: str, share: int) -> None:
    seeds = archives(form)
    accepted = 0
    for number in range(share, CASES, SHARES):
        rng = Random(f"readers:{form}:{number}")
        data = mutate.forged(rng, rng.choice(seeds), seeds)
        answer = bench.read("unpacked" if form == "aci" else "layer", data)
        if "refusal" in answer or b"/.wh..wh." in data:
            continue
        accepted += 1
        ours = found(bench.place / "tree/rootfs", form)
        for reader, command in READERS.items():
            top = tmp_path / "theirs"
            top.mkdir()
            done = subprocess.run([*command, "-C", top, "-f", "-"], input=data, capture_output=True)
            if NO_ARCHIVE not in done.stderr:
                theirs = found(top / "rootfs" if form == "aci" else top, form)
                assert theirs == ours, f"case {number}, {reader}: {done.stderr!r}"
            scratch.remove(top)
    assert accepted > CASES // SHARES // 4
