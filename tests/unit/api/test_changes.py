# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Events, made of two looks: what was passed unseen is made up for, and nothing is told twice."""

from __future__ import annotations

import pytest

from podwright.api import changes
from podwright.api.changes import SeenApp, SeenPod


def pod(state: str, started: str = "1", **apps: SeenApp) -> SeenPod:
    return SeenPod("web", state, tuple(apps.items()), started)


def kinds(old: SeenPod | None, new: SeenPod | None) -> str:
    before, now = ({} if one is None else {"u": one} for one in (old, new))
    return " ".join(one.kind for one in changes.between(before, now))


RUNS, ENDED = SeenApp(1, False), SeenApp(1, True, 0)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (None, pod("preparing"), ""),
        (pod("preparing"), pod("prepared"), "POD_PREPARED"),
        (pod("prepared"), pod("running", web=RUNS), "POD_STARTED APP_STARTED"),
        (pod("running", web=RUNS), pod("running", web=RUNS), ""),
        (pod("running", web=RUNS), pod("exited", web=ENDED), "APP_EXITED POD_EXITED"),
        (None, pod("exited", web=ENDED),
         "POD_PREPARED POD_STARTED APP_STARTED APP_EXITED POD_EXITED"),
        (pod("exited", web=ENDED), pod("exited garbage", web=ENDED), ""),
        (pod("running", web=RUNS), pod("exited garbage", web=ENDED), "APP_EXITED POD_EXITED"),
        (pod("exited garbage"), None, "POD_GARBAGE_COLLECTED"),
        (pod("preparing"), pod("aborted prepare"), "POD_PREPARE_ABORTED"),
        (pod("aborted prepare"), pod("garbage"), ""),
        (pod("prepared"), pod("garbage"), ""),
        (pod("running", web=RUNS), pod("running", web=SeenApp(3, False)),
         "APP_EXITED APP_STARTED APP_EXITED APP_STARTED"),
        (pod("exited", "1", web=ENDED), pod("running", "2", web=RUNS), "POD_STARTED APP_STARTED"),
    ],
)  # fmt: skip
def test_events(old: SeenPod | None, new: SeenPod | None, expected: str) -> None:
    assert kinds(old, new) == expected


def test_images() -> None:
    found = changes.images({"a": "x", "b": "y"}, {"b": "y", "c": "z"})
    assert [(one.kind, one.id, one.name) for one in found] == [
        ("IMAGE_IMPORTED", "c", "z"),
        ("IMAGE_REMOVED", "a", "x"),
    ]
