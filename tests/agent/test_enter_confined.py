# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""An entered process has what the app's processes have, field by field (T61), and nothing more (T62, T72, T77)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.agent.enter_bed import LIVE, House
from tests.agent.launch_bed import Bed, Pod, app, isolator, sh
from tests.support.private_host import PrivateHost

STATUS = [
    *("Uid", "Gid", "Groups", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs"),
    *("Seccomp", "Seccomp_filters", "Umask"),
]
NAMESPACES = ["mnt", "pid", "net", "ipc", "uts", "cgroup", "user", "time"]
PROBE = f"""
grep -E '^({"|".join(STATUS)}):' /proc/self/status
for n in {" ".join(NAMESPACES)}; do echo "ns-$n: $(readlink /proc/self/ns/$n)"; done
for f in uid_map gid_map oom_score_adj attr/current; do echo "$f: $(cat /proc/self/$f 2>&1)"; done
tail -n +2 /proc/self/limits | sed 's/^\\([A-Z][a-z ]*[a-z]\\)  */limit-\\1: /'
echo "root: $(readlink /proc/self/root)"; echo "cwd: $(pwd)"
for f in /proc/self/fd/*; do [ -e $f ] && echo "fd-${{f##*/}}: open"; done
env | sed 's/^\\([^=]*\\)=/env-\\1: /'
sed 's/^[0-9]*:\\([^:]*\\):/cgroup-\\1: /' /proc/self/cgroup
cut -d' ' -f5,6 /proc/self/mountinfo | sed 's/^/mount-/; s/ /: /'
"""
RECORD = f"( {PROBE} ) > /dev/shm/facts 2>&1; {LIVE}"
RETAIN = isolator("os/linux/capabilities-retain-set", {"set": ["CAP_NET_ADMIN", "CAP_CHOWN"]})
REMOVE_CALLS = isolator("os/linux/seccomp-remove-set", {"set": ["mkdir"], "errno": "EPERM"})
LIMITS = [
    isolator("resource/memory", {"limit": "64Mi"}),
    isolator("resource/pids", {"limit": "50"}),
    isolator("os/linux/oom-score-adj", 321),
]
VARIANTS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "default": ({}, {}),
    "own users": ({}, {"private_users": "true"}),
    "the host's users": ({}, {"private_users": ""}),
    "own users, another one": (
        {"user": "1000", "group": "100", "supplementaryGIDs": [7, 40000]},
        {"private_users": "true"},
    ),
    "all lifted": ({}, {"insecure": ["capabilities", "paths", "seccomp"]}),
    "another user": (
        {"user": "1000", "group": "100", "supplementaryGIDs": [7, 4000000000]},
        {"private_users": ""},
    ),
    "capabilities": ({"isolators": [RETAIN]}, {}),
    "seccomp": ({"isolators": [REMOVE_CALLS]}, {}),
    "new privileges": ({"isolators": [isolator("os/linux/no-new-privileges", False)]}, {}),
    "read-only root": ({"readOnlyRootFS": True}, {}),
    "limits": ({"isolators": LIMITS}, {}),
    "directory and environment": (
        {"workingDirectory": "/var/tmp", "environment": [{"name": "A", "value": "b c"}]},
        {},
    ),
    "host network": ({}, {"net": "host"}),
    "fly": (
        {},
        {
            "stage1": "fly",
            "net": "host",
            "private_users": "",
            "insecure": ["capabilities", "paths", "seccomp"],
        },
    ),
}


@pytest.fixture
def house(private_host: PrivateHost, tmp_path: Path) -> House:
    return House(Bed(private_host, tmp_path))


