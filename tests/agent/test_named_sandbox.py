# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Named sandboxes: a desired state has a pod without apps, which come and go while it runs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Keys
from tests.support.agent import Agent

IMAGE = "example.com/tiny:1.0"
BOX = {"name": "box", "sandbox": True, "net": "none"}
STAY = ("--exec=/bin/sh", "--", "-c", "trap 'exit 0' TERM; while :; do sleep 1000 & wait; done")


@pytest.fixture
def host(agent: Agent, lab: Keys, published: Callable[..., Path]) -> Iterator[Agent]:
    """A host that has the image."""
    agent.trust(lab.key, "example.com")
    published()
    agent.ok("fetch", IMAGE)
    yield agent
    agent.apply({"pods": [{"name": "box", "state": "absent"}]})


def applied(host: Agent, *flags: str, **changes: Any) -> dict[str, Any]:
    """What `apply` says of the pod."""
    wanted = json.dumps({"pods": [{**BOX, **changes}]})
    answer = json.loads(host("apply", *flags, "-", stdin=wanted).check().stdout)
    (part,) = answer["pods"]
    return {**part, "all_changed": answer["changed"]}


def states(host: Agent) -> dict[str, str]:
    """The apps, by name."""
    found = json.loads(host.ok("app", "list", "--format=json", "box"))
    return {one["name"]: one["state"] for one in found}


def test_a_sandbox_is_kept_as_it_is_desired_and_apps_come_and_go(host: Agent) -> None:
    assert applied(host, "--check")["changed"]
    ports = [{"pod_port": 80, "host_port": 18080}]
    assert applied(host, "--check", net="default", ports=ports)["changed"]
    made = applied(host)
    assert made["changed"] and made["ready"]
    again = applied(host, "--diff")
    assert not again["changed"] and again["uuid"] == made["uuid"]
    assert states(host) == {}
    host.ok("app", "add", "box", IMAGE, "--name=one", *STAY)
    host.ok("app", "start", "--app=one", "box")
    assert states(host) == {"one": "running"}
    assert not applied(host)["changed"], "apps are not what the desired state says"
    host.ok("app", "stop", "--app=one", "box")
    host.ok("app", "rm", "--app=one", "box")
    assert states(host) == {}
    assert not applied(host)["changed"]


def test_a_sandbox_begins_without_apps_whenever_it_is_started(host: Agent) -> None:
    first = applied(host)
    host.ok("app", "add", "box", IMAGE, "--name=one", *STAY)
    host.ok("restart", "box")
    assert states(host) == {}
    assert (
        applied(host, state="stopped")["changed"] and not applied(host, state="stopped")["changed"]
    )
    assert applied(host)["changed"]
    changed = applied(host, hostname="other")
    assert changed["changed"] and changed["uuid"] != first["uuid"] and states(host) == {}
    back = json.loads(host.ok("rollback", "--format=json", "box"))
    assert back and states(host) == {}
    shown = json.loads(host.ok("list", "--format=json"))
    assert [one["state"] for one in shown if one["pod_name"] == "box"].count("running") == 1


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"image": IMAGE}, "begins without"),
        ({"apps": [{"image": IMAGE}]}, "begins without"),
        ({"stage1": "fly", "net": "host"}, "stage1 fly"),
        ({"stage1": "kvm"}, "kvm"),
        ({"ready": {"exec": ["/bin/true"]}}, "begins without"),
        ({"profile": "system"}, "begins without"),
        ({"sandbox": "yes please"}, "sandbox"),
    ],
)
def test_what_a_sandbox_cannot_have_is_refused(
    agent: Agent, change: dict[str, Any], why: str
) -> None:
    line = agent.refused(
        "apply", "--format=text", "-", stdin=json.dumps({"pods": [{**BOX, **change}]})
    )
    assert why in line
    assert not (agent.data / "named").exists()
