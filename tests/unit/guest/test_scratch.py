# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where programs make sockets and pipes in a guest whose files come by 9p: in memory, above what is there."""

from __future__ import annotations

import os
import socket
import stat
import traceback
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from podwright.guest import scratch
from podwright.kernel import beneath, mounts, process


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An app's root, and a place for the memory above it."""
    monkeypatch.setattr(scratch, "ABOVE", str(tmp_path / "above"))
    top = tmp_path / "root"
    for name in ("run/app", "run/secrets", "tmp", "var/tmp", "data"):
        (top / name).mkdir(parents=True)
    (top / "tmp").chmod(0o1777)
    (top / "run/app/config").write_text("of the image")
    (top / "var/run").symlink_to("/run")
    return top


def app(*volumes: str, read_only: bool = False) -> SimpleNamespace:
    binds = tuple(SimpleNamespace(where=where) for where in volumes)
    return SimpleNamespace(name="web", binds=binds, late_binds=(), read_only_root=read_only)


def within(top: Path, given: SimpleNamespace, look: Callable[[], None]) -> None:
    """Give the root of an app such directories, and look at it, in a mount namespace of its own."""
    pid = os.fork()
    if pid:
        _, status = os.waitpid(pid, 0)
        assert os.waitstatus_to_exitcode(status) == 0
        return
    status = 1
    try:
        process.unshare(process.CLONE_NEWNS)
        mounts.make_private("/")
        here = os.open(top, beneath.DIRECTORY)
        made = mounts.clone(here, "")
        mounts.attach(made, here)
        for name in ("run/secrets",):
            place = beneath.open_strict(made, name, beneath.DIRECTORY)
            memory = mounts.filesystem("tmpfs", (), mounts.RDONLY)
            mounts.attach(memory, place)
        scratch.give(made, given)  # type: ignore[arg-type]
        os.fchdir(os.open("/", os.O_RDONLY))
        look()
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


def is_own(path: Path) -> bool:
    """Whether something is mounted there."""
    return path.stat().st_dev != path.parent.stat().st_dev


def test_sockets_pipes_and_files_are_made_and_the_share_never_sees_them(root: Path) -> None:
    def look() -> None:
        os.mkfifo(root / "tmp/pipe")
        (root / "run/app/config").write_text("changed")
        (root / "var/tmp/file").write_text("x")
        with socket.socket(socket.AF_UNIX) as server:
            os.chdir(root / "run/app")
            server.bind("socket")
        assert stat.S_IMODE((root / "tmp").stat().st_mode) == 0o1777

    within(root, app(), look)
    left = sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())
    assert left == ["run/app/config"]
    assert (root / "run/app/config").read_text() == "of the image"


def test_secrets_stay_what_they_are(root: Path) -> None:
    def look() -> None:
        assert is_own(root / "run") and is_own(root / "run/secrets")
        with pytest.raises(OSError, match="Read-only"):
            (root / "run/secrets/new").write_text("x")

    within(root, app(), look)


def test_what_the_operator_mounts_there_stays_in_view(root: Path) -> None:
    def look() -> None:
        assert not is_own(root / "run")
        assert not is_own(root / "tmp")
        assert is_own(root / "var/tmp")

    within(root, app("/run/app", "/tmp"), look)


def test_a_root_that_is_for_reading_only_stays_so(root: Path) -> None:
    within(root, app(read_only=True), lambda: _none(root))


def _none(root: Path) -> None:
    assert not [name for name in ("run", "tmp", "var/tmp") if is_own(root / name)]


def test_only_files_that_come_by_9p_need_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = tmp_path / "mountinfo"
    monkeypatch.setattr(scratch, "MOUNTS", str(table))
    table.write_text(
        "22 1 0:20 / /proc rw,nosuid - proc proc rw\n31 1 0:30 / /pod rw shared:1 - 9p pod rw\n"
    )
    assert scratch.needed("/pod")
    table.write_text("31 1 0:30 / /pod rw - virtiofs pod rw\n")
    assert not scratch.needed("/pod")
    assert not scratch.needed("/other")
