# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Flavour fly: what its app sees and may do, and that nothing of it lives on (C5; T61-T63, T66, T69, T72, T73, T83)."""

from __future__ import annotations

import signal
import time
from pathlib import Path
from typing import Any

import pytest

from tests.agent.launch_bed import PATIENCE, Bed, Ended, Pod, app, isolator, sh
from tests.agent.test_apps_interactive import at_terminal
from tests.agent.test_apps_killed import STOP, ledger, python, settles
from tests.agent.test_isolation import FACTS, facts
from tests.support import thorough
from tests.support.paths import CHECKOUT
from tests.support.private_host import PrivateHost

FLY: dict[str, Any] = {"stage1": "fly", "net": "host"}
KINDS = ("net", "pid", "ipc", "uts", "user", "cgroup", "mnt")
LOOK = f"for kind in {' '.join(KINDS)}; do echo $kind $(readlink /proc/self/ns/$kind); done"
POLITE = "trap 'exit 0' TERM; while :; do sleep 0.05; done"
DAEMON = "(setsid sleep 86399 >/dev/null 2>&1 </dev/null &) ;"
"""Forks twice and leads a session of its own, so that only its cgroup and its ancestors know it."""
GC = f"""
import sys
sys.path.insert(0, {str(CHECKOUT / "agent")!r})
from podwright.host import cgroups, leftovers
from podwright.stage1.namespaces import record
init = record.read(sys.argv[1])
if init is not None:
    leftovers.end(init.cgroups)
    cgroups.remove(list(init.cgroups))
"""


@pytest.fixture
def bed(private_host: PrivateHost, tmp_path: Path) -> Bed:
    return Bed(private_host, tmp_path)


def flown(bed: Bed, script: str, **section: object) -> Ended:
    """How a fly pod of one script ended."""
    options = {key: section.pop(key) for key in ("volumes", "overlay") if key in section}
    return bed.run(sh("app", script, **section), **FLY, **options)


def says(bed: Bed, script: str, **section: object) -> str:
    """The output of a script in fly, which must succeed."""
    ended = flown(bed, script, **section)
    assert ended.outcome == [0, "exited"], ended
    return ended.stdout


def daemons(bed: Bed) -> int:
    """How many of the daemons run on the host."""
    found = bed.host.run(["pgrep", "-c", "-f", "^sleep 86399"]).stdout
    return int(found)


def none_left(bed: Bed) -> bool:
    """Whether the daemons end; what was killed takes the kernel a moment."""
    deadline = time.monotonic() + PATIENCE
    while daemons(bed) and time.monotonic() < deadline:
        time.sleep(0.02)
    return daemons(bed) == 0


def one_runs(bed: Bed) -> bool:
    """Whether the one daemon comes to run; its shell says nothing when it has."""
    deadline = time.monotonic() + PATIENCE
    while daemons(bed) != 1 and time.monotonic() < deadline:
        time.sleep(0.02)
    return daemons(bed) == 1


def up(bed: Bed, script: str, **section: object) -> Pod:
    """A fly pod that has just become ready."""
    pod = bed.start(sh("app", script, **section), ready={"seconds": 0.1}, **FLY)
    pod.wait_ready()
    return pod


# What it sees


def test_all_namespaces_are_the_hosts_but_for_the_mounts(bed: Bed) -> None:
    inside = dict(line.split() for line in says(bed, LOOK).splitlines())
    host = dict(line.split() for line in bed.host.run(["sh", "-c", LOOK]).stdout.splitlines())
    assert [kind for kind in KINDS if inside[kind] != host[kind]] == ["mnt"]
    assert bed.says("hostname").strip() != says(bed, "hostname").strip() == "private-host"


def test_it_has_the_agents_capabilities_and_no_filter(bed: Bed) -> None:
    found = facts(says(bed, FACTS))
    host = facts(bed.host.run(["sh", "-c", FACTS]).stdout)
    assert found["CapEff"] == found["CapBnd"] == host["CapEff"]
    assert (found["NoNewPrivs"], found["Seccomp"]) == ("0", "0")
    control = facts(bed.says(FACTS))
    assert control["CapEff"] != host["CapEff"] and control["Seccomp"] == "2"


