# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whatever the moment at which the power goes: an image that the store lists is whole (T90)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import ocilayout
from tests.support.agent import Agent
from tests.support.paths import CHECKOUT

CUTS = int(os.environ.get("PODWRIGHT_POWER_CUTS", "4"))
"""How often the power goes, for each file system and kind of image; `make power-tests` sets 40."""
FILE_SYSTEMS = {
    "ext4-ordered": (["mkfs.ext4", "-q"], "loop,data=ordered"),
    "ext4-writeback": (["mkfs.ext4", "-q"], "loop,data=writeback"),
    "xfs": (["mkfs.xfs", "-q"], "loop"),
}
SIZE = 320 * 1024 * 1024


def local_image(kind: str, signed: Callable[..., Path], base: Path) -> str:
    """An image that needs no network: an ACI file or an OCI layout of two layers."""
    if kind == "aci":
        return str(signed())
    return f"oci:{ocilayout.busybox_layout(base / 'layout').path}"


@pytest.mark.threat("T90")
@pytest.mark.parametrize("kind", ["aci", "oci"])
@pytest.mark.parametrize("file_system", list(FILE_SYSTEMS))
def test_what_is_listed_after_a_power_cut_is_whole(
    agent: Agent, signed_image: Callable[..., Path], tmp_path: Path, file_system: str, kind: str
) -> None:
    make, options = FILE_SYSTEMS[file_system]
    disk = tmp_path / "disk"
    with disk.open("wb") as file:
        file.truncate(SIZE)
    subprocess.run([*make, str(disk)], check=True)
    agent.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    place = tmp_path / "mounted"
    place.mkdir()
    lifted = "--insecure-options=image"
    data = f"--dir={place}/data"
    command = [*(word for word in agent.command if not word.startswith("--dir=")), data, lifted]
    task = {
        "disk": str(disk),
        "place": str(place),
        "options": options,
        "image": local_image(kind, signed_image, tmp_path),
        "command": command,
        "cuts": CUTS,
        "seed": f"{file_system} {kind}",
    }
    script = [sys.executable, "-m", "tests.hostile.power"]
    done = agent.host.run(script, stdin=json.dumps(task), timeout=3000, directory=CHECKOUT).check()
    seen = json.loads(done.stdout)
    assert len(seen["survived"]) == CUTS and set(seen["survived"]) <= {0, 1}
