# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plugins that add, and plugins that collect what is not in use, wait for each other."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from podwright.errors import LockedError
from podwright.host.lock import try_lock
from podwright.net.cni import collector


@pytest.mark.threat("T88")
def test_a_start_does_not_wait_for_ever_for_a_gc_that_hangs(tmp_path: Path) -> None:
    """It waited without an end and said nothing."""
    net_dir = str(tmp_path)
    (tmp_path / "pods").mkdir()
    (tmp_path / collector.HOLDER).write_text("77")
    hanging = os.open(tmp_path / "pods", os.O_RDONLY)
    assert try_lock(hanging)
    with pytest.raises(LockedError) as caught:
        collector.adding(net_dir, 0)
    assert "is held by pid 77 (gc of network plugins)" in caught.value.message
    os.close(hanging)
    first, second = collector.adding(net_dir, 0), collector.adding(net_dir, 0)
    other = os.open(tmp_path / "pods", os.O_RDONLY)
    assert not try_lock(other)
    for fd in (first, second, other):
        os.close(fd)