def facts(text: str) -> dict[str, str]:
    """Lines `name: value`; several of one name are joined."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        key, _, value = line.partition(":")
        found[key] = " ".join([*found.get(key, "").split(), *value.split()])
    return found


def compare(of_app: dict[str, str], of_entered: dict[str, str]) -> dict[str, tuple[str, str]]:
    """The facts that differ, but for the cgroup of its own."""
    different = {}
    for key in of_app.keys() | of_entered.keys():
        mine, theirs = of_app.get(key, "-"), of_entered.get(key, "-")
        below = mine.rstrip("/") + "/enter-"
        if mine != theirs and not (key.startswith("cgroup-") and theirs.startswith(below)):
            different[key] = (mine, theirs)
    return different


@pytest.mark.threat("T61")
@pytest.mark.parametrize("name", VARIANTS)
def test_every_fact_of_an_entered_process_is_that_of_the_app(house: House, name: str) -> None:
    section, options = VARIANTS[name]
    with house.start(sh("app", RECORD, **section), **options) as pod:
        of_app = facts(house.says(pod, "cat /dev/shm/facts", env={"TERM": ""}))
        of_entered = facts(house.says(pod, PROBE, env={"TERM": ""}))
    expected = {*STATUS, *(f"ns-{kind}" for kind in NAMESPACES)}
    expected |= {"fd-0", "fd-1", "fd-2", "uid_map", "oom_score_adj", "root", "cwd", "env-PATH"}
    assert expected <= of_app.keys(), of_app
    assert [key for key in of_app if key.startswith("limit-Max open files")], of_app
    assert compare(of_app, of_entered) == {}


@pytest.mark.threat("T61")
@pytest.mark.parametrize("users", ["true", ""])
def test_privileged_is_root_of_the_pod_and_says_so(house: House, users: str) -> None:
    """All capabilities of the pod's own user namespace, or of the agent where the pod has none."""
    with house.start(sh("app", RECORD, user="1000", group="1000"), private_users=users) as pod:
        of_app = facts(house.says(pod, "cat /dev/shm/facts"))
        entered = house.enter(pod, "/bin/sh", "-c", PROBE, options=["--privileged"]).check()
    found = facts(entered.stdout)
    host = house.bed.host.run(["cat", "/proc/self/status", "/proc/sys/kernel/cap_last_cap"]).stdout
    every = f"{(2 << int(host.split()[-1])) - 1:016x}"
    assert "note: --privileged: as root of the pod, with all its capabilities" in entered.stderr
    assert (found["Uid"], found["Seccomp"], found["NoNewPrivs"]) == ("0 0 0 0", "0", "0")
    assert found["CapEff"] == found["CapBnd"] == (every if users else facts(host)["CapBnd"])
    assert [kind for kind in NAMESPACES if found[f"ns-{kind}"] != of_app[f"ns-{kind}"]] == []


@pytest.mark.threat("T61")
def test_privileged_may_do_in_the_pod_what_the_app_may_not_and_nothing_outside(
    house: House,
) -> None:
    mount = ("mount", "-t", "tmpfs", "none", "/mnt")
    devices = ("mount", "-t", "devtmpfs", "none", "/mnt")  # for CAP_SYS_ADMIN of the host only
    for users in ("true", ""):
        with house.start(sh("app", LIVE), private_users=users) as pod:
            assert house.enter(pod, "mkdir", "-p", "/mnt").exit == 0
            assert house.enter(pod, *mount).exit != 0
            assert house.enter(pod, *mount, options=["--privileged"]).exit == 0
            assert (house.enter(pod, *devices, options=["--privileged"]).exit == 0) is not bool(
                users
            )


@pytest.mark.threat("T72")
def test_the_limits_of_the_app_hold_for_what_is_entered(house: House) -> None:
    script = "for i in 1 2 3 4 5 6 7 8 9 10; do sleep 1 & done; echo all; kill $(jobs -p)"
    limit = isolator("resource/pids", {"limit": "8"})
    for isolators, fits in (([limit], False), ([], True)):
        with house.start(sh("app", LIVE, isolators=isolators)) as pod:
            seen = house.enter(pod, "/bin/sh", "-c", script)
            assert ("all" in seen.stdout) is fits, seen


@pytest.mark.threat("T72")
def test_an_entered_process_can_change_no_control_group(house: House) -> None:
    with house.start(sh("app", LIVE)) as pod:
        assert house.says(pod, "ls /sys/fs/cgroup; grep cgroup /proc/mounts; true") == ""


EXTRA = 'for n in $(seq 10 59); do eval "exec $n</etc"; done; cd /usr; exec "$@"'
"""What starts the agent with fifty descriptors of a directory of the host, in a directory of the host."""
FDS = ["/bin/ls", "/proc/self/fd"]
CWD = ["/bin/readlink", "/proc/self/cwd"]


