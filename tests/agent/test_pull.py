# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""`podwright pull`: a host follows the signed state of its fleet, and a pull without news does nothing."""

from __future__ import annotations

import contextlib
import fcntl
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.agent.pull_bed import DAY, FLEET, IMAGE, URL, Fleet, pod, when
from tests.conftest import Keys
from tests.support.agent import Agent
from tests.support.patience import until
from tests.support.webserver import Handler, ImageServer

Publish = Callable[..., Path]


@pytest.fixture
def fleet(
    agent: Agent, https_server: ImageServer, lab: Keys, published: Publish
) -> Iterator[Fleet]:
    """A host that trusts a key for the fleet, and an image that it may run."""
    published()
    bed = Fleet(agent, https_server, lab)
    yield bed
    bed.end()


def test_a_bundle_is_followed_and_the_second_pull_is_one_request(fleet: Fleet) -> None:
    fleet.publish(1, pod())
    first = fleet.pull()
    assert (first["state"], first["serial"], first["changed"]) == ("applied", 1, True)
    assert first["pods"][0]["actions"] == ["fetch", "prepare", "start"]
    running = fleet.pods()
    fleet.server.requests.clear()
    again = fleet.pull()
    assert (again["state"], again["changed"]) == ("unchanged", False)
    assert [(one.path, one.status) for one in fleet.server.requests] == [("/fleet.json", 304)]
    assert fleet.pods() == running and set(running) == {"web"}


def test_the_next_serial_changes_and_removes_only_what_the_fleet_had_put_there(
    fleet: Fleet,
) -> None:
    fleet.agent.apply({"pods": [pod("mine")]})
    fleet.publish(1, pod("web"), pod("db"))
    fleet.pull()
    before = fleet.pods()
    fleet.publish(2, pod("web", environment={"A": "1"}))
    result = fleet.pull()
    assert {one["name"]: one["actions"] for one in result["pods"] if one["changed"]}.keys() == {
        "web",
        "db",
    }
    now = fleet.pods()
    assert set(now) == {"web", "mine"}
    assert now["mine"] == before["mine"] and now["web"] != before["web"]
    fleet.publish(3)
    fleet.pull()
    assert set(fleet.pods()) == {"mine"}


def test_a_pod_of_somebody_else_is_not_taken_over_unasked(fleet: Fleet) -> None:
    fleet.agent.apply({"pods": [pod("web")]})
    before = fleet.pods()
    fleet.publish(1, pod("web", environment={"A": "1"}))
    error = fleet.refused()
    assert error["reason"] == "not-ours" and "pod web is on this host already" in error["message"]
    assert fleet.pods() == before
    assert fleet.pull("--adopt")["state"] == "applied"
    assert fleet.pods() != before
    fleet.publish(2)
    fleet.pull("--adopt")
    assert fleet.pods() == {}


def test_check_mode_says_what_a_pull_would_do_and_writes_nothing(fleet: Fleet) -> None:
    fleet.publish(1, pod())
    told = fleet.pull("--check", "--diff")
    assert told["changed"] and told["diff"]["before"] == {"pods": {"web": {"state": "absent"}}}
    assert not fleet.agent.data.exists() or sorted(fleet.agent.data.rglob("*")) == []
    done = fleet.pull("--diff")
    assert told["pods"][0]["actions"] == done["pods"][0]["actions"] == ["fetch", "prepare", "start"]
    assert told["diff"]["before"] == done["diff"]["before"]


def test_selectors_choose_by_name_group_and_label(fleet: Fleet) -> None:
    entries = [
        {"match": {"names": ["web-*"]}, "state": {"pods": [pod("by-name")]}},
        {"match": {"groups": ["db", "cache"]}, "state": {"pods": [pod("by-group")]}},
        {"match": {"labels": {"zone": "a", "tier": "x"}}, "state": {"pods": [pod("by-label")]}},
        {"match": {"names": ["db-*"], "groups": ["cache"]}, "state": {"pods": [pod("never")]}},
    ]
    fleet.publish(1, hosts=entries)
    assert fleet.pull("--host=other-1", "--label=zone=a")["pods"] == []
    words = ("--host=web-7", "--group=cache", "--label=zone=a", "--label=tier=x")
    told = fleet.pull(*words)
    assert {one["name"] for one in told["pods"]} == {"by-name", "by-group", "by-label"}
    gone = fleet.pull("--host=web-7")
    assert {one["name"] for one in gone["pods"] if one["changed"]} == {"by-group", "by-label"}
    assert set(fleet.pods()) == {"by-name"}


