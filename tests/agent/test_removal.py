# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What rm and gc remove is the pod's: no link, no mount and no hostile tree leads them elsewhere (threats.md T86)."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.agent.test_crash import leftovers
from tests.agent.test_killed_in_teardown import GC, STARTED, end, start
from tests.agent.test_run_again import run
from tests.conftest import Keys
from tests.support.agent import Agent

pytestmark = pytest.mark.threat("T86")
IMAGE = "example.com/tiny"
FLIP = """
import ctypes, os, sys
canary, libc = sys.argv[2].encode(), ctypes.CDLL(None, use_errno=True)
tops = []
for above in range(8):
    os.mkdir(f"{sys.argv[1]}/t{above}")
    tops.append(os.open(f"{sys.argv[1]}/t{above}", os.O_RDONLY))
    for index in range(8):
        os.mkdir(f"d{index}", dir_fd=tops[-1])
        for name in range(20):
            os.mkdir(f"d{index}/s{name}", dir_fd=tops[-1])
        os.symlink(canary, f"l{index}", dir_fd=tops[-1])
print("up", flush=True)
while True:
    for top in tops:
        for index in range(8):
            libc.renameat2(top, b"d%d" % index, top, b"l%d" % index, 2)
"""
"""Changes directories for links and back, as fast as it can."""


@pytest.fixture
def stored(agent: Agent, signed_image: Callable[..., Path], lab: Keys) -> Iterator[Agent]:
    """The agent with an image in its store."""
    agent.trust(lab.key, "example.com")
    agent.ok("fetch", signed_image())
    yield agent
    while STARTED:
        end(STARTED.pop())


@pytest.fixture
def canary(tmp_path: Path) -> Iterator[Path]:
    """A directory of the host that is the same afterwards."""
    place = tmp_path / "canary"
    (place / "s3/deep").mkdir(parents=True)
    (place / "file").write_text("of the host")
    (place / "s3/deep/file").write_text("of the host")

    def seen() -> list[tuple[str, int, int, str]]:
        paths = [place, *sorted(place.rglob("*"))]
        return [
            (str(path), path.lstat().st_mode, path.lstat().st_nlink, path.read_text())
            if path.is_file()
            else (str(path), path.lstat().st_mode, path.lstat().st_nlink, "")
            for path in paths
        ]

    before = seen()
    yield place
    assert seen() == before


@pytest.mark.parametrize("verb", ["rm", "gc"])
def test_names_that_change_while_a_pod_is_removed_lead_nowhere(
    stored: Agent, canary: Path, verb: str
) -> None:
    uuid = run(stored, "--net=none", script="mkdir /srv; true", exit=0)
    (pod,) = stored.data.glob(f"pods/*/{uuid}")
    flipper = start(
        *(stored, "/usr/bin/python3", "-IS", "-c", FLIP),
        *(str(pod / "overlay/tiny/upper/srv"), str(canary)),
    )
    assert flipper.stdout is not None and flipper.stdout.readline() == "up\n"
    done = stored("rm", uuid) if verb == "rm" else stored(*GC)
    assert "Traceback" not in done.stderr and "internal error" not in done.stderr, done
    end(STARTED.pop())
    stored.ok(*GC)
    assert leftovers(stored) == []


@pytest.mark.parametrize("verb", ["rm", "gc"])
def test_a_pod_directory_that_is_a_link_is_no_pod(stored: Agent, canary: Path, verb: str) -> None:
    uuid = run(stored, "--net=none")
    path = stored.data / "pods/run" / uuid
    moved = stored.data / "moved"
    path.rename(moved)
    path.symlink_to(canary)
    done = stored("rm", uuid) if verb == "rm" else stored(*GC)
    assert done.exit == (254 if verb == "rm" else 0) and "Traceback" not in done.stderr
    path.unlink()
    moved.rename(path)
    stored.ok(*GC)
    assert leftovers(stored) == []


@pytest.mark.parametrize("place", ["overlay", "overlay/tiny", "stage1", "sharedVolumes", "lives"])
def test_a_part_of_a_pod_that_is_a_link_is_removed_as_a_link(
    stored: Agent, canary: Path, tmp_path: Path, place: str
) -> None:
    uuid = run(stored, "--net=none")
    path = stored.data / "pods/run" / uuid / place
    if path.exists():
        path.rename(tmp_path / "aside")
    path.symlink_to(canary)
    done = stored("rm", uuid)
    assert "Traceback" not in done.stderr and "internal error" not in done.stderr, done
    stored.ok(*GC)
    assert leftovers(stored) == []


def test_a_volume_that_is_still_mounted_in_a_dead_pod_is_named_and_kept(
    stored: Agent, canary: Path
) -> None:
    uuid = run(stored, "--net=none", script="mkdir -p /srv/data; true", exit=0)
    (pod,) = stored.data.glob(f"pods/*/{uuid}")
    place = pod / "overlay/tiny/upper/srv/data"
    stored.host.run(["mount", "--bind", str(canary), str(place)]).check()
    said = stored(*GC).check().stderr
    assert "something is mounted there" in said and "srv/data" in said
    assert uuid in "".join(leftovers(stored)), "it is still known"
    stored.host.run(["sh", "-c", f"umount {stored.data}/pods/*/{uuid}/{place.relative_to(pod)}"])
    stored.ok(*GC)
    assert leftovers(stored) == []


def test_a_tree_without_end_and_names_of_all_kinds_are_removed(stored: Agent, canary: Path) -> None:
    script = (
        "mkdir /srv; cd /srv; i=0; while [ $i -lt 300 ]; do mkdir d; cd d; i=$((i+1)); done; "
        r"""cd /srv; touch -- -rf '*' "$(printf 'a\nb')" "$(printf '\033[31m')" ' '; """
        f"ln -s {canary} link; mkdir locked; touch locked/x; chmod 000 locked; true"
    )
    uuid = run(stored, "--net=none", script=script, exit=0)
    stored.ok("rm", uuid)
    stored.ok(*GC)
    assert leftovers(stored) == []
    assert os.path.isdir(canary)
