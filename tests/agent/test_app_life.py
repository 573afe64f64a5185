# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""How the apps of one pod live together: order, restarts, exit policies, hooks, stopping (behaviour.md B8, B9)."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.agent.launch_bed import Bed, Pod, app, sh
from tests.support.private_host import PrivateHost

POINT = [{"name": "v", "path": "/v"}]
VOLUMES = [{"name": "v", "kind": "empty"}]
FOREVER = "sleep 1000 & wait"
UNTIL = "while [ ! -e /v/{0} ]; do sleep 0.02; done"
SOON = {"backoff": 0.01, "volumes": VOLUMES}


@pytest.fixture
def bed(private_host: PrivateHost, tmp_path: Path) -> Bed:
    return Bed(private_host, tmp_path)


def shared(name: str, script: str, **section: Any) -> dict[str, Any]:
    """An app that sees /v, as its peers do."""
    return sh(name, script, mountPoints=POINT, **section)


def said(name: str, script: str, **section: Any) -> dict[str, Any]:
    """An app that first writes its name into /v/log."""
    return shared(name, f"echo {name} >> /v/log; {script}", **section)


def hook(kind: str, script: str) -> dict[str, Any]:
    return {"name": kind, "exec": ["/bin/sh", "-c", script]}


def log(pod_dir: Path) -> list[str]:
    path = pod_dir / "sharedVolumes/v/log"
    return path.read_text().split() if path.exists() else []


def stop(pod: Pod) -> None:
    pod.signal(signal.SIGTERM)


# Order


@pytest.mark.kernel
def test_an_app_starts_after_what_it_depends_on(bed: Bed) -> None:
    end = UNTIL.format("a")
    ended = bed.run(
        shared("c", "echo c >> /v/log; echo > /v/a", life={"depends-on": "b"}),
        shared("b", f"echo b >> /v/log; {end}", life={"depends-on": "a:ready"}),
        shared("a", "echo a >> /v/log"),
        volumes=VOLUMES,
    )
    assert ended.outcome == [0, "exited"]
    assert log(ended.pod_dir) == ["a", "b", "c"]


def test_without_dependencies_apps_run_at_the_same_time(bed: Bed) -> None:
    meet = "echo > /v/$0; for n in a b c; do while [ ! -e /v/$n ]; do sleep 0.02; done; done"
    apps = [app(n, "/bin/sh", "-c", meet, n, mountPoints=POINT) for n in ("a", "b", "c")]
    assert bed.run(*apps, volumes=VOLUMES).outcome == [0, "exited"]


def test_ready_means_that_the_apps_own_rule_holds(bed: Bed) -> None:
    rule = json.dumps({"exec": ["/bin/sh", "-c", "[ -e /v/up ]"], "interval": 0.02})
    ended = bed.run(
        shared("web", "[ -e /v/up ] && echo > /v/done", life={"depends-on": "db:ready"}),
        shared("db", f"sleep 0.3; echo > /v/up; {UNTIL.format('done')}", life={"ready": rule}),
        volumes=VOLUMES,
    )
    assert ended.outcome == [0, "exited"], ended


def test_started_does_not_wait_for_readiness(bed: Bed) -> None:
    """The control of the test before: without `:ready` the app comes too early."""
    rule = json.dumps({"exec": ["/bin/sh", "-c", "[ -e /v/up ]"], "interval": 0.02})
    wait = f"{UNTIL.format('web')}; echo > /v/up"
    ended = bed.run(
        shared("web", "[ -e /v/up ] || echo early; echo > /v/web", life={"depends-on": "db"}),
        shared("db", wait, life={"ready": rule}),
        volumes=VOLUMES,
    )
    assert ended.stdout == "early\n"


def test_an_app_that_is_ready_at_a_port_lets_the_next_one_start(bed: Bed) -> None:
    rule = json.dumps({"tcp": 8080, "interval": 0.02})
    serve = "sleep 0.2; echo > /v/up; while :; do nc -l -p 8080 -e true; done"
    ended = bed.run(
        shared("web", "[ -e /v/up ] && exit 7", life={"depends-on": "db:ready"}),
        shared("db", serve, life={"ready": rule}),
        volumes=VOLUMES,
    )
    assert ended.outcome == [7, "failed"]
    assert ended.reasons() == {"web": "failed", "db": "stopped-by-pod"}


