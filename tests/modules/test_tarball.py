# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tarball: what users need, nothing else, the same bytes each time; ansible-galaxy verifies what it installs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from tests.modules.playbook_site import BIN, Site
from tests.support.paths import CHECKOUT
from tools import collection

MOST = 6 << 20
"""Bytes that the tarball may have; it had 1.3 MB when this was written."""
FOLDERS = {
    "agent",
    "changelogs",
    "docs",
    "extensions",
    "LICENSES",
    "meta",
    "playbooks",
    "plugins",
    "roles",
}
FILES = {"FILES.json", "LICENSE", "MANIFEST.json", "README.md", "REUSE.toml"}


@pytest.fixture(scope="module")
def built() -> Path:
    """The folder with the tarball and what it installs."""
    return collection.directory()


@pytest.fixture(scope="module")
def names(built: Path) -> list[str]:
    """What is in the tarball."""
    (archive,) = built.glob("*.tar.gz")
    with tarfile.open(archive) as members:
        return members.getnames()


def galaxy(*arguments: str, path: Path) -> subprocess.CompletedProcess[str]:
    """ansible-galaxy collection, with one collections directory."""
    env = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(path), "LC_ALL": "C.UTF-8"}
    command = [str(BIN / "ansible-galaxy"), "collection", *arguments]
    return subprocess.run(command, env=env, check=False, capture_output=True, text=True)


def test_what_is_in_it_is_known(names: list[str], built: Path) -> None:
    assert {name.split("/")[0] for name in names} <= FOLDERS | FILES
    assert FILES | {"meta/runtime.yml", "agent/bin/podwright", "plugins/modules/pod.py"} <= set(
        names
    )
    for unwanted in ("tests", "tools", ".cache", "__pycache__", ".git", "fragments"):
        assert not [name for name in names if unwanted in name.split("/")]
    assert not [name for name in names if name.startswith("extensions/molecule")]
    (archive,) = built.glob("*.tar.gz")
    assert archive.stat().st_size < MOST


def test_all_that_git_knows_of_these_folders_is_in_it(names: list[str]) -> None:
    tracked = subprocess.run(
        ["git", "ls-files", "agent", "plugins", "roles", "playbooks", "meta"],
        cwd=CHECKOUT,
        check=True,
        capture_output=True,
        text=True,
    )
    wanted = {name for name in tracked.stdout.splitlines() if (CHECKOUT / name).exists()}
    assert len(wanted) > 500
    assert wanted <= set(names)


def test_the_same_files_give_the_same_bytes(tmp_path: Path) -> None:
    content = {
        name: (CHECKOUT / name).read_bytes()
        for name in ("galaxy.yml", "README.md", "meta/runtime.yml")
    }
    archives = []
    for turn, order in enumerate((sorted(content), sorted(content, reverse=True))):
        collection._make(tmp_path / str(turn), {name: (content[name], False) for name in order})
        (archive,) = (tmp_path / str(turn)).glob("*.tar.gz")
        archives.append(archive.read_bytes())
    assert archives[0] == archives[1]


def test_a_changed_file_is_another_build_and_one_that_is_left_out_is_not(tmp_path: Path) -> None:
    for name, text in (("galaxy.yml", "build_ignore: [tests]"), ("a.py", ""), ("tests/b.py", "")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    subprocess.run(["git", "init", "--quiet", "."], cwd=tmp_path, check=True)

    def found() -> str:
        return collection.digest(collection.sources(tmp_path))

    first = found()
    (tmp_path / "tests/b.py").write_text("changed")
    assert found() == first
    (tmp_path / "a.py").write_text("changed")
    second = found()
    assert second != first
    (tmp_path / "a.py").chmod(0o755)
    assert found() not in (first, second)
    (tmp_path / "new.py").write_text("")
    assert "new.py" in collection.sources(tmp_path)


def test_galaxy_verifies_what_is_installed_and_finds_what_was_changed(
    built: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "collections"
    # Whoever runs the agent from where it was installed leaves compiled code there, as Python does.
    compiled = shutil.ignore_patterns("__pycache__")
    shutil.copytree(built / "collections", copy, ignore=compiled)
    good = galaxy("verify", "--offline", "podwright.fleet", path=copy)
    assert good.returncode == 0, good
    assert "Successfully verified" in good.stdout
    with (copy / collection.PLACE / "plugins/modules/pod.py").open("a") as stream:
        stream.write("# changed\n")
    bad = galaxy("verify", "--offline", "podwright.fleet", path=copy)
    assert bad.returncode != 0
    assert "plugins/modules/pod.py" in bad.stdout


def test_galaxy_lists_it_with_its_version(built: Path) -> None:
    listed = galaxy("list", "--format=json", path=built / "collections")
    found = json.loads(listed.stdout)
    assert (
        found[str(built / "collections/ansible_collections")]["podwright.fleet"]["version"]
        == "0.1.0"
    )


def test_every_playbook_and_every_plugin_is_found_in_it(site: Site) -> None:
    if site.collections == collection.LIVE:
        pytest.skip("the checkout is under test, not the tarball")
    place = site.collections / collection.PLACE
    for playbook in sorted((place / "playbooks").glob("*.yml")):
        done = site.host.run(
            [
                "ansible-playbook",
                "--syntax-check",
                f"podwright.fleet.{playbook.stem}",
                "-e",
                "target=localhost",
            ],
            env=site.env,
            timeout=60,
        )
        assert done.exit == 0, done
    modules = sorted(
        f"podwright.fleet.{path.stem}" for path in (place / "plugins/modules").glob("*.py")
    )
    shown = site.host.run(["ansible-doc", "--json", *modules], env=site.env, timeout=120)
    assert shown.exit == 0, shown
    assert sorted(json.loads(shown.stdout)) == modules
