# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a play is told is true: crowds, second runs, check mode, what is taken away, hosts that die (T96)."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import HOST_NAMES, Keys
from tests.modules.conftest import AdHoc
from tests.modules.script import Script, Task, check
from tests.support.agent import Agent
from tests.support.private_host import PrivateHost
from tests.support.thorough import THOROUGH

Publish = Callable[..., Path]
TINY = "example.com/tiny:1.0"
WEB = {"name": "web", "image": TINY, "net": "none", "ready": {"seconds": 0.1}}
CROWD = 50 if THOROUGH else 20
NETWORK = {
    "name": "lab",
    "plugins": [
        {
            "type": "bridge",
            "bridge": "lab0",
            "ipam": {"type": "host-local", "subnet": "10.9.0.0/24"},
        }
    ],
}


def managing(lab: Keys) -> list[Task]:
    """A task of each module that changes something on a host."""
    key = {"prefix": "example.org", "fingerprint": lab.key.fingerprint, "key": lab.key.armoured}
    return [
        ("trust", key),
        ("policy", {"default": [{"type": "signedBy"}]}),
        ("network", NETWORK),
        ("secret", {"name": "key", "content": "x", "encrypt": "off"}),
        ("image", {"name": "example.com/tiny:2.0"}),
        ("pod", {"pods": [WEB, {**WEB, "name": "other", "state": "prepared"}]}),
        ("gc", {}),
    ]


def tree(*places: Path) -> str:
    """A digest of all that is below some directories: names, modes, owners, times, links and contents."""
    found = hashlib.sha256()
    for place in places:
        for base, directories, files in os.walk(place):
            directories.sort()
            for name in sorted((*directories, *files)):
                path = f"{base}/{name}"
                info = os.lstat(path)
                what: Any = (path, info.st_mode, info.st_uid, info.st_mtime_ns, info.st_size)
                if os.path.islink(path):
                    what = (path, os.readlink(path))
                elif not directories or name in files:
                    what = (*what[:5], Path(path).read_bytes() if os.path.isfile(path) else b"")
                found.update(repr(what).encode())
    return found.hexdigest()


@pytest.mark.threat("T96")
def test_check_mode_writes_nothing_and_a_second_run_changes_nothing(
    trusting: AdHoc, published: Publish, lab: Keys, tmp_path: Path
) -> None:
    published()
    published("2.0")
    agent = trusting.agent
    tasks = managing(lab)
    looks = [check(task[0], task[1]) for task in tasks if not isinstance(task, dict)]
    script = Script(trusting, tmp_path)
    run = Path(f"/proc/{agent.host.pid}/root/run/podwright")
    before = tree(agent.data, agent.local, run)
    would = script(*looks)
    assert tree(agent.data, agent.local, run) == before
    made = script(*tasks)
    between = tree(agent.data, agent.local)
    assert between != before
    told = script(*looks)
    assert tree(agent.data, agent.local) == between
    again = script(*tasks)
    assert [one["changed"] for one in would] == [True] * 6 + [False]
    assert [one["changed"] for one in made] == [one["changed"] for one in would]
    assert [one["changed"] for one in (*told, *again)] == [False] * 14
    script(("pod", {"pods": [{"name": "web"}, {"name": "other"}], "state": "absent"}))


@pytest.mark.threat("T96")
def test_a_crowd_of_calls_makes_one_pod_and_one_of_them_says_so(
    trusting: AdHoc, published: Publish, tmp_path: Path
) -> None:
    published()
    script = Script(trusting, tmp_path)
    jobs = {
        "podwright.fleet.pod": WEB, "async": 600, "poll": 0, "loop": list(range(CROWD)), "register": "jobs",
    }  # fmt: skip
    ends = {
        "ansible.builtin.async_status": {"jid": "{{ item.ansible_job_id }}"},
        "loop": "{{ jobs.results }}", "loop_control": {"label": ""},
        "register": "ended", "until": "ended is finished", "retries": 600, "delay": 1,
        "ignore_errors": True,
    }  # fmt: skip
    keep = {
        "ansible.builtin.copy": {
            "content": "{{ ended.results | to_json }}",
            "dest": str(tmp_path / "ended"),
        }
    }
    done = script.raw([jobs, ends, keep])
    assert done.exit == 0, script.output
    ended = json.loads((tmp_path / "ended").read_text())
    assert len(ended) == CROWD
    # On a machine with much else to do somebody may have waited for too long, and says so.
    failed = [one for one in ended if one.get("failed")]
    assert {one.get("reason") for one in failed} <= {"locked"}, failed
    assert [one["changed"] for one in ended if not one.get("failed")].count(True) == 1
    pods, last, _ = script(
        ("pod_info", {}), ("pod", WEB), ("pod", {"name": "web", "state": "absent"})
    )
    assert [pod["pod_name"] for pod in pods["pods"]] == ["web"]
    assert last["changed"] is False


