# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where tests write, removed by rm(1).

Hostile tests leave trees thousands of directories deep, at which Python's own `shutil.rmtree`, and with that pytest's
clean-up of `tmp_path`, gives up. The files of a failed run stay until the next run.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

PREFIX = "/tmp/pwtest-"
"""A short path, because some tests put sockets there, whose paths have to fit in 108 bytes."""


def directory() -> Path:
    """Return the folder of this run, named after this process, that does not exist yet."""
    return Path(f"{PREFIX}{os.getpid()}")


def sweep() -> None:
    """Remove the folders of runs whose process is gone."""
    for path in Path(PREFIX).parent.glob(f"{Path(PREFIX).name}*"):
        owner = path.name.removeprefix(Path(PREFIX).name)
        if owner.isdigit() and not Path(f"/proc/{owner}").exists():
            remove(path)


def remove(path: Path) -> None:
    """Remove a tree of any depth."""
    subprocess.run(["rm", "-rf", "--one-file-system", str(path)], check=True)
