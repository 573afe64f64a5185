# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tasks around the switch of a host, whose own hosts cannot be reached: what is not drained is not switched."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Keys
from tests.modules.rollout_fleet import NAMES, Fleet, three_hosts
from tests.support.agent import Agent

pytestmark = pytest.mark.timeout(1500)
Publish = Callable[..., Path]


@pytest.fixture
def fleet(agent: Agent, lab: Keys, published: Publish, tmp_path: Path) -> Iterator[Fleet]:
    """Three hosts that run 1.0."""
    made = three_hosts(agent, lab.key, published, tmp_path, web("1.0"))
    yield made
    made.stop()


def web(version: str) -> list[dict[str, Any]]:
    image = f"example.com/tiny:{version}"
    return [{"name": "web", "image": image, "net": "none", "ready": {"seconds": 0.1}}]


def everywhere(version: str) -> dict[str, str]:
    return dict.fromkeys(NAMES, version)


def balancer(fleet: Fleet, name: str, *unreachable: str) -> str:
    """A file with a task of a load balancer that cannot be reached for the sake of some hosts."""
    task = {
        "name": "Tell the load balancer",
        "ansible.builtin.command": {"argv": ["/bin/true"]},
        "changed_when": False,
        "delegate_to": "balancer",
        "vars": {
            "ansible_connection": "{{ 'ssh' if inventory_hostname in "
            + repr(list(unreachable))
            + " else 'local' }}",
            "ansible_host": "127.0.0.1",
            "ansible_port": 1,
            "ansible_python_interpreter": "/usr/bin/python3",
        },
    }
    path = fleet.base / name
    path.write_text(json.dumps([task]))
    return str(path)


def test_a_host_that_nobody_has_drained_is_not_switched(fleet: Fleet) -> None:
    drain = balancer(fleet, "drain.yml", "b")
    done = fleet.roll(web("2.0"), canary=0, batches="100%", max_failures=1, before=drain)
    assert done.exit != 0, done.stdout
    assert fleet.results() == {"a": "updated", "b": "failed", "c": "updated"}, done.stdout
    assert fleet.report()["hosts"]["b"]["reason"] == "hook-unreachable"
    assert fleet.versions() == {**everywhere("2.0"), "b": "1.0"}
    assert all(fleet.state(name)["leases"] == {} for name in NAMES)


def test_a_host_that_nobody_has_put_back_goes_back(fleet: Fleet) -> None:
    enable = balancer(fleet, "enable.yml", "b")
    done = fleet.roll(web("2.0"), canary=0, batches="100%", max_failures=1, after=enable)
    assert done.exit != 0
    assert fleet.results() == {"a": "updated", "b": "rolled-back", "c": "updated"}, done.stdout
    assert fleet.versions() == {**everywhere("2.0"), "b": "1.0"}
    assert all(fleet.state(name)["leases"] == {} for name in NAMES)


def test_nothing_is_switched_when_the_load_balancer_is_gone_and_the_same_command_goes_on(
    fleet: Fleet,
) -> None:
    """Ansible itself ends a run in which no host of a batch is left."""
    drain = balancer(fleet, "drain.yml", *NAMES)
    done = fleet.roll(web("2.0"), before=drain)
    assert done.exit == 4 and "UNREACHABLE" in done.stdout, done.stdout
    assert fleet.versions() == everywhere("1.0")
    again = fleet.roll(web("2.0"), before=balancer(fleet, "drain.yml"))
    assert again.exit == 0, again.stdout
    assert fleet.versions() == everywhere("2.0")
    assert all(fleet.state(name)["leases"] == {} for name in NAMES)


def test_how_tasks_went_is_forgotten_by_a_second_rollout_of_the_same_play(fleet: Fleet) -> None:
    failing = fleet.base / "fails.yml"
    fails = {"ansible.builtin.fail": {}, "when": "inventory_hostname == 'a'", "name": "Not on a"}
    failing.write_text(json.dumps([fails]))
    role = {"ansible.builtin.import_role": {"name": "podwright.fleet.rollout"}}
    ok = {"podwright_rollout_before": balancer(fleet, "drain.yml")}
    play = {
        "hosts": "all",
        "gather_facts": False,
        "tasks": [
            {
                "block": [{**role, "vars": {"podwright_rollout_before": str(failing)}}],
                "rescue": [{"ansible.builtin.debug": {"msg": "as it was to be"}}],
            },
            {**role, "vars": ok},
        ],
    }
    path = fleet.base / "twice.json"
    path.write_text(json.dumps([play]))
    done = fleet.roll(web("2.0"), playbook=str(path))
    first, second = fleet.told("rollout-finished")
    assert first["results"] == {"a": "failed", "b": "updated", "c": "updated"}, done.stdout
    assert second["results"] == {"a": "updated", "b": "unchanged", "c": "unchanged"}, done.stdout
    assert done.exit == 0 and fleet.versions() == everywhere("2.0")