def test_the_pod_is_ready_when_each_app_with_a_rule_is(bed: Bed) -> None:
    rule = json.dumps({"exec": ["/bin/sh", "-c", "[ -e /v/up ]"], "interval": 0.02})
    apps = (shared("a", FOREVER, life={"ready": rule}), shared("b", FOREVER))
    with bed.start(*apps, ready={"seconds": 0.0}, volumes=VOLUMES) as pod:
        pod.wait_until((pod.pod_dir / "stage1/rootfs/rkt/env/b").exists, "prepared")
        pod.init()
        assert not any("ready" in event for event in pod.events())
        (pod.pod_dir / "sharedVolumes/v/up").touch()
        pod.wait_ready()
        stop(pod)
        assert pod.ended().outcome == [0, "stopped"]


def test_an_app_that_is_never_ready_ends_the_pod_with_its_name(bed: Bed) -> None:
    rule = json.dumps({"exec": ["/bin/false"], "interval": 0.02, "timeout": 0.3})
    ended = bed.run(sh("a", FOREVER, life={"ready": rule}), sh("b", FOREVER))
    assert ended.outcome == [254, "not-ready"]
    assert ended.notes == ["app a: not ready after 0.3 s: /bin/false ended with 1"]
    assert not ended.was_ready


def test_what_waits_for_an_app_that_fails_never_starts(bed: Bed) -> None:
    apps = (
        said("web", "exit 0", life={"depends-on": "db:ready"}),
        said("db", "exit 5"),
    )
    ended = bed.run(*apps, volumes=VOLUMES)
    assert ended.outcome == [5, "failed"]
    assert log(ended.pod_dir) == ["db"]
    assert ended.apps == {"db": 5}
    assert ended.reasons() == {"web": "never-started", "db": "failed"}
    assert not (ended.pod_dir / "stage1/rootfs/rkt/status/web").exists()


def test_an_app_that_can_never_start_is_a_failure_and_said(bed: Bed) -> None:
    rule = json.dumps({"exec": ["/bin/false"], "interval": 0.02})
    apps = (
        sh("web", "exit 0", life={"depends-on": "db:ready"}),
        sh("db", "exit 0", life={"ready": rule}),
    )
    ended = bed.run(*apps)
    assert ended.outcome == [254, "failed"]
    assert ended.notes == ["app web: never started: app db has ended before it was ready"]
    assert ended.reasons() == {"web": "never-started", "db": "exited"}


def test_a_job_that_ends_well_counts_as_ready(bed: Bed) -> None:
    apps = (
        said("web", "exit 0", life={"depends-on": "migrate:ready"}),
        said("migrate", "exit 0"),
    )
    ended = bed.run(*apps, volumes=VOLUMES)
    assert ended.outcome == [0, "exited"]
    assert log(ended.pod_dir) == ["migrate", "web"]


@pytest.mark.parametrize(
    ("apps", "says"),
    [
        ({"a": "b", "b": "c", "c": "a"}, "apps depend on each other in a circle: a -> b -> c -> a"),
        ({"a": "a"}, "apps depend on each other in a circle: a -> a"),
        ({"a": "x"}, "app a depends on x, which is no app of the pod"),
    ],
)
def test_dependencies_that_cannot_be_met_are_refused(
    bed: Bed, apps: dict[str, str], says: str
) -> None:
    ended = bed.run(*(sh(n, "exit 0", life={"depends-on": on}) for n, on in apps.items()))
    assert ended.refused.startswith(says)


def test_unknown_annotations_of_ours_are_refused(bed: Bed) -> None:
    ended = bed.run(sh("a", "exit 0", life={"restart-hard": "yes"}))
    assert ended.refused.startswith("app a.restart_hard: unknown field")


# Restarts


def test_an_app_that_fails_is_started_again_until_it_does_not(bed: Bed) -> None:
    script = "echo x >> /v/log; [ $(wc -l < /v/log) -ge 4 ] || exit 3"
    ended = bed.run(shared("a", script, life={"restart": "on-failure"}), **SOON)
    assert ended.outcome == [0, "exited"]
    assert len(log(ended.pod_dir)) == 4
    assert ended.records["a"]["restarts"] == 3
    assert ended.status_file("a") == "0"


