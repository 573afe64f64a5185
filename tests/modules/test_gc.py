# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module gc on the real agent: what check mode tells is what goes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.modules.conftest import AdHoc
from tests.modules.script import Script, check, diff

Publish = Callable[..., Path]
NOW = {"grace_period": "0s", "expire_prepared": "0s"}
IMAGES = {"images": True, "image_grace_period": "0s"}
TINY = "example.com/tiny:1.0"


def test_check_mode_tells_what_goes_and_what_is_used_stays(
    trusting: AdHoc, published: Publish, tmp_path: Path
) -> None:
    published()
    published("2.0")
    agent = trusting.agent
    agent.ok("run", TINY, "--net=none", "--exec=/bin/true")
    agent.ok("prepare", TINY)
    agent.ok("fetch", "example.com/tiny:2.0")
    web = {"name": "web", "image": TINY, "net": "none", "ready": {"seconds": 0.1}}
    _, before, told, same, done, left, images, again, _ = Script(trusting, tmp_path)(
        ("pod", web), ("pod_info", {}), check("gc", {**NOW, **IMAGES}), ("pod_info", {}),
        diff("gc", {**NOW, **IMAGES}), ("pod_info", {}), ("image_info", {}),
        ("gc", {**NOW, **IMAGES}), ("pod", {"name": "web", "state": "absent"}),
    )  # fmt: skip
    assert same["pods"] == before["pods"]
    ended = sorted(pod["name"] for pod in before["pods"] if not pod["pod_name"])
    assert (told["changed"], sorted(told["removed"])) == (True, ended)
    (unused,) = told["images"]
    assert told["diff"]["before"] == {"pods": ended, "images": [unused]}
    parts = ("marked", "removed", "images", "problems", "diff")
    assert {part: done[part] for part in parts} == {part: told[part] for part in parts}
    assert [pod["pod_name"] for pod in left["pods"]] == ["web"]
    assert [image["name"] for image in images["images"]] == [TINY]
    assert again["changed"] is False


def test_images_of_pods_that_expire_go_too_and_are_foretold(
    trusting: AdHoc, published: Publish, tmp_path: Path
) -> None:
    published()
    trusting.agent.ok("prepare", TINY)
    kept, told, done = Script(trusting, tmp_path)(
        check("gc", {**IMAGES, "grace_period": "0s"}),
        check("gc", {**NOW, **IMAGES}),
        ("gc", {**NOW, **IMAGES}),
    )
    assert (kept["changed"], kept["images"]) == (False, [])
    assert len(done["images"]) == 1
    assert (told["removed"], told["images"]) == (done["removed"], done["images"])


def test_marked_pods_stay_for_the_grace_period(
    trusting: AdHoc, published: Publish, tmp_path: Path
) -> None:
    published()
    trusting.agent.ok("run", TINY, "--net=none", "--exec=/bin/true")
    told, done, again, _ = Script(trusting, tmp_path)(
        check("gc", {}), diff("gc", {}), ("gc", {}), ("gc", NOW)
    )
    assert (done["changed"], done["removed"], done["marked"]) == (True, [], told["marked"])
    assert done["diff"]["after"]["pods"] == done["marked"]
    assert again["changed"] is False


def test_what_is_no_duration_is_refused(adhoc: AdHoc) -> None:
    failed = adhoc.refused("gc", {"grace_period": "--mark-only"})
    assert "--grace-period" in failed["msg"]
