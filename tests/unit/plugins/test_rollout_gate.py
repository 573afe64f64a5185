# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether pods do well: two looks at them compared, and checks."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.podwright.fleet.plugins.module_utils import rollout_gate as gate

WELL: dict[str, Any] = {
    "state": "running",
    "ready": True,
    "uuid": "1",
    "restarts": {"app": 1},
    "failing": "",
}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({}, ""),
        ({"state": "exited"}, "not-running"),
        ({"uuid": "2"}, "replaced"),
        ({"restarts": {"app": 2}}, "restarted"),
        ({"ready": False, "failing": "app: readiness: no"}, "not-ready"),
    ],
)
def test_pods_are_compared_with_how_they_were(change: dict[str, Any], reason: str) -> None:
    found = gate.trouble({"web": "started"}, {"web": WELL}, {"web": {**WELL, **change}})
    assert (found.reason if found else "") == reason
    if change.get("failing"):
        assert found is not None and "readiness: no" in found.message


def test_pods_that_are_not_to_run_are_not_asked() -> None:
    assert gate.trouble({"web": "stopped", "old": "absent"}, {}, {}) is None
    assert gate.trouble({"web": "started"}, {}, {}) is not None


def test_watching_ends_with_the_first_trouble() -> None:
    looks = iter([{"web": WELL}, {"web": WELL}, {"web": {**WELL, "ready": False}}])
    found = gate.watch(lambda: next(looks), {"web": "started"}, {"web": WELL}, 3600, 0.01)
    assert found is not None and found.reason == "not-ready"
    assert next(looks, None) is None
    once = iter([{"web": WELL}])
    assert gate.watch(lambda: next(once), {"web": "started"}, {"web": WELL}, 0, 0.01) is None


def check(**given: Any) -> gate.Trouble | None:
    return gate.check([{"command": None, "url": None, "status": [200], "timeout": 0.1, **given}])


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ({"command": ["/bin/false", "--password", "hunter2"]}, "/bin/false"),
        (
            {"url": "http://user:hunter2@127.0.0.1:1/ready?token=hunter2#x"},
            "http://127.0.0.1:1/ready",
        ),
        ({"url": "http://[hunter2"}, "url"),
        ({"url": "http://hunter2@127.0.0.1:nan/"}, "http://127.0.0.1:nan/"),
    ],
)
def test_checks_are_told_without_what_may_be_secret(given: dict[str, Any], shown: str) -> None:
    failed = check(**given)
    assert failed is not None and failed.object == shown
    assert failed.message.startswith(f"{shown}: ") and "hunter2" not in failed.message


def test_checks_say_what_went_wrong() -> None:
    assert check(command=["true"]) is None
    failed = check(command=["sh", "-c", "echo no such table; exit 3"])
    assert failed is not None and failed.message.endswith("ended with 3: no such table")
    missing = check(command=["/nowhere"])
    assert missing is not None and "cannot be run: No such file" in missing.message
    refused = check(url="http://127.0.0.1:1/")
    assert refused is not None and refused.reason == "check-failed"


def test_the_agents_list_is_boiled_down() -> None:
    image = {"app": "a", "image": "example.com/a:1.0", "version": "1.0", "id": "x"}
    old = {"revision": 1, "current": False}
    current = {"revision": 2, "current": True, "created_at": "then", "images": [image]}
    app = {"name": "a", "restarts": 3, "ready": False}
    pod: dict[str, Any] = {"pod_name": "web", "name": "u", "state": "running", "apps": [app]}
    listed = [
        {**pod, "history": [old, current]},
        {**pod, "name": "before", "state": "exited"},  # has no history: it is not the pod of now
        {**pod, "pod_name": "other", "history": [current]},
    ]
    found = gate.snapshot(listed, ["web"])
    assert list(found) == ["web"]
    assert found["web"]["revision"] == 2 and found["web"]["uuid"] == "u"
    assert found["web"]["images"] == ["example.com/a:1.0"]
    assert found["web"]["restarts"] == {"a": 3}
