# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules app and app_info on the real agent: apps of a sandbox that runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.agent.mutable_bed import Sandbox
from tests.modules.conftest import AdHoc
from tests.modules.script import Script, check

Publish = Callable[..., Path]
IMAGE = "example.com/tiny:1.0"
STAY = ["/bin/sh", "-c", "trap 'exit 0' TERM; while :; do sleep 1000 & wait; done"]


def test_apps_come_stay_change_and_go(trusting: AdHoc, published: Publish, tmp_path: Path) -> None:
    published()
    script = Script(trusting, tmp_path)
    with Sandbox(trusting.agent) as box:
        about = {"pod": box.uuid, "image": IMAGE, "exec": STAY}
        one: dict[str, Any] = {
            **about,
            "name": "one",
            "volumes": ["data,kind=empty"],
            "mounts": ["data:/data"],
        }
        two: dict[str, Any] = {**about, "name": "two", "state": "present"}
        both = {"apps": [one, two]}
        changed = {"apps": [{**one, "environment": {"A": "1"}}, two]}
        stop = {"apps": [{"pod": box.uuid, "name": "one", "state": "stopped"}]}
        gone = {
            "apps": [{"pod": box.uuid, "name": name, "state": "absent"} for name in ("one", "two")]
        }
        would, nothing, made, same, foretold, told, other, again, stopped, still, left, partly = script.any(
            check("app", both), ("app_info", {"pod": box.uuid}), ("app", both), ("app", both),
            check("app", changed), ("app_info", {"pod": box.uuid}), ("app", changed), check("app", changed),
            ("app", stop), ("app", stop), ("app_info", {"pod": box.uuid, "name": ["one"]}),
            ("app", {"apps": [two, {"pod": box.uuid, "name": "three", "state": "started"}]}),
        )  # fmt: skip
        broken = {"pod": box.uuid, "name": "one", "image": IMAGE, "exec": ["/no/such"]}
        (half,) = script.any(("app", {"apps": [broken]}))
        assert half["failed"] and half["changed"], half
        was_gone, none = script(("app", gone), check("app", gone))
        assert box.states() == {}
    assert [found["changed"] for found in (would, made, same, foretold, other, again, stopped, still)] == [
        True, True, False, True, True, False, True, False
    ], (would, made, same, foretold, other, again, stopped, still)  # fmt: skip
    assert nothing["apps"] == []
    assert [app["actions"] for app in made["apps"]] == [["add", "start"], ["add"]]
    assert [app["actions"] for app in would["apps"]] == [["add", "start"], ["add"]]
    assert {app["name"]: app["state"] for app in told["apps"]} == {
        "one": "running",
        "two": "created",
    }
    assert [app["actions"] for app in foretold["apps"]] == [["stop", "rm", "add", "start"], []]
    assert foretold["apps"] == other["apps"]
    before, after = (foretold["diff"][side][box.uuid] for side in ("before", "after"))
    assert before.keys() == after.keys() == {"one"}
    assert before["one"]["state"] == after["one"]["state"] == "running"
    assert [app["state"] for app in left["apps"]] == ["exited"]
    assert (partly["failed"], partly["reason"], partly["object"]) == (True, "not-found", "three")
    assert [app["changed"] for app in partly["apps"]] == [False]
    assert (was_gone["changed"], none["changed"]) == (True, False)


def test_a_sandbox_is_a_pod_of_a_play(trusting: AdHoc, published: Publish, tmp_path: Path) -> None:
    published()
    script = Script(trusting, tmp_path)
    box = {"name": "box", "sandbox": True, "net": "none", "labels": {"team": "a"}}
    app = {"apps": [{"pod": "box", "name": "one", "image": IMAGE, "exec": STAY}]}
    would, made, added, same, kept, told = script(
        check("pod", box), ("pod", box), ("app", app), ("pod", box), ("app", app), ("pod_info", {})
    )
    assert [one["changed"] for one in (would, made, added, same, kept)] == [
        True, True, True, False, False
    ]  # fmt: skip
    assert would["diff"]["after"]["pods"]["box"]["sandbox"] is True, would["diff"]
    (found,) = [one for one in told["pods"] if one["pod_name"] == "box"]
    assert found["state"] == "running" and [one["name"] for one in found["apps"]] == ["one"]
    stopped, gone = script(
        ("pod", {"name": "box", "state": "stopped"}), ("pod", {"name": "box", "state": "absent"})
    )
    assert stopped["changed"] and gone["changed"]
