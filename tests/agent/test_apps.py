# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""How apps start and end: exit statuses, several apps, signals, hooks (behaviour.md B8, B9)."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest

from tests.agent.launch_bed import Bed, app, isolator, sh
from tests.support.private_host import PrivateHost

SLEEPS = "sleep 1000"
POLITE = "trap 'exit 5' TERM; echo up; while :; do sleep 0.05; done"
STUBBORN = "trap '' TERM; echo up; while :; do sleep 0.05; done"


@pytest.fixture
def bed(private_host: PrivateHost, tmp_path: Path) -> Bed:
    return Bed(private_host, tmp_path)


@pytest.mark.parametrize(
    ("script", "status"),
    [("exit 0", 0), ("exit 7", 7), ("kill -9 $$", 137), ("kill -SEGV $$", 139)],
)
def test_the_pods_status_is_the_apps(bed: Bed, script: str, status: int) -> None:
    ended = bed.run(sh("app", script))
    assert ended.exit == status
    assert ended.outcome == [status, "failed" if status else "exited"]
    assert ended.apps == {"app": status}
    assert ended.status_file("app") == str(status)


def test_output_and_errors_go_where_the_agents_go(bed: Bed) -> None:
    ended = bed.run(sh("app", "echo out; echo err >&2"))
    assert (ended.stdout, ended.stderr) == ("out\n", "err\n")


def test_arguments_arrive_unchanged(bed: Bed) -> None:
    words = ["", "a b", "'", "-x", "$HOME", "ü\n!", "*"]
    ended = bed.run(
        app("app", "/bin/sh", "-c", 'for word; do printf "%s|" "$word"; done', "sh", *words)
    )
    assert ended.stdout == "".join(f"{word}|" for word in words)


def test_a_program_that_does_not_exist_is_203_and_one_sentence(bed: Bed) -> None:
    ended = bed.run(app("app", "/bin/no-such"))
    assert ended.outcome == [203, "failed"]
    assert ended.notes == [
        "app app: cannot execute /bin/no-such: /bin/no-such does not exist in its image"
    ]
    assert ended.status_file("app") == "203"


@pytest.mark.parametrize(
    ("files", "command", "says"),
    [
        ({"bin/plain": "not a program"}, "/bin/plain", "/bin/plain is not executable"),
        ({}, "/etc", "/etc is not a regular file"),
        ({"bin/script": "#!/opt/perl -w\n"}, "/bin/script", "it needs /opt/perl, which is missing in its image"),
        ({}, "no-such", "no-such is in none of"),
    ],
)  # fmt: skip
def test_what_cannot_be_executed_is_explained(
    bed: Bed, files: dict[str, str], command: str, says: str
) -> None:
    ended = bed.run(app("app", command, tree=bed.tree(files)))
    assert ended.outcome == [203, "failed"]
    assert len(ended.notes) == 1
    assert says in ended.notes[0]


def test_a_dynamic_program_without_its_linker_is_explained(bed: Bed) -> None:
    tree = bed.tree()
    (tree / "bin/dynamic").write_bytes(Path("/usr/bin/env").read_bytes())
    (tree / "bin/dynamic").chmod(0o755)
    ended = bed.run(app("app", "/bin/dynamic", tree=tree))
    assert ended.outcome == [203, "failed"]
    assert "it needs /lib" in ended.notes[0]
    assert "which is missing in its image" in ended.notes[0]


def test_garbage_with_the_execute_bit_is_explained(bed: Bed) -> None:
    tree = bed.tree({"bin/garbage": "#!garbage"})
    (tree / "bin/garbage").write_bytes(b"\x00\x01\x02")
    ended = bed.run(app("app", "/bin/garbage", tree=tree))
    assert ended.outcome == [203, "failed"]
    assert "neither a program for this machine nor a script" in ended.notes[0]


def test_programs_are_found_as_the_manifest_says(bed: Bed) -> None:
    tree = bed.tree(
        {"srv/tool": "#!/bin/sh\necho tool $0\n", "srv/sub/tool": "#!/bin/sh\necho sub $0\n"}
    )
    path = [{"name": "PATH", "value": "/srv/sub:/srv"}]
    bare = bed.run(app("app", "tool", tree=tree, environment=path))
    relative = bed.run(app("app", "sub/tool", tree=tree, workingDirectory="/srv"))
    assert bare.stdout == "sub /srv/sub/tool\n"
    assert relative.stdout == "sub /srv/sub/tool\n"


