# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A store that somebody changes: while an image is fetched or rendered, and afterwards.

What was verified is what is stored and what runs; every change is found, and nothing runs that was changed.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from podwright.kernel import durable
from tests.conftest import Keys
from tests.support import aci
from tests.support.agent import AGENT_ERROR, Agent
from tests.support.private_host import Result
from tests.support.stack import BASE, Stack
from tests.support.webserver import ImageServer

Build = Callable[..., Path]
NAME = "example.com/tiny"
SWAPS = 10_000
MOST_TRIES = 60


@pytest.fixture
def trusting(agent: Agent, lab: Keys) -> Agent:
    """An agent that trusts the lab's key for example.com."""
    agent.trust(lab.key, "example.com")
    return agent


class Flipper:
    """Calls `swap` at full speed in a thread; `count` says how often so far, an even number in the end."""

    def __init__(self, swap: Callable[[], None]) -> None:
        self._swap = swap
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.count = 0

    def _run(self) -> None:
        while not self._stop.is_set() or self.count % 2:
            self._swap()
            self.count += 1

    @contextmanager
    def running(self) -> Iterator[Flipper]:
        """For the time of a `with` block."""
        self._thread.start()
        try:
            yield self
        finally:
            self._stop.set()
            self._thread.join()


def exchanging(good: Path, evil: Path) -> Callable[[], None]:
    """What swaps two paths."""
    return lambda: durable.exchange(str(good), str(evil))


def rewriting(path: Path, evil: bytes) -> Callable[[], None]:
    """What writes other content of the same size into a file, and the next time its own again."""
    texts = [evil, path.read_bytes()]
    time = path.stat().st_mtime_ns

    def swap() -> None:
        with path.open("r+b") as file:
            file.write(texts[0])
        os.utime(path, ns=(time, time))
        texts.reverse()

    return swap


def ids(agent: Agent) -> list[str]:
    """The IDs of all stored images."""
    return [image["id"] for image in json.loads(agent.ok("image", "list", "--format=json"))]


def forget(agent: Agent) -> None:
    """Empty the store."""
    for image_id in ids(agent):
        agent.ok("image", "rm", image_id)


@pytest.mark.threat("T40")
def test_an_image_file_that_changes_while_it_is_fetched_is_stored_as_it_was_verified(
    trusting: Agent, signed_image: Build, tmp_path: Path
) -> None:
    good = signed_image(files={"etc/who": "good"})
    evil = tmp_path / "evil.aci"
    shutil.copyfile(signed_image(files={"etc/who": "evil"}), evil)
    right = aci.image_id(good)[: len("sha512-") + 64]
    outcomes = set()
    with Flipper(exchanging(good, evil)).running() as flipper:
        for _ in range(MOST_TRIES):
            result = trusting("fetch", "--full", good)
            outcomes.add(result.exit)
            assert result.exit in (0, AGENT_ERROR), result
            found = ids(trusting)
            assert found == ([right] if result.exit == 0 else []), result
            if found:
                tree = trusting.data / "cas/tree" / right / "rootfs/etc/who"
                assert tree.read_text() == "good"
                trusting.ok("image", "verify", "--all")
                forget(trusting)
            if outcomes == {0, AGENT_ERROR} and flipper.count >= SWAPS:
                break
        assert flipper.count >= SWAPS
    assert AGENT_ERROR in outcomes


@pytest.mark.threat("T40")
def test_an_archive_in_the_store_that_changes_while_it_is_rendered_gives_no_other_tree(
    trusting: Agent, signed_image: Build, tmp_path: Path
) -> None:
    image_id = trusting.ok("fetch", "--full", signed_image(files={"etc/who": "good"})).strip()
    archive = trusting.data / "cas/image" / image_id / "aci"
    evil = tmp_path / "evil.aci"
    shutil.copyfile(signed_image(files={"etc/who": "evil"}), evil)
    tree = trusting.data / "cas/tree" / image_id
    outcomes = set()
    with Flipper(exchanging(archive, evil)).running() as flipper:
        for _ in range(MOST_TRIES):
            result = trusting("image", "render", "--force", image_id)
            outcomes.add(result.exit)
            assert result.exit in (0, AGENT_ERROR), result
            assert (tree / "rootfs/etc/who").read_text() == "good"
            if flipper.count >= SWAPS and len(outcomes) == 2:
                break
        assert flipper.count >= SWAPS
    assert AGENT_ERROR in outcomes
    assert trusting.ok("image", "verify", "--all")


