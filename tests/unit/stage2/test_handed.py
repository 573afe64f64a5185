# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""An app that is handed to the PID 1 of a pod that runs arrives as it was."""

from __future__ import annotations

import pytest

from podwright import jsonio
from podwright.host.cgrouplimits import Limits
from podwright.model.life import Life
from podwright.stage1.contract import Ready
from podwright.stage1.namespaces.identity import Identity
from podwright.stage1.namespaces.plan import AppPlan
from podwright.stage1.namespaces.restrict import Restrictions
from podwright.stage2 import handed
from podwright.stage2.app import Target, app_spaces

PLAN = AppPlan(
    name="web",
    trees=(),
    writable="",
    root="opt/stage2/web/rootfs",
    overlay=True,
    read_only_root=False,
    binds=(),
    late_binds=(),
    hidden=(),
    read_only=(),
    sys="",
    exec=("/x", "y"),
    pre_start=("/a",),
    post_stop=(),
    environment=(("A", "b c"), ("Z", "\u00f6")),
    user="",
    group="",
    supplementary_gids=(),
    directory="/srv",
    restrictions=Restrictions(("CAP_CHOWN",), True, None, -5, rlimits=(("NOFILE", 1, 2),)),
    limits=Limits(),
    attributes=(("exec", "u:r:t"),),
    life=Life(restart="always", ready=Ready(tcp=80), stop_signal="SIGQUIT"),
    stop_signal=3,
    stop_timeout=1.5,
)
TARGET = Target(
    *(PLAN, "/opt/stage2/web/rootfs", Identity(5, 6, (7,)), 1, (0, 2), (), b"\x00\xff"),
    app_spaces(),
    True,
)


def test_what_is_dumped_is_loaded_again() -> None:
    raw = jsonio.loads(jsonio.dumps(handed.dump(TARGET)), "test")
    found = handed.load({**raw, "what a newer agent says": 1}, own_users=True)
    assert found.plan == PLAN
    for name in ("root", "identity", "capabilities", "drop", "filter", "own_users"):
        assert getattr(found, name) == getattr(TARGET, name), name


def test_a_newer_format_is_refused() -> None:
    with pytest.raises(ValueError, match="format 2"):
        handed.load({**handed.dump(TARGET), "format": 2}, own_users=True)
