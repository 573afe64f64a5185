# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules pod_logs and pod_metrics_info on the real agent: pods that write a lot, odd things, or nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.modules.conftest import AdHoc
from tests.modules.script import Script, check

Publish = Callable[..., Path]
IMAGE = "example.com/tiny:1.0"
ODD = r"printf '\033[2Jred\tx\n'; printf '\302\233 \342\200\256 \377 \173{ 7 * 7 }\175\n'"
MANY = "i=0; while [ $i -lt 400 ]; do echo line-$i; i=$((i+1)); done"


def app(name: str, script: str) -> dict[str, Any]:
    """An app that writes something, and is ready then."""
    ready = {"exec": ["/bin/sh", "-c", "test -e /said"], "interval": 0.1, "timeout": 60}
    return {
        "name": name, "image": IMAGE, "ready": ready,
        "exec": ["/bin/sh", "-c", f"{script}; touch /said; exec sleep 100000"],
    }  # fmt: skip


PODS: list[dict[str, Any]] = [
    {"name": "many", "net": "none", "apps": [app("one", MANY), app("two", "echo other >&2")]},
    {"name": "odd", "net": "none", "apps": [app("odd", ODD)]},
    {"name": "prepared", "net": "none", "state": "prepared", "image": IMAGE},
]
GONE = ("pod", {"pods": [{"name": pod["name"], "state": "absent"} for pod in PODS]})


def messages(log: dict[str, Any]) -> list[str]:
    return [line["message"] for line in log["lines"]]


@pytest.mark.threat("T96")
def test_logs_of_several_pods_are_told_in_one_call(
    trusting: AdHoc, published: Publish, tmp_path: Path
) -> None:
    published()
    script = Script(trusting, tmp_path)
    three = [{"name": "odd"}, {"name": "many", "app": "one"}, {"name": "many", "stream": "stderr"}]
    _, every, both, small, later, checked, none = script(
        ("pod", {"pods": PODS}),
        ("pod_logs", {}),
        ("pod_logs", {"lines": 3, "pods": three}),
        ("pod_logs", {"name": "many", "lines": 100000, "max_size": 50, "app": "one"}),
        ("pod_logs", {"name": "many", "since": "2100-01-01T00:00:00Z"}),
        check("pod_logs", {"name": "odd", "lines": 1}),
        ("pod_logs", {"pods": []}),
    )  # fmt: skip
    assert [log["name"] for log in every["logs"]] == ["many", "odd"], "one has no log yet"
    assert [len(log["lines"]) for log in every["logs"]] == [100, 2]
    odd, one, errors = both["logs"]
    assert messages(odd) == ["\\x1b[2Jred\tx", "\\x9b \\u202e \\xff {{ 7 * 7 }}"]
    assert messages(one) == [f"line-{number}" for number in (397, 398, 399)]
    assert [(line["app"], line["stream"], line["message"]) for line in errors["lines"]] == [
        ("two", "stderr", "other")
    ]
    assert not one["truncated"] and one["uuid"] == errors["uuid"] != odd["uuid"]
    (log,) = small["logs"]
    assert messages(log) == [f"line-{number}" for number in range(394, 400)]  # 48 bytes
    assert log["truncated"] is True
    assert messages(later["logs"][0]) == [] and none["logs"] == []
    assert (len(checked["logs"][0]["lines"]), checked["changed"]) == (1, False)
    assert "\x1b[2J" not in script.output and "\x9b" not in script.output
    script(GONE)


def test_a_log_that_is_not_there_is_a_failure_that_says_so(
    trusting: AdHoc, published: Publish, tmp_path: Path
) -> None:
    published()
    script = Script(trusting, tmp_path)
    _, partly, app_missing, since, unstarted, previous, empty, _ = script.any(
        ("pod", {"pods": PODS}),
        ("pod_logs", {"pods": [{"name": "nobody"}, {"name": "odd"}]}),
        ("pod_logs", {"name": "many", "app": "three"}),
        ("pod_logs", {"name": "many", "since": "soon"}),
        ("pod_logs", {"name": "prepared"}),
        ("pod_logs", {"name": "many", "previous": True}),
        ("pod_logs", {"pods": [{"name": ""}]}),
        GONE,
    )
    refused = (partly, app_missing, since, unstarted, previous, empty)
    assert all(one["failed"] and one["hint"] and one["object"] for one in refused), refused
    assert [one["reason"] for one in refused] == [
        "not-found", "not-found", "bad-input", "not-found", "not-found", "bad-input"
    ]  # fmt: skip
    assert [log["error"] is None for log in partly["logs"]] == [False, True]
    assert len(partly["logs"][1]["lines"]) == 2
    assert "it has one, two" in app_missing["msg"]
    assert empty["object"] == "pods[0].name"


def test_what_pods_use_is_what_top_shows(
    trusting: AdHoc, published: Publish, tmp_path: Path
) -> None:
    published()
    burn = {"name": "busy", "net": "none", "image": IMAGE, "memory": None}
    busy = {**burn, "exec": ["/bin/sh", "-c", "while :; do :; done"], "ready": {"seconds": 0.1}}
    del busy["memory"]
    script = Script(trusting, tmp_path)
    _, every, one, none, refused = script.any(
        ("pod", {"pods": [*PODS, busy]}),
        ("pod_metrics_info", {}),
        ("pod_metrics_info", {"name": ["many", "prepared"], "interval": 0.1}),
        ("pod_metrics_info", {"name": []}),
        ("pod_metrics_info", {"interval": 0}),
    )
    first = every["pods"][0]
    assert first["pod_name"] == "busy" and first["cpu_percent"] > 1
    assert first["memory"] > 4096 and first["restarts"] == 0
    (many,) = one["pods"]
    assert (many["pod_name"], [each["name"] for each in many["apps"]]) == ("many", ["one", "two"])
    told = json.loads(trusting.agent.ok("top", "--format=json", "many"))[0]
    assert set(many) == set(told) and set(many["apps"][0]) == set(told["apps"][0])
    assert none["pods"] == []
    assert (refused["reason"], refused["object"]) == ("bad-input", "interval")
    script(GONE, ("pod", {"name": "busy", "state": "absent"}))
