# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""When a pod counts as ready, and what happens when it does not become so."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.agent.launch_bed import Bed, app, sh
from tests.support.private_host import PrivateHost

FOREVER = "sleep 1000"


@pytest.fixture
def bed(private_host: PrivateHost, tmp_path: Path) -> Bed:
    return Bed(private_host, tmp_path)


def test_a_port_that_accepts_makes_the_pod_ready(bed: Bed) -> None:
    script = "sleep 0.3; echo > /up; while :; do nc -l -p 8080 -e true; done"
    with bed.start(sh("app", script), ready={"tcp": 8080, "interval": 0.02}) as pod:
        pod.wait_ready()
        state = pod.pod_dir / "stage1/rootfs/rkt/supervisor-status"
        assert state.readlink() == Path("ready")
        assert pod.events()[0]["seconds"] > 0.3


def test_a_command_that_succeeds_makes_the_pod_ready(bed: Bed) -> None:
    script = "sleep 0.3; echo > /tmp/up; sleep 1000"
    rule = {
        "exec": ["/bin/sh", "-c", "[ -e /tmp/up ] && [ $(id -u) = 1000 ]"],
        "app": "app",
        "interval": 0.02,
    }
    with bed.start(sh("other", FOREVER), sh("app", script, user="1000"), ready=rule) as pod:
        pod.wait_ready()
        assert pod.events()[0]["seconds"] > 0.3


def test_the_command_is_confined_like_the_app(bed: Bed) -> None:
    look = "grep -E '^(Cap|NoNew|Seccomp|Groups|Uid)' /proc/self/status; readlink /proc/self/ns/net; env; umask; pwd"
    rule = {"exec": ["/bin/sh", "-c", f"({look}) > /tmp/new && mv /tmp/new /tmp/probe"]}
    wait = "while [ ! -e /tmp/probe ]; do sleep 0.05; done"
    script = f"({look}) > /tmp/main; {wait}; cat /tmp/main; echo ==; cat /tmp/probe"
    ended = bed.run(
        sh("app", script, user="1000", supplementaryGIDs=[5], workingDirectory="/var/tmp"),
        ready=rule,
    )
    main, probe = ended.stdout.split("==\n")
    assert main == probe
    assert "CapEff:\t0000000000000000" in main


def test_time_survived_makes_the_pod_ready(bed: Bed) -> None:
    with bed.start(sh("app", FOREVER), ready={"seconds": 0.4}) as pod:
        pod.wait_ready()
        assert pod.events()[0]["seconds"] > 0.4


def test_an_app_that_does_its_job_and_ends_does_not_stand_in_the_way(bed: Bed) -> None:
    with bed.start(sh("job", "exit 0"), sh("app", FOREVER), ready={"seconds": 0.2}) as pod:
        pod.wait_ready()


def test_a_pod_that_ends_early_was_never_ready(bed: Bed) -> None:
    ended = bed.run(app("app", "/bin/true"))
    assert ended.outcome == [0, "exited"]
    assert not ended.was_ready
    assert not (ended.pod_dir / "stage1/rootfs/rkt/supervisor-status").is_symlink()


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ({"tcp": 8080}, "127.0.0.1 port 8080: Connection refused"),
        ({"exec": ["/bin/false"]}, "/bin/false ended with 1"),
        ({"exec": ["/no/such"]}, "/no/such does not exist in its image"),
        ({"exec": ["/bin/sleep", "1000"]}, "nothing has answered yet"),
    ],
)
def test_a_pod_that_does_not_become_ready_is_stopped(
    bed: Bed, rule: dict[str, object], says: str
) -> None:
    script = "trap 'exit 3' TERM; while :; do sleep 0.05; done"
    ended = bed.run(sh("app", script), ready={**rule, "interval": 0.05, "timeout": 0.6})
    assert ended.outcome == [254, "not-ready"]
    assert ended.apps == {"app": 3}
    assert ended.notes == [f"not ready after 0.6 s: {says}"]
    assert not ended.was_ready


def test_an_app_that_fails_before_the_pod_is_ready_is_the_reason(bed: Bed) -> None:
    ended = bed.run(sh("app", "sleep 0.2; exit 8"), ready={"tcp": 8080, "interval": 0.05})
    assert ended.outcome == [8, "failed"]


def test_readiness_of_an_unknown_app_is_refused(bed: Bed) -> None:
    ended = bed.run(sh("app", FOREVER), ready={"exec": ["/bin/true"], "app": "nix"})
    assert ended.refused == "readiness names app 'nix'; this pod's apps are app"