def test_the_default_is_to_start_it_once(bed: Bed) -> None:
    """The control of the test before."""
    script = "echo x >> /v/log; [ $(wc -l < /v/log) -ge 4 ] || exit 3"
    ended = bed.run(shared("a", script), **SOON)
    assert ended.outcome == [3, "failed"]
    assert len(log(ended.pod_dir)) == 1


def test_always_also_starts_again_what_ended_well(bed: Bed) -> None:
    script = "echo x >> /v/log; [ $(wc -l < /v/log) -lt 3 ] || echo > /v/enough"
    apps = (
        shared("a", script, life={"restart": "always"}),
        shared("b", f"{UNTIL.format('enough')}; exit 6"),
    )
    ended = bed.run(*apps, **SOON)
    assert ended.outcome == [6, "failed"]
    assert len(log(ended.pod_dir)) >= 3


def test_on_failure_leaves_what_ended_well_alone(bed: Bed) -> None:
    ended = bed.run(said("a", "exit 0", life={"restart": "on-failure"}), **SOON)
    assert ended.outcome == [0, "exited"]
    assert log(ended.pod_dir) == ["a"]


def test_hooks_run_again_with_each_life(bed: Bed) -> None:
    handlers = [hook("pre-start", "echo pre >> /v/log"), hook("post-stop", "echo post >> /v/log")]
    script = "echo main >> /v/log; [ $(grep -c main /v/log) -ge 2 ] || kill -9 $$"
    life = {"restart": "on-failure"}
    ended = bed.run(shared("a", script, eventHandlers=handlers, life=life), **SOON)
    assert ended.outcome == [0, "exited"]
    assert log(ended.pod_dir) == ["pre", "main", "post"] * 2


def test_a_stop_ends_the_wait_before_the_next_start(bed: Bed) -> None:
    app_ = said("a", "exit 3", life={"restart": "always"})
    with bed.start(app_, volumes=VOLUMES, backoff=3600.0) as pod:
        path = pod.pod_dir / "apps"
        pod.wait_until(path.exists, "the first end recorded")
        record = json.loads(path.read_text())["a"]
        assert (record["status"], record["over"]) == (3, False)
        stop(pod)
        ended = pod.ended()
    assert ended.outcome == [3, "stopped"]
    assert ended.reasons() == {"a": "failed"}
    assert log(ended.pod_dir) == ["a"]
    assert ended.status_file("a") == "3"


@pytest.mark.kernel(brief=True)
def test_a_restart_begins_without_what_the_last_life_left(bed: Bed) -> None:
    """A daemon of the last life would hold the port that the next one needs."""
    left = "setsid sh -c 'trap \"\" TERM; echo $$ > /v/left; exec sleep 1000' &"
    script = (
        "echo x >> /v/log; "
        f"if [ $(wc -l < /v/log) = 1 ]; then {left} {UNTIL.format('left')}; exit 1; fi; "
        "! kill -0 $(cat /v/left)"
    )
    ended = bed.run(shared("a", script, life={"restart": "on-failure"}), **SOON)
    assert ended.outcome == [0, "exited"], ended
    assert ended.records["a"]["restarts"] == 1


@pytest.mark.kernel
def test_a_peers_processes_survive_the_restart_of_another(bed: Bed) -> None:
    """The control of the test before: only what belongs to the app that ended is ended."""
    script = "echo x >> /v/log; [ $(wc -l < /v/log) -ge 3 ] || exit 1; echo > /v/enough"
    peer = f"sleep 1000 & {UNTIL.format('enough')}; kill -0 $! && echo alive"
    ended = bed.run(shared("a", script, life={"restart": "on-failure"}), shared("b", peer), **SOON)
    assert ended.outcome == [0, "exited"]
    assert ended.stdout == "alive\n"


def test_a_fork_bomb_that_an_app_leaves_is_ended_before_its_next_life(bed: Bed) -> None:
    bomb = "setsid sh -c 'b() { echo > /v/bomb; b & b & wait; }; b' 2>/dev/null &"
    script = (
        "echo x >> /v/log; "
        f"if [ $(wc -l < /v/log) = 1 ]; then {bomb} {UNTIL.format('bomb')}; exit 1; fi; "
        "[ $(ls -d /proc/[0-9]* | wc -l) -lt 8 ]"
    )
    limit = {"name": "resource/pids", "value": {"limit": "200"}}
    ended = bed.run(
        shared("a", script, life={"restart": "on-failure"}, isolators=[limit]),
        volumes=VOLUMES,
        backoff=0.01,
    )
    assert ended.outcome[1] == "exited", ended
    assert ended.records["a"]["restarts"] >= 1


