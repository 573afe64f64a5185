# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module pod and how the apps of one pod live together."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.modules.conftest import AdHoc

Publish = Callable[..., Path]


def shop(**web: Any) -> dict[str, Any]:
    image = "example.com/tiny:1.0"
    return {
        "name": "shop",
        "net": "none",
        "ready": {"seconds": 0.1},
        "exit_policy": "app:web",
        "apps": [
            {"name": "web", "image": image, "depends_on": ["db:ready"], **web},
            {
                "name": "db",
                "image": image,
                "ready": {"exec": ["/bin/true"], "interval": 0.05},
                "stop_signal": "SIGINT",
                "stop_timeout": 2,
                "hook_timeout": 5,
            },
        ],
    }


def test_apps_that_live_together_are_made_kept_and_changed(
    trusting: AdHoc, published: Publish
) -> None:
    published()
    try:
        predicted = trusting("pod", shop(), "--check")
        made = trusting("pod", shop())
        assert predicted["changed"] is made["changed"] is True
        assert trusting("pod", shop())["changed"] is False
        (pod,) = trusting("pod_info")["pods"]
        assert {app["name"]: app["state"] for app in pod["apps"]} == {
            "web": "running",
            "db": "running",
        }
        assert [app["restarts"] for app in pod["apps"]] == [0, 0]
        assert trusting("pod", shop(restart="always"))["changed"] is True
    finally:
        trusting("pod", "name=shop state=absent")


def test_lives_that_cannot_be_are_refused(trusting: AdHoc, published: Publish) -> None:
    published()
    circle = shop(depends_on=["web"])
    assert "in a circle: web -> web" in trusting.refused("pod", circle)["msg"]
    bad = shop(stop_signal="SIGWHAT")
    said = trusting.refused("pod", bad)["msg"]
    assert "pods[0].apps[0].stop_signal: 'SIGWHAT' is not a signal" in said
    assert trusting("pod_info")["pods"] == []