def test_the_first_app_that_fails_ends_the_pod_and_peers_keep_their_status(bed: Bed) -> None:
    shared = {"mountPoints": [{"name": "v", "path": "/shared"}]}
    ended = bed.run(
        sh("bad", "while [ ! -e /shared/up ]; do sleep 0.05; done; exit 9", **shared),
        sh(
            "polite",
            "trap 'exit 5' TERM; echo > /shared/up; while :; do sleep 0.05; done",
            **shared,
        ),
        sh("sleeper", SLEEPS),
        volumes=[{"name": "v", "kind": "empty"}],
    )
    assert ended.outcome == [9, "failed"]
    assert ended.apps == {"bad": 9, "polite": 5, "sleeper": 143}
    assert [ended.status_file(name) for name in ("bad", "polite", "sleeper")] == ["9", "5", "143"]


def test_an_app_that_ends_well_lets_the_others_run_on(bed: Bed) -> None:
    ended = bed.run(sh("first", "exit 0"), sh("second", "sleep 0.3; exit 4"))
    assert ended.outcome == [4, "failed"]
    assert ended.apps == {"first": 0, "second": 4}


def test_apps_of_a_pod_share_processes_network_and_ipc_but_not_files(bed: Bed) -> None:
    shared: dict[str, Any] = {"mountPoints": [{"name": "v", "path": "/v"}]}
    look = (
        "for n in pid net ipc uts mnt; do readlink /proc/self/ns/$n; done > /v/$0; touch /only-$0"
    )
    meet = "while [ ! -e /v/done-a -o ! -e /v/done-b ]; do sleep 0.02; done; ls -d /only-*"
    apps = [
        app(name, "/bin/sh", "-c", f"{look}; touch /v/done-$0; {meet}", name, **shared)
        for name in ("a", "b")
    ]
    ended = bed.run(*apps, volumes=[{"name": "v", "kind": "empty"}])
    first, second = (
        (ended.pod_dir / "sharedVolumes/v" / name).read_text().split() for name in ("a", "b")
    )
    assert ended.outcome == [0, "exited"]
    assert first[:4] == second[:4]
    assert first[4] != second[4]
    assert sorted(ended.stdout.split()) == ["/only-a", "/only-b"]


def test_a_signal_stops_the_pod_in_order(bed: Bed) -> None:
    with bed.start(sh("app", POLITE)) as pod:
        pod.wait_ready()
        pod.signal(signal.SIGTERM)
        ended = pod.ended()
    assert ended.outcome == [5, "stopped"]
    assert ended.apps == {"app": 5}


def test_an_app_that_simply_dies_of_our_stop_signal_is_no_failure(bed: Bed) -> None:
    with bed.start(app("app", "/bin/sleep", "1000")) as pod:
        pod.wait_ready()
        pod.signal(signal.SIGINT)
        ended = pod.ended()
    assert ended.outcome == [0, "stopped"]
    assert ended.apps == {"app": 143}


def test_an_app_that_ignores_the_stop_signal_is_killed_after_the_timeout(bed: Bed) -> None:
    with bed.start(sh("app", STUBBORN), stop_timeout=0.5) as pod:
        pod.wait_ready()
        pod.signal(signal.SIGTERM)
        ended = pod.ended()
    assert ended.outcome == [137, "stopped"]


def test_a_stopped_process_can_still_be_ended(bed: Bed) -> None:
    with bed.start(sh("app", "kill -STOP $$")) as pod:
        pod.init()
        pod.wait_until(
            lambda: "T (stopped)" in bed.host.run(["sh", "-c", "cat /proc/[0-9]*/status"]).stdout,
            "stopped",
        )
        pod.signal(signal.SIGTERM)
        ended = pod.ended()
    assert ended.outcome == [0, "stopped"]


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGWINCH])
def test_other_signals_reach_the_apps(bed: Bed, number: signal.Signals) -> None:
    script = f"trap 'exit 42' {number.name[3:]}; while :; do sleep 0.05; done"
    with bed.start(sh("app", script), ready={"seconds": 0.3}) as pod:
        pod.wait_ready()
        pod.signal(number)
        assert pod.ended().outcome == [42, "failed"]


