# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Decompression and unpacking run no program, wherever one lies in wait (threats.md T19)."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hostile import corpus, shapes_streams
from tests.hostile.rig import Rig
from tests.hostile.tarwriter import FORMS, Writer

HELPERS = (
    "tar", "bsdtar", "gzip", "gunzip", "zcat", "pigz", "unpigz", "igzip", "bzip2", "bunzip2", "pbzip2", "lbzip2", "xz",
    "unxz", "xzcat", "pixz", "lzma", "zstd", "unzstd", "zstdcat", "pzstd", "gpg", "gpgv", "sh", "cp", "mv", "rm", "cat",
)  # fmt: skip


@pytest.fixture
def trapped(tmp_path: Path) -> Iterator[Rig]:
    """A rig whose PATH and working directory hold nothing but programs that leave a trace beside themselves."""
    base = tmp_path / "rig"
    base.mkdir()
    rig = Rig(base, path=base / "canary/bin")
    yield rig
    rig.close()


def trap(rig: Rig) -> None:
    """Put the programs where the worker finds them first, and nowhere else."""
    for name in HELPERS:
        program = rig.canary / "bin" / name
        program.write_text(f"#!/bin/sh\necho {name} >> {rig.canary}/ran\n")
        program.chmod(0o755)
    rig.refresh()


@pytest.mark.threat("T19")
@pytest.mark.parametrize("form", FORMS)
def test_no_helper_program_is_run(trapped: Rig, form: str) -> None:
    trap(trapped)
    w = Writer("pax", form)
    shim = [
        w.file(name.encode(), b"#!/bin/sh\necho image >> /ran\n", mode=0o755) for name in HELPERS
    ]
    for squeeze in corpus.COMPRESSIONS.values():
        assert "value" in trapped.try_form(form, squeeze(w.archive(*shim)))
    for data in shapes_streams.NO_ARCHIVE.values():
        assert "refusal" in trapped.try_form(form, data) or form == "layer"
    assert not (trapped.canary / "ran").exists()


def test_the_trap_works(trapped: Rig) -> None:
    trap(trapped)
    subprocess.run([trapped.canary / "bin/xz"], check=True)
    assert (trapped.canary / "ran").read_text() == "xz\n"
