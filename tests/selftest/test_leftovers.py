# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What counts as left behind: programs of ours, and not whoever looks at our files."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tools import leftovers

WAITS = "import sys; print('up', flush=True); sys.stdin.read()"


@pytest.mark.parametrize(
    ("name", "arguments", "left"),
    [
        ("/usr/lib/podwright/bin/podwright", (), True),
        ("python3", ("ssh", "web1", "ls /var/lib/podwright/logs"), False),
    ],
)
def test_a_program_is_left_and_an_argument_is_not(
    name: str, arguments: tuple[str, ...], left: bool
) -> None:
    with subprocess.Popen(
        [name, "-c", WAITS, *arguments],
        executable=sys.executable,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        assert process.stdout.readline() == b"up\n"
        found = any(one.startswith(f"{process.pid} ") for one in leftovers.processes())
        process.stdin.close()
    assert found is left
