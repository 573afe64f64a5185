# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Relabelling a volume: everything in it, nothing outside of it, never the host's own directories.

security.selinux can be set by root on any file system of a kernel without SELinux, too.
"""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from podwright.kernel import relabel

NEW = "system_u:object_r:container_file_t:s0:c1,c2"


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    top = tmp_path / "volume"
    (top / "a/b/c").mkdir(parents=True)
    (top / "a/file").write_text("x")
    (top / "a/b/c/deep").write_text("x")
    (top / "link").symlink_to("a/file")
    (top / "dangling").symlink_to("/nowhere")
    os.mkfifo(top / "fifo")
    os.mknod(top / "null", 0o600 | 0o020000, os.makedev(1, 3))
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(top / "socket"))
    return top


@pytest.fixture
def opened(volume: Path) -> Iterator[int]:
    fd = os.open(volume, os.O_PATH)
    yield fd
    os.close(fd)


def labels(top: Path) -> dict[str, str]:
    found = [top, *sorted(top.rglob("*"))]
    return {str(path.relative_to(top)): relabel.label_of(str(path)) for path in found}


def test_everything_in_the_volume_gets_the_label_once(volume: Path, opened: int) -> None:
    assert set(labels(volume).values()) == {""}
    assert relabel.relabel(opened, NEW) == 11
    assert set(labels(volume).values()) == {NEW}
    assert relabel.relabel(opened, NEW) == 0
    (volume / "new").touch()
    assert relabel.relabel(opened, NEW) == 1


def test_one_file_is_a_volume_too(volume: Path) -> None:
    fd = os.open(volume / "a/file", os.O_PATH)
    assert relabel.relabel(fd, NEW) == 1
    os.close(fd)
    assert [name for name, label in labels(volume).items() if label] == ["a/file"]


@pytest.mark.threat("T66")
def test_links_lead_nowhere(volume: Path, opened: int, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("x")
    (volume / "out").symlink_to(outside)
    (volume / "out-file").symlink_to(outside / "secret")
    relabel.relabel(opened, NEW)
    assert set(labels(outside).values()) == {""}
    assert labels(volume)["out"] == NEW


@pytest.mark.threat("T66")
def test_a_directory_swapped_for_a_link_while_we_work_leads_nowhere(
    volume: Path, opened: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outside = tmp_path / "outside"
    (outside / "b/c").mkdir(parents=True)
    (outside / "b/c/deep").write_text("x")
    entry = relabel._entry

    def swapping(directory: int, name: str, context: str) -> tuple[int, bool]:
        found = entry(directory, name, context)
        if name == "a":
            (volume / "a").rename(volume / "moved")
            (volume / "a").symlink_to(outside)
        return found

    monkeypatch.setattr(relabel, "_entry", swapping)
    relabel.relabel(opened, NEW)
    assert set(labels(outside).values()) == {""}


def test_another_mount_in_the_volume_is_left_alone(volume: Path, tmp_path: Path) -> None:
    program = (
        "import os, sys; sys.path.insert(0, sys.argv[1])\n"
        "from podwright.kernel import relabel\n"
        "fd = os.open(sys.argv[2], os.O_PATH)\n"
        "relabel.relabel(fd, sys.argv[3])\n"
        "print(repr(relabel.label_of(sys.argv[2] + '/a/b/inside')))\n"
    )
    agent = Path(relabel.__file__).parents[2]
    other = tmp_path / "other"
    other.mkdir()
    (other / "inside").touch()
    script = 'mount --bind "$1" "$2" && exec /usr/bin/python3 -c "$3" "$4" "$5" "$6"'
    words = [other, volume / "a/b", program, agent, volume, NEW]
    ran = subprocess.run(
        ["unshare", "--mount", "sh", "-ec", script, "sh", *map(str, words)],
        check=True,
        capture_output=True,
        text=True,
    )
    assert ran.stdout == "''\n"
    assert labels(volume)["a/file"] == NEW


@pytest.mark.parametrize("path", ["/", "/etc", "/usr", "/home", "/var/lib", "/tmp", "/proc"])
def test_the_hosts_own_directories_are_known_by_any_name(path: str, tmp_path: Path) -> None:
    link = tmp_path / "innocent"
    link.symlink_to(path)
    fd = os.open(link, os.O_PATH)
    assert relabel.belongs_to_host(fd)
    os.close(fd)


@pytest.mark.parametrize(
    "path, top",
    [
        ("/usr/share/man", "/usr"),
        ("/srv/../etc/ssh", "/etc"),
        ("/var/lib/podwright/pods", "/var/lib/podwright"),
        ("/usr/local/share/site", None),
        ("/srv/data", None),
        ("/etcetera/data", None),
    ],
)
def test_what_lies_within_the_hosts_own_directories_is_known(path: str, top: str | None) -> None:
    assert relabel.within_hosts(path) == top


def test_other_directories_are_not_the_hosts(opened: int) -> None:
    assert relabel.belongs_to_host(opened) is None
