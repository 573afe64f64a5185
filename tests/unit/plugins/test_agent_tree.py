# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent's files: packed and compared the same way on the controller and on a host."""

from __future__ import annotations

import io
import os
import shutil
import tarfile
from pathlib import Path

import pytest
from ansible_collections.podwright.fleet.plugins.module_utils import (
    agent_install,
    agent_tree,
    agent_versions,
    changes,
)

from tests.support.paths import CHECKOUT

AGENT = CHECKOUT / "agent"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A small tree such as agent/."""
    root = tmp_path / "tree"
    for name, content in (
        ("bin/podwright", "#!/bin/sh\n"),
        ("podwright/a.py", "a = 1\n"),
        ("podwright/sub/b.py", "b = 2\n"),
        ("podwright/__pycache__/a.cpython-311.pyc", "x"),
        ("README", "not ours\n"),
    ):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return root


def digest(tree: Path) -> str:
    """The digest of the files where they come from."""
    return agent_tree.digest(agent_tree.read(str(tree)))


def unpacked(tree: Path, target: Path) -> Path:
    """Pack `tree` and unpack it into `target`."""
    archive = target.with_suffix(".tar.gz")
    archive.write_bytes(agent_tree.pack(agent_tree.read(str(tree))))
    target.mkdir()
    agent_tree.unpack(str(archive), str(target))
    return target


def test_what_belongs_to_the_agent(tree: Path) -> None:
    (tree / "wheels").mkdir()
    (tree / "wheels/gnupg.py").touch()
    assert agent_tree.files(str(tree)) == ["bin/podwright", "podwright/a.py", "podwright/sub/b.py"]


def test_the_agent_of_this_checkout_arrives_as_it_is(tmp_path: Path) -> None:
    there = unpacked(AGENT, tmp_path / "there")
    assert agent_tree.installed(str(there)) == digest(AGENT)
    assert os.access(there / "bin/podwright", os.X_OK)
    assert (there / "podwright/main.py").read_bytes() == (AGENT / "podwright/main.py").read_bytes()


def test_modes_of_the_checkout_do_not_matter(tree: Path, tmp_path: Path) -> None:
    before = agent_tree.pack(agent_tree.read(str(tree)))
    (tree / "bin/podwright").chmod(0o600)
    (tree / "podwright/a.py").chmod(0o777)
    os.utime(tree / "podwright/a.py", (0, 0))
    assert agent_tree.pack(agent_tree.read(str(tree))) == before


@pytest.mark.parametrize("damage", ["content", "missing", "extra", "mode", "link"])
def test_drift_on_the_host_is_seen(tree: Path, tmp_path: Path, damage: str) -> None:
    there = unpacked(tree, tmp_path / "there")
    wanted = digest(tree)
    assert agent_tree.installed(str(there)) == wanted
    victim = there / "podwright/a.py"
    if damage == "content":
        victim.write_text("a = 3\n")
    elif damage == "missing":
        victim.unlink()
    elif damage == "extra":
        (there / "podwright/evil.py").write_text("")
    elif damage == "mode":
        victim.chmod(0o666)
    else:
        shutil.copy(victim, tmp_path / "same")
        victim.unlink()
        victim.symlink_to(tmp_path / "same")
    assert agent_tree.installed(str(there)) != wanted


def test_no_files_have_no_digest(tmp_path: Path) -> None:
    assert digest(tmp_path) == agent_tree.installed(str(tmp_path)) == ""


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("../evil", tarfile.REGTYPE),
        ("podwright/../../evil", tarfile.REGTYPE),
        ("/etc/evil", tarfile.REGTYPE),
        ("etc/evil", tarfile.REGTYPE),
        ("podwright/evil", tarfile.SYMTYPE),
        ("podwright/evil", tarfile.DIRTYPE),
        ("podwright/evil", tarfile.CHRTYPE),
    ],
)
def test_an_archive_with_anything_else_is_refused(tmp_path: Path, name: str, kind: bytes) -> None:
    archive = tmp_path / "evil.tar.gz"
    with tarfile.open(archive, "w:gz") as out:
        member = tarfile.TarInfo(name)
        member.type = kind
        out.addfile(member, io.BytesIO())
    target = tmp_path / "target"
    target.mkdir()
    with pytest.raises(agent_tree.TreeError, match="does not belong into the agent's archive"):
        agent_tree.unpack(str(archive), str(target))
    assert list(target.iterdir()) == []


def test_mounts_below_a_path_are_found_at_path_boundaries(tmp_path: Path) -> None:
    table = tmp_path / "mountinfo"
    points = ("/", "/var/lib/podwright-other", r"/var/lib/podwright/a\040b", "/var/lib/podwright")
    table.write_text("".join(f"1 2 3:4 / {point} rw - ext4 /dev/x rw\n" for point in points))
    assert agent_install.mounts_below("/var/lib/podwright", str(table)) == [
        "/var/lib/podwright/a b",
        "/var/lib/podwright",
    ]


def test_a_version_is_only_removed_after_a_boot_and_when_not_current(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agent_versions, "TREE", str(tmp_path))
    for name, time in (("agent-old", 1), ("agent-current", 1), ("agent-new", None)):
        (tmp_path / name).mkdir()
        if time is not None:
            os.utime(tmp_path / name, (time, time))
    found = {
        path.name: agent_versions.unused(path.name, "agent-current") for path in tmp_path.iterdir()
    }
    assert found == {"agent-old": True, "agent-current": False, "agent-new": False}


@pytest.mark.threat("T94")
def test_a_link_that_is_put_where_a_directory_was_leads_to_no_other_mode(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever may write above it, such as podwright-admin in trustedkeys, could be quick."""
    place, canary = tmp_path / "prefix.d", tmp_path / "canary"
    place.mkdir(0o700)
    canary.mkdir(0o700)
    monkeypatch.setattr(agent_install, "DIRECTORIES", ((str(place), 0o2775, "root"),))
    monkeypatch.setattr(agent_versions, "in_use", lambda *_: [])
    wanted = agent_install.Wanted("", None, [], False)
    make = {one.what: one.make for one in agent_install.install(wanted)}
    make[str(place)]()
    assert place.stat().st_mode & 0o7777 == 0o2775, "the control"
    place.rmdir()
    place.symlink_to(canary)
    with pytest.raises(changes.InstallError, match="is not a directory"):
        make[str(place)]()
    assert canary.stat().st_mode & 0o7777 == 0o700
