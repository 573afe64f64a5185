# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Attributes of security modules are written to the kernel, or not at all."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from podwright.kernel import process

AGENT = Path(process.__file__).parents[2]
WRITE = (
    "import sys; sys.path.insert(0, sys.argv[1])\n"
    "from podwright.kernel import process\n"
    "try: process.set_attribute('exec', 'u:r:t:s0')\n"
    "except OSError as err: print(err.errno, err)\n"
    "else: print('written')\n"
)
FAKE = "mount -t tmpfs none /proc; mkdir -p /proc/thread-self/attr; : >/proc/thread-self/attr/exec"
COVERED = "mount --bind $FILE /proc/$$/task/$$/attr/exec"


def written(before: str, tmp_path: Path) -> str:
    """What a process says that tries, after shell commands in a mount namespace of its own."""
    target = tmp_path / "file"
    target.touch()
    script = f'FILE="$3"; {before}; exec /usr/bin/python3 -c "$1" "$2"'
    ran = subprocess.run(
        ["unshare", "--mount", "sh", "-ec", script, "sh", WRITE, str(AGENT), str(target)],
        check=True,
        capture_output=True,
        text=True,
    )
    assert target.read_text() == ""
    return ran.stdout


@pytest.mark.threat("T65")
@pytest.mark.parametrize("before", [FAKE, COVERED])
def test_a_file_in_the_place_of_the_attribute_is_not_written(before: str, tmp_path: Path) -> None:
    assert "Invalid cross-device link" in written(before, tmp_path)


def test_without_it_the_kernel_answers(tmp_path: Path) -> None:
    """The control: here no security module takes the attribute, which is the kernel's own answer."""
    assert "Invalid cross-device link" not in written(":", tmp_path)