# Exit policies


def test_all_ended_lets_the_others_run_on_after_a_failure(bed: Bed) -> None:
    apps = (
        said("bad", "echo > /v/bad; exit 5"),
        shared("good", f"{UNTIL.format('bad')}; sleep 0.2; echo good >> /v/log"),
    )
    ended = bed.run(*apps, volumes=VOLUMES, exit_policy="all-ended")
    assert ended.outcome == [5, "failed"]
    assert log(ended.pod_dir) == ["bad", "good"]
    assert ended.reasons() == {"bad": "failed", "good": "exited"}


def test_all_ended_is_no_failure_when_none_failed(bed: Bed) -> None:
    ended = bed.run(sh("a", "exit 0"), sh("b", "exit 0"), exit_policy="all-ended")
    assert ended.outcome == [0, "exited"]


def test_a_named_app_ends_the_pod_with_its_status(bed: Bed) -> None:
    apps = (
        shared("job", f"{UNTIL.format('failed')}; exit 0"),
        sh("sidecar", FOREVER),
        shared("helper", "exit 9", eventHandlers=[hook("post-stop", "echo > /v/failed")]),
    )
    ended = bed.run(*apps, volumes=VOLUMES, exit_policy="app:job")
    assert ended.outcome == [0, "exited"]
    assert ended.apps["job"] == 0
    assert ended.reasons() == {"job": "exited", "sidecar": "stopped-by-pod", "helper": "failed"}


def test_a_policy_that_names_no_app_is_refused(bed: Bed) -> None:
    ended = bed.run(sh("a", "exit 0"), exit_policy="app:b")
    assert ended.refused.startswith("exit policy app:b names no app of the pod; its apps are a")


# Reasons


@pytest.mark.kernel
def test_each_app_is_recorded_with_its_own_reason(bed: Bed) -> None:
    handlers = [hook("pre-start", "exit 6")]
    apps = (
        said("well", "exit 0"),
        said("badly", "exit 3"),
        said("killed", "kill -9 $$"),
        said("unhooked", "exit 0", eventHandlers=handlers),
        said("waits", "exit 0", life={"depends-on": "unhooked"}),
    )
    ended = bed.run(*apps, volumes=VOLUMES, exit_policy="all-ended")
    assert ended.reasons() == {
        "well": "exited",
        "badly": "failed",
        "killed": "killed-by-signal",
        "unhooked": "hook-failed",
        "waits": "never-started",
    }
    assert ended.apps == {"well": 0, "badly": 3, "killed": 137, "unhooked": 6}
    for name in ("well", "badly", "killed"):
        record = ended.records[name]
        assert 0 < record["started"] <= record["finished"]
    assert ended.records["waits"]["started"] == 0


# Hooks


def test_a_pre_start_hook_that_takes_too_long_is_the_apps_failure(bed: Bed) -> None:
    handlers = [hook("pre-start", "trap '' TERM; sleep 1000 & wait; sleep 1000")]
    life = {"hook-timeout": "0.3"}
    ended = bed.run(said("a", "exit 0", eventHandlers=handlers, life=life), volumes=VOLUMES)
    assert ended.outcome == [137, "failed"]
    assert ended.notes == ["app a: its pre-start hook took too long"]
    assert ended.reasons() == {"a": "hook-failed"}
    assert log(ended.pod_dir) == []


def test_a_pre_start_hook_in_time_is_none(bed: Bed) -> None:
    """The control of the test before."""
    handlers = [hook("pre-start", "sleep 0.3")]
    ended = bed.run(said("a", "exit 0", eventHandlers=handlers), volumes=VOLUMES)
    assert ended.outcome == [0, "exited"]
    assert log(ended.pod_dir) == ["a"]


