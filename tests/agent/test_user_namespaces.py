# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A pod's root is nobody on the host (C8, T70): what it sees, what the host sees, and what ends up on disk.

Every fact has its control: the same pod with `private_users` off.
"""

from __future__ import annotations

import json
import os
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.agent.launch_bed import Bed, isolator, sh
from tests.conftest import Keys
from tests.support import aci
from tests.support.agent import Agent
from tests.support.private_host import PrivateHost

pytestmark = pytest.mark.threat("T70")

COUNT = 65536
FOREVER = "trap 'exit 0' TERM; echo up > /tmp/up; while :; do sleep 3600 & wait $!; done"
Build = Callable[..., Path]


@pytest.fixture
def bed(private_host: PrivateHost, tmp_path: Path) -> Bed:
    return Bed(private_host, tmp_path)


@pytest.fixture
def trusting(agent: Agent, lab: Keys) -> Agent:
    """An agent that trusts the lab's key for example.com."""
    agent.trust(lab.key, "example.com")
    return agent


def first_of(pod_dir: Path) -> int:
    """The host's number of the pod's root, from the stage1 contract's file."""
    first, count = (pod_dir / "private-users-prepared").read_text().strip().split(":")
    assert int(count) == COUNT
    return int(first)


def upper(pod_dir: Path) -> Path:
    """What an app has written, on disk."""
    return pod_dir / "overlay/app/upper"


# What the pod sees


@pytest.mark.kernel(brief=True)
def test_a_pod_has_65536_users_and_none_of_them_is_one_of_the_host(bed: Bed) -> None:
    ended = bed.run(sh("app", "cat /proc/self/uid_map /proc/self/gid_map"))
    first = first_of(ended.pod_dir)
    rows = [[int(word) for word in line.split()] for line in ended.stdout.splitlines()]
    assert rows == [[0, first, COUNT]] * 2
    assert first % COUNT == 0 and 524288 <= first <= 1879048191 - COUNT + 1
    plain = bed.says("cat /proc/self/uid_map", private_users="")
    assert plain.split() == ["0", "0", "4294967295"]


@pytest.mark.kernel
def test_groups_are_only_those_asked_for_and_setgroups_is_allowed(bed: Bed) -> None:
    look = "cat /proc/self/setgroups; grep Groups /proc/self/status"
    assert bed.says(look).split() == ["allow", "Groups:"]
    found = bed.says(look, user="1000", group="100", supplementaryGIDs=[7, 65535])
    assert found.split() == ["allow", "Groups:", "7", "65535"]


@pytest.mark.kernel
def test_everything_that_the_pod_makes_belongs_to_its_root(bed: Bed) -> None:
    script = (
        "find / /dev /dev/pts /dev/shm /etc /run /tmp -xdev -maxdepth 1 ! -user 0 -o ! -group 0"
        " | grep -v '^/proc$\\|^/sys$\\|^/dev/pts/[0-9]'; stat -c '%u:%g' / /dev/null /dev/pts /etc/hosts /dev/fd"
    )
    assert bed.says(script).split() == ["0:0"] * 5


@pytest.mark.kernel
def test_the_network_and_its_files_in_sys_are_the_pods_own(bed: Bed) -> None:
    look = "ls /sys/class/net; ip addr show lo | grep -c UP"
    change = "ip link set lo mtu 1400 2>&1 | grep -c ermitted"
    assert bed.says(f"{look}; {change}").split() == ["lo", "1", "1"]
    admin = [isolator("os/linux/capabilities-retain-set", {"set": ["CAP_NET_ADMIN"]})]
    assert bed.says(f"{change}; true", isolators=admin) == "0\n"


@pytest.mark.kernel
def test_an_app_may_listen_on_a_low_port(bed: Bed) -> None:
    code = """
import socket
try:
    socket.create_server(("127.0.0.1", 80))
    print("bound")
except PermissionError:
    print("refused")
"""
    none = [isolator("os/linux/capabilities-remove-set", {"set": ["CAP_NET_BIND_SERVICE"]})]
    assert bed.python(code) == "bound\n"
    assert bed.python(code, isolators=none) == "refused\n"


