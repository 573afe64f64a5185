# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import scratch


def test_a_tree_of_any_depth_is_removed(tmp_path: Path) -> None:
    nest = "import os\nfor _ in range(5000):\n    os.mkdir('d')\n    os.chdir('d')\n"
    (tmp_path / "deep").mkdir()
    subprocess.run([sys.executable, "-c", nest], check=True, cwd=tmp_path / "deep")
    scratch.remove(tmp_path / "deep")
    assert not (tmp_path / "deep").exists()


def test_only_what_ended_runs_left_is_swept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scratch, "PREFIX", f"{tmp_path}/run-")
    ended = subprocess.Popen(["true"])
    ended.wait()
    for owner in (ended.pid, os.getpid()):
        (tmp_path / f"run-{owner}").mkdir()
    (tmp_path / "run-other").mkdir()
    scratch.sweep()
    assert {path.name for path in tmp_path.iterdir()} == {f"run-{os.getpid()}", "run-other"}