@pytest.mark.threat("T96")
def test_keys_and_images_that_are_taken_away_stop_new_runs(
    trusting: AdHoc, published: Publish, lab: Keys, tmp_path: Path
) -> None:
    published()
    key = {"prefix": "example.com", "fingerprint": lab.key.fingerprint}
    short = [
        {**key, "fingerprint": lab.key.fingerprint[-digits:], "key": lab.key.armoured}
        for digits in (8, 16, 39)
    ]
    other: dict[str, Any] = {**WEB, "name": "other", "pull_policy": "never"}
    found = Script(trusting, tmp_path).any(
        *(("trust", one) for one in short),
        ("pod", WEB),
        ("trust", {**key, "state": "absent"}),
        ("pod", other),
        ("pod", {**WEB, "state": "restarted"}),
        ("trust", {**key, "key": lab.key.armoured}),
        ("pod", other),
        ("pod", {"pods": [{"name": "web"}, {"name": "other"}], "state": "absent"}),
        ("gc", {"grace_period": "0s", "expire_prepared": "0s"}),
        ("image", {"name": TINY, "state": "absent"}),
        ("pod", other),
    )
    for each in found[:3]:
        assert each["failed"] and "part of a fingerprint" in each["msg"]
    assert found[3]["changed"] and found[4]["changed"]
    for each in found[5:7]:
        assert each["failed"] and each["stage"] == "verify", each
    assert not found[8].get("failed") and found[11]["changed"]
    assert found[12]["failed"] and found[12]["reason"] == "not-found", found[12]


@pytest.mark.threat("T96")
def test_a_host_that_dies_in_the_middle_of_a_play_is_converged_by_the_next_one(
    lab: Keys, tmp_path: Path, collections: Path, signed_image: Callable[..., Path]
) -> None:
    image = signed_image()
    names = dict.fromkeys(HOST_NAMES, "127.0.0.1")
    key = {"prefix": "example.com", "fingerprint": lab.key.fingerprint, "key": lab.key.armoured}
    pods = {"pods": [{**WEB, "name": f"web{n}", "image": str(image)} for n in range(4)]}
    secret = {"name": "key", "content": "x", "encrypt": "off"}
    tasks: list[Task] = [("trust", key), ("secret", secret), ("pod", pods)]

    def boot(number: int) -> PrivateHost:
        (tmp_path / f"host{number}").mkdir()
        return PrivateHost(tmp_path / f"host{number}", names)

    with boot(1) as host:
        agent = Agent(host, tmp_path / "agent")
        script = Script(AdHoc(agent, tmp_path / "ansible", collections), tmp_path)
        steps = [
            {f"podwright.fleet.{one[0]}": one[1]} for one in tasks if not isinstance(one, dict)
        ]
        defaults = {"group/podwright.fleet.podwright": script.adhoc.common}
        play = [
            {
                "hosts": "localhost",
                "gather_facts": False,
                "module_defaults": defaults,
                "tasks": steps,
            }
        ]
        (tmp_path / "play.json").write_text(json.dumps(play))
        process = host.popen(
            ["ansible-playbook", str(tmp_path / "play.json")], env=script.adhoc.env
        )
        deadline = time.monotonic() + 120
        while not any((agent.data / "pods/run").glob("*")):  # the first of four runs
            assert time.monotonic() < deadline and process.poll() is None
            time.sleep(0.005)
    process.communicate()
    with boot(2) as host:
        agent.host = host
        done = script(*tasks)
        again = script(*tasks)
        (told, _) = script(
            ("pod_info", {}),
            ("pod", {"pods": [{"name": f"web{n}"} for n in range(4)], "state": "absent"}),
        )
    assert done[2]["changed"] is True
    assert [one["changed"] for one in again] == [False, False, False]
    running = [pod["pod_name"] for pod in told["pods"] if pod["state"] == "running"]
    assert sorted(running) == [f"web{n}" for n in range(4)]