def test_an_ordinary_user_is_one(bed: Bed) -> None:
    found = facts(says(bed, FACTS, user="1000", group="100", supplementaryGIDs=[7]))
    assert (found["Uid"], found["Gid"]) == ("1000 1000 1000 1000", "100 100 100 100")
    assert (found["Groups"], int(found["CapEff"], 16)) == ("7", 0)


def test_it_sees_the_hosts_devices_processes_and_kernel_settings(bed: Bed) -> None:
    script = (
        "test -e /dev/loop-control && cat /proc/1/comm && ls /sys/fs/cgroup && ls -d /sys/module"
    )
    assert says(bed, script).splitlines() == bed.host.run(["sh", "-c", script]).stdout.splitlines()


def test_tmp_is_its_own(bed: Bed) -> None:
    found = says(bed, "ls -A /tmp; stat -c %a /tmp; touch /tmp/mine; grep -c ' /tmp ' /proc/mounts")
    assert found.split() == ["1777", "1"]
    assert not Path("/tmp/mine").exists()


def test_names_are_the_hosts_and_writing_to_them_is_not_writing_to_the_hosts(bed: Bed) -> None:
    script = "cat /etc/hosts /etc/resolv.conf; echo 192.0.2.1 evil >> /etc/hosts"
    found = says(bed, script)
    host = bed.host.run(["cat", "/etc/hosts", "/etc/resolv.conf"]).stdout
    assert found == host
    assert bed.host.run(["cat", "/etc/hosts", "/etc/resolv.conf"]).stdout == host


@pytest.mark.threat("T62")
def test_no_descriptor_of_ours_is_handed_on(bed: Bed) -> None:
    assert says(bed, "ls /proc/$$/fd; true").split() == ["0", "1", "2"]


@pytest.mark.threat("T63")
def test_the_agents_files_are_not_in_its_root(bed: Bed) -> None:
    assert says(bed, f"ls {CHECKOUT}/agent 2>/dev/null || echo none").strip() == "none"
    assert says(bed, "ls -A / | grep -c pods || true").strip() == "0"


def test_it_knows_its_name_and_its_status_is_recorded(bed: Bed) -> None:
    ended = flown(bed, "echo $AC_APP_NAME; exit 7")
    assert (ended.stdout, ended.outcome, ended.exit) == ("app\n", [7, "failed"], 7)
    assert ended.status_file("app") == "7"


def test_killed_by_a_signal_is_128_and_its_number(bed: Bed) -> None:
    assert flown(bed, "kill -9 $$").outcome == [137, "failed"]


def test_hooks_run_around_it(bed: Bed) -> None:
    handlers = [
        {"name": "pre-start", "exec": ["/bin/echo", "before"]},
        {"name": "post-stop", "exec": ["/bin/echo", "after"]},
    ]
    assert says(bed, "echo main", eventHandlers=handlers) == "before\nmain\nafter\n"


@pytest.mark.threat("T69")
def test_hooks_of_a_user_are_not_the_hosts_root(bed: Bed) -> None:
    script = "id -u; grep -E 'CapEff|CapBnd|NoNewPrivs' /proc/self/status"
    hooks = [
        {"name": name, "exec": ["/bin/sh", "-c", script]} for name in ("pre-start", "post-stop")
    ]
    found = {
        user: says(bed, "true", eventHandlers=hooks, user=user).split() for user in ("1000", "0")
    }
    assert found["1000"].count("1000") == 2 and found["1000"].count("0000000000000000") == 2
    assert found["1000"].count("1") == 2  # no new privileges
    assert found["0"].count("0") == 4  # the control: uid and NoNewPrivs, twice


@pytest.mark.threat("T69")
def test_a_set_uid_program_of_its_image_makes_no_user_the_hosts_root(bed: Bed) -> None:
    script = "while read -r _ _ _ _ where flags _; do [ $where = / ] && echo $flags; done"
    script += " < /proc/self/mountinfo; grep NoNewPrivs /proc/self/status"
    assert "nosuid" in says(bed, script, user="1000").splitlines()[0]
    assert "NoNewPrivs:\t1" in says(bed, script, user="1000")
    asked = [isolator("os/linux/no-new-privileges", False)]
    for section in ({"user": "0"}, {"user": "1000", "isolators": asked}):
        found = says(bed, script, **section)
        assert "nosuid" not in found and "NoNewPrivs:\t0" in found


