# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Counting what is refused: nobody can hold a call up with it."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest

from podwright.host import counters
from podwright.host.paths import Layout


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(data=f"{tmp_path}/data", run=f"{tmp_path}/run")


def test_what_is_counted_is_summed_up(layout: Layout) -> None:
    counters.add(layout, {"a": 1})
    assert counters.read(layout) == {}
    counters.begin(layout)
    counters.add(layout, {"a": 1})
    counters.add(layout, {"a": 2, "gc-last": 5})
    assert counters.read(layout) == {"a": 3, "gc-last": 5}


@pytest.mark.threat("T88")
def test_only_its_owner_can_open_the_file(layout: Layout) -> None:
    os.mkdir(layout.run)
    Path(counters.path(layout)).touch(0o644)
    counters.begin(layout)
    assert os.stat(counters.path(layout)).st_mode & 0o777 == 0o600


@pytest.mark.threat("T88")
def test_a_lock_that_somebody_never_gives_back_holds_no_call_up(layout: Layout) -> None:
    counters.begin(layout)
    fd = os.open(counters.path(layout), os.O_RDONLY)
    try:
        fcntl.flock(fd, fcntl.LOCK_SH)
        counters.add(layout, {"a": 1})
        assert counters.read(layout) == {}
    finally:
        os.close(fd)
    counters.add(layout, {"a": 1})
    assert counters.read(layout) == {"a": 1}
