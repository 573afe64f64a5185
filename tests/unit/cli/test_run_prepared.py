# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""run-prepared refuses what run refuses."""

from __future__ import annotations

from typing import Any

import pytest

from podwright.cli.run_prepared import check_overrides
from podwright.errors import UsageError
from podwright.model.image import App
from podwright.model.pod import HostPort, PodApp, PodManifest

APP = PodApp("web", "sha512-" + "0a" * 32, "web", (), App(("/web",), "0", "0"))
PLAIN = PodManifest((APP,))
PUBLISHING = PodManifest((APP,), ports=(HostPort("http", 80),))
TWO = PodManifest((APP, APP))


@pytest.mark.parametrize(
    "manifest, overrides",
    [
        (PLAIN, {}),
        (PLAIN, {"net": "none", "interactive": True}),
        (PUBLISHING, {}),
        (PUBLISHING, {"net": "default"}),
        (TWO, {"net": "host", "interactive": False}),
    ],
)
def test_accepted(manifest: PodManifest, overrides: dict[str, Any]) -> None:
    check_overrides(manifest, overrides)


@pytest.mark.parametrize(
    "manifest, overrides, message",
    [
        (PUBLISHING, {"net": "none"}, "--net=none cannot be used: the pod publishes ports"),
        (PUBLISHING, {"net": "host"}, "--net=host cannot be used: the pod publishes ports"),
        (TWO, {"interactive": True}, "--interactive works with one app only"),
    ],
)
def test_refused(manifest: PodManifest, overrides: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_overrides(manifest, overrides)
    assert caught.value.message == message
