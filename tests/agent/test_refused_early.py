# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What no start could do is refused before anything is made, and what is lifted or missing is shown."""

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
FLY = ("--stage1-name=fly",)


@pytest.fixture
def trusting(agent: Agent, lab: Keys) -> Agent:
    """An agent that trusts the lab's key for example.com."""
    agent.trust(lab.key, "example.com")
    return agent


def shell(script: str) -> dict[str, object]:
    return aci.app(["/bin/sh", "-c", script])


def pods(agent: Agent) -> list[dict[str, Any]]:
    found = json.loads(agent.ok("list", "--format=json"))
    return [json.loads(agent.ok("status", "--format=json", pod["name"])) for pod in found]


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ((), ("--seccomp=mode=remove,no_such_call",), "unknown system call 'no_such_call'"),
        ((), ("--seccomp=mode=retain,@x/y",), "unknown group of system calls '@x/y'"),
        ((), ("--seccomp=mode=remove,errno=EWHAT,mkdir",), "unknown errno 'EWHAT'"),
        ((), ("--apparmor=nobody-has-this",), "apparmor-profile cannot be enforced"),
        (("--volume=v,kind=device,source=/etc",), ("--mount=volume=v,target=/d",), "not a device"),
        (
            ("--volume=v,kind=host,source=/proc/self/root",),
            ("--mount=volume=v,target=/d",),
            "/proc/self is a link",
        ),
        (("--volume=v,kind=empty",), ("--mount=volume=v,target=/proc/x",), "cannot be mounted"),
        ((*FLY, "--volume=v,kind=empty"), ("--mount=volume=v,target=/dev/x",), "mounted at /dev/x"),
        (FLY, ("--seccomp=mode=remove,no_such_call",), "unknown system call 'no_such_call'"),
    ],
)
@pytest.mark.parametrize("verb", ["run", "prepare"])
def test_what_cannot_be_had_leaves_no_pod_and_no_note(
    trusting: Agent,
    signed_image: Build,
    verb: str,
    before: tuple[str, ...],
    after: tuple[str, ...],
    said: str,
) -> None:
    net = () if before[:1] == FLY else ("--net=none",)
    if verb == "prepare":
        net = ()
    image = str(signed_image(app=shell("true")))
    done = trusting(verb, *net, *before, image, "--name=app", *after)
    assert done.exit == 254, done
    assert said in done.stderr, done
    assert "note:" not in done.stderr
    assert pods(trusting) == []


def test_lifted_checks_are_told_once_and_stay_in_the_status(
    trusting: Agent, signed_image: Build
) -> None:
    image = str(signed_image(app=shell("true")))
    done = trusting("--insecure-options=seccomp,paths", "run", "--net=none", image)
    sentence = "checks lifted by insecure options: paths, seccomp"
    assert done.exit == 0, done
    assert done.stderr.count(sentence) == 1
    (pod,) = pods(trusting)
    assert pod["insecure"] == ["paths", "seccomp"]
    assert sentence in pod["reports"]
    lines = trusting.ok("status", pod["name"]).splitlines()
    assert {"stage1=namespaces", "net=none", "insecure=paths,seccomp"} <= set(lines)


def test_checks_that_only_the_start_lifts_are_told_too(
    trusting: Agent, signed_image: Build
) -> None:
    image = str(signed_image(app=shell("true")))
    uuid = trusting.ok("prepare", image).strip()
    assert not [line for line in trusting.ok("status", uuid).splitlines() if "insecure" in line]
    done = trusting("--insecure-options=seccomp", "run-prepared", "--net=none", uuid)
    assert done.stderr.count("checks lifted by insecure options: seccomp") == 1, done
    lines = trusting.ok("status", uuid).splitlines()
    assert {"insecure=seccomp", "net=none"} <= set(lines)
    assert "report=checks lifted by insecure options: seccomp" in lines


def test_the_only_app_of_a_running_pod_has_its_line(trusting: Agent, signed_image: Build) -> None:
    image = str(signed_image(app=shell("sleep 1000")))
    uuid = trusting.ok("prepare", image, "--name=web").strip()
    with trusting.host.popen([*trusting.command, "run-prepared", "--net=none", uuid]) as running:
        trusting.ok("status", "--wait-ready=30s", uuid)
        lines = trusting.ok("status", uuid).splitlines()
        assert "app-web.state=running" in lines
        trusting.ok("stop", "--force", uuid)
        assert running.wait() == 137
    lines = trusting.ok("status", uuid).splitlines()
    assert {"reason=stopped", "app-web=137", "app-web.reason=stopped-by-pod"} <= set(lines)
    assert not [line for line in lines if ".state=" in line]


def test_a_user_that_keeps_the_images_group_is_told_which(
    trusting: Agent, signed_image: Build
) -> None:
    image = str(signed_image(app=shell("id -g")))
    alone = trusting("run", "--net=none", image, "--user=7")
    assert alone.stdout == "0\n"
    assert "user 7 runs with the image's group 0" in alone.stderr
    both = trusting("run", "--net=none", image, "--user=7", "--group=8")
    assert both.stdout == "8\n"
    assert "group" not in both.stderr


def test_two_rules_of_readiness_are_refused(trusting: Agent, signed_image: Build) -> None:
    pod = {
        "name": "web",
        "image": str(signed_image(app=shell("true"))),
        "ready": {"tcp": 80, "exec": ["/bin/true"]},
    }
    text = json.dumps({"version": 1, "pods": [pod]})
    done = trusting("apply", "-", stdin=text)
    assert "pods[0].ready: tcp and exec exclude each other" in done.stdout + done.stderr
