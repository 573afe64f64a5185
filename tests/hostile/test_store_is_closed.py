# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs with setuid and setgid bits in the store are out of reach of the host's users (T12, T42)."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hostile.rig import Rig, rig
from tests.hostile.shapes_members import CAPABILITY_2
from tests.hostile.tarwriter import Writer, pax

NOBODY = 65534


@pytest.fixture
def in_the_open() -> Iterator[Rig]:
    """A rig that everybody can walk to, as far as it is not the agent that closes the way."""
    with tempfile.TemporaryDirectory(prefix="pwtest-open-", dir="/var/tmp") as base:
        os.chmod(base, 0o755)
        with rig(Path(base)) as made:
            yield made


@pytest.mark.threat("T12", "T42")
def test_nobody_can_reach_a_setuid_program_in_the_store(in_the_open: Rig) -> None:
    w = Writer("ustar", "aci")
    shell = Path("/bin/busybox").read_bytes()
    programs = {b"setuid": 0o4755, b"setgid": 0o2755, b"both": 0o6777}
    members = [w.file(name, shell, mode=mode) for name, mode in programs.items()]
    members.append(
        pax((b"SCHILY.xattr.security.capability", CAPABILITY_2)) + w.file(b"cap", shell, mode=0o755)
    )
    answer = in_the_open.try_aci(w.archive(*members))
    tree = answer["tree"]
    assert tree.joinpath("setuid").stat().st_mode & 0o7777 == 0o4755
    in_the_open.place.chmod(0o755)  # the rig's own
    for name in (*map(os.fsdecode, programs), "cap"):
        program = tree / name
        denied = subprocess.run(
            ["/bin/busybox", "sh", "-c", 'test -x "$0" || exit 3; "$0" id', program],
            user=NOBODY, group=NOBODY, extra_groups=[], capture_output=True, text=True,
        )  # fmt: skip
        assert (denied.returncode, denied.stdout) == (3, ""), (name, denied)
    assert subprocess.run(["busybox", "true"], executable=tree / "setuid").returncode == 0
