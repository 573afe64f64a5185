# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whose turn it is, checked on random pods."""

from __future__ import annotations

import random

import pytest

from podwright.errors import UsageError
from podwright.model import startorder
from podwright.model.life import Dependency
from podwright.stage2 import order

Wants = dict[str, tuple[Dependency, ...]]
SEEDS = range(200)


def acyclic(chance: random.Random) -> Wants:
    """A pod in which each app depends on some of those before it; the order of apps says nothing."""
    names = [f"a{number}" for number in range(chance.randint(1, 9))]
    wants = {
        name: tuple(
            Dependency(other, chance.choice(("started", "ready")))
            for other in names[:index]
            if chance.random() < 0.4
        )
        for index, name in enumerate(names)
    }
    shuffled = list(wants.items())
    chance.shuffle(shuffled)
    return dict(shuffled)


def names(wants: Wants) -> dict[str, tuple[str, ...]]:
    return {app: tuple(need.app for need in needs) for app, needs in wants.items()}


@pytest.mark.parametrize("seed", SEEDS)
def test_every_app_starts_in_the_end_and_none_before_its_turn(seed: int) -> None:
    chance = random.Random(seed)
    wants = acyclic(chance)
    startorder.check(names(wants))
    started: list[str] = []
    ready: set[str] = set()
    while len(started) < len(wants):
        free = [
            app
            for app, needs in wants.items()
            if app not in started and not order.missing(needs, started, ready)
        ]
        late = [app for app in started if app not in ready]
        assert free or late, "nothing can go on"
        if free and (not late or chance.random() < 0.5):
            app = chance.choice(free)
            for need in wants[app]:
                assert need.app in (ready if need.condition == "ready" else started)
            started.append(app)
        else:
            ready.add(chance.choice(late))


@pytest.mark.parametrize("seed", SEEDS)
def test_every_app_ends_and_none_before_those_that_depend_on_it(seed: int) -> None:
    chance = random.Random(seed)
    wants = acyclic(chance)
    users = order.dependents(wants)
    alive = set(wants)
    while alive:
        free = order.unneeded(users, alive)
        assert free, "nobody may end"
        app = chance.choice(free)
        assert not any(need.app == app for other in alive for need in wants[other])
        alive.remove(app)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_circle_is_found_wherever_it_is_and_named_in_its_order(seed: int) -> None:
    chance = random.Random(seed)
    wants = names(acyclic(chance))
    ring = chance.sample(sorted(wants), chance.randint(1, len(wants)))
    for app, after in zip(ring, [*ring[1:], ring[0]], strict=True):
        wants[app] = (*wants[app], after) if after not in wants[app] else wants[app]
    circle = startorder.find_circle(wants)
    assert circle
    assert len(set(circle)) == len(circle)
    for app, after in zip(circle, [*circle[1:], circle[0]], strict=True):
        assert after in wants[app]
    with pytest.raises(UsageError) as caught:
        startorder.check(wants)
    assert caught.value.message.endswith(" -> ".join((*circle, circle[0])))


@pytest.mark.parametrize("seed", SEEDS)
def test_without_a_circle_none_is_found(seed: int) -> None:
    assert startorder.find_circle(names(acyclic(random.Random(seed)))) == ()


def test_what_can_never_come_is_told_from_what_may_still_come() -> None:
    lacks = [Dependency("db", "ready"), Dependency("cache")]
    assert order.hopeless(lacks, ()) is None
    assert order.hopeless(lacks, ("web",)) is None
    assert order.hopeless(lacks, ("cache",)) == Dependency("cache")


def test_a_pause_doubles_up_to_a_minute() -> None:
    pauses = [order.pause(1.0, attempt) for attempt in range(9)]
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert order.pause(1.0, 10**6) == 60


def test_pauses_never_shrink_and_never_pass_their_limit() -> None:
    for base in (0.001, 0.5, 1.0, 59.0, 3600.0):
        pauses = [order.pause(base, attempt) for attempt in range(50)]
        assert pauses == sorted(pauses)
        assert pauses[0] == base
        assert pauses[-1] <= max(base, 60.0)


@pytest.mark.parametrize(
    ("restart", "status", "again"),
    [
        ("no", 0, False),
        ("no", 1, False),
        ("on-failure", 0, False),
        ("on-failure", 137, True),
        ("always", 0, True),
        ("always", 1, True),
    ],
)
def test_who_starts_again(restart: str, status: int, again: bool) -> None:
    assert order.starts_again(restart, status) is again


@pytest.mark.parametrize(
    ("policy", "app", "status", "ends"),
    [
        ("first-failure", "a", 0, False),
        ("first-failure", "a", 1, True),
        ("all-ended", "a", 0, False),
        ("all-ended", "a", 1, False),
        ("app:a", "a", 0, True),
        ("app:a", "a", 1, True),
        ("app:a", "b", 1, False),
        ("app:a", "ab", 1, False),
    ],
)
def test_what_ends_a_pod(policy: str, app: str, status: int, ends: bool) -> None:
    assert order.ends_pod(policy, app, status) is ends