def test_what_a_hook_started_ends_with_it_when_it_takes_too_long(bed: Bed) -> None:
    """Even a fork bomb that ignores signals; the peer looks whether anything of it lives on."""
    bomb = "trap '' TERM; b() { b & b & wait; }; b 2>/dev/null & while :; do :; done"
    handlers = [hook("pre-start", bomb), hook("post-stop", "echo > /v/post")]
    limit = {"name": "resource/pids", "value": {"limit": "100"}}
    peer = f"{UNTIL.format('post')}; sleep 0.1; ls -d /proc/[0-9]* | wc -l"
    ended = bed.run(
        shared(
            "a",
            "exit 0",
            eventHandlers=handlers,
            life={"hook-timeout": "0.3"},
            isolators=[limit],
        ),
        shared("b", peer),
        volumes=VOLUMES,
        exit_policy="all-ended",
    )
    assert ended.outcome == [137, "failed"], ended
    assert int(ended.stdout) <= 5


def test_a_post_stop_hook_has_its_own_limit(bed: Bed) -> None:
    handlers = [hook("post-stop", "sleep 1000")]
    ended = bed.run(sh("a", "exit 0", eventHandlers=handlers, life={"hook-timeout": "0.2"}))
    assert ended.outcome == [0, "exited"]
    assert ended.notes == ["app a: its post-stop hook took too long"]


def test_post_stop_finds_nothing_left_of_the_main_program(bed: Bed) -> None:
    handlers = [hook("post-stop", "! kill -0 $(cat /left)")]
    left = "setsid sleep 1000 & echo $! > /left"
    ended = bed.run(sh("a", left, eventHandlers=handlers))
    assert ended.outcome == [0, "exited"]
    assert ended.notes == []


# Stopping


def test_an_app_is_stopped_with_its_own_signal(bed: Bed) -> None:
    script = "trap 'exit 21' QUIT; trap 'exit 15' TERM; echo > /v/up; while :; do sleep 0.02; done"
    life = {"stop-signal": "SIGQUIT"}
    with bed.start(shared("a", script, life=life), volumes=VOLUMES) as pod:
        pod.wait_until((pod.pod_dir / "sharedVolumes/v/up").exists, "up")
        stop(pod)
        ended = pod.ended()
    assert ended.outcome == [21, "stopped"]
    assert ended.reasons() == {"a": "stopped-by-pod"}


def test_dying_of_its_own_stop_signal_is_no_failure(bed: Bed) -> None:
    life = {"stop-signal": "SIGRTMIN+3"}
    with bed.start(app("a", "/bin/sleep", "1000", life=life)) as pod:
        pod.wait_ready()
        stop(pod)
        ended = pod.ended()
    assert ended.outcome == [0, "stopped"]
    assert ended.apps == {"a": 128 + 37}


def test_each_app_has_its_own_grace(bed: Bed) -> None:
    stubborn = "trap '' TERM; echo > /v/up-$0; while :; do sleep 0.02; done"
    slow = "trap 'sleep 0.5; exit 4' TERM; echo > /v/up-$0; while :; do sleep 0.02; done"
    apps = (
        app(
            "hasty",
            *("/bin/sh", "-c", stubborn, "hasty"),
            mountPoints=POINT,
            life={"stop-timeout": "0.1"},
        ),
        app("slow", "/bin/sh", "-c", slow, "slow", mountPoints=POINT),
    )
    with bed.start(*apps, volumes=VOLUMES) as pod:
        for name in ("hasty", "slow"):
            pod.wait_until((pod.pod_dir / f"sharedVolumes/v/up-{name}").exists, name)
        stop(pod)
        ended = pod.ended()
    assert ended.apps == {"hasty": 137, "slow": 4}


def test_an_app_is_stopped_before_what_it_depends_on(bed: Bed) -> None:
    last = "trap 'sleep 0.2; echo $0 >> /v/log; exit 0' TERM; echo > /v/up-$0; while :; do sleep 0.02; done"
    apps = [
        app(name, "/bin/sh", "-c", last, name, mountPoints=POINT, life={"depends-on": on} if on else {})
        for name, on in (("db", ""), ("api", "db"), ("web", "api"))
    ]  # fmt: skip
    with bed.start(*apps, volumes=VOLUMES) as pod:
        for name in ("db", "api", "web"):
            pod.wait_until((pod.pod_dir / f"sharedVolumes/v/up-{name}").exists, name)
        stop(pod)
        ended = pod.ended()
    assert log(ended.pod_dir) == ["web", "api", "db"]
    assert set(ended.reasons().values()) == {"stopped-by-pod"}


