# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pods whose apps come and go while they run (behaviour.md B12)."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.agent.mutable_bed import Sandbox, settled
from tests.conftest import Keys
from tests.support import aci
from tests.support.agent import Agent

Build = Callable[..., Path]
LIVE = "trap 'exit 0' TERM; echo up; while :; do sleep 1000 & wait; done"


@pytest.fixture
def trusting(agent: Agent, lab: Keys) -> Agent:
    """An agent that trusts the lab's key for example.com."""
    agent.trust(lab.key, "example.com")
    return agent


def shell(script: str) -> dict[str, object]:
    return aci.app(["/bin/sh", "-c", script])


def test_apps_come_and_go(trusting: Agent, signed_image: Build) -> None:
    image = signed_image(app=shell(LIVE))
    with Sandbox(trusting, "--net=none", "--hostname=box") as box:
        assert box.states() == {}
        before = box.held()
        assert box.ok("add", image, "--name=one") == "one\n"
        assert box.states() == {"one": "created"}
        box.ok("start", "--app=one")
        assert box.states() == {"one": "running"}
        box.start(image, "two", "--stdin=stream")
        assert box.says("two", "hostname; cat /proc/1/comm") == "box\npodwright-init\n"
        box.ok("stop", "--app=one")
        fares = box.fares("one")
        assert (fares["state"], fares["exit_code"], fares["exit_reason"]) == (
            "exited",
            0,
            "stopped-by-pod",
        )
        assert box.states() == {"one": "exited", "two": "running"}
        box.ok("rm", "--app=one")
        assert box.states() == {"two": "running"}
        box.ok("stop", "--app=two")
        box.ok("rm", "--app=two")
        assert settled(box.held, before) == before
        status, _, err = box.end()
    assert (status, err) == (0, "")


def test_an_apps_failure_ends_no_other_and_it_can_be_started_again(
    trusting: Agent, signed_image: Build
) -> None:
    image = signed_image(app=shell("[ -e /tmp/again ] && exit 0; echo > /tmp/again; exit 7"))
    with Sandbox(trusting) as box:
        box.start(image, "fails")
        found = box.until("fails", "exited")
        assert (found["exit_code"], found["exit_reason"]) == (7, "failed")
        assert found["created_at"] <= found["started_at"] <= found["finished_at"]
        box.start(image, "again", "--restart=on-failure")
        found = box.until("again", "exited")
        assert (found["exit_code"], found["restarts"]) == (0, 1)
        box.ok("start", "--app=fails")
        assert box.until("fails", "exited")["exit_code"] in (0, 7)
        assert json.loads(trusting.ok("status", box.uuid, "--format=json"))["state"] == "running"
        status, _, err = box.end()
    assert (status, err) == (
        0,
        "podwright: app again: failed: ended with 7; restart 1 in 1 s\n",
    )
    ended = json.loads(trusting.ok("status", box.uuid, "--format=json"))
    assert (ended["state"], ended["exit_reason"]) == ("exited", "stopped")
    assert {app["name"]: app["state"] for app in ended["apps"]} == {
        "fails": "exited",
        "again": "exited",
    }


def test_a_stopped_app_is_not_restarted_and_what_it_left_behind_is_ended(
    trusting: Agent, signed_image: Build
) -> None:
    script = "trap '' TERM; (trap '' TERM HUP; while :; do sleep 1; done) & wait; wait"
    image = signed_image(app=shell(script))
    with Sandbox(trusting) as box:
        box.start(image, "hard", "--restart=always", "--stop-timeout=200ms")
        box.ok("stop", "--app=hard")
        found = box.fares("hard")
        assert (found["state"], found["exit_code"], found["restarts"]) == ("exited", 137, 0)
        box.start(image, "other")
        count = (
            "n=0; for p in /proc/[0-9]*; do grep -qs sleep $p/cmdline && n=$((n+1)); done; echo $n"
        )
        assert int(box.says("other", count)) <= 4  # those of `other`, and this one


