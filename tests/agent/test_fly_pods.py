# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""fly as people ask for it: what it refuses, what it reports, trust, named pods, enter (C2, C5; T61)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.agent.test_policy import SIGNED, TINY, Policy
from tests.conftest import Keys
from tests.support import aci
from tests.support.agent import Agent

Publish = Callable[..., Path]
FLY = "--stage1-name=fly"
KEEPS = "stage1 fly: the app has the host's network"
SYSCTL = {"name": "os/unix/sysctl", "value": {"net.core.somaxconn": "99"}}
ECHO = "--exec=/bin/echo"


def shell(script: str, **section: Any) -> dict[str, Any]:
    return aci.app(["/bin/sh", "-c", script], **section)


@pytest.fixture
def trusting(agent: Agent, lab: Keys) -> Iterator[Agent]:
    """An agent that trusts the lab's key; its named pods are removed at the end."""
    agent.trust(lab.key, "example.com")
    yield agent
    names = {pod["pod_name"] for pod in json.loads(agent.ok("list", "--format=json"))} - {""}
    agent.apply({"pods": [{"name": name, "state": "absent"} for name in sorted(names)]})


@pytest.fixture
def image(signed_image: Publish) -> Path:
    return signed_image(app=shell("readlink /proc/self/ns/net"))


@pytest.mark.parametrize(
    "name", ["fly", "podwright.io/stage1-fly", "coreos.com/rkt/stage1-fly:1.30.0"]
)
def test_it_is_chosen_by_any_of_its_names(trusting: Agent, image: Path, name: str) -> None:
    result = trusting("run", f"--stage1-name={name}", image).check()
    host = trusting.host.run(["readlink", "/proc/self/ns/net"]).stdout
    assert result.stdout == host
    assert trusting.ok("run", "--net=none", image) != host


def test_what_is_off_is_said_once(trusting: Agent, image: Path) -> None:
    result = trusting("run", FLY, image).check()
    assert result.stderr.count(KEEPS) == 1
    (pod,) = json.loads(trusting.ok("list", "--format=json"))
    shown = trusting.ok("status", pod["name"])
    assert [line for line in shown.splitlines() if KEEPS in line]
    assert KEEPS not in trusting("run", "--net=none", image).check().stderr


def test_the_hosts_network_may_be_said_and_no_other(trusting: Agent, image: Path) -> None:
    trusting("run", FLY, "--net=host", image).check()
    for net in ("none", "default"):
        assert f"stage1 fly cannot have net {net}" in trusting.refused(
            "run", FLY, f"--net={net}", image
        )


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (
            ("--sysctl=net.core.somaxconn=99",),
            "the pod: isolator os/unix/sysctl cannot be enforced",
        ),
        (("--hostname=other",), "stage1 fly cannot have host name other"),
        (("--private-users=true",), "keeps the host's users"),
    ],
)
def test_what_it_cannot_have_is_refused_by_name(
    trusting: Agent, image: Path, options: tuple[str, ...], why: str
) -> None:
    assert why in trusting.refused("run", FLY, *options, image)
    assert trusting.ok("list", "--no-legend") == ""


def test_two_apps_are_refused(trusting: Agent, image: Path) -> None:
    line = trusting.refused("run", FLY, image, "--name=a", "---", image, "--name=b")
    assert "stage1 fly cannot have a pod of 2 apps" in line


def test_a_port_is_refused(trusting: Agent, signed_image: Publish) -> None:
    ports = [{"name": "web", "protocol": "tcp", "port": 80}]
    image = signed_image(app=shell("true", ports=ports))
    assert "--port cannot be used with fly" in trusting.refused("run", FLY, "--port=web:80", image)
    trusting("run", FLY, image).check()


def test_run_prepared_refuses_the_same(trusting: Agent, image: Path) -> None:
    pod = trusting.ok("prepare", "--quiet", FLY, image).strip()
    assert "cannot have net none" in trusting.refused("run-prepared", "--net=none", pod)
    assert "cannot have host name x" in trusting.refused("run-prepared", "--hostname=x", pod)
    host = trusting.host.run(["readlink", "/proc/self/ns/net"]).stdout
    assert trusting.ok("run-prepared", pod) == host


# Isolators


def named(image: str, **more: Any) -> dict[str, Any]:
    """A desired state with one fly pod."""
    body = {"name": "web", "image": image, "stage1": "fly", "ready": {"seconds": 0.1}}
    return {"version": 1, "pods": [{**body, **more}]}


