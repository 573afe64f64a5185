# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The registries that tests use are what they claim to be, by skopeo's word."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support import ocilayout
from tests.support.private_host import PrivateHost
from tests.support.registry import Registry


@pytest.mark.parametrize("auth", [True, "token", False])
def test_what_is_pushed_can_be_read_again(
    private_host: PrivateHost, tmp_path: Path, auth: bool | str
) -> None:
    layout = ocilayout.busybox_layout(tmp_path / "layout", "1.0")
    with Registry(private_host, tmp_path, auth) as registry:
        digest = registry.push_layout(layout.path, "app/web:1.0")
        inspected = registry.skopeo(
            "inspect", f"--cert-dir={registry.base}/client", f"--authfile={registry.authfile}",
            "--raw", registry.reference("app/web:1.0"),
        )  # fmt: skip
        assert registry.stored_blob(digest).read_text() == inspected.stdout
        assert len(json.loads(inspected.stdout)["layers"]) == 1


def test_a_log_in_is_wanted(registry: Registry, private_host: PrivateHost, tmp_path: Path) -> None:
    layout = ocilayout.busybox_layout(tmp_path / "layout", "1.0")
    registry.push_layout(layout.path, "app/web:1.0")
    answer = private_host.run(
        ["skopeo", "inspect", f"--cert-dir={registry.base}/client", "--no-creds",
         registry.reference("app/web:1.0")]
    )  # fmt: skip
    assert answer.exit != 0
    assert "auth" in answer.stderr.lower()
