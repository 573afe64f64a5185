# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plugins that add, and plugins that collect what is not in use, wait for each other."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from podwright.errors import LockedError
from podwright.host.lock import HostLock
from podwright.net.cni import collector


@pytest.mark.threat("T88")
def test_a_start_does_not_wait_for_ever_for_a_gc_that_hangs(tmp_path: Path) -> None:
    """It waited without an end and said nothing."""
    net_dir = str(tmp_path)
    with HostLock(f"{net_dir}/{collector.LOCK}", "gc of network plugins", 0):
        with pytest.raises(LockedError) as caught:
            collector.adding(net_dir, 0)
        assert f"is held by pid {os.getpid()} (gc of network plugins)" in caught.value.message
    first, second = collector.adding(net_dir, 0), collector.adding(net_dir, 0)
    with pytest.raises(LockedError):
        HostLock(f"{net_dir}/{collector.LOCK}", "gc of network plugins", 0).__enter__()
    first.release()
    second.release()
