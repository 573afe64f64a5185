# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Named sandboxes: a desired state has a pod without apps, which come and go while it runs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.agent.mutable_bed import Sandbox
from tests.conftest import Keys
from tests.support.agent import Agent

IMAGE = "example.com/tiny:1.0"
BOX = {"name": "box", "sandbox": True, "net": "none"}
STAY = ("--exec=/bin/sh", "--", "-c", "trap 'exit 0' TERM; while :; do sleep 1000 & wait; done")


@pytest.fixture
def host(agent: Agent, lab: Keys, published: Callable[..., Path]) -> Iterator[Agent]:
    """A host that has the image."""
    agent.trust(lab.key, "example.com")
    published()
    agent.ok("fetch", IMAGE)
    yield agent
    agent.apply({"pods": [{"name": "box", "state": "absent"}]})


def applied(host: Agent, *flags: str, **changes: Any) -> dict[str, Any]:
    """What `apply` says of the pod."""
    wanted = json.dumps({"pods": [{**BOX, **changes}]})
    answer = json.loads(host("apply", *flags, "-", stdin=wanted).check().stdout)
    (part,) = answer["pods"]
    return {**part, "all_changed": answer["changed"]}


def states(host: Agent) -> dict[str, str]:
    """The apps, by name."""
    found = json.loads(host.ok("app", "list", "--format=json", "box"))
    return {one["name"]: one["state"] for one in found}


def test_a_sandbox_is_kept_as_it_is_desired_and_apps_come_and_go(host: Agent) -> None:
    assert applied(host, "--check")["changed"]
    ports = [{"pod_port": 80, "host_port": 18080}]
    assert applied(host, "--check", net="default", ports=ports)["changed"]
    made = applied(host)
    assert made["changed"] and made["ready"]
    (revision,) = (host.data / "named/box/revisions").glob("*.json")
    assert json.loads(revision.read_text())["format"] == 2, "an older agent would run no sandbox"
    again = applied(host, "--diff")
    assert not again["changed"] and again["uuid"] == made["uuid"]
    assert states(host) == {}
    host.ok("app", "add", "box", IMAGE, "--name=one", *STAY)
    host.ok("app", "start", "--app=one", "box")
    assert states(host) == {"one": "running"}
    assert not applied(host)["changed"], "apps are not what the desired state says"
    host.ok("app", "stop", "--app=one", "box")
    host.ok("app", "rm", "--app=one", "box")
    assert states(host) == {}
    assert not applied(host)["changed"]


def test_a_sandbox_begins_without_apps_whenever_it_is_started(host: Agent) -> None:
    first = applied(host)
    host.ok("app", "add", "box", IMAGE, "--name=one", *STAY)
    host.ok("restart", "box")
    assert states(host) == {}
    assert (
        applied(host, state="stopped")["changed"] and not applied(host, state="stopped")["changed"]
    )
    assert applied(host)["changed"]
    changed = applied(host, hostname="other")
    assert changed["changed"] and changed["uuid"] != first["uuid"] and states(host) == {}
    back = json.loads(host.ok("rollback", "--format=json", "box"))
    assert back and states(host) == {}
    shown = json.loads(host.ok("list", "--format=json"))
    assert [one["state"] for one in shown if one["pod_name"] == "box"].count("running") == 1


def test_what_the_desired_state_gives_a_sandbox_its_apps_have(host: Agent) -> None:
    volumes = [{"name": "data", "kind": "empty"}]
    secrets = [{"name": "key", "content": "hush"}]
    add = ("app", "add", "box", IMAGE, "--mount=volume=data,target=/data")
    made = json.dumps({"pods": [{**BOX, "volumes": volumes, "secrets": secrets}]})
    answer = json.loads(host("apply", "-", stdin=made).check().stdout)
    assert not answer["warnings"], "nobody mounts a volume before there are apps"
    host.ok(*add, "--name=one", *STAY)
    host.ok("app", "start", "--app=one", "box")
    seen = host.ok(
        "enter", "--app=one", "box", "/bin/sh", "-c", "cat /run/secrets/key; echo x >/data/x"
    )
    assert seen == "hush"
    host.ok("app", "stop", "--app=one", "box")
    host.ok("app", "rm", "--app=one", "box")
    assert not applied(host, volumes=volumes, secrets=secrets)["changed"]
    host.ok(*add, "--name=two", *STAY)
    host.ok("app", "start", "--app=two", "box")
    assert host.ok("enter", "--app=two", "box", "/bin/sh", "-c", "ls /data") == "x\n"


def test_who_asks_a_sandbox_without_apps_for_one_hears_how_to_bring_one(host: Agent) -> None:
    applied(host)
    hint = "it has none; podwright app add brings one"
    for flags in (("enter", "--app=x"), ("enter",), ("attach", "--app=x"), ("attach",)):
        assert hint in host.refused(*flags, "box"), flags
    host.ok("app", "add", "box", IMAGE, "--name=one", *STAY)
    assert "no app called 'x'; it has one" in host.refused("enter", "--app=x", "box")


def test_a_sandbox_that_ended_without_apps_has_none_to_export(host: Agent, tmp_path: Path) -> None:
    uuid = applied(host)["uuid"]
    host.ok("stop", uuid)
    line = host.refused("export", uuid, tmp_path / "none.aci")
    assert "has no apps; it has none; podwright app add brings one" in line


def test_an_app_that_is_asked_for_by_name_and_uuid_of_its_pod_is_asked_for_twice(
    host: Agent,
) -> None:
    uuid = applied(host)["uuid"]
    apps = [{"pod": one, "name": "one", "image": IMAGE} for one in ("box", uuid)]

    def made(*wanted: dict[str, str]) -> dict[str, Any]:
        done = host("app", "make", "-", stdin=json.dumps({"version": 1, "apps": wanted}))
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    refused = made(*apps)
    assert "app one of pod" in refused["error"]["message"]
    assert "appears twice" in refused["error"]["message"] and not refused["changed"]
    assert states(host) == {}
    assert made(apps[1])["changed"] and not made(apps[0])["changed"]


def test_an_added_app_has_the_credentials_of_its_pods_unit(host: Agent, tmp_path: Path) -> None:
    for name in ("of-unit", "of-caller"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "key").write_text(name)
    mine = {"CREDENTIALS_DIRECTORY": str(tmp_path / "of-caller")}
    environment = {"CREDENTIALS_DIRECTORY": str(tmp_path / "of-unit")}
    with Sandbox(host, "--net=none", "--secret=key,credential=key", env=environment) as box:
        box.app("add", IMAGE, "--name=one", *STAY, env=mine).check()
        box.ok("start", "--app=one")
        assert box.says("one", "cat /run/secrets/key") == "of-unit"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"image": IMAGE}, "begins without"),
        ({"apps": [{"image": IMAGE}]}, "begins without"),
        ({"stage1": "fly", "net": "host"}, "stage1 fly"),
        ({"stage1": "kvm"}, "kvm"),
        ({"ready": {"exec": ["/bin/true"]}}, "begins without"),
        ({"profile": "system"}, "begins without"),
        ({"exit_policy": "all-ended"}, "exit_policy: says"),
        ({"sandbox": "yes please"}, "sandbox"),
    ],
)
def test_what_a_sandbox_cannot_have_is_refused(
    agent: Agent, change: dict[str, Any], why: str
) -> None:
    line = agent.refused(
        "apply", "--format=text", "-", stdin=json.dumps({"pods": [{**BOX, **change}]})
    )
    assert why in line
    assert not (agent.data / "named").exists()