@pytest.mark.threat("T40")
def test_a_layer_that_changes_while_it_is_merged_does_not_get_into_the_merged_tree(
    trusting: Agent, https_server: ImageServer, lab: Keys, tmp_path: Path
) -> None:
    stack = Stack(https_server, lab.key, tmp_path / "stack")
    files = {f"etc/{number}": "good" for number in range(200)}
    stack.serve(BASE, files)
    stack.serve("example.com/top", dependencies=[BASE], whitelist=[f"/{name}" for name in files])
    base = trusting.ok("fetch", "--full", BASE).strip()
    good = trusting.data / "cas/tree" / base / "rootfs/etc/100"
    outcomes = set()
    with Flipper(rewriting(good, b"evil")).running() as flipper:
        for _ in range(MOST_TRIES):
            result = trusting("fetch", "--full", "example.com/top:1.0")
            outcomes.add(result.exit)
            if result.exit == 0:
                top = result.stdout.strip()
                merged = trusting.data / "cas/tree" / top / "rootfs/etc/100"
                assert merged.read_text() == "good"
                trusting.ok("image", "rm", top)
            else:
                assert "changed while it was rendered: /etc/100 " in result.stderr
            if flipper.count >= SWAPS and len(outcomes) == 2:
                break
        assert flipper.count >= SWAPS
    assert AGENT_ERROR in outcomes


Rot = Callable[[Path, str, str], None]
"""Changes the store at a path, in which one image has the first ID and another one the second."""


def _flip(path: Path) -> None:
    """Change one byte, and put the times back."""
    before = path.stat()
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def _rootfs(data: Path, image_id: str) -> Path:
    return data / "cas/tree" / image_id / "rootfs"


def blob(data: Path, image_id: str, _other: str) -> None:
    _flip(data / "cas/image" / image_id / "aci")


def signature(data: Path, image_id: str, _other: str) -> None:
    _flip(data / "cas/image" / image_id / "aci.asc")


def manifest(data: Path, image_id: str, other: str) -> None:
    shutil.copyfile(
        data / "cas/image" / other / "manifest", data / "cas/image" / image_id / "manifest"
    )


def file_content(data: Path, image_id: str, _other: str) -> None:
    _flip(_rootfs(data, image_id) / "etc/passwd")


def file_removed(data: Path, image_id: str, _other: str) -> None:
    (_rootfs(data, image_id) / "etc/group").unlink()


def file_added(data: Path, image_id: str, _other: str) -> None:
    (_rootfs(data, image_id) / "etc/cron").write_text("")


def file_mode(data: Path, image_id: str, _other: str) -> None:
    (_rootfs(data, image_id) / "bin/busybox").chmod(0o4755)


def file_owner(data: Path, image_id: str, _other: str) -> None:
    os.chown(_rootfs(data, image_id) / "etc/passwd", 1000, -1)


def file_attribute(data: Path, image_id: str, _other: str) -> None:
    capability = bytes.fromhex("0100000200200000000000000000000000000000")
    os.setxattr(_rootfs(data, image_id) / "bin/busybox", "security.capability", capability)


def file_type(data: Path, image_id: str, _other: str) -> None:
    path = _rootfs(data, image_id) / "etc/group"
    path.unlink()
    path.symlink_to("passwd")


def link_target(data: Path, image_id: str, _other: str) -> None:
    path = _rootfs(data, image_id) / "bin/true"
    path.unlink()
    path.symlink_to("/bin/false")


def file_list(data: Path, image_id: str, _other: str) -> None:
    _flip(data / "cas/tree" / image_id / "mtree")


def mark(data: Path, image_id: str, other: str) -> None:
    trees = data / "cas/tree"
    shutil.copyfile(trees / other / "rendered", trees / image_id / "rendered")


def trees_swapped(data: Path, image_id: str, other: str) -> None:
    durable.exchange(*(str(data / "cas/tree" / each) for each in (image_id, other)))


def images_swapped(data: Path, image_id: str, other: str) -> None:
    durable.exchange(*(str(data / "cas/image" / each) for each in (image_id, other)))


