# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""docs/tutorial.md as a reader follows it: every file written, every command run, every output compared."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import hosts
from tests.support.console import ShownCommand, ShownFile, differs, steps
from tests.support.fleet import Fleet
from tests.support.paths import CACHE, CHECKOUT
from tools import collection

PAGE = CHECKOUT / "docs/tutorial.md"
LIMIT = 240
"""Seconds for one command, on a machine that does much else."""


@pytest.fixture(scope="module")
def fleet() -> Iterator[Fleet]:
    state = CACHE / "fleets/tutorial"
    hosts.destroy(state)
    yield hosts.create(state, 2, variant="tutorial")
    hosts.destroy(state)


@pytest.mark.timeout(1500)
def test_the_tutorial_does_what_it_says(fleet: Fleet, tmp_path: Path) -> None:
    archive = next(collection.directory().glob("*.tar.gz"))
    (tmp_path / archive.name).symlink_to(archive)
    env = reader(fleet, tmp_path)
    ran = 0
    for step in steps(PAGE.read_text("utf-8")):
        if isinstance(step, ShownFile):
            (tmp_path / step.name).write_text(step.text)
        else:
            follow(step, tmp_path, env)
            ran += 1
    assert ran >= 20


def reader(fleet: Fleet, home: Path) -> dict[str, str]:
    """Return the environment of somebody who has Ansible, and who reaches the hosts by their names."""
    names = home / "ssh_config"
    names.write_text(fleet.ssh_config.read_text().replace("Host host", "Host web"))
    return {
        "HOME": str(home),
        "PATH": f"{CACHE}/venv/bin:{os.environ['PATH']}",
        "ANSIBLE_HOME": str(home / ".ansible"),
        "ANSIBLE_SSH_COMMON_ARGS": f"-F {names}",
        "ANSIBLE_NOCOLOR": "1",
        "LC_ALL": "C.UTF-8",
    }


def follow(step: ShownCommand, directory: Path, env: dict[str, str]) -> None:
    """Run a command, and compare."""
    done = subprocess.run(
        ["/bin/bash", "-euo", "pipefail", "-c", step.command],
        cwd=directory,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=LIMIT,
        check=False,
    )
    printed = done.stdout.rstrip("\n").split("\n")
    missing = differs(step.seen, printed)
    assert done.returncode == step.status, f"$ {step.command}\n{done.stdout}"
    assert missing is None, f"$ {step.command}\nnot as shown: {missing}\n{done.stdout}"
