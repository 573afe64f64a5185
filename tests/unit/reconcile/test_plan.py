# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Desired against observed: the right actions, and nothing left to do once they are done."""

from __future__ import annotations

import itertools
from typing import Any, Callable, Optional

import pytest

from podwright.model.podspec import PodSpec
from podwright.model.spec import parse_desired
from podwright.reconcile import canonical
from podwright.reconcile.observe import Observed
from podwright.reconcile.plan import plan_pod
from podwright.reconcile.revisions import Revision
from tests.unit.reconcile.simulated_host import SimulatedHost

OLD, NEW = "sha512-" + "0a" * 32, "sha512-" + "0b" * 32
STATES = ("started", "stopped", "prepared", "restarted", "absent")
UNIT = "the unit\n"


def spec_of(state: str = "started", **fields: Any) -> PodSpec:
    """A desired pod."""
    raw = {"name": "web", "image": "example.com/web", "state": state, **fields}
    return parse_desired({"pods": [raw]}).pods[0]


def revision_of(spec: PodSpec, image: str = OLD) -> Revision:
    """The revision that an earlier apply made."""
    runtime = canonical.runtime(spec, [image])
    return Revision(1, "", runtime, canonical.settings(spec), {}, "uuid-1")


NOWHERE = Observed("web")
RUNNING = Observed("web", revision_of(spec_of()), "uuid-1", "running", True, True, UNIT, True)
STOPPED = Observed("web", revision_of(spec_of()), "uuid-1", "exited", False, False, UNIT)
CRASHING = Observed("web", revision_of(spec_of()), "uuid-1", "exited", False, True, UNIT, True)
NEVER_RUN = Observed("web", revision_of(spec_of()), "", "stopped", unit=UNIT, prepared=True)
STALE = Observed(
    "web", revision_of(spec_of()), "uuid-0", "running", True, True, UNIT, True, prepared=True
)
SEEN = {
    "nowhere": NOWHERE,
    "running": RUNNING,
    "stopped": STOPPED,
    "crashing": CRASHING,
    "never run": NEVER_RUN,
    "stale": STALE,
}


@pytest.mark.parametrize(
    "seen, state, same, updated",
    [
        ("nowhere", "started", "prepare start enable", None),
        ("nowhere", "stopped", "prepare", None),
        ("nowhere", "prepared", "prepare", None),
        ("nowhere", "restarted", "prepare start enable", None),
        ("nowhere", "absent", "", None),
        ("running", "started", "", "prepare stop start"),
        ("running", "stopped", "stop disable", "prepare stop disable"),
        ("running", "prepared", "disable", "prepare disable"),
        ("running", "restarted", "stop start", "prepare stop start"),
        ("running", "absent", "stop remove", "stop remove"),
        ("stopped", "started", "start enable", "prepare start enable"),
        ("stopped", "stopped", "", "prepare"),
        ("stopped", "prepared", "prepare", "prepare"),
        ("stopped", "restarted", "start enable", "prepare start enable"),
        ("stopped", "absent", "remove", "remove"),
        ("crashing", "started", "stop start", "prepare stop start"),
        ("crashing", "stopped", "stop disable", "prepare stop disable"),
        ("crashing", "absent", "stop remove", "stop remove"),
        ("never run", "started", "start enable", "prepare start enable"),
        ("never run", "prepared", "", "prepare"),
        ("never run", "stopped", "", "prepare"),
        ("never run", "absent", "remove", "remove"),
        ("stale", "started", "stop start", "prepare stop start"),
        ("stale", "prepared", "disable", "prepare disable"),
    ],
)
def test_actions(seen: str, state: str, same: str, updated: Optional[str]) -> None:
    """`same`: the image is the one that the host has; `updated`: it is another one."""
    spec = spec_of(state)
    assert plan_pod(spec, SEEN[seen], [OLD], False, UNIT).actions == tuple(same.split())
    if updated is not None:
        assert plan_pod(spec, SEEN[seen], [NEW], False, UNIT).actions == tuple(updated.split())