@pytest.mark.kernel
def test_nothing_that_the_pod_covered_can_be_uncovered(bed: Bed) -> None:
    admin = [isolator("os/linux/capabilities-retain-set", {"set": ["CAP_SYS_ADMIN"]})]
    script = (
        "for p in /proc/irq /proc/sys /sys/firmware /dev; do umount $p 2>&1; umount -l $p 2>&1; done;"
        " mount -o remount,rw /proc/sys 2>&1; ls /sys/firmware; echo x > /proc/sys/kernel/core_pattern"
    )
    options = {"isolators": admin, "insecure": ["seccomp"]}
    found = bed.says(f"{script}; true", **options)
    assert len([line for line in found.splitlines() if "umount" in line]) == 8, found
    control = bed.says("umount /sys/firmware && echo gone", private_users="", **options)
    assert control == "gone\n"


@pytest.mark.kernel
def test_a_program_that_is_setuid_in_the_image_makes_a_user_of_the_pod(bed: Bed) -> None:
    tree = bed.tree()
    (tree / "busybox-set").write_bytes(Path("/usr/bin/busybox").read_bytes())
    os.chown(tree / "busybox-set", 1234, 1234)
    (tree / "busybox-set").chmod(0o6755)
    (tree / "bin/id2").symlink_to("/busybox-set")
    allow = [isolator("os/linux/no-new-privileges", False)]
    look = "grep Uid /proc/self/status"
    script = f"ls -ln /busybox-set; {look}; /busybox-set {look}"
    ended = bed.run(sh("app", script, tree=tree, isolators=allow))
    assert ended.outcome == [0, "exited"], ended
    listing, before, after = ended.stdout.splitlines()
    assert listing.startswith("-rwsr-sr-x") and listing.split()[2:4] == ["1234", "1234"]
    assert before.split()[1:] == ["0"] * 4
    assert after.split()[1:] == ["0", "1234", "1234", "1234"]


@pytest.mark.kernel
def test_capabilities_of_a_file_in_the_image_work(bed: Bed) -> None:
    tree = bed.tree()
    (tree / "busybox-set").write_bytes(Path("/usr/bin/busybox").read_bytes())
    (tree / "busybox-set").chmod(0o755)
    subprocess.run(["setcap", "cap_chown+ep", tree / "busybox-set"], check=True)
    allow = [isolator("os/linux/no-new-privileges", False)]
    look = "/busybox-set grep CapEff /proc/self/status"
    pod = sh("app", look, tree=tree, user="1000", isolators=allow)
    ended = bed.run(pod, insecure=["seccomp"])
    assert ended.stdout.split() == ["CapEff:", "0000000000000001"], ended


def test_owners_in_the_image_are_seen_as_they_are(bed: Bed) -> None:
    tree = bed.tree({"a": "", "b": "", "c": ""})
    os.chown(tree / "a", 0, 5)
    os.chown(tree / "b", 65535, 1000)
    os.chown(tree / "c", 70000, 70000)
    look = "stat -c '%u:%g' /a /b /c"
    assert bed.run(sh("app", look, tree=tree)).stdout.split() == [
        "0:5",
        "65535:1000",
        "65534:65534",
    ]
    assert bed.run(sh("app", look, tree=tree), private_users="").stdout.split()[2] == "70000:70000"


@pytest.mark.parametrize("overlay", [True, False])
def test_a_user_named_by_the_owner_of_a_file_is_that_user(bed: Bed, overlay: bool) -> None:
    tree = bed.tree({"owned": ""})
    os.chown(tree / "owned", 1234, 4321)
    pod = sh("app", "id -u; id -g", tree=tree, user="/owned", group="/owned")
    assert bed.run(pod, overlay=overlay).stdout.split() == ["1234", "4321"]


@pytest.mark.parametrize(
    ("section", "says"),
    [
        ({"user": "65536"}, "user 65536 cannot be used"),
        ({"group": "4000000000"}, "group 4000000000 cannot be used"),
        ({"supplementaryGIDs": [1, 65536]}, "group 65536 cannot be used"),
        ({"user": "/far"}, "its owner is not one of the pod's 65536 users"),
    ],
)
def test_numbers_that_the_pod_has_not_are_refused(
    bed: Bed, section: dict[str, object], says: str
) -> None:
    tree = bed.tree({"far": ""})
    os.chown(tree / "far", 65536, 65536)
    ended = bed.run(sh("app", "true", tree=tree, **section))
    assert says in ended.refused
    assert bed.run(sh("app", "true", tree=tree, **section), private_users="").outcome == [
        0,
        "exited",
    ]


