# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook status on real hosts: what runs, what is wrong, who does not answer; nothing on them is changed."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Keys
from tests.modules.conftest import AdHoc
from tests.modules.playbook_site import Site
from tests.support.agent import Agent
from tests.support.private_host import Result
from tools import collection

Publish = Callable[..., Path]

INVENTORY = """\
all:
  vars: {ansible_connection: local, ansible_python_interpreter: /usr/bin/python3}
  hosts:
    web1:
    gone: {ansible_connection: ssh, ansible_host: 127.0.0.1, ansible_port: 1}
    bare: {ansible_python_interpreter: /nowhere/python3}
"""
MARKUP = "</script><script>alert(1)</script>"

LIAR = """\
#!/usr/bin/python3
import json, sys
bad = "{{ lookup('pipe', 'touch CANARY') }}{% for x in [1] %}</script><script>alert(1)</script>\\u202e\\x1b[2J"
pod = {"name": bad, "pod_name": bad, "state": "running", "ready": False, "error": bad, "insecure": [bad],
       "apps": [{"name": bad, "image_name": bad, "image_version": bad, "image_id": bad, "last_failure": {"x": bad}}],
       "user_labels": {bad: bad}, "ansible_facts": {"x": bad}}
answers = {"version": {"podwright": bad, "ansible_facts": {"ansible_connection": bad}}, "list": [pod], "top": [],
           "image": [{"id": bad, "verdict": {"kind": bad, "text": bad}}], "check-host": [{"name": bad, "status": "ok"}]}
verb = next(word for word in sys.argv[1:] if not word.startswith("-"))
print(json.dumps(answers[verb]))
"""


class Fleet:
    """A host with the agent of this checkout at its usual place, under several names."""

    def __init__(self, site: Site, agent: Agent, home: Path) -> None:
        self.site, self.home = site, home
        self.inventory = home / "inventory.yml"
        self.inventory.write_text(INVENTORY)
        script = f'#!/bin/sh\nexec {" ".join(agent.command)} "$@"\n'
        program = home / "podwright"
        program.write_text(script)
        site.shell(f"install -m 755 {program} /usr/bin/podwright")

    def play(self, *flags: str, **variables: Any) -> Result:
        """Run the playbook in the home directory."""
        command = ["ansible-playbook", "podwright.fleet.status", "-i", str(self.inventory)]
        command += ["-e", json.dumps(variables), *flags]
        done = self.site.host.run(command, env=self.site.env, timeout=120, directory=self.home)
        assert "Traceback" not in done.stdout + done.stderr, done
        return done

    def report(self, *flags: str, **variables: Any) -> dict[str, Any]:
        """The report as JSON."""
        done = self.play(*flags, podwright_status_report="fleet.json", **variables)
        assert done.exit == 0, done
        found: dict[str, Any] = json.loads((self.home / "fleet.json").read_text())
        return found


@pytest.fixture
def fleet(site: Site, agent: Agent, tmp_path: Path) -> Fleet:
    """See Fleet."""
    home = tmp_path / "controller"
    home.mkdir()
    return Fleet(site, agent, home)


def everything(agent: Agent) -> list[tuple[str, int]]:
    """All files of the agent's, with the times of their last change."""
    return sorted(
        (str(path), path.lstat().st_mtime_ns)
        for place in (agent.data, agent.local)
        for path in place.rglob("*")
    )


def test_what_runs_and_what_is_wrong_is_in_the_report(
    fleet: Fleet, trusting: AdHoc, published: Publish, lab: Keys, tmp_path: Path
) -> None:
    published(), published(version="1.1"), published(name="example.com/unsigned", key=None)
    pod = {"net": "none", "ready": {"seconds": 0.1}}
    trusting("pod", {"name": "web", "image": "example.com/tiny:1.0", **pod})
    trusting("pod", {"name": "web", "image": "example.com/tiny:1.1", **pod})
    lifted = {"image": "example.com/unsigned:1.0", "insecure_options": ["image"], **pod}
    trusting.run("pod", {"name": "lifted", **lifted})
    files = ["fleet.html", "fleet.md", "fleet.json"]
    before = everything(trusting.agent)
    done = fleet.play(
        "--check", podwright_status_report=files, podwright_status_title=f"Shop {MARKUP}"
    )
    assert done.exit == 0, done
    assert everything(trusting.agent) == before
    for name in files:
        assert stat.S_IMODE((fleet.home / name).stat().st_mode) == 0o644
    report = json.loads((fleet.home / "fleet.json").read_text())
    assert (report["schema"], report["version"]) == ("podwright.fleet.status", 1)
    hosts = {host["name"]: host for host in report["hosts"]}
    assert [host["state"] for host in hosts.values()] == ["reached", "unreachable", "failed"]
    assert (
        hosts["web1"]["agent"] and hosts["web1"]["kernel"] and hosts["web1"]["memory_total"] > 2**20
    )
    assert "Connection refused" in hosts["gone"]["failure"]["msg"]
    pods = {pod["name"]: pod for pod in report["pods"]}
    web = pods["web"]
    assert (web["health"], web["revision"], web["isolation"]["stage1"]) == (
        "serving",
        2,
        "namespaces",
    )
    assert web["verdict"]["kind"] == "signed" and web["verdict"]["keys"] == [
        lab.key.fingerprint.lower()
    ]
    (app,) = web["apps"]
    assert (app["image"], app["version"]) == ("example.com/tiny", "1.1")
    assert web["memory"] > 0 and web["cpu_percent"] is not None and web["uptime"] is not None
    assert web["isolation"]["users"] == "own" and web["drift"] == []
    assert pods["lifted"]["verdict"] == {"kind": "insecure", "keys": [], "lifted": ["image"]}
    kinds = {(item["kind"], item["host"], item["pod"]) for item in report["attention"]}
    assert {
        ("unreachable", "gone", ""),
        ("failed", "bare", ""),
        ("insecure", "web1", "lifted"),
    } <= kinds
    table = (fleet.home / "fleet.md").read_text()
    assert "| web | web1 | serving | 1.1 | namespaces | signed |" in table
    assert "<script>" not in table
    assert "gone: Task failed" in done.stdout or "gone: Failed to connect" in done.stdout, (
        done.stdout
    )
    page = (fleet.home / "fleet.html").read_text()
    assert "<script>alert(1)" not in page and "Shop" in page


