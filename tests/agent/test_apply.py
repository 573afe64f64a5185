# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""`apply`: what is asked for comes about, a second run changes nothing, check mode predicts."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Keys
from tests.support import aci
from tests.support.agent import Agent

IMAGE = "example.com/tiny"
Publish = Callable[..., Path]


@pytest.fixture
def trusting(agent: Agent, lab: Keys) -> Iterator[Agent]:
    """An agent that trusts the lab's key; its pods are removed at the end."""
    agent.trust(lab.key, "example.com")
    yield agent
    names = [
        pod["pod_name"] for pod in json.loads(agent.ok("list", "--format=json")) if pod["pod_name"]
    ]
    agent.apply({"pods": [{"name": name, "state": "absent"} for name in sorted(set(names))]})
    assert agent.ok("list", "--no-legend") == ""


def pod(**changes: Any) -> dict[str, Any]:
    """A desired state with one pod."""
    body = {
        "name": "web",
        "image": f"{IMAGE}:1.0",
        "net": "none",
        "ready": {"seconds": 0.1},
        **changes,
    }
    return {"version": 1, "pods": [body]}


def instance(agent: Agent) -> dict[str, Any]:
    """The running instance of pod web."""
    found: dict[str, Any] = json.loads(agent.ok("status", "web", "--format=json"))
    return found


def test_a_pod_comes_up_and_a_second_apply_changes_nothing(
    trusting: Agent, published: Publish
) -> None:
    published()
    answer = trusting.apply(pod())
    (part,) = answer["pods"]
    assert answer["changed"] is True
    assert part["actions"] == ["fetch", "prepare", "start"]
    assert part["state"] == "running" and part["revision"] == 1
    before = instance(trusting)
    again = trusting.apply(pod(), "--diff")
    assert again["changed"] is False
    assert again["pods"][0]["actions"] == []
    assert again["diff"] == {"before": {}, "after": {}}
    assert instance(trusting)["pid"] == before["pid"]


def test_check_mode_predicts_exactly_and_touches_nothing(
    trusting: Agent, published: Publish, tmp_path: Path
) -> None:
    published()
    predicted = trusting.apply(pod(), "--check", "--diff")
    assert predicted["diff"]["before"] == {"pods": {"web": {"state": "absent"}}}
    assert not trusting.data.exists() or sorted(trusting.data.rglob("*")) == []
    done = trusting.apply(pod(), "--diff")
    assert predicted["pods"][0]["actions"] == done["pods"][0]["actions"]
    changed = pod(environment={"A": "1"})
    predicted = trusting.apply(changed, "--check", "--diff")
    done = trusting.apply(changed, "--diff")
    assert (
        predicted["pods"][0]["actions"]
        == done["pods"][0]["actions"]
        == ["prepare", "stop", "start"]
    )
    assert predicted["diff"] == done["diff"]
    assert done["diff"]["after"]["pods"]["web"]["apps"][0]["environment"] == {"A": "1"}


def test_staged_images_are_here_and_nothing_else_has_changed(
    trusting: Agent, published: Publish
) -> None:
    published()
    published("2.0")
    trusting.apply(pod())
    before = instance(trusting)
    staged = trusting.apply(pod(image=f"{IMAGE}:2.0"), "--stage")
    assert staged["check"] is True
    assert staged["pods"][0]["actions"] == ["fetch", "prepare", "stop", "start"]
    after = instance(trusting)
    assert after == before
    (pod_,) = json.loads(trusting.ok("list", "--format=json"))
    assert [one["revision"] for one in pod_["history"]] == [1]  # so a reboot starts what ran
    done = trusting.apply(pod(image=f"{IMAGE}:2.0", pull_policy="never"))
    assert done["pods"][0]["actions"] == ["prepare", "stop", "start"]
    both = trusting.refused("apply", "--stage", "--check", "--format=text", stdin="{}")
    assert "say one of the two" in both


def test_what_is_refused_later_is_refused_when_it_is_staged(
    trusting: Agent, published: Publish
) -> None:
    published()
    published("2.0", key=None)
    trusting.apply(pod())
    done = trusting(
        "apply", "--stage", "--format=json", stdin=json.dumps(pod(image=f"{IMAGE}:2.0"))
    )
    assert done.exit == 254
    assert json.loads(done.stdout)["error"]["reason"] == "no-signature"