def test_the_score_for_being_killed_is_the_one_asked_for(bed: Bed) -> None:
    def score(number: int) -> list[dict[str, object]]:
        return [isolator("os/linux/oom-score-adj", number)]

    look = "cat /proc/self/oom_score_adj"
    pod = [
        sh("low", look, isolators=score(300)),
        sh("high", look, isolators=score(700)),
        sh("none", look),
    ]
    ended = bed.run(*pod)
    own = Path("/proc/self/oom_score_adj").read_text().strip()
    assert sorted(ended.stdout.split()) == sorted([own, "300", "700"])


# What the host sees


@pytest.mark.kernel
def test_the_pods_processes_are_nobody_on_the_host(bed: Bed) -> None:
    with bed.start(sh("app", FOREVER), sh("other", FOREVER, user="1000")) as pod:
        pod.wait_until(
            lambda: len(_processes(bed, pod.pod_dir)) >= 5, "two shells that sleep, and PID 1"
        )
        first = first_of(pod.pod_dir)
        owners = set(_processes(bed, pod.pod_dir).values())
        assert owners == {first, first + 1000}
    with bed.start(sh("app", FOREVER), private_users="") as pod:
        pod.wait_until(
            lambda: len(_processes(bed, pod.pod_dir)) >= 3, "a shell that sleeps, and PID 1"
        )
        assert set(_processes(bed, pod.pod_dir).values()) == {0}


def _processes(bed: Bed, pod_dir: Path) -> dict[int, int]:
    """Every process of the pod's pid namespace, with its real user on the host."""
    done = bed.host.run(["/usr/bin/python3", "-IS", "-c", PROCESSES, str(pod_dir / "pid")])
    return {int(pid): uid for pid, uid in json.loads(done.check().stdout).items()}


PROCESSES = """
import json, os, sys
found = {}
try:
    inside = os.stat(f"/proc/{int(open(sys.argv[1]).read())}/ns/pid").st_ino
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.stat(f"/proc/{pid}/ns/pid").st_ino == inside:
                found[pid] = int(open(f"/proc/{pid}/status").read().split("Uid:")[1].split()[0])
        except (FileNotFoundError, ProcessLookupError):
            pass
except (FileNotFoundError, ValueError):
    pass
print(json.dumps(found))
"""


@pytest.mark.kernel
def test_files_on_disk_have_the_owners_that_the_pod_sees(bed: Bed) -> None:
    script = (
        "mkdir /new; touch /new/mine /new/theirs; chown 1000:7 /new/theirs; chmod u+s /new/theirs"
    )
    ended = bed.run(sh("app", script))
    assert ended.outcome == [0, "exited"], ended
    new = upper(ended.pod_dir) / "new"
    owners = {path.name: (path.stat().st_uid, path.stat().st_gid) for path in (new, *new.iterdir())}
    assert owners == {"new": (0, 0), "mine": (0, 0), "theirs": (1000, 7)}
    assert new.joinpath("theirs").stat().st_mode & stat.S_ISUID
    assert (ended.pod_dir / "stage1/rootfs/rkt/status/app").stat().st_uid == 0


def test_without_overlay_the_same_holds(bed: Bed) -> None:
    ended = bed.run(sh("app", "touch /x; chown 1000:7 /x; stat -c %u:%g /x /bin"), overlay=False)
    assert ended.stdout.split() == ["1000:7", "0:0"]
    found = (ended.pod_dir / "stage1/rootfs/opt/stage2/app/rootfs/x").stat()
    assert (found.st_uid, found.st_gid) == (1000, 7)


