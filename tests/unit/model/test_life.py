# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""An app's life in the desired state, in annotations, from its image."""

from __future__ import annotations

import random
import signal
from typing import Any

import pytest

from podwright.errors import UsageError
from podwright.model import life
from podwright.model.fields import Fields
from podwright.model.life import PLAIN, Dependency, Life
from podwright.model.probe import Probe
from podwright.model.signalnames import full_name, number
from podwright.model.spec import parse_desired
from podwright.stage1.contract import Ready


def some_life(chance: random.Random) -> Life:
    rules = [
        None,
        Ready(),
        Ready(tcp=chance.randint(1, 65535), interval=0.5),
        Ready(exec=("/bin/true", 'a "b,c'), timeout=3.5),
    ]
    return Life(
        tuple(
            Dependency(f"a{index}", chance.choice(life.CONDITIONS))
            for index in range(chance.randint(0, 3))
        ),
        chance.choice(life.RESTARTS),
        chance.choice(rules),
        chance.choice(["", "SIGQUIT", "SIGRTMIN+3"]),
        chance.choice([None, 0.0, 1.5, 100.0]),
        chance.choice([None, 0.1, 86400.0]),
        notify=chance.choice([None, True, False]),
        watchdog=chance.choice([None, 0.5, 30.0]),
        startup=chance.choice([None, Probe("exec", exec=("/bin/ok", "a"), interval=0.5)]),
        liveness=chance.choice([None, Probe("tcp", port="http", initial_delay=2.0)]),
    )


@pytest.mark.parametrize("seed", range(100))
def test_annotations_and_json_give_the_same_life_again(seed: int) -> None:
    written = some_life(random.Random(seed))
    assert life.parse(life.dump(written), "a") == written
    assert life.from_json(life.as_json(written)) == written


def test_a_plain_life_leaves_no_trace() -> None:
    assert life.dump(PLAIN) == ()
    assert life.parse((("example.com/x", "y"),), "a") is PLAIN


