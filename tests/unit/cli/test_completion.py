# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The script of `podwright completion bash`, in a real bash."""

from __future__ import annotations

import subprocess

import pytest

from podwright.main import main

# What the agent would answer, and the part of bash that only works while somebody types.
AROUND = """
podwright() {
    case $1 in
        list) printf '28b6-1\\tweb\\tapp\\n      \\t   \\tside\\n41ed-2\\t-  \\tapp\\n' ;;
        network) printf 'web    \\tbridge\\ndefault\\tptp\\n' ;;
        image) echo example.com/redis:7 ;;
    esac
}
compopt() { :; }
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_podwright
echo "${COMPREPLY[*]}"
"""


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("podwright st", "status stop"),
        ("podwright --dir = /x st", "status stop"),
        ("podwright status ", "28b6-1 web 41ed-2"),
        ("podwright stop w", "web"),
        ("podwright run ex", "example.com/redis:7"),
        ("podwright run --ne", "--net="),
        ("podwright run --net =", "web default host none all"),
        ("podwright run --net = h", "host"),
        ("podwright run --net = web,", "web,web web,default"),
        ("podwright run --net = web,d", "web,default"),
        ("podwright run --dns = ", "host none"),
        ("podwright apply --format = t", "text"),
        (
            "podwright image ",
            "list rm gc verify render extract export cat-manifest build sign push publish fetch",
        ),
        ("podwright network inspect ", "web default"),
        ("podwright image rm ", "example.com/redis:7"),
        ("podwright image list --order = d", "desc"),
        ("podwright help run", "run run-prepared"),
        ("podwright completion ", "bash"),
        ("podwright run --hostname = ", ""),
        ("podwright nonsense ", ""),
    ],
)
def test_what_is_offered(line: str, offered: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", "bash"]) == 0
    script = capsys.readouterr().out + AROUND
    done = subprocess.run(
        ["bash", "-c", script, "bash", *line.split(" ")], capture_output=True, text=True, check=True
    )
    assert (done.stdout.rstrip("\n"), done.stderr) == (offered, "")