@pytest.mark.kernel
def test_volumes_have_the_owners_that_the_pod_sees(bed: Bed, tmp_path: Path) -> None:
    (tmp_path / "source/below").mkdir(parents=True)
    (tmp_path / "source/old").write_text("")
    os.chown(tmp_path / "source/old", 33, 33)
    volumes: list[dict[str, object]] = [
        {"name": "data", "kind": "host", "source": str(tmp_path / "source")},
        {"name": "empty", "kind": "empty", "uid": 12, "gid": 13, "mode": "0750"},
        {"name": "mem", "kind": "tmpfs", "uid": 14, "gid": 15},
    ]
    points = [{"name": volume["name"], "path": f"/v/{volume['name']}"} for volume in volumes]
    script = (
        "touch /v/data/root /v/data/below/user /v/empty/x; chown 1000:1000 /v/data/below/user;"
        " stat -c '%n %u:%g' /v/data /v/data/old /v/data/below/user /v/empty /v/mem"
    )
    ended = bed.run(sh("app", script, mountPoints=points), volumes=volumes)
    assert ended.stdout.splitlines() == [
        *("/v/data 0:0", "/v/data/old 33:33", "/v/data/below/user 1000:1000"),
        *("/v/empty 12:13", "/v/mem 14:15"),
    ]
    assert (tmp_path / "source/root").stat().st_uid == 0
    assert (tmp_path / "source/below/user").stat().st_uid == 1000
    assert (ended.pod_dir / "sharedVolumes/empty/x").stat().st_uid == 0