@pytest.mark.threat("T95")
def test_what_a_host_answers_is_data(fleet: Fleet, tmp_path: Path) -> None:
    """An agent that answers with templates, facts and markup in every text."""
    canary = tmp_path / "canary"
    program = tmp_path / "liar"
    program.write_text(LIAR.replace("CANARY", str(canary)))
    fleet.site.shell(f"install -m 755 {program} /usr/bin/podwright")
    done = fleet.play("--limit=web1", podwright_status_report=["f.html", "f.md", "f.json"])
    assert done.exit == 0, done
    told = json.loads((fleet.home / "f.json").read_text())
    (pod,) = told["pods"]
    assert pod["name"].startswith("{{ lookup('pipe', 'touch ") and pod["host"] == "web1"
    assert not canary.exists()
    assert "\x1b" not in done.stdout + done.stderr + (fleet.home / "f.md").read_text()
    assert MARKUP not in (fleet.home / "f.html").read_text()
    assert "{{ lookup('pipe'" in done.stdout, "the control: the play has shown it"


def test_pods_that_are_not_what_is_wanted_are_drift(
    fleet: Fleet, trusting: AdHoc, published: Publish
) -> None:
    published(), published(version="1.1")
    pod = {"name": "web", "net": "none", "ready": {"seconds": 0.1}}
    trusting("pod", {**pod, "image": "example.com/tiny:1.0"})
    wanted = [{**pod, "image": "example.com/tiny:1.0"}]
    same = fleet.report("--limit=web1", podwright_status_pods=wanted)
    assert same["pods"][0]["drift"] == []
    wanted = [
        {**pod, "image": "example.com/tiny:1.1"},
        {**pod, "name": "new", "image": "example.com/tiny:1.1"},
    ]
    other = fleet.report("--limit=web1", podwright_status_pods=wanted)
    (drift,) = other["pods"][0]["drift"]
    assert drift["kind"] == "desired" and "is not what is wanted" in drift["text"]
    assert [one["pod"] for one in other["hosts"][0]["wanted"]] == ["new"]
    assert other["pods"][0]["apps"][0]["version"] == "1.0", "a report has changed a pod"


def test_where_reports_cannot_be_and_a_run_that_is_to_fail(fleet: Fleet) -> None:
    done = fleet.play("--limit=web1", podwright_status_report="nowhere/fleet.html")
    assert done.exit != 0 and "there is no directory" in done.stdout
    done = fleet.play("--limit=web1", podwright_status_report="fleet.pdf")
    assert done.exit != 0 and "ends with none of .html, .md, .json" in done.stdout
    inside = fleet.site.collections / collection.PLACE / "playbooks/fleet.html"
    done = fleet.play("--limit=web1", podwright_status_report=str(inside))
    assert done.exit != 0 and "in the installed collection" in done.stdout
    assert not inside.exists()
    assert fleet.play("--limit=web1", podwright_status_fail=True).exit == 0
    done = fleet.play("--limit=web1,gone", podwright_status_fail=True)
    assert done.exit != 0 and "the fleet has 1 errors" in done.stdout
    assert (fleet.home / "fleet.html").exists()


def test_status_info_tells_one_host(trusting: AdHoc, published: Publish) -> None:
    published()
    trusting("pod", "name=web image=example.com/tiny:1.0 net=none ready=seconds=0.1")
    told = trusting("status_info", {"interval": 0.1})
    assert told["changed"] is False and told["problems"] == []
    assert [pod["pod_name"] for pod in told["pods"]] == ["web"]
    assert told["usage"][0]["memory"] > 0 and told["host"]["cpus"] >= 1
    assert {check["name"] for check in told["checks"]} >= {"kernel", "seccomp"}
    quick = trusting("status_info", {"interval": 0, "checks": False})
    assert quick["usage"] == [] and quick["checks"] == []
    wrong = trusting.refused("status_info", {"interval": 100})
    assert wrong["object"] == "interval" and "from 0.1 to 60" in wrong["msg"]
    gone = trusting.refused("status_info", {"agent_path": "/nowhere/podwright"})
    assert gone["reason"] == "no-agent"