def test_an_isolator_that_the_operator_set_and_it_cannot_honour_is_refused(
    trusting: Agent, published: Publish
) -> None:
    published()
    line = trusting("apply", "-", stdin=json.dumps(named(TINY, isolators=[SYSCTL])))
    assert line.exit != 0
    assert "os/unix/sysctl cannot be enforced by stage1 fly" in line.stdout + line.stderr
    optional = {**SYSCTL, "optional": True}
    answer = trusting.apply(named(TINY, isolators=[optional]))
    assert answer["changed"] is True
    assert "os/unix/sysctl is not enforced by stage1 fly" in trusting.ok("status", "web")
    assert trusting.apply(named(TINY, isolators=[optional]))["changed"] is False


def test_one_that_only_the_image_declares_is_reported(
    trusting: Agent, signed_image: Publish
) -> None:
    image = signed_image(app=shell("cat /proc/sys/net/core/somaxconn", isolators=[SYSCTL]))
    result = trusting("run", FLY, image).check()
    assert "isolator os/unix/sysctl is not enforced by stage1 fly" in result.stderr
    assert result.stdout == trusting.host.run(["cat", "/proc/sys/net/core/somaxconn"]).stdout
    granted = ("run", "--net=none", "--sysctl=net.core.somaxconn=99", image)
    assert trusting.ok(*granted) == "99\n"


def test_an_image_that_narrows_itself_is_narrowed(trusting: Agent, signed_image: Publish) -> None:
    retain = {"name": "os/linux/capabilities-retain-set", "value": {"set": ["CAP_CHOWN"]}}
    image = signed_image(app=shell("grep CapBnd /proc/self/status", isolators=[retain]))
    assert trusting("run", FLY, image).check().stdout.split()[1] == "0000000000000001"
    wide = trusting("run", FLY, image, "--caps-retain=CAP_CHOWN,CAP_KILL").check().stdout
    assert wide.split()[1] == "0000000000000021"


@pytest.mark.threat("T69")
def test_what_an_image_retains_is_no_grant_to_a_user_that_the_operator_chose(
    trusting: Agent, signed_image: Publish
) -> None:
    retain = {"name": "os/linux/capabilities-retain-set", "value": {"set": ["CAP_SYS_ADMIN"]}}
    image = signed_image(app=shell("grep CapEff /proc/self/status", isolators=[retain]))
    sentence = trusting.refused("run", FLY, image, "--user=1000")
    assert "asks for capabilities beyond the default: CAP_SYS_ADMIN for user 1000" in sentence
    granted = ("run", FLY, image, "--user=1000", "--caps-retain=CAP_CHOWN")
    assert trusting(*granted).check().stdout.split()[1] == "0000000000000001"
    assert trusting("run", FLY, image).check().stdout.split()[1] == "0000000000200000"


@pytest.mark.parametrize(
    ("name", "value", "option"),
    [
        ("os/linux/oom-score-adj", -900, ""),
        ("os/linux/cpu-shares", 4096, ""),
        ("os/linux/no-new-privileges", False, "--user=1000"),
    ],
)
def test_an_image_cannot_take_more_of_the_host_than_it_gets(
    trusting: Agent, signed_image: Publish, name: str, value: Any, option: str
) -> None:
    image = signed_image(app=shell("echo flew", isolators=[{"name": name, "value": value}]))
    options = [option] if option else []
    assert name in trusting.refused("run", FLY, image, *options)
    plain = signed_image(app=shell("echo flew"), name="example.com/plain")
    assert trusting("run", FLY, plain, *options).check().stdout == "flew\n"


# Trust


def test_an_unsigned_image_does_not_fly(agent: Agent, tiny_image: Publish, tmp_path: Path) -> None:
    image = tmp_path / "unsigned.aci"
    image.write_bytes(tiny_image().read_bytes())
    assert agent("run", FLY, image).exit == 254
    agent("run", FLY, "--insecure-options=image", image, "--exec=/bin/true").check()
    assert agent("run", FLY, image).exit == 254


@pytest.mark.threat("T56")
def test_a_policy_keeps_an_image_from_flying(agent: Agent, published: Publish, lab: Keys) -> None:
    published()
    agent.trust(lab.key, "example.com")
    policy = Policy(agent)
    policy([{**SIGNED, "minimumStage1": "fly"}])
    agent("run", FLY, TINY, "--exec=/bin/true").check()
    pod = agent.ok("prepare", "--quiet", FLY, TINY, "--exec=/bin/true").strip()
    policy([{**SIGNED, "minimumStage1": "namespaces"}])
    for arguments in (("run", FLY, TINY), ("prepare", FLY, TINY), ("run-prepared", pod)):
        line = agent.refused(*arguments)
        assert "must run in namespaces or stronger isolation, not in fly" in line
        assert "--stage1-name=namespaces" in line
    agent.ok("run", "--net=none", TINY, "--exec=/bin/true")