def test_a_new_image_under_the_same_version_is_a_change_when_the_policy_looks(
    trusting: Agent, published: Publish
) -> None:
    published()
    trusting.apply(pod())
    first = instance(trusting)["apps"][0]["image_id"]
    published(files={"etc/changed": "yes"})
    assert trusting.apply(pod())["changed"] is False
    answer = trusting.apply(pod(pull_policy="update"))
    assert answer["pods"][0]["actions"] == ["fetch", "prepare", "stop", "start"]
    assert instance(trusting)["apps"][0]["image_id"] != first
    assert trusting.apply(pod(pull_policy="update"))["changed"] is False


def test_a_revision_that_never_becomes_ready_goes_back(trusting: Agent, published: Publish) -> None:
    published()
    published("2.0", app=aci.app(["/bin/sh", "-c", "exit 9"]))
    trusting.apply(pod())
    first = instance(trusting)["apps"][0]["image_id"]
    desired = pod(image=f"{IMAGE}:2.0", ready={"seconds": 2})
    result = trusting("apply", stdin=json.dumps(desired))
    answer = json.loads(result.stdout)
    assert result.exit == 254
    assert answer["pods"][0]["rolled_back"] is True
    assert answer["error"]["reason"] == "not-ready"
    assert "revision 1 runs again" in answer["error"]["hint"]
    assert f"its log ({trusting.data}/logs/web.log) show more" in answer["error"]["hint"]
    assert len(result.stderr.splitlines()) == 1
    now = instance(trusting)
    assert (now["state"], now["apps"][0]["image_id"]) == ("running", first)


def test_a_program_that_is_not_there_is_the_reason_that_is_told(
    trusting: Agent, published: Publish
) -> None:
    """It was "it ended with status 203", and no more."""
    published()
    result = trusting("apply", stdin=json.dumps(pod(exec="/bin/no", restart="no")))
    told = json.loads(result.stdout)["error"]["message"]
    assert (
        "did not become ready: it ended with status 203: app tiny: cannot execute /bin/no" in told
    )


def test_a_command_as_a_list_is_run_and_is_the_same_pod_when_it_is_split(
    trusting: Agent, published: Publish
) -> None:
    published()
    body = 'test "$0 $1" = "first second" && touch /said; exec sleep 1000'
    ready = {"exec": ["/bin/sh", "-c", "test -e /said"]}
    trusting.apply(pod(exec=["/bin/sh", "-c", body, "first"], args=["second"], ready=ready))
    again = pod(exec="/bin/sh", args=["-c", body, "first", "second"], ready=ready)
    assert trusting.apply(again)["changed"] is False


@pytest.mark.parametrize("key", ["nobody", "stranger"])
def test_an_image_that_is_not_verified_leaves_the_running_pod_alone(
    trusting: Agent, published: Publish, lab: Keys, key: str
) -> None:
    published()
    trusting.apply(pod())
    before = instance(trusting)
    published("2.0", key=None if key == "nobody" else lab.stranger)
    result = trusting("apply", stdin=json.dumps(pod(image=f"{IMAGE}:2.0")))
    answer = json.loads(result.stdout)
    assert result.exit == 254
    assert answer["changed"] is False
    assert answer["error"]["stage"] in ("verify", "fetch")
    assert len(result.stderr.splitlines()) == 1 and "example.com/tiny" in result.stderr
    after = instance(trusting)
    assert (after["pid"], after["name"]) == (before["pid"], before["name"])


def test_stop_start_and_absent(trusting: Agent, published: Publish) -> None:
    published()
    trusting.apply(pod())
    stopped = trusting.apply(pod(state="stopped"))
    assert stopped["pods"][0]["actions"] == ["stop"]
    assert instance(trusting)["state"] == "exited"
    assert trusting.apply(pod(state="stopped"))["changed"] is False
    assert trusting.apply(pod())["pods"][0]["actions"] == ["start"]
    gone = trusting.apply({"pods": [{"name": "web", "state": "absent"}]})
    assert gone["pods"][0]["actions"] == ["stop", "remove"]
    assert trusting.apply({"pods": [{"name": "web", "state": "absent"}]})["changed"] is False
    assert trusting.ok("list", "--no-legend") == ""
    assert not (trusting.data / "named" / "web").exists()


