# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A network is made absent while a pod is being started on it."""

from __future__ import annotations

from pathlib import Path

import pytest

from podwright.net import allocate, ledger, lookup
from podwright.net.values import NetRequest


class Looked(Exception):
    """The configuration was looked at."""


def test_a_start_looks_its_networks_up_when_nobody_can_make_them_absent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It had read the configuration before, and the pod ran on a network that was gone."""
    net_dir = f"{tmp_path}/run/net"

    def look(*_: object) -> None:
        raise Looked(Path(f"{net_dir}/lock").read_text())

    monkeypatch.setattr(lookup, "choose", look)
    request = NetRequest("u", "web", "shop", (), net_dir, str(tmp_path))
    with pytest.raises(Looked, match="network setup"):
        allocate.allocate(request, None)  # type: ignore[arg-type]
    with ledger.lock(net_dir, "control"), pytest.raises(Looked, match="control"):
        look()
