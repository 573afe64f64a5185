# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pod's state is its directory and its lock (behaviour.md B9); pods are found by UUID or name."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Optional

import pytest

from podwright.errors import LockedError, NotFoundError, StoreError, UsageError
from podwright.host.paths import Layout
from podwright.model.names import is_uuid
from podwright.stage0 import pods

FIRST = "6733c088-a507-4694-aabf-a0bf93f1fd6b"
SECOND = "6733c088-b507-4694-aabf-a0bf93f1fd6b"
THIRD = "deadbeef-0000-4000-8000-000000000000"


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    found = Layout(data=f"{tmp_path}/data")
    pods.ensure_directories(found)
    return found


def put(layout: Layout, uuid: str, directory: str = pods.RUN, name: str = "") -> Path:
    """Make a pod directory; with a name it becomes that named pod's instance."""
    path = Path(layout.pods, directory, uuid)
    path.mkdir()
    if name:
        instance = Path(layout.named, name, "instance")
        instance.parent.mkdir(parents=True, exist_ok=True)
        instance.write_text(uuid)
    return path


def state_of(layout: Layout, uuid: str) -> str:
    """The pod's state as a stranger sees it."""
    pod = pods.get(layout, uuid)
    assert pod is not None
    assert [found.state for found in pods.each(layout) if found.uuid == uuid] == [pod.state]
    return pod.state


@pytest.mark.parametrize(
    "directory, unlocked, locked",
    [
        ("embryo", "embryo", "embryo"),
        ("prepare", "aborted prepare", "preparing"),
        ("prepared", "prepared", "prepared"),
        ("run", "exited", "running"),
        ("exited-garbage", "exited garbage", "exited deleting"),
        ("garbage", "garbage", "deleting"),
    ],
)
def test_states(layout: Layout, directory: str, unlocked: str, locked: str) -> None:
    put(layout, FIRST, directory)
    assert state_of(layout, FIRST) == unlocked
    found = pods.get(layout, FIRST)
    assert found is not None
    held = pods.lock(layout, found)
    assert state_of(layout, FIRST) == locked
    held.close()
    held.close()
    assert state_of(layout, FIRST) == unlocked


def test_the_life_of_a_pod(layout: Layout) -> None:
    pod = pods.create(layout)
    assert is_uuid(pod.uuid) and pod.uuid[14] == "4" and pod.uuid[19] in "89ab"
    assert state_of(layout, pod.uuid) == "preparing"
    for directory, state in (
        (pods.PREPARED, "prepared"),
        (pods.RUN, "running"),
        (pods.EXITED_GARBAGE, "exited deleting"),
    ):
        pod.move(directory)
        assert pod.path == f"{layout.pods}/{directory}/{pod.uuid}"
        assert state_of(layout, pod.uuid) == state
    pod.close()
    assert state_of(layout, pod.uuid) == "exited garbage"


def test_a_pod_whose_process_is_killed_has_exited(layout: Layout) -> None:
    path = put(layout, FIRST)
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        pod = pods.get(layout, FIRST)
        assert pod is not None
        pods.lock(layout, pod)
        os.write(write_end, b"x")
        signal.pause()
    os.close(write_end)
    assert os.read(read_end, 1) == b"x"
    os.close(read_end)
    try:
        assert state_of(layout, FIRST) == "running"
        assert pods.is_locked(str(path))
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    assert state_of(layout, FIRST) == "exited"


def test_looking_does_not_keep_anybody_from_locking(layout: Layout) -> None:
    path = put(layout, FIRST)
    pod = pods.get(layout, FIRST)
    assert pod is not None and not pods.is_locked(str(path))
    pods.lock(layout, pod, timeout=0).close()


def test_a_pod_in_use_cannot_be_locked(layout: Layout) -> None:
    put(layout, FIRST)
    pod = pods.get(layout, FIRST)
    assert pod is not None
    held = pods.lock(layout, pod)
    with pytest.raises(LockedError) as caught:
        pods.lock(layout, pod, timeout=0)
    assert caught.value.sentence() == f"pod {FIRST} is in use by another process; stop it first"
    held.close()


@pytest.mark.parametrize("replaced", [False, True])
def test_a_pod_that_has_moved_meanwhile_is_not_locked(layout: Layout, replaced: bool) -> None:
    path = put(layout, FIRST, pods.PREPARED)
    pod = pods.get(layout, FIRST)
    assert pod is not None
    held = pods.lock(layout, pod)
    held.move(pods.RUN)
    held.close()
    if replaced:
        path.mkdir()
        pods.lock(layout, pod).close()
    else:
        with pytest.raises((NotFoundError, LockedError), match="has just changed its state"):
            pods.lock(layout, pod)


def test_what_is_not_a_pod_directory_is_left_alone(layout: Layout) -> None:
    run = Path(layout.pods, pods.RUN)
    put(layout, FIRST)
    (run / "lost+found").mkdir()
    (run / SECOND).write_text("a file")
    (run / THIRD).symlink_to(FIRST)
    assert [pod.uuid for pod in pods.each(layout)] == [FIRST]
    assert pods.get(layout, SECOND) is None
    assert pods.get(layout, THIRD) is None
    with pytest.raises(NotFoundError):
        pods.find(layout, "dead")