@pytest.mark.threat("T62")
@pytest.mark.parametrize(("look", "expected"), [(FDS, ["0", "1", "2", "3"]), (CWD, ["/"])])
def test_no_descriptor_and_no_directory_of_the_host_comes_along(
    house: House, look: list[str], expected: list[str]
) -> None:
    """For an app, its hooks and what is entered; 3 is the directory that is listed. The control: the agent had them."""
    handlers = [{"name": "pre-start", "exec": look}, {"name": "post-stop", "exec": look}]
    wrap = ["bash", "-c", EXTRA, "bash"]
    with house.start(sh("app", LIVE, eventHandlers=handlers), wrap=wrap) as pod:
        with house.begin(pod, *look, wrap=wrap) as process:
            stdout, stderr = process.communicate()
        pod.signal(15)
        ended = pod.ended()
    with house.bed.start(app("app", *look), wrap=wrap) as pod:
        as_app = pod.ended()
    had = house.bed.host.run([*wrap, *look]).stdout.split()
    assert len(had) > 50 or had == ["/usr"]
    assert stdout.split() == expected, stderr
    assert as_app.stdout.split() == expected
    assert ended.stdout.split() == expected * 2


@pytest.mark.threat("T62")
def test_a_directory_of_the_host_as_a_standard_descriptor_is_refused(house: House) -> None:
    with house.start(sh("app", LIVE)) as pod:
        line = house.command(pod, "touch", "/dev/shm/there")
        seen = [
            house.bed.host.run(["bash", "-c", f'"$@" {fd}</etc', "bash", *line]) for fd in range(3)
        ]
        there = house.enter(pod, "ls", "/dev/shm/there").exit
        file = house.bed.host.run(["bash", "-c", '"$@" < /etc/passwd', "bash", *line[:-2], "cat"])
    assert 0 not in [one.exit for one in seen]
    assert there != 0
    assert "root:" in file.stdout


@pytest.mark.threat("T77")
def test_keys_ipc_and_names_are_the_pods_own(house: House) -> None:
    host = house.bed.host
    make = "import ctypes; print(ctypes.CDLL(None).shmget(0x5eee, 4096, 0o1666))"
    host.run(["/usr/bin/python3", "-c", make]).check()
    look = "wc -l < /proc/sysvipc/shm; hostname; readlink /proc/self/ns/ipc"
    with house.start(sh("app", f"({look}) > /dev/shm/facts; {LIVE}"), hostname="web-1") as pod:
        mine = house.says(pod, "cat /dev/shm/facts").split()
        seen = house.says(pod, look).split()
    assert mine[:3] == seen[:3]
    assert (seen[0], seen[1]) == ("1", "web-1")
    assert seen[2] != host.run(["readlink", "/proc/self/ns/ipc"]).stdout.strip()
    assert int(host.run(["sh", "-c", "wc -l < /proc/sysvipc/shm"]).stdout) > 1


@pytest.mark.threat("T77")
def test_the_session_keyring_is_new_for_each(house: House) -> None:
    tree = house.bed.python_tree()
    ask = "import ctypes; print(ctypes.CDLL(None).syscall(250, 0, -3, 0))"
    points = [{"name": "usr", "path": "/usr", "readOnly": True}]
    volume = {"name": "usr", "kind": "host", "source": "/usr"}
    live = sh("app", LIVE, tree=tree, mountPoints=points)
    words = ["/usr/bin/python3", "-IS", "-c", ask]
    with house.start(live, volumes=[volume], insecure=["seccomp"]) as pod:
        keys = [house.enter(pod, *words).check().stdout.strip() for _ in range(2)]
        host = house.bed.host.run(words).stdout.strip()
    assert len({*keys, host}) == 3
    assert all(int(key) > 0 for key in keys)


def test_several_apps_are_each_entered_as_themselves(house: House) -> None:
    apps = (sh("one", LIVE, user="1"), sh("two", LIVE, user="2"))
    with house.start(*apps) as pod:
        assert house.says(pod, "id -u; echo $AC_APP_NAME", app="one").split() == ["1", "one"]
        assert house.says(pod, "id -u; echo $AC_APP_NAME", app="two").split() == ["2", "two"]


def inode(house: House, pod: Pod) -> str:
    return house.says(pod, "readlink /proc/self/ns/mnt")


def test_the_namespaces_of_an_app_are_made_once(house: House) -> None:
    look = "readlink /proc/self/ns/mnt"
    hook = {"name": "pre-start", "exec": ["/bin/sh", "-c", look]}
    live = sh("app", f"{look}; {LIVE}", eventHandlers=[hook])
    with house.start(live) as pod:
        entered = inode(house, pod)
        pod.signal(15)
        ended = pod.ended()
    assert set(ended.stdout.split()) == {entered.strip()}