@pytest.mark.parametrize(
    ("annotation", "text", "message"),
    [
        ("depends-on", "b:done", "app a.depends_on: 'b:done' waits for something unknown"),
        ("depends-on", "B", "app a.depends_on: 'B' is not an AC name"),
        ("restart", "often", "app a.restart: 'often' is not one of no, on-failure, always"),
        ("ready", "{", "app a: annotation podwright.io/ready"),
        ("ready", '{"tcp": 0}', "app a.ready.tcp: 0 is not between 1 and 65535"),
        ("ready", '{"tcp": 1, "exec": ["/x"]}', "app a.ready: tcp and exec exclude each other"),
        ("ready", '{"app": "b"}', "app a.ready.app: unknown field"),
        ("stop-signal", "SIGWHAT", "app a.stop_signal: 'SIGWHAT' is not a signal"),
        ("stop-timeout", "-1", "app a.stop_timeout: must be a number of seconds"),
        ("stop-timeout", "nan", "app a.stop_timeout: must be a number of seconds"),
        ("hook-timeout", "soon", "app a.hook_timeout: must be a number of seconds"),
        ("unheard-of", "1", "app a.unheard_of: unknown field"),
    ],
)
def test_bad_annotations_are_refused(annotation: str, text: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        life.parse(((f"podwright.io/{annotation}", text),), "a")
    assert caught.value.message.startswith(message)


def desired(**pod: Any) -> Any:
    return parse_desired({"pods": [{"name": "p", **pod}]}).pods[0]


def test_all_fields_of_the_desired_state() -> None:
    pod = desired(
        exit_policy="app:web",
        apps=[
            {
                "image": "example.com/web",
                "name": "web",
                "depends_on": ["db:ready", "cache"],
                "restart": "on-failure",
                "ready": {"tcp": 80},
                "stop_signal": "quit",
                "stop_timeout": 3,
                "hook_timeout": 4,
            },
            {"image": "example.com/db"},
        ],
    )
    assert pod.exit_policy == "app:web"
    assert pod.apps[0].life == Life(
        (Dependency("db", "ready"), Dependency("cache")),
        "on-failure",
        Ready(tcp=80),
        "SIGQUIT",
        3.0,
        4.0,
    )
    assert pod.apps[1].life == PLAIN


def test_beside_image_restart_and_ready_are_those_of_the_pod() -> None:
    pod = desired(image="example.com/a", restart="always", ready={"tcp": 1}, stop_signal="9")
    assert pod.restart == "always"
    assert pod.apps[0].life == Life(stop_signal="SIGKILL")


@pytest.mark.parametrize(
    ("pod", "message"),
    [
        ({"image": "example.com/a", "depends_on": ["b"]}, "pods[0].depends_on: unknown field"),
        (
            {"image": "example.com/a", "exit_policy": "app:"},
            "pods[0].exit_policy: '' is not an AC name",
        ),
        (
            {"image": "example.com/a", "exit_policy": "never"},
            "pods[0].exit_policy: 'never' is not an exit policy",
        ),
        ({"state": "absent", "stop_signal": "TERM"}, "pods[0].stop_signal: needs image"),
    ],
)
def test_bad_fields_are_refused(pod: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        desired(**pod)
    assert caught.value.message.startswith(message)


def test_signals_have_the_numbers_of_this_system() -> None:
    for known in signal.Signals:
        if known not in (signal.SIGRTMIN, signal.SIGRTMAX):
            assert number(known.name) == known
            assert number(full_name(str(int(known)))) == known
    assert number("SIGRTMIN") == signal.SIGRTMIN
    assert number("RTMAX") == signal.SIGRTMAX
    assert full_name("sigrtmin+3") == "SIGRTMIN+3"


@pytest.mark.parametrize(
    "text", ["", "0", "32", "33", "65", "-1", "SIG", "RTMIN-1", "RTMAX+1", "RTMIN+31", "RTMIN+x"]
)
def test_what_is_no_signal(text: str) -> None:
    assert number(text) == 0
    assert full_name(text) == ""


def test_an_image_may_know_how_its_app_is_stopped() -> None:
    image = (("appc.io/docker/stopsignal", "3"),)
    assert life.of_image(PLAIN, image, "a").stop_signal == "SIGQUIT"
    assert life.of_image(Life(stop_signal="SIGINT"), image, "a").stop_signal == "SIGINT"
    assert life.of_image(PLAIN, (), "a") is PLAIN
    assert life.with_stop_signal((), image, "a") == (("podwright.io/stop-signal", "SIGQUIT"),)
    own = (("podwright.io/stop-signal", "SIGINT"),)
    assert life.with_stop_signal(own, image, "a") == own
    with pytest.raises(UsageError):
        life.of_image(PLAIN, (("appc.io/docker/stopsignal", "SIGWHAT"),), "a")


def test_stopping_a_chain_takes_as_long_as_all_of_it() -> None:
    chain = [Life(), Life(depends_on=(Dependency("a"),), stop_timeout=1.0, hook_timeout=3.0)]
    assert life.stop_bound(chain, 10.0) == 10 + 10 + 1 + 3
    assert life.stop_bound([Life(), Life(stop_timeout=1.0)], 10.0) == 20


def test_a_pod_waits_longer_for_a_chain_to_be_ready() -> None:
    chain = [Life(ready=Ready(tcp=1, timeout=30)), Life(depends_on=(Dependency("a", "ready"),))]
    assert life.start_bound(chain, Ready(timeout=60)) == 60 + 30 + 1
    assert life.start_bound([Life(), Life()], Ready(timeout=60)) == 60


def test_fields_that_nobody_reads_stay_for_others() -> None:
    fields = Fields({"stop_signal": "TERM", "image": "x"}, "app")
    assert life.parse_fields(fields, several=False).stop_signal == "SIGTERM"
    with pytest.raises(UsageError):
        fields.finish()