def test_signals_are_passed_on_and_stop_waits_its_grace(bed: Bed) -> None:
    with up(
        bed, "trap 'echo hup' HUP; trap 'echo bye; exit 3' TERM; while :; do sleep 0.05; done"
    ) as pod:
        pod.signal(signal.SIGHUP)
        assert python(bed, STOP, pod.pod_dir, "") == "True"
        ended = pod.ended()
    assert ended.stdout == "hup\nbye\n"
    assert ended.outcome == [3, "stopped"]


@pytest.mark.threat("T78")
def test_interactive_it_has_a_terminal_of_its_own(bed: Bed) -> None:
    ask = "tty; echo name?; read name; echo hello $name"
    script = f"trap 'echo caught; exit 4' INT; {ask}; while :; do sleep 0.05; done"
    user = at_terminal(("name?", "you\n"), ("hello you", "\x03"))
    wrap = [*user, "sh", "-c", 'tty > "$0"; exec "$@"', str(bed.base / "ours")]
    with bed.start(sh("app", script), interactive=True, wrap=wrap, **FLY) as pod:
        ended = pod.ended()
    theirs = ended.stdout.split()[0]
    assert theirs.startswith("/dev/pts/") and theirs != (bed.base / "ours").read_text().strip()
    assert "caught" in ended.stdout
    assert ended.outcome == [4, "failed"]


def test_its_root_can_be_read_only(bed: Bed) -> None:
    script = "touch /x 2>/dev/null || echo refused; touch /tmp/x && echo temporary"
    assert says(bed, script, readOnlyRootFS=True) == "refused\ntemporary\n"
    assert says(bed, "touch /x && echo fine") == "fine\n"


def test_a_copy_serves_where_there_is_no_overlay(bed: Bed) -> None:
    assert says(bed, "echo hello > /x; cat /x", overlay=False) == "hello\n"
    assert not (bed.tiny / "x").exists()


# Mounts


def host_volume(path: Path, **more: object) -> dict[str, object]:
    return {"name": "data", "kind": "host", "source": str(path), **more}


POINT = [{"name": "data", "path": "/data"}]


