# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""stop, and kill -9 of the waiting parent at any moment: nothing of a pod lives on (T83, T89)."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path

import pytest

from tests.agent.launch_bed import PATIENCE, Bed, Pod, sh
from tests.support import thorough
from tests.support.paths import CHECKOUT
from tests.support.private_host import PrivateHost

POLITE = "trap 'exit 0' TERM; while :; do sleep 0.05; done"
STOP = f"""
import sys
sys.path.insert(0, {str(CHECKOUT / "agent")!r})
from podwright.stage1.namespaces.stop import stop
print(stop(sys.argv[1], sys.argv[2] == "force"))
"""
LEDGER = "wc -l < /proc/self/mountinfo; ip -o link | wc -l; set -- /proc/[0-9]*; echo $#"
"""The shell itself counts the processes: of two in a pipe, the first may or may not see the second."""
GC = f"""
import sys
sys.path.insert(0, {str(CHECKOUT / "agent")!r})
from podwright.host import cgroups
from podwright.stage1.namespaces import record
init = record.read(sys.argv[1])
if init is not None:
    cgroups.remove(list(init.cgroups))
"""


@pytest.fixture
def bed(private_host: PrivateHost, tmp_path: Path) -> Bed:
    return Bed(private_host, tmp_path)


def python(bed: Bed, code: str, *arguments: object) -> str:
    """Run code of the agent on the private host."""
    return (
        bed.host.run(["/usr/bin/python3", "-IS", "-c", code, *map(str, arguments)])
        .check()
        .stdout.strip()
    )


def ledger(bed: Bed) -> str:
    """Numbers of mounts, links and processes of the host, and its pods' cgroups."""
    groups = bed.host.run(["find", "/sys/fs/cgroup", "-type", "d", "-name", "podwright-*"]).stdout
    return bed.host.run(["sh", "-c", LEDGER]).check().stdout + groups


def settles(bed: Bed, wanted: str) -> bool:
    """Whether the host gets to look as wanted; what was killed takes the kernel a moment."""
    deadline = time.monotonic() + PATIENCE
    while ledger(bed) != wanted:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def running(bed: Bed, script: str = POLITE) -> Pod:
    """A pod that has just become ready."""
    pod = bed.start(sh("app", script), ready={"seconds": 0.1})
    pod.wait_ready()
    return pod


def test_stop_ends_a_pod_in_order(bed: Bed) -> None:
    with running(bed) as pod:
        assert python(bed, STOP, pod.pod_dir, "") == "True"
        ended = pod.ended()
        assert ended.outcome == [0, "stopped"]
        assert python(bed, STOP, pod.pod_dir, "") == "False"


def test_a_pod_that_was_stopped_by_force_was_asked_to(bed: Bed) -> None:
    with running(bed, "trap '' TERM; while :; do sleep 0.05; done") as pod:
        assert python(bed, STOP, pod.pod_dir, "force") == "True"
        ended = pod.ended()
    assert ended.outcome == [137, "stopped"]
    assert ended.reasons() == {"app": "stopped-by-pod"}
    assert ended.status_file("app") == "137"


def test_a_pod_whose_init_somebody_kills_was_killed(bed: Bed) -> None:
    with running(bed) as pod:
        bed.host.run(["kill", "-9", str(pod.init()["pid"])]).check()
        ended = pod.ended()
    assert ended.outcome == [137, "killed"]
    assert ended.reasons() == {"app": "killed-by-signal"}


@pytest.mark.parametrize("lie", ["start_time", "boot_id"])
def test_a_process_that_got_the_pid_of_a_dead_pod_is_not_signalled(bed: Bed, lie: str) -> None:
    with running(bed) as pod:
        record = pod.init()
        for other in (
            {**record, lie: 1 if lie == "start_time" else "another"},
            {**record, "pid": 0},
        ):
            (pod.pod_dir / "init").write_text(json.dumps(other))
            assert python(bed, STOP, pod.pod_dir, "force") == "False"
        (pod.pod_dir / "init").write_text(json.dumps(record))
        assert python(bed, STOP, pod.pod_dir, "") == "True"
        assert pod.ended().outcome == [0, "stopped"]


