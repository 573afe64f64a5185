# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Paths that somebody chose: nobody but root leads root to another file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Callable

import pytest

from podwright.errors import HostError
from podwright.host import logfiles
from podwright.kernel import logfile, ownpath
from podwright.main import main

NOBODY = 65534


def test_a_file_is_made_where_only_we_can(tmp_path: Path) -> None:
    path = f"{tmp_path}//./web.log"
    os.close(logfile.open_file(path, append=True))
    assert os.stat(path).st_mode & 0o777 == 0o640
    os.close(logfile.open_file(path, append=True))


def a_link_on_the_way(there: Path) -> None:
    (there / "root").mkdir()
    (there / "logs").symlink_to(there / "root")


def a_directory_of_others(there: Path) -> None:
    (there / "logs").mkdir()
    os.chown(there / "logs", NOBODY, NOBODY)


def a_directory_for_everybody(there: Path) -> None:
    (there / "logs").mkdir()
    (there / "logs").chmod(0o777)


def a_link(there: Path) -> None:
    (there / "logs").mkdir()
    (there / "victim").write_text("VICTIM")
    (there / "logs/web.log").symlink_to(there / "victim")


def another_name(there: Path) -> None:
    (there / "logs").mkdir()
    (there / "victim").write_text("VICTIM")
    os.link(there / "victim", there / "logs/web.log")


def a_file_of_others(there: Path) -> None:
    (there / "logs").mkdir()
    (there / "logs/web.log").touch()
    os.chown(there / "logs/web.log", NOBODY, NOBODY)


def a_fifo(there: Path) -> None:
    (there / "logs").mkdir()
    os.mkfifo(there / "logs/web.log")


PLANTED = [
    *(a_link_on_the_way, a_directory_of_others, a_directory_for_everybody, a_link, another_name),
    *(a_file_of_others, a_fifo),
]


@pytest.mark.threat("T78", "T86")
@pytest.mark.parametrize("plant", PLANTED)
def test_what_others_planted_is_neither_written_nor_read(
    tmp_path: Path, plant: Callable[[Path], None], capsys: pytest.CaptureFixture[str]
) -> None:
    plant(tmp_path)
    path = f"{tmp_path}/logs/web.log"
    before = sorted(str(one) for one in tmp_path.rglob("*"))
    for flags in (os.O_RDONLY, os.O_WRONLY):
        with pytest.raises((PermissionError, FileNotFoundError)):
            ownpath.open_file(path, flags)
    with pytest.raises(PermissionError):
        logfile.open_file(path, append=True)
    if os.path.exists(path):
        with pytest.raises(HostError, match="cannot be read"):
            logfiles.File("web", path).more()
    for option in ("cpuprofile", "memprofile"):
        assert main(["version", f"--{option}={path}"]) == 254
        assert "cannot be written" in capsys.readouterr().err
    assert sorted(str(one) for one in tmp_path.rglob("*")) == before
    for victim in tmp_path.glob("victim"):
        assert victim.read_text() == "VICTIM"


def test_a_sticky_directory_will_do(tmp_path: Path) -> None:
    tmp_path.chmod(0o1777)
    os.close(logfile.open_file(f"{tmp_path}/web.log", append=True))
