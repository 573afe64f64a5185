# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Wheels: those that tests/wheels.txt pins, downloaded once from the package index, and made-up ones."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path

from tests.support.filelock import build_once
from tests.support.paths import CACHE, CHECKOUT

PINS = CHECKOUT / "tests/wheels.txt"


def download(requirement: str) -> Path:
    """Return the wheel for a requirement of tests/wheels.txt (`pyroute2==0.9.5`) from the cache."""
    (line,) = (line for line in PINS.read_text().splitlines() if line.split(" ")[0] == requirement)

    def fetch(partial: Path) -> None:
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "-q"]
        options = ["--no-deps", "--only-binary", ":all:", "--require-hashes", "-r", "/dev/stdin"]
        subprocess.run([*pip, *options, "-d", str(partial)], input=line, text=True, check=True)

    (wheel,) = build_once(CACHE / "wheels" / requirement, fetch).glob("*.whl")
    return wheel


def make(
    folder: Path,
    name: str = "thing-1.0-py3-none-any.whl",
    files: Mapping[str, str] | None = None,
    tag: str = "py3-none-any",
) -> Path:
    """Write a small wheel; `files` are added to its metadata."""
    metadata = "-".join(name.split("-")[:2]) + ".dist-info"
    path = folder / name
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(
            f"{metadata}/WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n"
        )
        for member, text in (files if files is not None else {"thing.py": "x = 1\n"}).items():
            archive.writestr(member, text)
    return path