def test_a_pod_without_a_record_is_not_running(bed: Bed, tmp_path: Path) -> None:
    assert python(bed, STOP, tmp_path, "") == "False"


def test_nothing_is_left_after_an_orderly_end(bed: Bed) -> None:
    before = ledger(bed)
    with running(bed) as pod:
        pod.signal(signal.SIGTERM)
        pod.ended()
    assert settles(bed, before), ledger(bed)


def test_killing_the_parent_ends_the_pod(bed: Bed) -> None:
    before = ledger(bed)
    script = "(setsid sleep 1000 &); trap '' TERM HUP; while :; do sleep 0.05; done"
    with running(bed, script) as pod:
        pod.signal(signal.SIGKILL)
        pod.ended()
    assert "podwright-" in ledger(bed)
    deadline = time.monotonic() + PATIENCE
    while ledger(bed) != before and time.monotonic() < deadline:
        python(bed, GC, pod.pod_dir)
    assert ledger(bed) == before


def test_the_lock_is_held_while_the_pod_runs_and_free_after_a_kill(bed: Bed) -> None:
    with running(bed) as pod:
        assert bed.host.run(["flock", "--nonblock", str(pod.pod_dir), "true"]).exit == 1
        pod.signal(signal.SIGKILL)
        pod.ended()
    free = ["flock", "--timeout", str(PATIENCE), str(pod.pod_dir), "true"]
    assert bed.host.run(free).exit == 0


def test_killed_at_every_step_nothing_lives_on(bed: Bed) -> None:
    """Counts the state-changing calls of one run, then kills the process that gets to call N, for every N
    (a sample of them in `make test`)."""
    before = ledger(bed)
    steps = bed.base / "steps"
    env = ["env", f"PODWRIGHT_FAULT=count@{steps}"]
    assert bed.run(sh("app", "true"), wrap=env).outcome == [0, "exited"]
    count = len(steps.read_text().splitlines())
    assert count > 100
    for number in thorough.steps(count, 4):
        with bed.start(sh("app", "true"), wrap=["env", f"PODWRIGHT_FAULT=kill@{number}"]) as pod:
            ended = pod.ended()
        assert ended.exit in (-9, 137, 254, 0), (number, ended)
        assert "Traceback" not in ended.stderr, (number, ended)
        python(bed, GC, pod.pod_dir)
    assert settles(bed, before), ledger(bed)


@pytest.mark.parametrize("code", ["ENOSPC", "EIO", "EMFILE"])
def test_failing_at_any_step_is_one_sentence_and_leaves_nothing(bed: Bed, code: str) -> None:
    before = ledger(bed)
    for number in thorough.steps(160, 9):
        fault = ["env", f"PODWRIGHT_FAULT={code}@{number}"]
        with bed.start(sh("app", "true"), wrap=fault) as pod:
            ended = pod.ended()
        assert "Traceback" not in ended.stderr, (number, ended)
        assert ended.exit in (0, 254, 203, 137), (number, ended)
        python(bed, GC, pod.pod_dir)
    assert settles(bed, before), ledger(bed)


@pytest.mark.threat("T65")
@pytest.mark.parametrize("part", ["rkt", "rkt/status"])
def test_a_link_that_pid_1_left_in_its_root_does_not_lead_the_parents_writes(
    bed: Bed, part: str
) -> None:
    elsewhere = bed.base / "elsewhere"
    (elsewhere / "status").mkdir(parents=True)
    with bed.start(sh("app", "echo up; while :; do sleep 0.05; done")) as pod:
        pod.wait_ready()
        place = pod.pod_dir / "stage1/rootfs" / part
        place.rename(place.with_name("old"))
        place.symlink_to(elsewhere)
        bed.host.run(["kill", "-9", str(pod.init()["pid"])]).check()
        ended = pod.ended()
    assert (ended.outcome, ended.refused) == ([137, "killed"], "")
    assert any("Too many levels of symbolic links" in note for note in ended.notes)
    assert [path.name for path in elsewhere.rglob("*")] == ["status"]
    with bed.start(sh("app", "echo up; while :; do sleep 0.05; done")) as pod:
        pod.wait_ready()
        bed.host.run(["kill", "-9", str(pod.init()["pid"])]).check()
        assert pod.ended().status_file("app") == "137"
