# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""How apps live together, as it is asked for on the command line and in the desired state, and as it is told."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Keys
from tests.support import aci
from tests.support.agent import Agent

Build = Callable[..., Path]


@pytest.fixture
def trusting(agent: Agent, lab: Keys) -> Agent:
    """An agent that trusts the lab's key for example.com."""
    agent.trust(lab.key, "example.com")
    return agent


def shell(script: str) -> dict[str, object]:
    return aci.app(["/bin/sh", "-c", script])


def only_pod(agent: Agent) -> dict[str, Any]:
    (pod,) = json.loads(agent.ok("list", "--format=json"))
    status: dict[str, Any] = json.loads(agent.ok("status", "--format=json", pod["name"]))
    return status


def test_flags_of_apps_and_what_status_says(trusting: Agent, signed_image: Build) -> None:
    image = str(signed_image(app=shell("echo web; exit 3")))
    other = ["--exec=/bin/sh", "--", "-c", "echo db; trap 'exit 0' QUIT; sleep 1000 & wait"]
    done = trusting(
        *("run", "--net=none", "--exit-policy=app:web"),
        *(image, "--name=web", "--depends-on=db", "---"),
        *(image, "--name=db", "--stop-signal=SIGQUIT", "--stop-timeout=5s", *other),
    )
    assert done.exit == 3, done
    assert done.stdout.splitlines() == ["db", "web"]
    status = only_pod(trusting)
    web, db = status["apps"]
    assert (web["exit_code"], web["exit_reason"], web["restarts"]) == (3, "failed", 0)
    assert db["exit_reason"] == "stopped-by-pod"
    assert db["started_at"] <= web["started_at"] <= web["finished_at"] <= db["finished_at"]
    lines = trusting.ok("status", status["name"]).splitlines()
    assert "app-web=3" in lines
    assert "app-web.reason=failed" in lines
    manifest = json.loads(trusting.ok("cat-manifest", status["name"]))
    said = {
        app["name"]: {pair["name"]: pair["value"] for pair in app["annotations"]}
        for app in manifest["apps"]
    }
    assert said["web"] == {"podwright.io/depends-on": "db"}
    assert said["db"] == {
        "podwright.io/stop-signal": "SIGQUIT",
        "podwright.io/stop-timeout": "5.0",
    }


def test_an_app_is_started_again_and_status_counts(trusting: Agent, signed_image: Build) -> None:
    image = signed_image(app=shell("[ -e /again ] && exit 0; echo > /again; exit 9"))
    assert trusting("run", "--net=none", image, "--restart=on-failure").exit == 0
    status = only_pod(trusting)
    assert status["apps"][0]["restarts"] == 1
    assert "app-tiny.restarts=1" in trusting.ok("status", status["name"]).splitlines()


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--depends-on=x"], "app tiny depends on x, which is no app of the pod"),
        (["--depends-on=tiny"], "circle: tiny -> tiny"),
        (["--depends-on=tiny:soon"], "--depends-on: 'tiny:soon' waits for something unknown"),
        (["--restart=perhaps"], "perhaps"),
        (["--stop-signal=SIGWHAT"], "--stop-signal: 'SIGWHAT' is not a signal"),
        (["--stop-timeout=soon"], "--stop-timeout: 'soon' is not a duration"),
        (["--ready-tcp=0"], "--ready-tcp: '0' is not a port"),
        (["--ready-tcp=1", "--ready-exec=/x"], "--ready-tcp and --ready-exec cannot be combined"),
        (["--ready-timeout=1s"], "--ready-timeout needs a rule"),
        (["--exit-policy=sometimes"], "--exit-policy: 'sometimes' is not an exit policy"),
        (["--exit-policy=app:x"], "exit policy app:x names no app of the pod"),
    ],
)
def test_bad_flags_are_refused_and_leave_no_pod(
    trusting: Agent, signed_image: Build, flags: list[str], says: str
) -> None:
    image = signed_image()
    assert says in trusting.refused("run", "--net=none", image, *flags)
    assert json.loads(trusting.ok("list", "--format=json")) == []


def test_an_images_own_stop_signal_is_used(trusting: Agent, signed_image: Build) -> None:
    script = "trap 'echo quit; exit 0' QUIT; echo > /v/up; sleep 1000 & wait"
    note = [{"name": "appc.io/docker/stopsignal", "value": "SIGQUIT"}]
    image = str(signed_image(app=shell(script), annotations=note))
    shared = "--mount=volume=v,target=/v"
    wait = "while [ ! -e /v/up ]; do sleep 0.02; done; exit 4"
    done = trusting(
        *("run", "--net=none", "--volume=v,kind=empty", image, "--name=a", shared, "---"),
        *(image, "--name=b", shared, "--exec=/bin/sh", "--", "-c", wait),
    )
    assert (done.exit, done.stdout) == (4, "quit\n")


def test_a_pod_of_the_desired_state_keeps_its_apps_lives(
    trusting: Agent, signed_image: Build
) -> None:
    image = str(signed_image(app=shell("sleep 1000")))
    pod = {
        "name": "shop",
        "net": "none",
        "exit_policy": "all-ended",
        "apps": [
            {"name": "web", "image": image, "depends_on": ["db:ready"], "restart": "always"},
            {"name": "db", "image": image, "ready": {"exec": ["/bin/true"]}, "stop_timeout": 1},
        ],
    }
    try:
        first = trusting.apply({"version": 1, "pods": [pod]})
        assert first["changed"] is True, first
        assert trusting.apply({"version": 1, "pods": [pod]})["changed"] is False
        manifest = json.loads(trusting.ok("cat-manifest", "shop"))
        said = [{pair["name"] for pair in app["annotations"]} for app in manifest["apps"]]
        assert said == [
            {"podwright.io/depends-on", "podwright.io/restart"},
            {"podwright.io/ready", "podwright.io/stop-timeout"},
        ]
        states = {app["name"]: app["state"] for app in only_pod(trusting)["apps"]}
        assert states == {"web": "running", "db": "running"}
        del pod["apps"][0]["restart"]  # type: ignore[attr-defined]
        assert trusting.apply({"version": 1, "pods": [pod]})["changed"] is True
    finally:
        trusting.apply({"version": 1, "pods": [{"name": "shop", "state": "absent"}]})


def test_a_pod_whose_app_is_never_ready_fails_and_says_which(
    trusting: Agent, signed_image: Build
) -> None:
    image = str(signed_image(app=shell("sleep 1000")))
    pod = {
        "name": "shop",
        "net": "none",
        "ready": {"timeout": 1},
        "apps": [
            {"name": "web", "image": image, "depends_on": ["db:ready"]},
            {
                "name": "db",
                "image": image,
                "ready": {"exec": ["/bin/false"], "timeout": 2},
            },
        ],
    }
    try:
        desired = json.dumps({"version": 1, "pods": [pod]})
        done = trusting("apply", stdin=desired)
        assert done.exit == 254
        assert "pod shop did not become ready" in done.stdout
        assert "app db: not ready after 2 s: /bin/false ended with 1" in done.stdout
        status = only_pod(trusting)
        reasons = {app["name"]: app["exit_reason"] for app in status["apps"]}
        assert status["exit_reason"] == "not-ready"
        assert reasons == {"web": "never-started", "db": "stopped-by-pod"}
    finally:
        trusting.apply({"version": 1, "pods": [{"name": "shop", "state": "absent"}]})
