# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finished layers on their way into the store: what becomes of the others when one does not get there."""

from __future__ import annotations

import contextlib
import os
import threading
from pathlib import Path

import pytest

from podwright.host.lock import HostLock
from podwright.host.paths import Layout
from podwright.kernel import step
from podwright.stage0 import store
from podwright.stage0.oci.publisher import Finished, Publisher


class Run:
    """A publisher, the layers that it is given, and what it said."""

    def __init__(self, base: Path) -> None:
        self.layout = Layout(data=str(base))
        for made in (self.layout.tmp, self.layout.trees, self.layout.locks):
            os.makedirs(made, exist_ok=True)
        self.published: list[int] = []
        self.errors: list[BaseException] = []
        self.let_go: list[int] = []
        self.has_failed = threading.Event()
        self.publisher = Publisher(
            self.layout, lambda it: self.published.append(it.number), self._failed
        )

    def _failed(self, error: BaseException) -> None:
        self.errors.append(error)
        self.has_failed.set()

    def add(self, number: int) -> None:
        """Hand over a finished layer."""
        tree = Path(self.layout.tmp) / f"made-{number}"
        (tree / "rootfs").mkdir(parents=True)
        (tree / "rendered").write_text("{}")
        held = contextlib.ExitStack()
        lock = held.enter_context(HostLock(f"{self.layout.locks}/{number}", "test"))
        held.callback(self.let_go.append, number)
        layer = store.Layer(f"sha256-{number}", "")
        self.publisher.add(Finished(number, str(tree), layer, lock, held))


def test_what_was_handed_over_is_in_the_store_after_close(tmp_path: Path) -> None:
    run = Run(tmp_path)
    for number in range(3):
        run.add(number)
    run.publisher.close()
    assert not run.errors
    assert run.published == run.let_go == [0, 1, 2]
    assert sorted(os.listdir(run.layout.trees)) == ["sha256-0", "sha256-1", "sha256-2"]
    assert not [name for name in os.listdir(run.layout.locks) if name.isdigit()]


def test_after_a_failed_write_nothing_more_is_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(step, "_fault", step._Fault("EIO@3"))  # the first two are the lock's
    run = Run(tmp_path)
    run.add(0)
    assert run.has_failed.wait(30)
    run.add(1)  # the disk would now say that all is well
    run.publisher.close()
    monkeypatch.setattr(step, "_fault", None)
    assert [str(error) for error in run.errors] == ["[Errno 5] Input/output error: 'syncfs'"]
    assert run.published == [] and run.let_go == [0, 1]
    assert os.listdir(run.layout.trees) == []
