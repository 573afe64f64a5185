# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A pod's rules from the command line, a desired state and a pod manifest to the host's firewall: one road."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Keys
from tests.support import aci
from tests.support.agent import Agent

Build = Callable[..., Path]
TINY = "example.com/tiny:1.0"
LIVE = "trap 'exit 0' TERM; while :; do sleep 3600 & wait $!; done"
RULES: list[dict[str, Any]] = [
    {"from": "pod shop", "ports": ["80/tcp", "8000-8010/udp"]},
    {"to": "host"},
]
FLAGS = ("--allow=from=pod shop,ports=80/tcp,8000-8010/udp", "--allow=to=host")


@pytest.fixture
def trusting(agent: Agent, lab: Keys) -> Iterator[Agent]:
    """An agent that trusts the lab's key; its pod is removed at the end."""
    agent.trust(lab.key, "example.com")
    yield agent
    agent.apply({"pods": [{"name": "db", "state": "absent"}]})


@pytest.fixture
def image(signed_image: Build) -> str:
    """An image that lives until it is stopped."""
    return str(signed_image(app=aci.app(["/bin/sh", "-c", LIVE])))


def annotation(agent: Agent, uuid: str) -> Any:
    """The rules in a pod's manifest."""
    manifest = json.loads(agent.ok("cat-manifest", uuid))
    found = [a["value"] for a in manifest["annotations"] if a["name"] == "podwright.io/allow"]
    return json.loads(found[0]) if found else None


def uuid_of_db(agent: Agent) -> str:
    """The UUID of the running pod."""
    (found,) = (
        pod["name"]
        for pod in json.loads(agent.ok("list", "--format=json"))
        if pod["pod_name"] == "db" and pod["state"] == "running"
    )
    return str(found)


def firewall(agent: Agent) -> str:
    return agent.host.run(["nft", "list", "table", "inet", "podwright"]).check().stdout


def apply(agent: Agent, image: str, *rules: object) -> dict[str, Any]:
    pod = {"name": "db", "apps": [{"name": "db", "image": image}], "ready": {"seconds": 0}}
    return agent.apply({"pods": [{**pod, "allow": list(rules)}]})


def test_a_desired_state_is_idempotent_and_what_changes_in_it_is_enforced(
    trusting: Agent, image: str
) -> None:
    assert apply(trusting, image, *RULES)["changed"]
    assert not apply(trusting, image, *reversed(RULES))["changed"], "their order means nothing"
    first = uuid_of_db(trusting)
    assert annotation(trusting, first) == RULES
    table = firewall(trusting)
    assert f"chain enter_{first}" in table
    assert "@pod_shop_4 udp dport 8000-8010 return" in table
    assert apply(trusting, image, RULES[1])["changed"]
    table = firewall(trusting)
    assert f"chain leave_{uuid_of_db(trusting)}" in table
    assert "enter_" not in table
    assert first not in table


def test_prepare_keeps_them_and_no_start_without_a_network_forgets_them(
    trusting: Agent, image: str
) -> None:
    uuid = trusting.ok("prepare", *FLAGS, image).strip()
    assert annotation(trusting, uuid) == RULES
    refusal = trusting.refused("run-prepared", "--net=host", uuid)
    assert "the pod's rules: cannot be enforced with net host" in refusal


def test_a_pod_manifest_says_them_in_an_annotation(
    trusting: Agent, image: str, tmp_path: Path
) -> None:
    plain = json.loads(trusting.ok("cat-manifest", trusting.ok("prepare", image).strip()))
    manifest = {key: plain[key] for key in ("acKind", "acVersion", "apps")}
    path = tmp_path / "pod.json"
    for text, why in (('[{"to": "nobody"}]', "'nobody' is nobody that can be allowed"), ("[]", "")):
        manifest["annotations"] = [{"name": "podwright.io/allow", "value": text}]
        path.write_text(json.dumps(manifest))
        done = trusting("prepare", f"--pod-manifest={path}")
        assert (done.exit == 0) is (not why), done
        assert why in done.stderr
    refusal = trusting.refused("prepare", f"--pod-manifest={path}", "--allow=to=host")
    assert "--allow cannot be used with --pod-manifest" in refusal


def test_rules_that_nothing_would_enforce_leave_the_old_pod_running(
    trusting: Agent, image: str
) -> None:
    nets = trusting.local / "net.d"
    nets.mkdir()
    wire = {"cniVersion": "1.0.0", "name": "wire", "type": "macvlan", "master": "lo"}
    (nets / "10-wire.conf").write_text(json.dumps(wire))
    apply(trusting, image)
    before = uuid_of_db(trusting)
    pod = {"name": "db", "apps": [{"name": "db", "image": image}], "net": "wire", "allow": RULES}
    done = trusting("apply", stdin=json.dumps({"pods": [pod]}))
    assert "network wire: rules of a pod cannot be enforced on it" in done.stdout + done.stderr
    assert uuid_of_db(trusting) == before


def test_a_slip_in_a_rule_does_not_close_a_pod_without_a_word(trusting: Agent, image: str) -> None:
    pod = {"name": "db", "image": image, "pull_policy": "never", "ready": {"seconds": 0.1}}
    trusting.ok("fetch", image)
    network = {**pod, "image": TINY, "allow": [{"from": "network nope"}]}
    done = trusting("apply", "--check", stdin=json.dumps({"pods": [network]}))
    said = "rules of the pod: network nope: does not exist on this host; there are: default"
    assert (done.exit, said in done.stderr) == (254, True), done
    assert said in trusting.refused("prepare", "--allow=from=network nope", TINY)

    closed = {**pod, "image": TINY, "allow": [{"from": "pod nobody", "ports": ["80/tcp"]}]}
    told = "rules of the pod: no pod of this host is called nobody; they mean nobody until there"
    for options in (("--check",), ()):
        assert told in " ".join(trusting.apply({"pods": [closed]}, *options)["warnings"])
    assert "allow=from=pod nobody,ports=80/tcp" in trusting.ok("status", "db").splitlines()
    known = trusting("prepare", "--allow=from=pod db", "--allow=to=pod nobody", TINY).check()
    assert told in known.stderr
    assert "called db" not in known.stderr
    trusting.ok("rm", known.stdout.strip())
