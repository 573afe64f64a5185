# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a build of a stage1 image leaves when it is killed."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from podwright.stage0.stage1build import leftovers

KILLED = """
import os, signal, sys
sys.path.insert(0, sys.argv[1])
from podwright.stage0.stage1build import leftovers
leftovers.Scratch(sys.argv[2]).__enter__()
open(f"{sys.argv[2]}/out.aci.{os.getpid()}.new", "w").close()
os.kill(os.getpid(), signal.SIGKILL)
"""
AGENT = Path(leftovers.__file__).parents[3]


def age(path: Path) -> None:
    then = time.time() - leftovers.YOUNG - 60
    os.utime(path, (then, then))


def test_the_next_build_removes_what_a_killed_one_left(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", KILLED, str(AGENT), str(tmp_path)], check=False)
    (left,) = tmp_path.glob(f"{leftovers.PREFIX}*")
    (left / "kernel.deb").touch()
    (tmp_path / "out.aci").touch()
    assert len(list(tmp_path.glob("out.aci.*.new"))) == 1
    leftovers.sweep(str(tmp_path / "out.aci"), str(tmp_path))
    assert left.exists(), "one that has just been made is about to be locked"
    age(left)
    leftovers.sweep(str(tmp_path / "out.aci"), str(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["out.aci"]


def test_what_another_build_works_in_and_what_is_not_ours_stays(tmp_path: Path) -> None:
    with leftovers.Scratch(str(tmp_path)) as scratch:
        others = tmp_path / f"{leftovers.PREFIX}open"
        others.mkdir()
        others.chmod(0o777)
        link = tmp_path / f"{leftovers.PREFIX}link"
        link.symlink_to(tmp_path)
        half = tmp_path / f"out.aci.{os.getpid()}.new"
        half.touch()
        for path in (Path(scratch), others):
            age(path)
        leftovers.sweep(str(tmp_path / "out.aci"), str(tmp_path))
        assert {path.name for path in tmp_path.iterdir()} == {
            os.path.basename(scratch),
            others.name,
            link.name,
            half.name,
        }
    assert not os.path.exists(scratch)


def test_a_build_that_fails_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), leftovers.Scratch(str(tmp_path)) as scratch:
        (Path(scratch) / "kernel.deb").touch()
        raise ZeroDivisionError
    assert not list(tmp_path.iterdir())