def test_a_dependant_that_does_not_end_delays_the_stop_by_its_grace_only(bed: Bed) -> None:
    stubborn = "trap '' TERM; echo > /v/up; while :; do sleep 0.02; done"
    polite = "trap 'exit 0' TERM; while :; do sleep 0.02; done"
    apps = (shared("db", polite), shared("web", stubborn, life={"depends-on": "db"}))
    with bed.start(*apps, volumes=VOLUMES, stop_timeout=0.3) as pod:
        pod.wait_until((pod.pod_dir / "sharedVolumes/v/up").exists, "up")
        stop(pod)
        ended = pod.ended()
    assert ended.apps == {"db": 0, "web": 137}


# Many


def test_twenty_apps_in_one_pod(bed: Bed) -> None:
    names = [f"app{number}" for number in range(20)]
    apps = [
        said(name, UNTIL.format("go"), life={"depends-on": before} if before else {})
        for before, name in zip(["", *names], names, strict=False)
    ]
    with bed.start(*apps, volumes=VOLUMES) as pod:
        pod.wait_until(lambda: len(log(pod.pod_dir)) == 20, "all started")
        (pod.pod_dir / "sharedVolumes/v/go").touch()
        ended = pod.ended()
    assert ended.outcome == [0, "exited"]
    # each was executed after the one before it; whose shell then writes first is the kernel's choice
    assert sorted(log(ended.pod_dir)) == sorted(names)
    assert ended.apps == dict.fromkeys(names, 0)


def test_a_storm_of_orphans_does_not_keep_the_pod_from_its_work(bed: Bed) -> None:
    storm = "while :; do (true & true & true &) ; done"
    apps = (
        shared("storm", storm),
        shared("work", "for i in 1 2 3; do sleep 0.1; done; exit 8", life={"restart": "no"}),
    )
    ended = bed.run(*apps, volumes=VOLUMES)
    assert ended.outcome == [8, "failed"]
    assert ended.reasons()["storm"] == "stopped-by-pod"


def memory(bed: Bed, count: int) -> int:
    """Kibibytes (PSS) of our processes for a running pod of so many apps."""
    script = (
        "for p in $(pgrep -x podwright-init) $(pgrep -f '^[^ ]*python3 .*launch_driver'); "
        "do grep ^Pss: /proc/$p/smaps_rollup; done"
    )
    with bed.start(*(app(f"a{n}", "/bin/sleep", "1000") for n in range(count))) as pod:
        pod.wait_ready()
        lines = bed.host.run(["sh", "-c", script]).stdout.splitlines()
        stop(pod)
        pod.ended()
    assert len(lines) == 2, lines
    return sum(int(line.split()[1]) for line in lines)


def test_a_further_app_costs_little_memory(bed: Bed) -> None:
    assert memory(bed, 11) - memory(bed, 1) <= 10 * 1536


def test_a_hook_that_takes_its_time_does_not_stretch_the_pods_patience(bed: Bed) -> None:
    """Whoever waits for the pod (a unit) knows no hooks of images."""
    handlers = [hook("pre-start", "sleep 1000")]
    rule = {"exec": ["/bin/true"], "timeout": 0.3}
    ended = bed.run(sh("a", "exit 0", eventHandlers=handlers), ready=rule)
    assert ended.outcome == [254, "not-ready"]
    assert ended.notes == ["not ready after 0.3 s: not every app has started"]


def test_a_host_that_is_short_of_processes_ends_a_life_and_not_the_pod(bed: Bed) -> None:
    script = "[ -e /v/go ] || exit 3"
    app_ = shared("a", script, life={"restart": "on-failure"})
    with bed.start(app_, volumes=VOLUMES, backoff=0.3) as pod:
        path = pod.pod_dir / "apps"
        pod.wait_until(path.exists, "the first end recorded")
        (group,) = [one for one in pod.init()["cgroups"] if "/pids/" in one]
        bed.host.run(["sh", "-c", f"echo 0 > {group}/pids.max"]).check()
        pod.wait_until(lambda: json.loads(path.read_text())["a"]["status"] == 203, "no process")
        bed.host.run(["sh", "-c", f"echo max > {group}/pids.max"]).check()
        (pod.pod_dir / "sharedVolumes/v/go").touch()
        ended = pod.ended()
    assert ended.outcome == [0, "exited"]
    assert ended.notes == ["app a: cannot be started: [Errno 11] Resource temporarily unavailable"]
