# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A named pod becomes a virtual machine by one word of its desired state, and is a named pod as before (C2)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.agent.kvm_bed import PATIENCE, Machines
from tests.conftest import Keys

SCRIPT = "echo up; trap 'exit 0' TERM; while :; do sleep 0.1; done"


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory, lab: Keys) -> Iterator[Machines]:
    made = Machines(tmp_path_factory.mktemp("named"), lab.key)
    made.agent.ok("fetch", made.image)
    yield made
    made.close()


def web(**fields: Any) -> dict[str, Any]:
    made = {
        "name": "web",
        "image": "example.com/tiny:1.0",
        "exec": ["/bin/sh", "-c", SCRIPT],
        "net": "none",
        "environment": {"MARK": "a"},
        "ready": {"exec": ["/bin/true"], "timeout": PATIENCE},
        "replace": "start-first",
    }
    return {**made, **fields}


def in_machine(**fields: Any) -> dict[str, Any]:
    return web(**{"stage1": "kvm", "kvm": {"accelerator": "tcg"}, **fields})


def apply(machines: Machines, pod: dict[str, Any]) -> dict[str, Any]:
    """The answer's part about the pod."""
    (part,) = machines.agent.apply({"pods": [pod]}, timeout=PATIENCE)["pods"]
    assert isinstance(part, dict)
    return part


def shown(machines: Machines) -> Any:
    return json.loads(machines.agent.ok("status", "--format=json", "web"))


def test_one_word_makes_it_a_machine_and_it_stays_the_pod_it_was(machines: Machines) -> None:
    agent = machines.agent
    first = apply(machines, web())
    kernel = agent.ok("enter", "web", "/bin/uname", "-v")
    part = apply(machines, in_machine())
    assert part["actions"] == ["prepare", "start", "stop"]
    assert (part["state"], part["ready"], part["revision"]) == ("running", True, 2)
    assert part["uuid"] != first["uuid"]
    seen = shown(machines)
    assert (seen["stage1"], seen["state"], seen["ready"]) == ("kvm", "running", True)
    assert seen["machine"]["accelerator"] == "tcg"
    assert seen["machine"]["boot"] > 0
    assert agent.ok("enter", "web", "/bin/uname", "-v") != kernel
    assert apply(machines, in_machine())["changed"] is False
    (row,) = [
        one for one in json.loads(agent.ok("list", "--format=json")) if one["pod_name"] == "web"
    ]
    assert [app["state"] for app in row["apps"]] == ["running"]
    assert 'podwright_app_running{pod="web"' in agent.ok("metrics")
    assert "web" in agent.ok("top", "--once")
    never = in_machine(environment={"MARK": "b"}, ready={"exec": ["/bin/false"], "timeout": 1.0})
    done = agent("apply", stdin=json.dumps({"pods": [never]}), timeout=PATIENCE)
    (failed,) = json.loads(done.stdout)["pods"]
    assert "did not become ready" in failed["error"]["message"]
    assert failed["rolled_back"]
    assert shown(machines)["name"] == part["uuid"]
    assert shown(machines)["state"] == "running"
    assert apply(machines, {"name": "web", "state": "absent"})["state"] == "absent"
    assert "web" not in agent.ok("list")
