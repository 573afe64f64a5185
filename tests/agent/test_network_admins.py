# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""It is said of a pod when an app of it is root on the host's network, and only then (docs/isolators.md)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Keys
from tests.support import aci
from tests.support.agent import Agent

SENTENCE = "app app: has CAP_NET_ADMIN and the host's users: it is root on the host's network"
RETAIN = "--caps-retain=CAP_NET_ADMIN"
HOSTS = "--private-users=false"


@pytest.fixture
def trusting(agent: Agent, lab: Keys) -> Iterator[Agent]:
    """An agent that trusts the lab's key; its pod is removed at the end."""
    agent.trust(lab.key, "example.com")
    yield agent
    agent.apply({"pods": [{"name": "web", "state": "absent"}]})


@pytest.fixture
def image(signed_image: Callable[..., Path]) -> str:
    """An image whose app waits when it has an argument."""
    return str(signed_image(app=aci.app(["/bin/sh", "-c", "exec ${1:-true} 1000", "sh"])))


def status(agent: Agent) -> Any:
    (pod,) = json.loads(agent.ok("list", "--format=json"))
    return json.loads(agent.ok("status", "--format=json", pod["name"]))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((HOSTS, RETAIN), True),
        (("--insecure-options=capabilities", HOSTS), True),
        ((RETAIN,), False),
        ((HOSTS,), False),
        ((HOSTS, "--caps-remove=CAP_CHOWN"), False),
        ((HOSTS, RETAIN, "--net=none"), False),
        ((HOSTS, RETAIN, "--net=host"), False),
    ],
)
def test_an_app_that_is_root_on_the_hosts_network_is_told_of(
    trusting: Agent, image: str, options: tuple[str, ...], said: bool
) -> None:
    before = [one for one in options if "caps" not in one and "insecure" not in one]
    lifted = [one for one in options if "insecure" in one]
    after = [one for one in options if "caps" in one]
    done = trusting(*lifted, "run", *before, image, "--name=app", *after)
    assert done.exit == 0, done
    assert done.stderr.count(f"note: {SENTENCE}") == said, done
    assert (SENTENCE in status(trusting)["reports"]) is said


def test_a_prepared_pod_is_told_of_when_only_its_start_gives_the_capability(
    trusting: Agent, image: str
) -> None:
    done = trusting("prepare", HOSTS, image, "--name=app")
    assert SENTENCE not in done.stderr, done
    lifted = ("--insecure-options=capabilities", "run-prepared", done.stdout.strip())
    assert trusting(*lifted).check().stderr.count(SENTENCE) == 1
    assert SENTENCE in status(trusting)["reports"]


def test_a_named_pod_with_such_an_app_is_warned_of_once(trusting: Agent, image: str) -> None:
    retain = {"name": "os/linux/capabilities-retain-set", "value": {"set": ["CAP_NET_ADMIN"]}}
    app = {"name": "app", "image": image, "args": ["sleep"], "isolators": [retain]}
    pod = {"name": "web", "private_users": "false", "ready": {"seconds": 0}, "apps": [app]}
    answer = trusting.apply({"pods": [pod]})
    assert answer["warnings"] == [f"pod web: {SENTENCE}"]
    again = trusting.apply({"pods": [pod]})
    assert (again["changed"], again["warnings"]) == (False, [])
    assert SENTENCE in json.loads(trusting.ok("status", "web", "--format=json"))["reports"]
