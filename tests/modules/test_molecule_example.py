# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A role's Molecule scenario gets pods as instances (docs/molecule.md): the example in docs/examples is run."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

from tests.support import system_image
from tests.support.paths import CACHE, CHECKOUT
from tests.support.private_host import PrivateHost, Result

EXAMPLE = CHECKOUT / "docs/examples/role-with-molecule"
PROGRAMS = Path(sys.executable).parent


def molecule(host: PrivateHost, role: Path, *words: str) -> Result:
    """Run Molecule for a role, on a host that has nothing installed."""
    env = {
        "PATH": f"{PROGRAMS}:{os.environ['PATH']}",
        "ANSIBLE_COLLECTIONS_PATH": str(CACHE / "collections"),
        "ANSIBLE_ROLES_PATH": str(role.parent),
        "GREETER_IMAGE": str(system_image.build()),
        "HOME": str(role.parents[2]),
        "MOLECULE_EPHEMERAL_DIRECTORY": str(role.parents[2] / "ephemeral"),
        "NO_COLOR": "1",
    }
    program = str(PROGRAMS / "molecule")
    return host.run([program, *words], env=env, directory=role, timeout=560)


@pytest.mark.timeout(600)
def test_the_example_passes_and_leaves_nothing(private_host: PrivateHost, tmp_path: Path) -> None:
    role = tmp_path / "role/roles/greeter"
    shutil.copytree(EXAMPLE, tmp_path / "role")
    done = molecule(private_host, role, "test").check()
    plays = [line.split() for line in done.stdout.splitlines() if line.startswith("debian12 ")]
    changes = [next(word for word in words if word.startswith("changed=")) for words in plays]
    assert changes == ["changed=6", "changed=0", "changed=0"], done  # converge, again, verify
    left = [path.name for path in (tmp_path / "ephemeral").glob("**/*") if "podwright" in path.name]
    processes = private_host.run(["ps", "-eo", "args="]).check().stdout
    assert left == [] and "podwright" not in processes, (left, processes)