@pytest.mark.parametrize(
    "fields, unit, actions",
    [
        ({}, UNIT, ""),
        ({"restart": "always"}, UNIT, "configure"),
        ({"stop_timeout": 3}, UNIT, "configure"),
        ({"ready": {"tcp": 80}}, UNIT, "configure"),
        ({}, "another unit\n", "configure"),
        ({"enabled": False}, UNIT, "disable"),
        ({"enabled": False, "restart": "no"}, UNIT, "configure disable"),
        ({"environment": {"A": "1"}}, UNIT, "prepare stop start"),
        ({"environment": {"A": "1"}, "restart": "no"}, UNIT, "prepare stop start"),
    ],
)
def test_actions_of_changed_fields_for_a_running_pod(
    fields: dict[str, Any], unit: str, actions: str
) -> None:
    plan = plan_pod(spec_of(**fields), RUNNING, [OLD], False, unit)
    assert plan.actions == tuple(actions.split())
    assert plan.changed is bool(actions)


def test_a_fetch_is_a_change_and_what_it_brings_is_not_known_beforehand() -> None:
    plan = plan_pod(spec_of(), RUNNING, [None], True, UNIT)
    assert plan.actions == ("fetch", "prepare", "stop", "start")
    assert plan.before["apps"][0]["image_id"] == OLD
    assert plan.after["apps"][0]["image_id"] == "to be fetched"
    assert plan_pod(spec_of(), RUNNING, [OLD], True, UNIT).actions == ("fetch",)


def test_without_systemd_nothing_is_enabled() -> None:
    seen = Observed("web", revision_of(spec_of()), "uuid-1", "running", True, True, "", True)
    assert plan_pod(spec_of(enabled=False), seen, [OLD], False, "").actions == ()


@pytest.mark.parametrize("name", SEEN)
@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("unit", [UNIT, ""])
@pytest.mark.parametrize("image", [OLD, NEW])
def test_the_difference_is_empty_when_nothing_is_to_be_done(
    name: str, state: str, unit: str, image: str
) -> None:
    seen = SEEN[name]
    plan = plan_pod(spec_of(state), seen, [image], False, unit)
    if not plan.actions:
        assert plan.before == plan.after


WANTED = [
    (spec_of(state, restart=restart), image)
    for state, restart, image in itertools.product(STATES, ("on-failure", "always"), (OLD, NEW))
    if state != "absent" or (restart, image) == ("always", OLD)
]
EVENTS: list[Callable[[SimulatedHost], None]] = [
    lambda host: None,
    SimulatedHost.end,
    SimulatedHost.crash,
    SimulatedHost.gc,
    SimulatedHost.reboot,
    SimulatedHost.edit_unit,
    SimulatedHost.upgrade,
]


def check(host: SimulatedHost, spec: PodSpec, image: str, story: object) -> None:
    """The host is as desired, and a second run has nothing to do."""
    if spec.state != "restarted":
        again = host.plan(spec, image)
        assert again.actions == (), story
        assert again.before == again.after, story
    if spec.state == "absent":
        assert host.observe() == Observed("web"), story
        return
    assert host.revision is not None, story
    assert host.revision.runtime == canonical.runtime(spec, [image]), story
    assert host.revision.settings == canonical.settings(spec), story
    if host.with_systemd:
        assert host.enabled is spec.enabled, story
    if spec.state in ("started", "restarted"):
        assert host.running and host.runs == host.revision.runtime, story
    elif spec.state == "stopped":
        assert not host.running and not host.active, story
    else:
        assert host.running or host.revision.uuid in host.waiting, story


@pytest.mark.parametrize("with_systemd", [True, False])
def test_once_applied_nothing_is_left_to_do(with_systemd: bool) -> None:
    """From every state, after every accident, to every other state."""
    for first, event, second in itertools.product(WANTED, EVENTS, WANTED):
        story = (first[0].state, first[1][-1], event, second[0].state, second[1][-1])
        host = SimulatedHost(with_systemd)
        host.apply(*first)
        check(host, *first, story)
        event(host)
        host.apply(*second)
        check(host, *second, story)


@pytest.mark.parametrize("with_systemd", [True, False])
def test_a_killed_apply_is_finished_by_the_next_one(with_systemd: bool) -> None:
    for first, second in itertools.product(WANTED, WANTED):
        for steps in range(20):
            host = SimulatedHost(with_systemd)
            host.apply(*first)
            finished = host.apply(*second, steps=steps)
            host.apply(*second)
            check(host, *second, (first[0].state, second[0].state, steps))
            if finished:
                break
        assert steps < 19


@pytest.mark.parametrize("with_systemd", [True, False])
def test_restarted_gives_a_new_instance_every_time(with_systemd: bool) -> None:
    host = SimulatedHost(with_systemd)
    spec = spec_of("restarted")
    instances = set()
    for _ in range(3):
        host.apply(spec, OLD)
        instances.add(host.instance)
    assert len(instances) == 3
