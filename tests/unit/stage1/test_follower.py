# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who waits for a pod is not confused by what the pod has made of its own root (T80)."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from podwright.stage1.contract import Outcome
from podwright.stage1.namespaces import link, record
from podwright.stage1.namespaces.follow import Follower


def followed(tmp_path: Path, *messages: tuple[str, ...], ready: Callable[[], None]) -> Outcome:
    """What becomes of a pod whose PID 1 says this, and then is no more."""
    follower = Follower(str(tmp_path / "pod"), str(tmp_path / "root"), ("web",), ready)
    follower.report, told = os.pipe()
    os.write(told, b"".join(link.encode(*message) for message in messages))
    os.close(told)
    try:
        return follower.follow()
    finally:
        os.close(follower.report)


def nothing(root: Path) -> None:
    """The root has not even the directory."""


def a_file(root: Path) -> None:
    """Something has the link's name, and nothing is where statuses are."""
    (root / "rkt").mkdir()
    (root / "rkt/supervisor-status").write_text("mine")


def links(root: Path) -> None:
    """Both lead elsewhere."""
    (root / "elsewhere").mkdir()
    (root / "rkt").symlink_to("elsewhere")


def a_directory(root: Path) -> None:
    """A directory has the name of an app's status."""
    (root / "rkt/supervisor-status").mkdir(parents=True)
    (root / "rkt/status/web/inner").mkdir(parents=True)


@pytest.fixture(params=[nothing, a_file, links, a_directory])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Pods' directories whose root is not as it was made."""
    (tmp_path / "pod").mkdir()
    (tmp_path / "root").mkdir()
    request.param(tmp_path / "root")
    return tmp_path


@pytest.mark.threat("T80")
def test_a_root_that_the_pod_has_changed_does_not_end_the_run_when_it_is_ready(place: Path) -> None:
    ready: list[bool] = []
    said = [(link.ENTERED,), (link.READY,), (link.DONE, "3", "failed")]
    outcome = followed(place, *said, ready=lambda: ready.append(True))
    assert (outcome.status, outcome.reason, ready) == (3, "failed", [True])
    assert outcome.notes[0].startswith("what the pod has come to cannot be written in its root: ")
    assert not list(place.glob("root/elsewhere/*"))


@pytest.mark.threat("T80")
@pytest.mark.parametrize("forced", [True, False])
def test_a_pod_that_is_killed_is_booked_as_that_whatever_is_in_its_root(
    place: Path, forced: bool
) -> None:
    if forced:
        record.write_forced(str(place / "pod"))
    outcome = followed(place, (link.ENTERED,), ready=lambda: None)
    assert (outcome.status, outcome.reason) == (137, "stopped" if forced else "killed")
    assert outcome.notes
    assert not list(place.glob("root/elsewhere/*"))
