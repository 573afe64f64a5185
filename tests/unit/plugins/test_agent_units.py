# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The units that the role installs are what systemd understands."""

from __future__ import annotations

import subprocess
from pathlib import Path

from ansible_collections.podwright.fleet.plugins.module_utils import agent_units


def test_systemd_understands_every_unit(tmp_path: Path) -> None:
    units = []
    for path, content in agent_units.FILES.items():
        if path.startswith("/etc/systemd/system/"):
            units.append(tmp_path / Path(path).name)
            units[-1].write_text(content.replace("=/usr/bin/podwright ", "=/bin/true "))
    assert len(units) >= 8
    done = subprocess.run(
        ["systemd-analyze", "verify", *units], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
