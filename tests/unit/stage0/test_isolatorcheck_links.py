# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A limit of bandwidth on networks whose links cannot have one is told before anything is made."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from podwright.errors import UsageError
from podwright.model.image import App
from podwright.model.isolators import parse
from podwright.model.pod import PodApp, PodManifest
from podwright.stage0.isolatorcheck import check_links


def pod(**more: Any) -> PodManifest:
    limit = [{"name": "resource/network-bandwidth", "value": {"limit": "1M"}, **more}]
    app = PodApp("app", "x", "", (), App(("/a",), "0", "0"))
    return PodManifest((app,), isolators=parse(limit, "x", pod=True))


def test_links_without_an_end_on_the_host(tmp_path: Path) -> None:
    wire = {"cniVersion": "1.0.0", "name": "wire", "type": "macvlan", "master": "lan0"}
    (tmp_path / "wire.conf").write_text(json.dumps(wire))
    assert check_links(pod(), "default", (str(tmp_path),)) == []
    assert check_links(pod(), "none", (str(tmp_path),)) == []
    with pytest.raises(
        UsageError, match="network wire: a link of type macvlan has no end on the host"
    ):
        check_links(pod(), "default,wire", (str(tmp_path),))
    (said,) = check_links(pod(optional=True), "default,wire", (str(tmp_path),))
    assert said.startswith("network wire: ")