def test_no_data_directory_is_no_pods(tmp_path: Path) -> None:
    layout = Layout(data=f"{tmp_path}/none")
    assert list(pods.each(layout)) == []
    assert pods.get(layout, FIRST) is None


@pytest.mark.parametrize(
    "text, uuid",
    [
        (FIRST, FIRST),
        (SECOND, SECOND),
        ("6733c088-a", FIRST),
        ("d", THIRD),
        ("deadbeef", THIRD),
        ("web", FIRST),
        ("6733", SECOND),
        ("67", None),
        ("6733c088-", None),
        ("DEADBEEF", None),
        ("eadbeef", None),
        ("", None),
        ("../run/" + FIRST, None),
        ("api", None),
        ("web\n", None),
    ],
)
def test_find(layout: Layout, text: str, uuid: Optional[str]) -> None:
    """By UUID, unique prefix or name; a name goes before a prefix."""
    put(layout, FIRST, pods.RUN, "web")
    put(layout, SECOND, pods.PREPARED, "6733")
    put(layout, THIRD, pods.EXITED_GARBAGE)
    if uuid is not None:
        assert pods.find(layout, text).uuid == uuid
    else:
        with pytest.raises((NotFoundError, UsageError)):
            pods.find(layout, text)


def test_an_ambiguous_prefix_is_refused(layout: Layout) -> None:
    put(layout, FIRST)
    put(layout, SECOND)
    with pytest.raises(UsageError) as caught:
        pods.find(layout, "6733c")
    assert caught.value.sentence() == (
        "pod '6733c' is ambiguous: 2 UUIDs begin so; give more digits"
    )


@pytest.mark.parametrize(
    "directory, found",
    [
        ("embryo", False),
        ("prepare", True),
        ("prepared", True),
        ("run", True),
        ("exited-garbage", True),
        ("garbage", False),
    ],
)
def test_prefixes_are_looked_up_where_commands_make_sense(
    layout: Layout, directory: str, found: bool
) -> None:
    put(layout, FIRST, directory)
    if found:
        assert pods.find(layout, "6733").directory == directory
    else:
        with pytest.raises(NotFoundError, match="no pod is called '6733'"):
            pods.find(layout, "6733")


def test_a_pod_that_moves_while_it_is_looked_up_is_one_pod(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(layout, FIRST, pods.PREPARE)
    real = os.listdir

    def listdir(path: str) -> list[str]:
        names = real(path)
        if path.endswith("/prepare"):
            os.rename(f"{path}/{FIRST}", f"{layout.pods}/run/{FIRST}")
        return names

    monkeypatch.setattr(os, "listdir", listdir)
    assert pods.find(layout, "6733").directory == "run"


def test_a_name_whose_instance_is_gone_is_not_found(layout: Layout) -> None:
    put(layout, FIRST, name="web").rmdir()
    with pytest.raises(NotFoundError, match="no pod is called 'web'"):
        pods.find(layout, "web")


def test_a_user_who_may_not_look_is_told_so_whatever_is_looked_for(layout: Layout) -> None:
    """It was [Errno 13] for a name, and a sentence for a UUID."""
    put(layout, FIRST, name="web")
    os.chmod(layout.data, 0o700)
    child = os.fork()
    if child == 0:
        os.setgroups([])
        os.setresuid(65534, 65534, 65534)
        told = 0
        for text in ("web", FIRST[:8]):
            try:
                pods.find(layout, text)
            except StoreError as err:
                told += err.message == f"{layout.pods} cannot be read by this user"
        os._exit(told)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 2


def test_hostile_names_are_escaped(layout: Layout) -> None:
    with pytest.raises(NotFoundError) as caught:
        pods.find(layout, "\x1b[31m")
    assert caught.value.sentence().isprintable()
    assert caught.value.object.isprintable()


@pytest.mark.parametrize(
    "content, text, data",
    [
        (b'{"a": 1}', '{"a": 1}', {"a": 1}),
        (b'{"a": ', '{"a": ', None),
        (b'"\xff"', '"\\xff"', None),
        (b"", "", None),
        (None, "", None),
    ],
)
def test_files_of_a_pod(layout: Layout, content: Optional[bytes], text: str, data: object) -> None:
    """What is missing or damaged is told apart from nothing, and never a traceback."""
    path = put(layout, FIRST)
    if content is not None:
        (path / "runtime-config").write_bytes(content)
    pod = pods.find(layout, FIRST)
    assert pod.read("runtime-config") == text
    assert pod.read_json("runtime-config") == data


def test_a_directory_in_place_of_a_file_is_no_content(layout: Layout) -> None:
    (put(layout, FIRST) / "pod").mkdir()
    assert pods.find(layout, FIRST).read("pod") == ""
    assert pods.find(layout, FIRST).read("pod/x/y") == ""