def test_orphans_are_reaped_and_end_with_the_pod(bed: Bed) -> None:
    script = "(sleep 0.1 & ) ; (setsid sleep 1000 &) ; sleep 0.4; grep -l '^State:.Z' /proc/[0-9]*/status; exit 0"
    ended = bed.run(sh("app", script))
    assert ended.outcome == [0, "exited"]
    assert ended.stdout == ""


def test_hooks_run_as_root_before_and_after_in_the_same_root(bed: Bed) -> None:
    handlers = [
        {
            "name": "pre-start",
            "exec": ["/bin/sh", "-c", "echo pre $(id -u) > /log; chmod 666 /log"],
        },
        {"name": "post-stop", "exec": ["/bin/sh", "-c", "echo post $(id -u) >> /log; cat /log"]},
    ]
    ended = bed.run(
        sh(
            "app",
            "echo main $(id -u) >> /log; exit 3",
            user="1000",
            group="1000",
            eventHandlers=handlers,
        )
    )
    assert ended.stdout == "pre 0\nmain 1000\npost 0\n"
    assert ended.outcome == [3, "failed"]


def test_a_failing_pre_start_hook_is_the_apps_failure(bed: Bed) -> None:
    handlers = [{"name": "pre-start", "exec": ["/bin/sh", "-c", "exit 6"]}]
    ended = bed.run(sh("app", "echo never", eventHandlers=handlers))
    assert ended.outcome == [6, "failed"]
    assert ended.stdout == ""


def test_a_failing_post_stop_hook_is_said_and_changes_nothing(bed: Bed) -> None:
    handlers = [{"name": "post-stop", "exec": ["/bin/sh", "-c", "exit 6"]}]
    ended = bed.run(sh("app", "exit 0", eventHandlers=handlers))
    assert ended.outcome == [0, "exited"]
    assert ended.notes == ["app app: its post-stop hook ended with 6"]


def test_a_hook_that_never_ends_does_not_keep_the_pod(bed: Bed) -> None:
    handlers = [{"name": "post-stop", "exec": ["/bin/sh", "-c", STUBBORN]}]
    with bed.start(sh("app", "exec sleep 1000", eventHandlers=handlers), stop_timeout=0.4) as pod:
        pod.wait_ready()
        pod.signal(signal.SIGTERM)
        ended = pod.ended()
    assert ended.outcome == [0, "stopped"]
    assert ended.notes == ["app app: its post-stop hook took too long"]


def test_an_interactive_pod_has_one_app(bed: Bed) -> None:
    ended = bed.run(sh("a", "exit 0"), sh("b", "exit 0"), interactive=True)
    assert ended.refused.startswith("an interactive pod has one app")


def test_a_memory_limit_ends_the_app_that_passes_it(bed: Bed) -> None:
    limit = isolator("resource/memory", {"limit": "16Mi"})
    script = "dd if=/dev/zero of=/dev/null bs=64M count=1"
    assert bed.run(sh("app", script + "; exit $?", isolators=[limit])).outcome[0] == 137


def test_a_limit_on_processes_holds(bed: Bed) -> None:
    limit = isolator("resource/pids", {"limit": "8"})
    script = "for i in 1 2 3 4 5 6 7 8 9 10 11 12; do sleep 2 & done; echo all"
    ended = bed.run(sh("app", script, isolators=[limit]))
    assert "all" not in ended.stdout
    assert ended.outcome[0] != 0


def test_cgroups_are_gone_after_the_pod(bed: Bed) -> None:
    limits = [
        isolator("resource/memory", {"limit": "64Mi"}),
        isolator("resource/cpu", {"limit": "500m"}),
    ]
    with bed.start(sh("app", SLEEPS, isolators=limits)) as pod:
        pod.wait_ready()
        made = pod.init()["cgroups"]
        assert len(made) == 4
        pod.signal(signal.SIGTERM)
        pod.ended()
    left = bed.host.run(["sh", "-c", 'for d; do [ -e "$d" ] && echo "$d"; done; true', "sh", *made])
    assert left.stdout == ""