# Named pods


def test_a_named_pod_flies_is_entered_and_stopped(trusting: Agent, published: Publish) -> None:
    published()
    assert trusting.apply(named(TINY))["pods"][0]["state"] == "running"
    again = trusting.apply(named(TINY, net="host"))
    assert again["changed"] is False
    (pod,) = json.loads(trusting.ok("list", "--format=json"))
    assert (pod["stage1"], pod["state"], pod["ready"]) == ("fly", "running", True)
    found = trusting.apply({"version": 1, "pods": [{"name": "web", "state": "stopped"}]})
    assert found["changed"] is True
    assert trusting.host.run(["pgrep", "-c", "-f", "sleep 3600"]).stdout == "0\n"


def test_the_default_flavour_to_fly_is_a_change(trusting: Agent, published: Publish) -> None:
    published()
    plain = {"name": "web", "image": TINY, "net": "host", "ready": {"seconds": 0.1}}
    trusting.apply({"version": 1, "pods": [plain]})
    assert trusting.apply(named(TINY), "--check")["changed"] is True


FACTS = (
    "grep -E '^(Cap|NoNewPrivs|Seccomp:|Groups|Uid|Gid|Umask)' /proc/self/status;"
    " for n in mnt pid net ipc uts user cgroup; do readlink /proc/self/ns/$n; done;"
    " cat /proc/self/cgroup /proc/self/limits /proc/self/oom_score_adj; pwd; ls /proc/$$/fd;"
    " stat -c %d:%i /; true"
)


@pytest.mark.threat("T61")
def test_enter_is_confined_as_the_app_is(trusting: Agent, published: Publish) -> None:
    script = f"( exec > /facts; {FACTS} ); while :; do sleep 0.05; done"
    isolators = [{"name": "os/linux/capabilities-remove-set", "value": {"set": ["CAP_SYS_TIME"]}}]
    published(app=shell(script, isolators=isolators))
    trusting.apply(named(TINY))
    entered = trusting.ok("enter", "web", "/bin/sh", "-c", FACTS)
    entered = re.sub(r"/enter-[0-9a-f]+", "", entered)  # a control group of its own in the app's
    assert entered == trusting.ok("enter", "web", "/bin/cat", "/facts")
    assert "CapBnd" in entered


def test_rm_ends_what_a_pod_left_whose_watchers_were_killed_at_once(
    trusting: Agent, published: Publish
) -> None:
    """Its init is stopped first, so that it cannot do anything about the end of its parent."""
    published(app=shell("(setsid sleep 86398 &) ; while :; do sleep 0.05; done"))
    host = trusting.host
    trusting.apply(named(TINY, restart="no"))
    (pod,) = json.loads(trusting.ok("list", "--format=json"))
    parent = (trusting.data / "pods/run" / pod["name"] / "ppid").read_text().strip()
    for arguments in (("-STOP", str(pod["pid"])), ("-9", parent), ("-9", str(pod["pid"]))):
        host.run(["kill", *arguments]).check()
    assert host.run(["pgrep", "-c", "-f", "^sleep 86398"]).stdout == "1\n"
    trusting.ok("status", pod["name"], "--wait=30s")
    trusting.ok("rm", pod["name"])
    assert host.run(["pgrep", "-c", "-f", "^sleep 86398"]).stdout == "0\n"


def test_in_a_manifest_given_whole_isolators_are_the_operators(
    trusting: Agent, signed_image: Publish, tmp_path: Path
) -> None:
    image = signed_image(app=shell("echo flew", isolators=[SYSCTL]))
    number = trusting.ok("fetch", "--full", image).strip()
    path = tmp_path / "pod.json"

    def manifest(**app: Any) -> list[str]:
        body = {"name": "one", "image": {"id": number}, **app}
        whole = {"acKind": "PodManifest", "acVersion": "0.8.11", "apps": [body]}
        path.write_text(json.dumps(whole))
        return ["run", FLY, f"--pod-manifest={path}"]

    result = trusting(*manifest()).check()
    assert result.stdout == "flew\n"
    assert "app one: isolator os/unix/sysctl is not enforced by stage1 fly" in result.stderr
    own = manifest(app=shell("echo never", isolators=[SYSCTL]))
    assert "app one: isolator os/unix/sysctl cannot be enforced" in trusting.refused(*own)
