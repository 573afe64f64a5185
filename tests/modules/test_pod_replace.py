# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module pod replaces a pod, new one first, and brings it back to a revision."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.modules.conftest import AdHoc

Publish = Callable[..., Path]


def web(revision: str, **changes: Any) -> dict[str, Any]:
    return {
        "name": "web",
        "image": "example.com/tiny:1.0",
        "net": "none",
        "ready": {"seconds": 0.1},
        "environment": {"REVISION": revision},
        "replace": "start-first",
        "keep_revisions": 4,
        **changes,
    }


def test_a_pod_is_replaced_and_brought_back(trusting: AdHoc, published: Publish) -> None:
    published()
    try:
        trusting("pod", web("1"))
        predicted = trusting("pod", web("2"), "--check")
        made = trusting("pod", web("2"))
        assert made["pods"][0]["actions"] == ["prepare", "start", "stop"]
        assert predicted["pods"][0]["actions"] == made["pods"][0]["actions"]
        assert trusting("pod", web("2"))["changed"] is False
        back = {"name": "web", "revision": 1}
        assert trusting("pod", back)["changed"] is True
        assert trusting("pod", back)["changed"] is False
        (pod,) = trusting("pod_info")["pods"]
        shown = [(one["revision"], one["source"], one["outcome"]) for one in pod["history"]]
        assert shown == [(1, 0, "ready"), (2, 0, "ready"), (3, 1, "ready")]
        assert [one["current"] for one in pod["history"]] == [False, False, True]
    finally:
        trusting("pod", "name=web state=absent")
