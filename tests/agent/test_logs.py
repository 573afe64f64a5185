# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""`podwright logs` without systemd: what named pods have written, while they run and later."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Keys
from tests.support.agent import Agent
from tests.support.private_host import PrivateHost

IMAGE = "example.com/tiny:1.0"
PATIENCE = 60.0


@pytest.fixture
def trusting(agent: Agent, lab: Keys, published: Callable[..., Path]) -> Iterator[Agent]:
    """An agent that trusts the published image; pod web is removed at the end, with its logs."""
    agent.trust(lab.key, "example.com")
    published()
    yield agent
    agent.apply({"pods": [{"name": "web", "state": "absent"}]})
    assert not (agent.data / "logs/web").exists()


def app(script: str, **more: Any) -> dict[str, Any]:
    """An app that runs a shell script."""
    return {"image": IMAGE, "exec": ["/bin/sh", "-c", script], **more}


def pod(*apps: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A desired state with pod web."""
    body = {"name": "web", "net": "none", "ready": {"seconds": 0.01}, "restart": "no", **changes}
    body = {**body, **apps[0]} if len(apps) == 1 else {**body, "apps": list(apps)}
    return {"version": 1, "pods": [body]}


def until_logged(agent: Agent, wanted: str, *options: str) -> str:
    """Wait until the log of pod web has something; all of it."""
    deadline = time.monotonic() + PATIENCE
    while True:
        found = agent("logs", "web", *options)
        if wanted in found.stdout:
            return found.stdout
        assert time.monotonic() < deadline, found
        time.sleep(0.1)


def test_what_the_apps_of_a_named_pod_have_written(trusting: Agent) -> None:
    """Several are told apart, by name and stream; machines get an object a line, and a UUID will do."""
    one = app("echo to-out; echo to-err >&2; exec sleep 1000", name="one")
    two = app("echo other; exec sleep 1000", name="two")
    trusting.apply(pod(one, two))
    text = until_logged(trusting, "[two] other")
    until_logged(trusting, "[one] to-err")
    text = until_logged(trusting, "[one] to-out")
    assert sorted(text.splitlines()) == ["[one] to-err", "[one] to-out", "[two] other"]
    assert trusting.ok("logs", "web", "--app=one", "--stream=stderr") == "to-err\n"
    assert trusting.ok("logs", "-n", "0", "web") == ""
    uuid = json.loads(trusting.ok("status", "web", "--format=json"))["name"]
    lines = trusting.ok("logs", "--format=json", "--app=two", uuid[:8]).splitlines()
    (found,) = [json.loads(line) for line in lines]
    assert (found["app"], found["stream"], found["message"]) == ("two", "stdout", "other")
    assert trusting.ok("logs", "--timestamps", "--app=two", "web") == f"{found['time']} other\n"
    assert trusting.ok("logs", "--since=2100-01-01", "web") == ""
    assert "has no app called 'three'" in trusting.refused("logs", "--app=three", "web")
    assert "is not a duration" in trusting.refused("logs", "--since=soon", "web")


def test_the_log_is_there_when_the_pod_has_ended_and_of_the_instance_before(
    trusting: Agent,
) -> None:
    """By name the last instance; --previous shows the one before it."""
    trusting.apply(pod(app("echo first; exec sleep 1000")))
    until_logged(trusting, "first")
    trusting.apply(pod(app("echo second; exec sleep 1000")))
    until_logged(trusting, "second")
    trusting.apply({"pods": [{"name": "web", "state": "stopped"}]})
    assert trusting.ok("logs", "web") == "second\n"
    assert trusting.ok("logs", "--previous", "web") == "first\n"
    assert "exclude each other" in trusting.refused("logs", "-f", "--previous", "web")


def test_a_follower_sees_what_comes_and_ends_with_the_pod(
    trusting: Agent, private_host: PrivateHost
) -> None:
    """Through rotations, and through a restart of the pod that is followed by its name."""
    script = "echo begin; cat /proc/sys/kernel/random/uuid; exec sleep 1000"
    trusting.apply(pod(app(script)))
    follower = private_host.popen([*trusting.command, "logs", "-f", "web"])
    try:
        until_logged(trusting, "begin")
        trusting.apply({"pods": [{"name": "web", "state": "restarted"}]})
        until_logged(trusting, "begin")
        second = until_logged(trusting, "-").split()[1]
        trusting.apply({"pods": [{"name": "web", "state": "stopped"}]})
        out, err = follower.communicate(timeout=PATIENCE)
    except BaseException:
        follower.kill()
        follower.communicate()
        raise
    assert follower.returncode == 0, err
    lines = out.split()
    assert lines[0::2] == ["begin", "begin"] and lines[3] == second, out


def test_a_follower_reads_on_through_rotations(trusting: Agent, private_host: PrivateHost) -> None:
    """No line is missed, and none comes twice, when files are put aside meanwhile."""
    script = (
        "echo ready; while [ ! -e /go ]; do sleep 0.1; done;"
        " i=0; while [ $i -lt 8000 ]; do echo line-$i; i=$((i+1)); done"
    )
    trusting.apply(pod(app(script), log={"max_size": "64Ki", "max_files": 50}))
    follower = private_host.popen([*trusting.command, "logs", "--follow", "web"])
    try:
        assert follower.stdout is not None and follower.stdout.readline() == "ready\n"
        trusting.ok("enter", "web", "/bin/sh", "-c", "> /go")
        out, err = follower.communicate(timeout=PATIENCE)
    except BaseException:
        follower.kill()
        follower.communicate()
        raise
    assert follower.returncode == 0, err
    assert out.split() == [f"line-{number}" for number in range(8000)]


@pytest.mark.threat("T78")
def test_nothing_of_a_log_reaches_a_terminal_raw(
    trusting: Agent, private_host: PrivateHost
) -> None:
    """Escape sequences, carriage returns and bidirectional controls are shown as escapes there."""
    script = r"printf 'a\033]0;title\007b\rc\342\200\256d\te\377\n'; exec sleep 1000"
    trusting.apply(pod(app(script)))
    until_logged(trusting, "title")
    command = " ".join([*trusting.command, "logs", "web"])
    shown = private_host.run(["script", "-qec", command, "/dev/null"]).check().stdout
    assert shown.rstrip("\r\n") == r"a\x1b]0;title\x07b\x0dc\u202ed" + "\te\\xff"
    for line in trusting.ok("logs", "--format=json", "web").splitlines():
        assert json.loads(line)["message"].startswith("a\x1b]0;") and "\x1b" not in line


def test_a_pod_without_a_log_says_where_its_output_goes(trusting: Agent) -> None:
    """A pod of `run` in a shell writes to the shell."""
    trusting.ok("run", "--net=none", IMAGE, "--exec=/bin/true")
    uuid = trusting.ok("list", "--no-legend", "--full").split()[0]
    assert "goes where it was started from" in trusting.refused("logs", uuid)
    trusting.ok("rm", uuid)
    prepared = trusting.ok("prepare", "--quiet", IMAGE).strip()
    assert "was not started yet" in trusting.refused("logs", prepared)
    trusting.ok("rm", prepared)
    assert "no pod is called" in trusting.refused("logs", "nobody")


def test_hosts_without_journal_keep_the_logs_of_four_instances(trusting: Agent) -> None:
    """A pod that is started again and again does not fill the disk with old logs."""
    trusting.apply(pod(app("exec sleep 1000")))
    for _ in range(4):
        trusting.apply({"pods": [{"name": "web", "state": "restarted"}]})
    assert len(list((trusting.data / "logs/web").iterdir())) == 4


def test_the_log_of_a_revision_that_failed_is_there_as_long_as_its_pod(trusting: Agent) -> None:
    """A few restarts of the pod took it away, and an empty answer was all that was left."""
    trusting.apply(pod(app("exec sleep 1000")))
    failed = trusting("apply", stdin=json.dumps(pod(app("echo broken; exit 7"))))
    assert json.loads(failed.stdout)["pods"][0]["rolled_back"], failed
    first, second = json.loads(trusting.ok("history", "web", "--format=json"))
    for _ in range(5):
        trusting.apply({"pods": [{"name": "web", "state": "restarted"}]})
    assert trusting.ok("logs", second["uuid"]) == "broken\n"
    first, second = json.loads(trusting.ok("history", "web", "--format=json"))
    current = json.loads(trusting.ok("status", "web", "--format=json"))["name"]
    assert (first["uuid"], first["pod_state"]) == (current, "running")
    shutil.rmtree(trusting.data / "logs/web" / second["uuid"])
    assert "is no longer there" in trusting.refused("logs", second["uuid"])
    trusting.ok("rm", second["uuid"])
    assert f"{second['uuid'][:8]} (gone)" in trusting.ok("history", "web")


def test_broken_pipe(trusting: Agent, private_host: PrivateHost) -> None:
    """`logs | head -1` ends without a word."""
    trusting.apply(pod(app("i=0; while [ $i -lt 5000 ]; do echo $i; i=$((i+1)); done; sleep 1000")))
    until_logged(trusting, "4999")
    command = " ".join(["set -o pipefail;", *trusting.command, "logs", "web | head -1"])
    shown = private_host.run(["bash", "-c", command]).check()
    assert (shown.stdout, shown.stderr) == ("0\n", "")