def test_a_known_pod_is_stopped_started_and_restarted_by_its_name(
    trusting: Agent, published: Publish
) -> None:
    published()
    trusting.apply(pod(labels={"team": "a"}, isolators=[], environment={"A": "b"}))
    for state, actions in (
        ("started", []),
        ("stopped", ["stop"]),
        ("stopped", []),
        ("started", ["start"]),
        ("restarted", ["stop", "start"]),
    ):
        by_name = {"pods": [{"name": "web", "state": state}]}
        assert trusting.apply(by_name, "--check")["pods"][0]["actions"] == actions, state
        assert trusting.apply(by_name)["pods"][0]["actions"] == actions, state
    assert instance(trusting)["user_labels"] == {"team": "a"}
    unknown = {"pods": [{"name": "wbe", "state": "restarted"}]}
    result = trusting("apply", stdin=json.dumps(unknown))
    assert result.exit == 254
    assert "pod wbe is not known on this host; say what it is" in result.stderr
    assert not (trusting.data / "named/wbe").exists()


def test_two_pods_of_one_desired_state_cannot_have_the_same_host_port(
    trusting: Agent, published: Publish
) -> None:
    port = {"name": "http", "protocol": "tcp", "port": 80}
    published(app=aci.app(["/bin/sleep", "100"], ports=[port]))
    trusting.ok("fetch", f"{IMAGE}:1.0")
    (body,) = pod(net="default", ports=[{"name": "http", "host_port": 8080}])["pods"]
    both = {"pods": [{**body, "name": "web"}, {**body, "name": "side"}]}
    for options in (("--check",), ()):
        result = trusting("apply", *options, stdin=json.dumps(both))
        assert result.exit == 254
        assert "tcp port 8080: both pod web and pod side publish it; give one" in result.stderr
        side = json.loads(result.stdout)["pods"][1]
        assert (side["actions"], side["changed"]) == ([], False)
    assert not (trusting.data / "named/side").exists()
    assert instance(trusting)["state"] == "running"
    side = {**body, "name": "side", "state": "stopped"}
    assert "error" not in trusting.apply({"pods": [body, side]}, "--check")


def test_settings_change_without_a_restart(trusting: Agent, published: Publish) -> None:
    published()
    trusting.apply(pod())
    before = instance(trusting)["pid"]
    assert trusting.apply(pod(restart="no"))["pods"][0]["actions"] == ["configure"]
    assert instance(trusting)["pid"] == before
    assert trusting.apply(pod(restart="no"))["changed"] is False


def test_a_pod_that_fails_is_started_again_by_its_policy(
    trusting: Agent, published: Publish
) -> None:
    published(app=aci.app(["/bin/sh", "-c", "sleep 0.3; exit 1"]))
    trusting.apply(pod(ready={"seconds": 0}, restart="on-failure"))
    wait_for_log(trusting, "next start in 4 s")  # the third end: each attempt can start another
    assert instance(trusting)["state"] == "exited"
    assert len(trusting.ok("list", "--no-legend").splitlines()) == 1  # those before it are gone


def test_stop_also_stops_a_pod_that_waits_for_its_next_start(
    trusting: Agent, published: Publish
) -> None:
    published(app=aci.app(["/bin/sh", "-c", "sleep 0.3; exit 1"]))
    trusting.apply(pod(ready={"seconds": 0}, restart="always"))
    wait_for_log(trusting, "next start in 2 s")
    ended = instance(trusting)
    assert ended["state"] == "exited"
    supervisor = json.loads((trusting.data / "named/web/supervisor").read_text())["pid"]
    trusting.ok("stop", "web")
    assert trusting.host.run(["kill", "-0", str(supervisor)]).exit != 0
    assert instance(trusting)["name"] == ended["name"]
    stopped = pod(ready={"seconds": 0}, restart="always", state="stopped")
    assert trusting.apply(stopped)["changed"] is False


def wait_for_log(agent: Agent, text: str) -> None:
    """Wait until the supervisor of pod web has said this."""
    log = agent.data / "logs/web.log"
    loop = f"until grep -q '{text}' {log}; do sleep 0.1; done"
    agent.host.run(["/bin/sh", "-c", loop], timeout=60).check()


def test_the_pod_survives_the_end_of_apply_and_kill_9_of_its_supervisor_is_seen(
    trusting: Agent, published: Publish
) -> None:
    published()
    trusting.apply(pod())
    supervisor = json.loads((trusting.data / "named/web/supervisor").read_text())["pid"]
    trusting.host.run(["kill", "-9", str(supervisor)]).check()
    trusting.ok("status", "web", "--wait=10s")
    answer = trusting.apply(pod())
    assert answer["pods"][0]["actions"] == ["start"]
    assert instance(trusting)["state"] == "running"