def test_what_is_wrong_is_said_and_changes_nothing(
    trusting: Agent, signed_image: Build, tmp_path: Path
) -> None:
    image = str(signed_image(app=shell(LIVE)))
    broken = str(signed_image(app=aci.app(["/no/such"])))
    with Sandbox(trusting) as box:
        box.start(image, "one")
        before = box.held()
        said = {
            ("add", image, "--name=one"): "the pod has an app called one already",
            ("add", image, "--name=x", "--depends-on=one"): "unknown option --depends-on",
            ("add", image, "--name=x", "--mnt-volume=kind=empty,target=/x"): "does not say name",
            (
                "add",
                image,
                "--name=x",
                "--mount=volume=no,target=/x",
            ): "names the unknown volume no",
            ("add", image, "--name=x", "--memory=lots"): "memory",
            ("add", image, "--name=x", "--user=nobody-here"): "nobody-here",
            ("add", image, "--name=x", "--notify"): "probes, notify and watchdog",
            ("start", "--app=one"): "it runs already",
            ("rm", "--app=one"): "it runs; stop it first",
            ("start", "--app=none"): "has no app called 'none'; it has one",
            ("start",): "app start needs an app",
        }
        for words, text in said.items():
            found = box.app(words[0], *words[1:])
            assert (found.exit, found.stdout) == (254, ""), words
            assert text in found.stderr and "Traceback" not in found.stderr, (words, found.stderr)
        assert settled(box.held, before) == before
        box.ok("add", broken, "--name=broken")
        found = box.app("start", "--app=broken")
        assert found.exit == 254
        assert "app broken: cannot execute /no/such" in found.stderr, found
        assert box.until("broken", "exited")["exit_code"] == 203
        assert box.app("status", "--app=none").exit == 1
        assert trusting("app", "list", "nobody").exit == 1
        assert trusting("app", "sandbox", "--stage1-name=fly").exit == 1
        assert trusting("app", "sandbox", image).exit == 1
        unsigned = tmp_path / "unsigned.aci"
        unsigned.write_bytes(Path(image).read_bytes())
        assert box.app("add", unsigned, "--name=x").exit == 254
        saved = tmp_path / "uuid"
        saved.write_text(box.uuid)
        listed = trusting.ok("app", "list", f"--uuid-file={saved}", "--format=json")
        assert [app["name"] for app in json.loads(listed)] == ["one", "broken"]
        assert trusting.ok("app", "list", box.uuid[:8]).splitlines()[0].split() == ["NAME", "STATE"]


def test_pods_that_run_started_refuse_to_change(trusting: Agent, signed_image: Build) -> None:
    image = str(signed_image(app=shell(LIVE)))
    uuid = trusting.ok("prepare", "--quiet", image).strip()
    found = trusting("app", "add", uuid, image, "--name=x")
    assert (found.exit, "is prepared, not running" in found.stderr) == (254, True), found
    process = trusting.host.popen([*trusting.command, "run-prepared", "--net=none", uuid])
    try:
        assert trusting("status", "--wait-ready=60s", uuid).exit == 0
        for words in (("add", uuid, image, "--name=x"), ("start", "--app=tiny", uuid)):
            found = trusting("app", *words)
            assert found.exit == 254
            assert "was not started by app sandbox: its apps cannot be changed" in found.stderr
        assert trusting.ok("app", "list", "--no-legend", uuid).split() == ["tiny", "running"]
        assert trusting.ok("app", "exec", "--app=tiny", uuid, "/bin/echo", "in") == "in\n"
    finally:
        trusting("stop", "--force", uuid)
        process.communicate(timeout=60)


def test_a_real_server_behind_a_port_of_the_sandbox(trusting: Agent, signed_image: Build) -> None:
    serve = "echo served > /tmp/index.html; exec httpd -f -p 80 -h /tmp"
    image = signed_image(app=shell(serve))
    with Sandbox(trusting, "--net=default", "--port=http:tcp:80:127.0.0.1:8080") as box:
        ready = ["--ready-tcp=80", "--restart=always"]
        box.start(image, "web", *ready)
        box.start(signed_image(app=shell(LIVE)), "side")
        fetch = "until wget -qO- http://127.0.0.1:8080/index.html; do sleep 0.1; done"
        assert trusting.host.run(["busybox", "sh", "-c", fetch]).check().stdout == "served\n"
        assert box.says("side", "wget -qO- http://web/index.html") == "served\n"
        assert "web.rkt-" in box.says("web", "cat /etc/hosts")
        box.ok("stop", "--app=web")
        box.ok("rm", "--app=web")
        assert "web" not in box.says("side", "cat /etc/hosts")
        shown = json.loads(trusting.ok("cat-manifest", box.uuid))
        assert [app["name"] for app in shown["apps"]] == ["side"]
        assert {"name": "coreos.com/rkt/stage1/mutable", "value": "true"} in shown["annotations"]