@pytest.mark.threat("T66")
def test_its_mounts_show_up_on_the_host_only_where_asked(bed: Bed, tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    (shared / "below").mkdir(parents=True)
    bed.host.run(["mount", "--bind", str(shared), str(shared)]).check()
    bed.host.run(["mount", "--make-shared", str(shared)]).check()
    script = f"mount -t tmpfs none /data/below && touch /data/below/seen; {POLITE}"
    seen = {}
    for mode in ("private", "slave", "shared"):
        volume = host_volume(shared, propagation=mode)
        with bed.start(
            sh("app", script, mountPoints=POINT), ready={"seconds": 0.2}, volumes=[volume], **FLY
        ) as pod:
            pod.wait_ready()
            seen[mode] = bed.host.run(["ls", str(shared / "below")]).stdout
            pod.signal(signal.SIGTERM)
            pod.ended()
        bed.host.run(["umount", str(shared / "below")])
    assert seen == {"private": "", "slave": "", "shared": "seen\n"}


@pytest.mark.threat("T66")
def test_a_volume_carries_submounts_only_when_it_says_so(bed: Bed, tmp_path: Path) -> None:
    (tmp_path / "top/below").mkdir(parents=True)
    bed.host.run(["mount", "-t", "tmpfs", "none", str(tmp_path / "top/below")]).check()
    bed.host.run(["touch", str(tmp_path / "top/below/seen")]).check()
    found = {}
    for recursive in (None, False, True):
        more = {} if recursive is None else {"recursive": recursive}
        volumes = [host_volume(tmp_path / "top", **more)]
        found[recursive] = says(bed, "ls /data/below", volumes=volumes, mountPoints=POINT)
    assert found == {None: "", False: "", True: "seen\n"}


def test_the_hosts_later_mounts_reach_its_sys_and_not_the_other_way(bed: Bed) -> None:
    bed.host.run(["mount", "--make-rshared", "/sys"]).check()
    groups = "/sys/fs/cgroup"
    bed.host.run(["mkdir", f"{groups}/theirs", f"{groups}/mine"]).check()
    script = (
        f"mount -t tmpfs none {groups}/mine; touch {groups}/mine/seen;"
        f" until test -e {groups}/theirs/seen; do sleep 0.05; done; echo arrived"
    )
    with up(bed, script) as pod:
        bed.host.run(["mount", "-t", "tmpfs", "none", f"{groups}/theirs"]).check()
        assert bed.host.run(["ls", f"{groups}/mine"]).stdout == ""
        bed.host.run(["touch", f"{groups}/theirs/seen"]).check()
        assert pod.ended().stdout == "arrived\n"


def test_a_volume_in_the_hosts_dev_is_refused(bed: Bed, tmp_path: Path) -> None:
    point = [{"name": "data", "path": "/dev/mine"}]
    ended = flown(bed, "true", volumes=[host_volume(tmp_path)], mountPoints=point)
    assert "cannot be mounted at /dev/mine in fly" in ended.refused
    assert not Path("/dev/mine").exists()


# Limits


def test_limits_that_were_asked_for_hold(bed: Bed) -> None:
    asked = [
        isolator("os/linux/capabilities-retain-set", {"set": ["CAP_CHOWN"]}),
        isolator("os/linux/no-new-privileges", True),
        isolator("os/linux/seccomp-remove-set", {"set": ["mknod", "mknodat"], "errno": "EPERM"}),
        isolator("os/linux/oom-score-adj", 500),
        isolator("resource/pids", {"limit": "40"}),
    ]
    script = f"{FACTS}; cat /proc/self/oom_score_adj; mknod /tmp/p p || echo filtered"
    lines = says(bed, script, isolators=asked).splitlines()
    found = facts("\n".join(lines))
    assert {found[f"Cap{kind}"] for kind in ("Prm", "Eff", "Bnd")} == {"0000000000000001"}
    assert (found["NoNewPrivs"], found["Seccomp"]) == ("1", "2")
    assert lines[-2:] == ["500", "filtered"]
    assert says(bed, "mknod /tmp/p p && echo made") == "made\n"


def test_a_removed_capability_is_taken_from_those_of_the_agent(bed: Bed) -> None:
    remove = isolator("os/linux/capabilities-remove-set", {"set": ["CAP_SYS_ADMIN"]})
    less = int(facts(says(bed, FACTS, isolators=[remove]))["CapBnd"], 16)
    assert less == int(facts(says(bed, FACTS))["CapBnd"], 16) & ~(1 << 21)
    assert (
        "Operation not permitted"
        in flown(bed, "mount -t tmpfs none /mnt 2>&1", isolators=[remove]).stdout
        or "permission denied"
        in flown(bed, "mount -t tmpfs none /tmp 2>&1", isolators=[remove]).stdout
    )


@pytest.mark.threat("T72")
def test_its_memory_limit_is_its_cgroups(bed: Bed) -> None:
    limit = isolator("resource/memory", {"limit": "64Mi"})
    script = "cat /sys/fs/cgroup/memory$(sed -n 's/.*:memory://p' /proc/self/cgroup)/memory.limit_in_bytes"
    assert says(bed, script, isolators=[limit]).strip() == str(64 << 20)


def test_processes_are_not_limited_unless_asked(bed: Bed) -> None:
    script = "cat /sys/fs/cgroup/pids$(sed -n 's/.*:pids://p' /proc/self/cgroup)/pids.max"
    assert says(bed, script).strip() == "max"
    limit = isolator("resource/pids", {"limit": "40"})
    assert says(bed, script, isolators=[limit]).strip() == "40"


def test_two_apps_are_refused(bed: Bed) -> None:
    assert "exactly one app" in bed.run(app("a", "/bin/true"), app("b", "/bin/true"), **FLY).refused


# Its end


def test_a_daemon_that_it_leaves_behind_ends_with_it(bed: Bed) -> None:
    with up(bed, f"{DAEMON} {POLITE}") as pod:
        assert one_runs(bed)
        pod.signal(signal.SIGTERM)
        assert pod.ended().outcome == [0, "stopped"]
        assert daemons(bed) == 0
    assert flown(bed, f"{DAEMON} exit 0").outcome == [0, "exited"]
    assert daemons(bed) == 0


@pytest.mark.parametrize("victim", ["parent", "init"])
def test_a_daemon_ends_when_who_watches_it_is_killed(bed: Bed, victim: str) -> None:
    before = ledger(bed)
    with up(bed, f"{DAEMON} trap '' TERM HUP; while :; do sleep 0.05; done") as pod:
        assert one_runs(bed)
        if victim == "parent":
            pod.signal(signal.SIGKILL)
        else:
            bed.host.run(["kill", "-9", str(pod.init()["pid"])]).check()
        pod.ended()
        assert none_left(bed)
        python(bed, GC, pod.pod_dir)
    assert settles(bed, before), ledger(bed)


def test_a_daemon_ends_by_gc_when_both_were_killed_at_once(bed: Bed) -> None:
    before = ledger(bed)
    with up(bed, f"{DAEMON} {POLITE}") as pod:
        assert one_runs(bed)
        init = str(pod.init()["pid"])
        bed.host.run(
            ["kill", "-STOP", init]
        ).check()  # it cannot do anything about its parent's end
        pod.signal(signal.SIGKILL)
        bed.host.run(["kill", "-9", init]).check()
        pod.ended()
        assert daemons(bed) == 1
        python(bed, GC, pod.pod_dir)
        assert daemons(bed) == 0
    assert settles(bed, before), ledger(bed)


@pytest.mark.threat("T73")
@pytest.mark.parametrize("victim", ["parent", "init"])
def test_a_fork_bomb_ends_with_its_pod(bed: Bed, victim: str) -> None:
    before = ledger(bed)
    # The app itself forks once, early: a shell that cannot fork exits, and the pod would end with it.
    bomb = "b() { while :; do (setsid sh -c 'sleep 0.2; exec sleep 86399' &) ; done; }"
    bomb += "; c() { b & b & b & wait; }; c & exec sleep 86399"
    pids = isolator("resource/pids", {"limit": "300"})
    with up(bed, bomb, isolators=[pids]) as pod:
        pod.wait_until(lambda: daemons(bed) > 20, "many processes")
        if victim == "parent":
            pod.signal(signal.SIGKILL)
        else:
            bed.host.run(["kill", "-9", str(pod.init()["pid"])]).check()
        pod.ended()
        assert none_left(bed)
        python(bed, GC, pod.pod_dir)
    assert settles(bed, before), ledger(bed)


def test_what_it_adopts_of_others_is_not_ended(bed: Bed) -> None:
    """A child that the waiting parent had before is none of the pod's."""
    wrap = ["sh", "-c", 'sleep 86399 >/dev/null 2>&1 </dev/null & exec "$@"', "sh"]
    with bed.start(sh("app", "exit 0"), wrap=wrap, **FLY) as pod:
        assert pod.ended().outcome == [0, "exited"]
        assert one_runs(bed)
    bed.host.run(["pkill", "-f", "^sleep 86399"])


def test_killed_at_every_step_nothing_lives_on(bed: Bed) -> None:
    """As for namespaces: the process that gets to call N is killed, for every N."""
    before = ledger(bed)
    steps = bed.base / "steps"
    env = ["env", f"PODWRIGHT_FAULT=count@{steps}"]
    assert bed.run(sh("app", f"{DAEMON} true"), wrap=env, **FLY).outcome == [0, "exited"]
    count = len(steps.read_text().splitlines())
    assert count > 80
    for number in thorough.steps(count, 4):
        fault = ["env", f"PODWRIGHT_FAULT=kill@{number}"]
        with bed.start(sh("app", f"{DAEMON} true"), wrap=fault, **FLY) as pod:
            ended = pod.ended()
        assert ended.exit in (-9, 137, 254, 0), (number, ended)
        assert "Traceback" not in ended.stderr, (number, ended)
        python(bed, GC, pod.pod_dir)
    assert none_left(bed)
    assert settles(bed, before), ledger(bed)