def test_keys_are_trusted_by_full_fingerprint_only(agent: Agent, lab: Keys) -> None:
    key = {"prefix": "example.com", "fingerprint": lab.key.fingerprint, "key": lab.key.armoured}
    assert agent.apply({"keys": [key]}, "--check")["changed"] is True
    assert not (agent.local / "trustedkeys").exists()
    assert agent.apply({"keys": [key]})["changed"] is True
    assert agent.apply({"keys": [key]})["changed"] is False
    for wrong in (lab.key.fingerprint[-16:], lab.stranger.fingerprint):
        result = agent("apply", stdin=json.dumps({"keys": [{**key, "fingerprint": wrong}]}))
        assert result.exit == 254 and json.loads(result.stdout)["changed"] is False
    assert agent.apply({"keys": [{**key, "state": "absent"}]})["changed"] is True
    assert agent.apply({"keys": [{**key, "state": "absent"}]})["changed"] is False


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "not JSON at line 1"),
        (
            '{"pods": [{"name": "a", "image": "x.y/z", "imagee": 1}]}',
            "pods[0].imagee: unknown field",
        ),
        (
            '{"pods": [{"name": "a", "apps": [{"image": "x.y/z", "mounts": [{"volume": "v"}]}]}]}',
            "pods[0].apps[0].mounts[0].path: is missing",
        ),
        ('{"pods": [{"name": "A b", "image": "x.y/z"}]}', "pods[0].name"),
        ('{"pods": [{"name": "a", "image": "x.y/z", "state": "on"}]}', "pods[0].state"),
        (
            '{"pods": [{"name": "a", "image": "x.y/z"}, {"name": "a", "image": "x.y/z"}]}',
            "pods[1].name: pod a appears twice",
        ),
        (
            '{"pods": [{"name": "a", "image": "x.y/z", "isolators": [{"name": "os/linux/magic", "value": 1}]}]}',
            "unknown isolator 'os/linux/magic'",
        ),
        ('{"pods": [{"name": "a", "name": "b"}]}', "appears twice"),
        ('{"version": 2}', "version"),
        ('{"podz": []}', "podz: unknown field"),
    ],
)
def test_a_bad_desired_state_names_the_field_and_changes_nothing(
    agent: Agent, text: str, said: str
) -> None:
    result = agent("apply", stdin=text)
    assert result.exit == 254
    assert len(result.stderr.splitlines()) == 1 and said in result.stderr, result
    assert said in json.loads(result.stdout)["error"]["message"]
    assert not agent.data.exists()


def test_a_second_apply_waits_and_names_the_holder(trusting: Agent, published: Publish) -> None:
    published()
    slow = pod(ready={"seconds": 4})
    first = trusting.host.popen([*trusting.command, "apply"])
    assert first.stdin is not None
    first.stdin.write(json.dumps(slow))
    first.stdin.close()
    first.stdin = None
    lock = trusting.data / "locks/apply"
    trusting.host.run(
        ["/bin/sh", "-c", f"until grep -q pid {lock} 2>/dev/null; do sleep 0.05; done"]
    ).check()
    second = trusting("apply", "--lock-timeout=0.3", stdin=json.dumps(slow))
    assert second.exit == 254
    assert "is held by pid" in second.stderr and "(apply)" in second.stderr
    third = trusting("apply", "--lock-timeout=30", stdin=json.dumps(slow)).check()
    assert json.loads(third.stdout)["changed"] is False
    out, _ = first.communicate(timeout=30)
    assert json.loads(out)["changed"] is True


@pytest.mark.parametrize("options", [(), ("--check",)])
def test_check_mode_refuses_what_a_run_refuses(
    trusting: Agent, published: Publish, options: tuple[str, ...]
) -> None:
    published()
    trusting.ok("fetch", f"{IMAGE}:1.0")
    missing = {"name": "data", "kind": "host", "source": "/nowhere/at/all"}
    result = trusting("apply", *options, stdin=json.dumps(pod(volumes=[missing])))
    answer = json.loads(result.stdout)
    assert (result.exit, answer["changed"]) == (254, False)
    assert "volume data: /nowhere/at/all does not exist" in answer["error"]["message"]
