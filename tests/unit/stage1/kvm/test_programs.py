# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs of the host that a machine needs: what an administrator says of them counts, and must be one."""

from __future__ import annotations

from pathlib import Path

import pytest

from podwright.errors import HostError
from podwright.stage1.kvm import programs


def test_what_is_said_is_a_program_or_refused_and_else_the_first_there_is(tmp_path: Path) -> None:
    plain, directory, program = tmp_path / "plain", tmp_path / "directory", tmp_path / "program"
    plain.touch(0o644)
    directory.mkdir()
    program.touch(0o755)
    every = (str(directory), str(plain), str(program))
    assert programs.find("", every, "kvm.d") == programs.find(str(program), (), "kvm.d") == every[2]
    assert programs.find("", every[:2], "kvm.d") == ""
    for said in (*every[:2], str(tmp_path / "missing")):
        with pytest.raises(HostError, match="is no program"):
            programs.find(said, every, "kvm.d")
