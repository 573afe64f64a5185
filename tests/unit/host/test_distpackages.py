# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the agent finds libraries that are not its own, and in which order."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from tests.support.paths import CHECKOUT


def paths_of(tree: Path) -> list[str]:
    """What `enable` adds to sys.path, called twice, in an agent that lies in `tree`."""
    code = (
        f"import sys; sys.path.insert(0, {str(tree)!r}); before = len(sys.path)\n"
        "from podwright.host import distpackages as d; d.enable(); d.enable()\n"
        "print(*sys.path[before:], sep='\\n')"
    )
    command = ["/usr/bin/python3", "-IS", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def test_wheels_beside_the_agent_come_before_the_distribution(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    shutil.copytree(CHECKOUT / "agent", tree)
    assert paths_of(tree) == ["/usr/lib/python3/dist-packages"]
    (tree / "wheels").mkdir()
    assert paths_of(tree) == [f"{tree}/wheels", "/usr/lib/python3/dist-packages"]