def test_what_drifted_is_put_right_with_repair_and_only_then(fleet: Fleet) -> None:
    fleet.publish(1, pod())
    fleet.pull()
    fleet.agent.ok("stop", "web")
    assert fleet.pull()["state"] == "unchanged" and fleet.pods() == {}
    assert fleet.pull("--repair")["state"] == "applied"
    assert set(fleet.pods()) == {"web"}


def test_a_rollout_waits_for_its_time_and_share(fleet: Fleet) -> None:
    fleet.publish(1, pod())
    fleet.pull()
    before = fleet.pods()
    later: dict[str, Any] = {"rollout": [{"percent": 0}, {"percent": 100, "after": when(DAY / 2)}]}
    fleet.publish(2, pod(environment={"A": "1"}), **later)
    told = fleet.pull()
    assert told["state"] == "waiting" and told["until"] == later["rollout"][1]["after"].replace(
        "Z", ".000Z"
    )
    assert told["serial"] == 2 and told["followed"]["serial"] == 1
    assert fleet.pull()["state"] == "waiting"  # from what is kept: the server says 304
    assert fleet.pods() == before
    fleet.publish(1, pod())
    assert fleet.refused()["reason"] == "rollback", "a host that waits has accepted all the same"
    past = {"rollout": [{"percent": 0}, {"percent": 100, "after": when(-60)}]}
    fleet.publish(3, pod(environment={"A": "1"}), **past)
    assert fleet.pull()["state"] == "applied"


def test_a_bundle_whose_pods_do_not_become_ready_is_taken_back_and_paused(fleet: Fleet) -> None:
    fleet.publish(1, pod())
    fleet.pull()
    bad = pod(exec=["/bin/sh", "-c", "exit 3"], restart="no")
    fleet.publish(2, bad)
    error = fleet.refused()
    assert "web" in error["message"]
    told = fleet.status()
    assert told["state"] == "failed" and told["followed"]["serial"] == 1 and told["failures"] == 1
    assert set(fleet.pods()) == {"web"}, "the pod of serial 1 runs again"
    runs = fleet.pods()
    assert fleet.refused()["reason"] == "failed-before"
    assert fleet.pods() == runs, "it is not tried each time"
    (result,) = (fleet.agent.data / "pull").glob("*/result.json")
    told = json.loads(result.read_text())
    for damaged in ({"digest": told["failed"]["digest"]}, {**told["failed"], "at": "x"}, 7):
        result.write_text(json.dumps({**told, "failed": damaged}))
        assert fleet.refused()["reason"] != "failed-before", "it is tried, and nothing is thrown"
    assert fleet.refused("--again")["reason"] != "failed-before"
    fleet.publish(3, pod())
    assert fleet.pull()["failures"] == 0
    assert fleet.status()["error"] is None


def test_settings_come_from_files_and_options_have_the_last_word(fleet: Fleet) -> None:
    fleet.publish(1, hosts=[{"match": {"groups": ["web"]}, "state": {"pods": [pod()]}}])
    directory = fleet.agent.local / "pull.d"
    directory.mkdir()
    settings = {
        "rktKind": "pull",
        "rktVersion": "v1",
        "url": URL,
        "fleet": FLEET,
        "groups": ["web"],
    }
    (directory / "own.json").write_text(json.dumps(settings))
    told = json.loads(fleet.agent.ok("pull", "--check", "--format=json"))
    assert [one["name"] for one in told["pods"]] == ["web"]
    told = json.loads(fleet.agent.ok("pull", "--check", "--group=db", "--format=json"))
    assert told["pods"] == []
    (directory / "own.json").write_text(json.dumps({**settings, "gruops": []}))
    assert "gruops: unknown field" in fleet.agent.refused("pull", "--format=json")


def test_the_result_is_told_to_people_monitoring_and_whoever_wants_reports(fleet: Fleet) -> None:
    posted: list[dict[str, Any]] = []

    def take(handler: Handler) -> None:
        posted.append(json.loads(handler.rfile.read(int(handler.headers["Content-Length"]))))
        handler.send_response(204)
        handler.end_headers()

    fleet.server.answers["/report"] = take
    fleet.publish(7, pod())
    told = fleet.pull("--report-url=https://example.com/report")
    assert posted == [json.loads(json.dumps(told))]
    fleet.publish(6, pod())
    fleet.refused()
    shown = fleet.agent("pull", "--status")
    assert shown.exit == 254 and FLEET in shown.stdout and "is older than 7" in shown.stdout
    numbers = fleet.agent.ok("metrics")
    assert f'podwright_pull_serial{{fleet="{FLEET}"}} 7' in numbers
    assert f'podwright_pull_failures_total{{fleet="{FLEET}"}} 1' in numbers
    assert f'podwright_pull_followed_serial{{fleet="{FLEET}"}} 7' in numbers