def reference(data: Path, image_id: str, other: str) -> None:
    names = data / "cas/ref/name" / NAME.replace("/", ",")
    (names / image_id).rename(names / other)


ROTS = (
    blob, signature, manifest, file_content, file_removed, file_added, file_mode, file_owner,
    file_attribute, file_type, link_target, file_list, mark, trees_swapped, images_swapped,
    reference,
)  # fmt: skip


@pytest.mark.threat("T41")
@pytest.mark.parametrize("rot", ROTS, ids=lambda rot: str(rot.__name__))
def test_every_change_of_the_store_is_found_and_nothing_changed_runs(
    trusting: Agent, signed_image: Build, rot: Rot
) -> None:
    image_id = trusting.ok("fetch", "--full", signed_image()).strip()
    second = signed_image(name="example.com/other", files={"etc/other": "other"})
    other = trusting.ok("fetch", "--full", second).strip()
    command = ("run", "--net=none", "--pull-policy=never", NAME, "--exec=/bin/true")
    trusting.ok(*command)
    trusting.ok("image", "verify", "--all")
    rot(trusting.data, image_id, other)
    result = trusting("image", "verify", "--all", "--format=json")
    assert result.exit == AGENT_ERROR
    found = {image["id"]: image["ok"] for image in json.loads(result.stdout)}
    assert found[image_id] is False, result
    assert found[other] is (rot not in (trees_swapped, images_swapped, reference)), result
    if rot is file_list:
        return  # what runs is as it was
    refused = trusting(*command)
    assert refused.exit == AGENT_ERROR, refused
    assert len(refused.stderr.splitlines()) == 1
    assert "Traceback" not in refused.stderr


@pytest.mark.threat("T41")
def test_a_store_that_was_restored_from_a_backup_runs_again(
    trusting: Agent, signed_image: Build, tmp_path: Path
) -> None:
    image_id = trusting.ok("fetch", "--full", signed_image()).strip()
    cas, backup = trusting.data / "cas", tmp_path / "backup"
    subprocess.run(["cp", "-a", cas, backup], check=True)
    shutil.rmtree(cas)
    subprocess.run(["cp", "-a", backup, cas], check=True)
    trusting.ok("image", "verify", "--all")
    trusting.ok("run", "--net=none", image_id, "--exec=/bin/true")


@pytest.mark.threat("T41")
def test_a_damaged_tree_is_made_again_and_a_damaged_image_can_be_removed(
    trusting: Agent, signed_image: Build
) -> None:
    image_id = trusting.ok("fetch", "--full", signed_image()).strip()
    file_content(trusting.data, image_id, "")
    trusting.ok("image", "render", "--force", image_id)
    trusting.ok("image", "verify", "--all")
    trusting.ok("run", "--net=none", image_id, "--exec=/bin/true")
    (trusting.data / "cas/image" / image_id / "record.json").write_text("{")
    assert trusting("image", "verify", "--all").exit == AGENT_ERROR
    assert "is damaged" in trusting("image", "list").stderr
    trusting.ok("image", "rm", image_id)
    assert ids(trusting) == []
    assert not list((trusting.data / "cas/tree").iterdir())


@pytest.mark.threat("T40")
def test_an_image_that_is_removed_while_pods_start_from_it_is_used_whole_or_not_at_all(
    trusting: Agent, signed_image: Build
) -> None:
    image = signed_image()
    image_id = trusting.ok("fetch", "--full", image).strip()
    script = "ls /bin | wc -l; sleep 0.2; ls /bin | wc -l"
    command = ("run", "--net=none", image_id, "--exec=/bin/sh", "--", "-c", script)
    whole = trusting.ok(*command).split()
    assert len(set(whole)) == 1
    results: list[Result] = []

    def start() -> None:
        results.extend(trusting(*command) for _ in range(6))

    threads = [threading.Thread(target=start) for _ in range(2)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        trusting("image", "rm", image_id)
        trusting.ok("fetch", image)
    for result in results:
        assert result.stdout.split() == whole if result.exit == 0 else result.exit == AGENT_ERROR
        assert "Traceback" not in result.stderr
        assert result.exit == 0 or len(result.stderr.splitlines()) == 1, result
    trusting.ok("image", "verify", "--all")
