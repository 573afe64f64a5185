# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module pod on the real agent: ad hoc with strings, as data, in check mode, and refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.conftest import Keys
from tests.modules.conftest import AdHoc

Publish = Callable[..., Path]
WEB = "name=web image=example.com/tiny:1.0 net=none ready=seconds=0.1"


def running(adhoc: AdHoc) -> list[tuple[str, str]]:
    """Name and UUID of the pods that run."""
    pods = adhoc("pod_info")["pods"]
    return [(pod["pod_name"], pod["name"]) for pod in pods if pod["state"] == "running"]


def test_a_pod_is_run_kept_replaced_and_removed_by_ad_hoc_strings(
    trusting: AdHoc, published: Publish
) -> None:
    published()
    first = trusting("pod", WEB)
    assert first["changed"] is True
    assert first["pods"][0]["state"] == "running"
    assert trusting("pod", WEB)["changed"] is False
    assert running(trusting) == [("web", first["pods"][0]["uuid"])]
    replaced = trusting("pod", f"{WEB} environment='A=1 B=yes' stop_timeout=5 restart=no")
    assert replaced["changed"] is True
    assert replaced["pods"][0]["uuid"] != first["pods"][0]["uuid"]
    assert running(trusting) == [("web", replaced["pods"][0]["uuid"])]
    assert trusting("pod", "name=web state=absent")["changed"] is True
    assert trusting("pod", "name=web state=absent")["changed"] is False
    assert running(trusting) == []


def test_strings_and_data_mean_the_same(
    trusting: AdHoc, published: Publish, tmp_path: Path
) -> None:
    published()
    source = tmp_path / "srv"
    source.mkdir()
    volumes = f"volumes=data,kind=host,source={source},readOnly=true mounts=data:/data"
    made = trusting("pod", f"{WEB} {volumes} environment=A=1 labels=x=y")
    data = {
        "name": "web",
        "image": "example.com/tiny:1.0",
        "net": "none",
        "ready": {"seconds": 0.1},
        "volumes": [{"name": "data", "kind": "host", "source": str(source), "read_only": True}],
        "mounts": [{"volume": "data", "path": "/data"}],
        "environment": {"A": "1"},
        "labels": {"x": "y"},
    }
    assert made["changed"] is True
    assert trusting("pod", data)["changed"] is False
    trusting("pod", "name=web state=absent")


def test_many_pods_are_one_call_and_each_is_told(trusting: AdHoc, published: Publish) -> None:
    published()
    pod = {"image": "example.com/tiny:1.0", "net": "none", "ready": {"seconds": 0.1}}
    wanted: dict[str, Any] = {"pods": [{"name": f"web{n}", **pod} for n in range(3)]}
    made = trusting("pod", wanted)
    assert [part["name"] for part in made["pods"]] == ["web0", "web1", "web2"]
    assert len({part["uuid"] for part in made["pods"]}) == 3
    wanted["pods"][1]["environment"] = {"A": "1"}
    changed = trusting("pod", wanted)
    assert [part["changed"] for part in changed["pods"]] == [False, True, False]
    names = [{"name": f"web{n}"} for n in range(3)]
    assert trusting("pod", {"pods": names, "state": "absent"})["changed"] is True
    assert running(trusting) == []


def test_check_mode_predicts_what_is_then_done(trusting: AdHoc, published: Publish) -> None:
    published()
    predicted = trusting("pod", WEB, "--check", "--diff")
    assert running(trusting) == []
    assert trusting("image_info")["images"] == []
    done = trusting("pod", WEB, "--diff")
    assert predicted["changed"] is done["changed"] is True
    assert predicted["pods"][0]["actions"] == done["pods"][0]["actions"]
    again = trusting("pod", WEB, "--check", "--diff")
    assert again["changed"] is False
    changed = trusting("pod", f"{WEB} environment=A=1", "--check", "--diff")
    assert changed["changed"] is True
    assert running(trusting) == [("web", done["pods"][0]["uuid"])]
    trusting("pod", "name=web state=absent")


def test_diff_shows_before_and_after_of_what_changed(trusting: AdHoc, published: Publish) -> None:
    published()
    trusting("pod", WEB)
    trusting("pod", f"{WEB} environment=A=canary", "--diff")
    lines = [line for line in trusting.output.splitlines() if "canary" in line]
    assert lines
    assert all(line.startswith("+") for line in lines)
    trusting("pod", "name=web state=absent")


def test_images_that_are_refused_leave_the_running_pod(
    trusting: AdHoc, published: Publish, lab: Keys
) -> None:
    published()
    uuid = trusting("pod", WEB)["pods"][0]["uuid"]
    published(version="2.0", key=None)
    published(version="3.0", key=lab.stranger)
    for version in ("2.0", "3.0", "4.0"):
        failed = trusting.refused("pod", WEB.replace("tiny:1.0", f"tiny:{version}"))
        assert "example.com/tiny" in failed["msg"]
        assert failed["reason"]
        assert failed["stage"] in ("fetch", "verify")
        assert failed["changed"] is False
        assert running(trusting) == [("web", uuid)]
    trusting("pod", "name=web state=absent")


def test_what_the_agent_does_not_know_is_refused_with_its_path(adhoc: AdHoc) -> None:
    failed = adhoc.refused(
        "pod",
        {
            "name": "web",
            "image": "example.com/tiny:1.0",
            "isolators": [{"name": "resource/colour", "value": {"limit": 1}}],
        },
    )
    assert "pods[0].isolators[0]" in failed["msg"]
    assert "resource/colour" in failed["msg"]
    assert failed["stage"] == "input"
    for options, said in (
        ("name=--insecure-options=all image=example.com/tiny", "is not a pod name"),
        ("name=web image=example.com/tiny stage1=docker", "stage1"),
        ("name=web image=example.com/tiny stage1=kvm", "podwright stage1 build kvm"),
        ("name=web image=example.com/tiny insecure_options=everything", "everything"),
        ("name=web image=example.com/tiny net=none ports=80-tcp:80", "ports"),
    ):
        assert said in adhoc.refused("pod", options)["msg"]


def test_text_from_images_is_data_and_never_a_template(
    trusting: AdHoc, published: Publish, tmp_path: Path
) -> None:
    published()
    canary = tmp_path / "canary"
    evil = "{{ lookup('pipe', 'touch " + str(canary) + "') }}"
    pod = {
        "name": "web",
        "image": "example.com/tiny:1.0",
        "net": "none",
        "ready": {"seconds": 0.1},
        "labels": {"ansible_connection": "ssh", "ansible_facts": "x"},
    }
    trusting("pod", pod)
    playbook = tmp_path / "play.yml"
    playbook.write_text(
        json.dumps(
            [
                {
                    "hosts": "localhost",
                    "gather_facts": False,
                    "tasks": [
                        {"podwright.fleet.pod_info": trusting.common, "register": "found"},
                        {"ansible.builtin.debug": {"msg": "{{ found.pods }}"}},
                        {"ansible.builtin.assert": {"that": "ansible_facts == {}"}},
                        {"ansible.builtin.assert": {"that": "found.pods | length == 1"}},
                    ],
                }
            ]
        )
    )
    manifest = next(trusting.agent.data.glob("pods/run/*/pod"))
    manifest.write_text(manifest.read_text().replace('"x"', json.dumps(evil)))
    done = trusting.agent.host.run(["ansible-playbook", str(playbook)], env=trusting.env)
    assert done.exit == 0, done
    assert "lookup" in done.stdout
    assert not canary.exists()
    trusting("pod", "name=web state=absent")