def test_two_machines_pause_for_different_times_and_each_always_the_same(fleet: Fleet) -> None:
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); from podwright.pull import follow;"
        "follow.machine = lambda: sys.argv[2]; print(follow.splay('acme/shop', 900))"
    )
    tree = str(Path(__file__).parents[2] / "agent")
    found = [
        float(
            fleet.agent.host.run(["/usr/bin/python3", "-IS", "-c", code, tree, name]).check().stdout
        )
        for name in ("a", "b", "a")
    ]
    assert found[0] == found[2] != found[1] and all(0 <= one < 900 for one in found)


def test_who_may_not_read_how_pulls_went_is_not_told_that_there_were_none(fleet: Fleet) -> None:
    fleet.publish(1, pod())
    fleet.pull()
    (memory,) = (fleet.agent.data / "pull").iterdir()
    command = [*fleet.agent.command, "pull", "--status", "--format=json"]
    other = ["setpriv", "--reuid=65534", "--clear-groups"]
    assert fleet.agent.host.run(command).exit == 0, "control"
    for path in memory.parents:
        if not path.stat().st_mode & 0o001:
            path.chmod(0o711)  # nothing else keeps him from there
    for closed, seen in ((memory, True), (memory.parent, False)):
        memory.parent.chmod(0o755)
        memory.chmod(0o755)
        closed.chmod(0o700)
        assert fleet.agent.host.run([*other, "ls", str(memory.parent)]).exit == (0 if seen else 2)
        ended = fleet.agent.host.run([*other, *command])
        assert ended.exit == 254 and "for root to read" in ended.stderr, (closed, ended)


def test_a_bundle_is_made_signed_and_followed(fleet: Fleet, tmp_path: Path) -> None:
    state, output = tmp_path / "state.json", fleet.file
    state.write_text(json.dumps({"pods": [pod()]}))
    make = ["bundle", "make", f"--fleet={FLEET}", f"--expires={when(DAY)}", "--format=json"]
    sign = [f"--gpg-home={fleet.lab.lab.home}", f"--sign-by={fleet.key.fingerprint}"]
    told = json.loads(fleet.agent.ok(*make, "--serial=next", *sign, state, output))
    assert (told["serial"], told["changed"], told["signed"]) == (1, True, True)
    again = json.loads(fleet.agent.ok(*make, "--serial=1", *sign, state, output))
    assert again["changed"] is False
    assert json.loads(fleet.agent.ok("bundle", "show", output))["pods"] == [pod()]
    assert fleet.pull()["state"] == "applied"
    state.write_text(json.dumps({"pods": [pod(imagge="x")]}))
    line = fleet.agent.refused(*make, "--serial=next", *sign, state, output)
    assert "hosts[0].state.pods[0].imagge: unknown field" in line
    state.write_text(json.dumps({"pods": [pod()]}))
    lost = tmp_path / "none" / "fleet.json"
    line = fleet.agent.refused(*make, "--serial=1", state, lost)
    assert "its directory is not there" in line and f"mkdir -p {lost.parent}" in line
    assert "there is no such file" in fleet.agent.refused("bundle", "show", lost)
    assert fleet.pull()["state"] == "unchanged"


def test_an_image_named_as_in_other_documents_is_what_runs(fleet: Fleet) -> None:
    fleet.publish(
        1, pod(), hosts=[{"state": {"images": [{"name": f"{IMAGE}:1.0"}], "pods": [pod()]}}]
    )
    told = fleet.pull()
    assert [one["changed"] for one in told["images"]] == [True]


@pytest.mark.threat("T96")
def test_a_pod_that_somebody_makes_while_the_pull_waits_for_the_lock_is_not_taken_over(
    fleet: Fleet,
) -> None:
    fleet.agent.apply({"pods": [pod("web")]})
    named, aside = fleet.agent.data / "named" / "web", fleet.agent.data / "aside"
    lock = fleet.agent.data / "locks" / "apply"
    fleet.publish(1, pod("web", environment={"A": "1"}))
    before = fleet.pods()
    named.rename(aside)
    with lock.open("a") as held, ThreadPoolExecutor() as pool:
        fcntl.flock(held, fcntl.LOCK_EX)
        pulling = pool.submit(fleet.refused)
        until(lambda: len(holders(lock)) > 1, "the pull to wait for the lock")
        aside.rename(named)
        fcntl.flock(held, fcntl.LOCK_UN)
        assert pulling.result()["reason"] == "not-ours"
    assert fleet.pods() == before


def holders(path: Path) -> set[str]:
    """Processes that have a file open."""
    found = set()
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        with contextlib.suppress(OSError):
            if link.samefile(path):
                found.add(link.parts[2])
    return found
