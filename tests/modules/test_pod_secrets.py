# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Secrets of pods through real plays: they arrive, they change a pod, and nobody else sees them (T93)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.modules.test_secrets import Plays, plays, pod
from tests.support import leaks
from tests.support.registry import PASSWORD, USER

__all__ = ["plays"]

CANARY = "p0d-secret-canary"
SPELT = leaks.spellings(CANARY)
SHAPES: dict[str, Any] = {
    "text": f"name=key content={CANARY}",
    "mapping": {"name": "key", "content": {"value": CANARY}},
    "listed": [{"name": "key", "content": [CANARY]}],
    "misspelt": [{"name": "key", "contents": CANARY}],
    "not_base64": [{"name": "key", "content": f"!{CANARY}", "encoding": "base64"}],
    "no_name": [{"content": CANARY}],
    "two_sources": [{"name": "key", "content": CANARY, "file": "/x"}],
}
MISPLACED: dict[str, Any] = {
    "scerets": [{"name": "key", "content": CANARY}],
    "volumes": [{"name": "v", "kind": "empty", "content": CANARY}],
    "apps": [{"image": "example.com/web", "content": CANARY}],
}


def wanted(plays: Plays, secrets: Any, **options: Any) -> dict[str, Any]:
    """A task with the module pod, whose image comes with a log-in."""
    login = [{"registry": plays.registry.host, "username": USER, "password": PASSWORD}]
    return pod(plays, registry_auth=login, secrets=secrets, **options)


@pytest.mark.threat("T93")
def test_a_secret_of_a_pod_is_seen_by_nobody(plays: Plays, tmp_path: Path) -> None:
    import base64

    key = {"name": "key", "content": CANARY}
    encoded = {**key, "content": base64.b64encode(CANARY.encode()).decode(), "encoding": "base64"}
    tasks = [
        wanted(plays, [key]),
        wanted(plays, [encoded]),
        {"podwright.fleet.pod_info": {}, "register": "pods"},
        {"ansible.builtin.debug": {"var": "pods"}},
        *(wanted(plays, shape) for shape in SHAPES.values()),
        *(wanted(plays, [key], **{name: given}) for name, given in MISPLACED.items()),
        wanted(plays, [key], colour="red"),
    ]
    with leaks.Watch(plays.adhoc.agent.host, tmp_path, SPELT) as watch:
        said = [plays.run(tasks, "--check", "--diff", "-vvvv"), plays.run(tasks, "--diff", "-vvvv")]
    assert watch.processes == []
    assert "ansible-podwright.fleet.pod: Invoked with" in watch.syslog
    places = [plays.home, plays.adhoc.agent.data, plays.adhoc.agent.local]
    assert leaks.in_files(SPELT, *(place for place in places if place.exists())) == []
    for text in (watch.syslog, *(text for each in said for text in (each.stdout, each.stderr))):
        assert [spelt for spelt in SPELT if spelt in text] == []
    # Ansible itself makes proper secrets of a text and of a lonely mapping.
    assert f"ignored={len(SHAPES) + len(MISPLACED) + 1 - 2}" in said[1].stdout
    running = plays.adhoc.agent.ok("list", "--no-legend")
    assert "running" in running
    plays.adhoc("pod", "name=web state=absent")


def test_the_answer_is_not_spoilt_by_what_a_secret_is_called(plays: Plays) -> None:
    """The secret s made '****tart' of start, and one called web hid the pod's name."""
    secrets = [
        {"name": "s", "content": CANARY, "apps": ["web"], "target": "/run/r"},
        {"name": "web", "content": CANARY},
    ]
    answer = plays.adhoc("pod", wanted(plays, secrets)["podwright.fleet.pod"])
    (part,) = answer["pods"]
    assert (part["name"], part["state"]) == ("web", "running")
    assert part["actions"][-1] == "start" and list(part["image_ids"]) == ["web"]
    assert "****" not in plays.adhoc.output and CANARY not in plays.adhoc.output
    plays.adhoc("pod", "name=web state=absent")


def test_an_encoding_is_no_change_and_another_content_is(plays: Plays) -> None:
    def apply(secrets: list[dict[str, str]]) -> dict[str, Any]:
        return plays.adhoc("pod", wanted(plays, secrets)["podwright.fleet.pod"])

    assert apply([{"name": "key", "content": "hello"}])["changed"] is True
    again = apply([{"name": "key", "content": "aGVsbG8=", "encoding": "base64"}])
    assert again["changed"] is False
    other = apply([{"name": "key", "content": "bye"}])
    assert "secrets" in other["pods"][0]["actions"]
    plays.adhoc("pod", "name=web state=absent")
    found = plays.adhoc.agent.host.run(["find", "/run/podwright/secrets", "-type", "f"])
    assert found.stdout == ""
