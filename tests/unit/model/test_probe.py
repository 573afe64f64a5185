# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Probes of a desired state and of a pod manifest."""

from __future__ import annotations

import random
from typing import Any

import pytest

from podwright.errors import UsageError
from podwright.model import life, probe
from podwright.model.fields import Fields
from podwright.model.image import Port
from podwright.model.probe import LIVENESS, READINESS, ROLES, STARTUP, Probe
from podwright.stage1.contract import Ready


def some_probe(chance: random.Random, role: str) -> Probe:
    port = chance.choice(["1", "65535", "web", "web-2"])
    times: dict[str, Any] = {
        "interval": chance.choice([0.1, 1.0, 10.0]),
        "timeout": chance.choice([0.5, 3.0]),
        "failure_threshold": chance.choice([1, 3, 60]),
        "success_threshold": chance.choice([1, 2]) if role == READINESS else 1,
        "initial_delay": chance.choice([0.0, 2.5]),
    }
    target: dict[str, Any] = chance.choice(
        [
            {"kind": "exec", "exec": ("/bin/ok", "a b", "")},
            {"kind": "tcp", "port": port, "address": chance.choice(["", "127.0.0.1"])},
            {
                "kind": "http",
                "port": port,
                "path": chance.choice(["/", "/x?y"]),
                "host": chance.choice(["", "example.com"]),
                "address": chance.choice(["", "::1"]),
                "headers": chance.choice([(), (("A", "b"), ("C", ""))]),
            },
        ]
    )
    return Probe(**target, **times)


@pytest.mark.parametrize("seed", range(100))
def test_what_is_written_is_read(seed: int) -> None:
    chance = random.Random(seed)
    role = chance.choice(ROLES)
    written = some_probe(chance, role)
    assert probe.parse(Fields(probe.dump(written, role), "x"), role) == written


@pytest.mark.parametrize(
    ("raw", "role", "message"),
    [
        ({}, LIVENESS, "x: must have one of exec, http and tcp"),
        ({"tcp": 1, "exec": ["/x"]}, LIVENESS, "x: must have one of exec, http and tcp"),
        ({"tcp": True}, LIVENESS, "x.tcp: must be a string"),
        ({"tcp": -1}, LIVENESS, "x: '-1' is not a port"),
        ({"tcp": {"port": 1, "path": "/"}}, LIVENESS, "x.tcp.path: unknown field"),
        ({"http": {}}, LIVENESS, "x.http.port: is missing"),
        ({"http": {"port": 1, "scheme": "HTTPS"}}, LIVENESS, "x.http.scheme: a probe speaks plain"),
        ({"http": {"port": 1, "path": "x"}}, LIVENESS, "x: 'x' is not the path of a request"),
        ({"http": {"port": 1, "headers": {"host": "a"}}}, LIVENESS, "x: header host is the probe"),
        ({"exec": []}, LIVENESS, "x: exec names no program"),
        ({"exec": "/x"}, LIVENESS, "x.exec: must be a list"),
        ({"tcp": 1, "interval": 0.01}, READINESS, "x.interval: must be a number of seconds"),
        ({"tcp": 1, "timeout": 1e9}, READINESS, "x.timeout: must be a number of seconds"),
        ({"tcp": 1, "failure_threshold": 0}, READINESS, "x.failure_threshold: 0 is not between"),
        (
            {"tcp": 1, "success_threshold": 2},
            STARTUP,
            "x: success_threshold of startup is always 1",
        ),
        ({"tcp": 1, "period": 2}, STARTUP, "x.period: unknown field"),
    ],
)
def test_refused(raw: dict[str, Any], role: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        probe.parse(Fields(raw, "x"), role)
    assert caught.value.message.startswith(message)


def test_names_of_ports_become_numbers() -> None:
    ports = (Port("dns", "udp", 53), Port("web", "tcp", 8080))
    asked = life.Life(liveness=Probe("tcp", port="web"), startup=Probe("tcp", port="81"))
    found = life.with_ports(asked, ports, "a")
    assert found.liveness == Probe("tcp", port="8080")
    assert found.startup == asked.startup
    for name in ("dns", "other"):
        with pytest.raises(UsageError, match=f"a.readiness: the app has no TCP port called {name}"):
            life.with_ports(life.Life(readiness=Probe("tcp", port=name)), ports, "a")


def test_patience_covers_the_startup_probe() -> None:
    startup = Probe("tcp", port="1", interval=2, timeout=1, failure_threshold=10, initial_delay=5)
    readiness = Probe("tcp", port="1", initial_delay=7)
    one = life.Life(startup=startup, readiness=readiness)
    assert life.patience(one, Ready(timeout=60)) == 60 + 5 + 10 * 3 + 7
    assert life.start_bound([one], Ready(timeout=60)) == 60 + 60 + 42


def test_a_life_without_probes_is_what_older_agents_wrote() -> None:
    known = {"depends_on", "restart", "ready", "stop_signal", "stop_timeout", "hook_timeout"}
    assert set(life.as_json(life.Life(restart="always"))) == known


def test_a_readiness_probe_and_a_rule_exclude_each_other() -> None:
    raw: dict[str, Any] = {"readiness": {"tcp": 1}, "ready": {"tcp": 1}}
    with pytest.raises(UsageError, match="exclude each other"):
        life.parse_fields(Fields(raw, "a"), several=True)
    raw["ready"] = {"timeout": 5}
    assert life.parse_fields(Fields(raw, "a"), several=True).ready == Ready(timeout=5)