def test_a_volume_that_is_not_mapped_belongs_to_nobody(bed: Bed, tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    volume = {"name": "data", "kind": "host", "source": str(tmp_path / "source"), "idmap": False}
    points = [{"name": "data", "path": "/data"}]
    script = "stat -c %u /data; touch /data/x 2>&1; true"
    ended = bed.run(sh("app", script, mountPoints=points), volumes=[volume])
    owner, refused = ended.stdout.splitlines()
    assert owner == "65534" and "ermission denied" in refused


# File systems without id-mapped mounts


def unmappable(place: Path) -> list[str]:
    """A command that puts a file system over a directory which has no id-mapped mounts, as no overlayfs has."""
    for name in ("u", "w"):
        Path(f"{place}.{name}").mkdir()
    mount = 'mount -t overlay none -o lowerdir="$0",upperdir="$0.u",workdir="$0.w" "$0"'
    return ["sh", "-c", f'{mount} && exec "$@"', str(place)]


def test_where_nothing_can_be_mapped_the_image_is_copied_with_other_owners(
    bed: Bed, private_host: PrivateHost
) -> None:
    tree = bed.tree({"a": "", "far": "", "set": ""})
    os.chown(tree / "a", 1000, 7)
    os.chown(tree / "far", 70000, 70000)
    (tree / "set").chmod(0o4755)
    look = "touch /new; stat -c '%n %u:%g %a' / /bin/busybox /a /far /set /new /v | sort; cat /proc/self/uid_map"
    points = [{"name": "v", "path": "/v"}]
    volumes = [{"name": "v", "kind": "empty", "uid": 12}]
    pod = sh("app", look, tree=tree, mountPoints=points)
    ended = bed.run(pod, volumes=volumes, wrap=unmappable(bed.pods))
    assert ended.outcome == [0, "exited"], ended
    *lines, mapped = ended.stdout.splitlines()
    assert [line.rsplit(" ", 1)[0] for line in lines] == [
        *("/ 0:0", "/a 1000:7", "/bin/busybox 0:0", "/far 65534:65534", "/new 0:0", "/set 0:0"),
        "/v 12:0",
    ]
    assert "/set 0:0 4755" in lines
    first = int(mapped.split()[1])
    found = private_host.run(
        ["stat", "-c", "%u:%g", str(ended.pod_dir / "stage1/rootfs/opt/stage2/app/rootfs/a")]
    )
    assert found.stdout.strip() == f"{first + 1000}:{first + 7}"
    # The range stays taken while those files are there.
    listed = private_host.run(["ls", "/run/podwright/users"]).stdout.split()
    assert str(first) in listed


def test_that_copy_can_be_forbidden(bed: Bed) -> None:
    forbid = {"private_users": "idmapped", "wrap": unmappable(bed.pods)}
    ended = bed.run(sh("app", "echo never"), **forbid)
    assert "cannot be id-mapped" in ended.refused and ended.stdout == ""


def test_a_volume_that_cannot_be_mapped_is_refused(bed: Bed, tmp_path: Path) -> None:
    place = tmp_path / "source"
    place.mkdir()
    volume = {"name": "data", "kind": "host", "source": str(place)}
    pod = sh("app", "echo ran", mountPoints=[{"name": "data", "path": "/data"}])
    refused = bed.run(pod, volumes=[volume], wrap=unmappable(place)).refused
    assert "volume data cannot be id-mapped" in refused and "idmap: false" in refused
    assert bed.run(pod, volumes=[{**volume, "idmap": False}]).stdout == "ran\n"


# Through the command line


def shell(script: str) -> dict[str, object]:
    """An app that runs a script."""
    return aci.app(["/bin/sh", "-c", script])


def test_on_by_default_and_off_when_asked(trusting: Agent, signed_image: Build) -> None:
    image = signed_image(app=shell("cat /proc/self/uid_map"))
    mapped = int(trusting.ok("run", "--net=none", image).split()[1])
    assert mapped >= 524288
    for flag in ("--private-users", "--private-users=true", "--private-users=idmapped"):
        assert int(trusting.ok("run", "--net=none", flag, image).split()[1]) >= 524288, flag
    done = trusting("run", "--net=none", "--private-users=false", image).check()
    assert done.stdout.split()[1] == "0"
    assert "no user namespace" not in done.stderr  # it was asked for


def test_what_switches_it_off_is_reported_and_refused_when_it_was_asked_for(
    trusting: Agent, signed_image: Build
) -> None:
    image = signed_image(app=shell("cat /proc/self/uid_map"))
    device = ("--volume=dev,kind=host,source=/dev/null", image, "--mount=volume=dev,target=/dev/x")
    for arguments, why in (
        (("--net=host", image), "the pod has the host's network"),
        (("--net=none", *device), "volume dev is a device of the host"),
        (("--stage1-name=fly", "--net=host", image), "stage1 fly keeps the host's users"),
    ):
        done = trusting("run", *arguments).check()
        assert done.stdout.split()[1] == "0", arguments
        assert f"note: no user namespace of its own: {why}" in done.stderr, arguments
        for asked in ("true", "idmapped"):
            line = trusting.refused("run", f"--private-users={asked}", *arguments)
            assert f"private users cannot be had: {why}" in line
    pods = json.loads(trusting.ok("list", "--format=json"))
    reports = [
        json.loads(trusting.ok("status", "--format=json", pod["name"]))["reports"] for pod in pods
    ]
    assert sum("no user namespace" in "".join(each) for each in reports) == 3


def test_run_prepared_on_the_hosts_network_says_what_it_lost(
    trusting: Agent, signed_image: Build
) -> None:
    image = signed_image(app=shell("cat /proc/self/uid_map"))
    pod = trusting.ok("prepare", "--quiet", image).strip()
    done = trusting("run-prepared", "--net=host", pod).check()
    assert done.stdout.split()[1] == "0"
    assert "note: no user namespace of its own: the pod has the host's network" in done.stderr
    assert "report=no user namespace of its own" in trusting.ok("status", pod)
    asked = trusting.ok("prepare", "--quiet", "--private-users", image).strip()
    assert "private users cannot be had" in trusting.refused("run-prepared", "--net=host", asked)


def test_a_host_that_allows_no_user_namespaces(
    trusting: Agent, signed_image: Build, private_host: PrivateHost
) -> None:
    image = signed_image(app=shell("cat /proc/self/uid_map"))
    none = trusting.local / "none"
    none.write_text("0\n")
    private_host.run(["mount", "--bind", str(none), "/proc/sys/user/max_user_namespaces"]).check()
    done = trusting("run", "--net=none", image).check()
    assert done.stdout.split()[1] == "0"
    assert "the host allows no user namespaces" in done.stderr
    assert "private users cannot be had" in trusting.refused("run", "--private-users", image)


def test_status_shows_the_pods_users_and_its_range_is_free_afterwards(
    trusting: Agent, signed_image: Build, private_host: PrivateHost
) -> None:
    image = signed_image(app=shell("cat /proc/self/uid_map"))
    first = int(trusting.ok("run", "--net=none", image).split()[1])
    pod = json.loads(trusting.ok("list", "--format=json"))[0]["name"]
    assert f"private-users={first}:65536" in trusting.ok("status", pod)
    assert json.loads(trusting.ok("status", "--format=json", pod))["private_users"] == {
        "first": first,
        "count": COUNT,
    }
    assert private_host.run(["ls", "/run/podwright/users"]).stdout == ""
    trusting.ok("run", "--net=none", "--private-users=false", image)
    pods = {each["name"] for each in json.loads(trusting.ok("list", "--format=json"))} - {pod}
    assert "private-users=off" in trusting.ok("status", pods.pop())
