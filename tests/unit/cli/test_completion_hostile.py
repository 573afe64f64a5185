# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names that others chose do not become commands when they are completed."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from podwright.cli import candidates, completion
from podwright.main import main

HOSTILE = [
    *("x:1$(touch${IFS}PWNED)", "x:`touch PWNED`", "x:1;touch", "x:1>f", "x:a b", "x:'", 'x:"'),
    *("x:\\", "x:&", "x:|y", "x:*", "x:{a,b}", "x:!1", "x:#", "x:\x1b[2J", "x:a\nb", "x:<(y)"),
]


@pytest.mark.threat("T81")
def test_a_version_that_is_a_command_is_not_offered(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [(word, "") for word in [*HOSTILE, "x.example/a_b:1.0-2~rc1+b"]]
    monkeypatch.setattr(candidates, "offered", lambda layout, typed: words)
    assert main(["complete", "--", "run", "x"]) == 0
    assert capsys.readouterr().out == "x.example/a_b:1.0-2~rc1+b\n"


@pytest.mark.threat("T81")
def test_bash_takes_no_such_word_from_anybody(tmp_path: Path) -> None:
    answers = "\n".join(word for word in [*HOSTILE, "x:2"] if "\n" not in word)
    (tmp_path / "answers").write_text(answers + "\n")
    agent = tmp_path / "podwright"
    agent.write_text(f"#!/bin/sh\nexec cat {tmp_path}/answers\n")
    agent.chmod(0o755)
    script = (
        f"{completion.BASH}\nPATH={tmp_path}:$PATH COMP_LINE='podwright run x' COMP_POINT=15\n"
        "COMP_WORDS=(podwright run x) COMP_CWORD=2\n_podwright\nprintf '%s\\n' \"${COMPREPLY[@]}\"\n"
    )
    done = subprocess.run(
        ["bash", "-c", script], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert done.stdout == "x:2\n"
