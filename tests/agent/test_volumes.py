# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Volumes of every kind as apps find them, and what none of them can be made to do (B2, T38, T62, T65, T66, T71)."""

from __future__ import annotations

import json
import os
import socket
import stat
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.agent.launch_bed import USR, Bed, Ended, Pod, python, sh
from tests.conftest import Keys
from tests.support import ocilayout
from tests.support.agent import Agent
from tests.support.ocilayout import OciLayout
from tests.support.private_host import PrivateHost

POINT = [{"name": "v", "path": "/v"}]
ROUNDS = int(os.environ.get("PODWRIGHT_RACES", "40"))
"""How often a pod is started against somebody who exchanges a directory and a link all the time."""
MOUNTED = "grep ' /v ' /proc/self/mountinfo | cut -d' ' -f6"
BARE = {"private_users": "", "insecure": ["capabilities", "seccomp"]}
"""What a pod needs to mount file systems itself."""


@pytest.fixture
def bed(private_host: PrivateHost, tmp_path: Path) -> Bed:
    return Bed(private_host, tmp_path)


def volume(kind: str, **fields: Any) -> list[dict[str, Any]]:
    """The volume v."""
    return [{"name": "v", "kind": kind, **fields}]


def seen(bed: Bed, script: str, volumes: list[dict[str, Any]], **options: Any) -> Ended:
    """A shell script in a pod that has v at /v."""
    return bed.run(sh("app", script, mountPoints=POINT), volumes=volumes, **options)


@pytest.mark.kernel
def test_a_volume_in_memory_has_its_mode_owner_and_limits(bed: Bed) -> None:
    made = volume("tmpfs", mode="0750", uid=3, gid=4, noexec=True)
    ended = seen(
        bed, f"stat -c '%a %u %g %T' -f /v >/dev/null; stat -c '%a %u %g' /v; {MOUNTED}", made
    )
    assert ended.stdout == "750 3 4\nrw,nosuid,nodev,noexec,relatime\n"
    assert not (ended.pod_dir / "sharedVolumes").exists()


def test_a_volume_in_memory_is_everybodys_unless_said_otherwise(bed: Bed) -> None:
    ended = bed.run(
        sh(
            "app",
            "stat -c %a /v; echo x > /v/f && cat /v/f",
            mountPoints=POINT,
            user="1000",
            group="1000",
        ),
        volumes=volume("tmpfs"),
    )
    assert ended.stdout == "1777\nx\n"


@pytest.mark.parametrize("kind", ["tmpfs", "empty"])
def test_a_size_is_a_limit(bed: Bed, kind: str) -> None:
    script = "dd if=/dev/zero of=/v/f bs=64k count=32 2>/dev/null; stat -c %s /v/f"
    limited = seen(bed, script, volume(kind, size="1Mi"))
    free = seen(bed, script, volume(kind))
    assert (limited.stdout, free.stdout) == ("1048576\n", "2097152\n")
    assert not (limited.pod_dir / "sharedVolumes").exists()


def test_apps_share_a_volume_in_memory_one_of_them_for_reading(bed: Bed) -> None:
    reads = [{"volume": "v", "path": "/here", "readOnly": True}]
    script = "while [ ! -s /here/f ]; do sleep 0.05; done; cat /here/f; echo x > /here/f"
    ended = bed.run(
        sh("a", "echo hello > /v/f", mountPoints=POINT),
        sh("b", script, mounts=reads),
        volumes=volume("tmpfs"),
    )
    assert ended.stdout == "hello\n"
    assert "Read-only file system" in ended.stderr


def test_a_mount_that_is_said_to_be_writable_does_not_lift_the_volumes_protection(
    bed: Bed, tmp_path: Path
) -> None:
    source = tmp_path / "source"
    source.mkdir()
    writable = [{"volume": "v", "path": "/v", "readOnly": False}]
    app = sh("app", "echo x > /v/f && echo wrote", mounts=writable)
    host = {"source": str(source)}
    protected = bed.run(app, volumes=volume("host", **host, readOnly=True))
    free = bed.run(app, volumes=volume("host", **host))
    assert "Read-only" in protected.stderr and free.stdout == "wrote\n"


def test_noexec_keeps_programs_from_being_executed(bed: Bed, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "run").write_text("#!/bin/sh\necho ran\n")
    (source / "run").chmod(0o755)
    refused = seen(bed, "/v/run", volume("host", source=str(source), noexec=True))
    free = seen(bed, "/v/run", volume("host", source=str(source)))
    assert (refused.exit, refused.stdout, free.stdout) == (126, "", "ran\n")


def start_sharing(bed: Bed, base: Path, script: str, **fields: Any) -> tuple[Pod, Path]:
    """A pod with a source on a shared mount; it runs until /v/end exists."""
    source = base / "shared"
    source.mkdir()
    # Not a tmpfs, which cannot be id-mapped before Linux 6.3.
    bed.host.run(["mount", "--bind", str(source), str(source)]).check()
    bed.host.run(["mount", "--make-shared", str(source)]).check()
    bed.host.run(["mkdir", f"{source}/sub"]).check()
    app = sh("app", script, mountPoints=POINT)
    options = fields.pop("options", {})
    return bed.start(app, volumes=volume("host", source=str(source), **fields), **options), source


LOOK = "echo up > /v/up; while [ ! -e /v/end ]; do sleep 0.05; done; ls /v/sub"


@pytest.mark.kernel
@pytest.mark.threat("T66")
@pytest.mark.parametrize(
    ("propagation", "found"), [("private", ""), ("slave", "later\n"), ("shared", "later\n")]
)
def test_what_the_host_mounts_later_is_seen_only_when_asked_for(
    bed: Bed, tmp_path: Path, propagation: str, found: str
) -> None:
    bare = {"private_users": ""} if propagation == "shared" else {}
    pod, source = start_sharing(bed, tmp_path, LOOK, propagation=propagation, options=bare)
    with pod:
        inside = f"while [ ! -e {source}/up ]; do sleep 0.05; done"
        mount = f"mount -t tmpfs tmpfs {source}/sub && touch {source}/sub/later {source}/end"
        bed.host.run(["/bin/sh", "-c", f"{inside}; {mount}"]).check()
        ended = pod.ended()
    assert (ended.outcome, ended.stdout) == ([0, "exited"], found)


@pytest.mark.threat("T66")
@pytest.mark.parametrize(
    ("propagation", "there"), [("private", ""), ("slave", ""), ("shared", "x")]
)
def test_what_a_pod_mounts_is_seen_by_the_host_only_when_asked_for(
    bed: Bed, tmp_path: Path, propagation: str, there: str
) -> None:
    script = (
        "mount -t tmpfs tmpfs /v/sub && touch /v/sub/x && touch /v/up;"
        " while [ ! -e /v/end ]; do sleep 0.05; done"
    )
    pod, source = start_sharing(bed, tmp_path, script, propagation=propagation, options=BARE)
    with pod:
        look = (
            f"while [ ! -e {source}/up ]; do sleep 0.05; done; ls {source}/sub; touch {source}/end"
        )
        found = bed.host.run(["/bin/sh", "-c", look]).check().stdout
        assert pod.ended().outcome == [0, "exited"]
    assert found.strip() == there


def test_shared_propagation_out_of_a_user_namespace_is_refused(bed: Bed, tmp_path: Path) -> None:
    made = volume("host", source=str(tmp_path), propagation="shared")
    ended = seen(bed, "true", made, private_users="true")
    assert "propagation shared cannot be had with a user namespace" in ended.refused


def test_propagation_from_a_mount_that_is_not_shared_is_refused(bed: Bed, tmp_path: Path) -> None:
    bed.host.run(["mount", "--bind", str(tmp_path), str(tmp_path)]).check()
    bed.host.run(["mount", "--make-private", str(tmp_path)]).check()
    ended = seen(bed, "true", volume("host", source=str(tmp_path), propagation="slave"))
    assert "is not on a shared mount, so there is no propagation slave" in ended.refused


@pytest.mark.threat("T66")
def test_a_source_is_what_it_was_whatever_it_is(bed: Bed, tmp_path: Path) -> None:
    source = tmp_path / "s"
    source.mkdir()
    os.mkfifo(source / "fifo")
    (source / "file").write_text("text\n")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(source / "socket"))
    mounts = [{"volume": name, "path": f"/{name}"} for name in ("fifo", "file", "socket")]
    volumes = [
        {"name": name, "kind": "host", "source": f"{source}/{name}"}
        for name in ("fifo", "file", "socket")
    ]
    ended = bed.run(sh("app", "stat -c %F /fifo /file /socket", mounts=mounts), volumes=volumes)
    assert ended.stdout == "fifo\nregular file\nsocket\n"


@pytest.mark.threat("T66")
@pytest.mark.parametrize("target", ["/", "..", "/proc/self/root", "dir"])
def test_a_source_that_is_a_link_is_not_followed(bed: Bed, tmp_path: Path, target: str) -> None:
    (tmp_path / "dir").mkdir()
    (tmp_path / "link").symlink_to(target)
    ended = seen(bed, "ls /v", volume("host", source=f"{tmp_path}/link"))
    assert f"volume source {tmp_path}/link: {tmp_path}/link is a link to {target}" in ended.refused
    assert "name the place it leads to" in ended.refused


@pytest.mark.threat("T66")
def test_a_link_of_roots_is_followed_when_asked_for_and_no_other(bed: Bed, tmp_path: Path) -> None:
    (tmp_path / "dir").mkdir()
    (tmp_path / "dir/file").write_text("content\n")
    place = tmp_path / "place"
    place.mkdir()
    (place / "current").symlink_to("../dir")
    made = volume("host", source=f"{place}/current", followLinks=True)
    tmp_path.chmod(0o755)
    assert seen(bed, "cat /v/file", made).stdout == "content\n"
    place.chmod(0o777)
    assert "is a link that others than root can change" in seen(bed, "ls /v", made).refused
    place.chmod(0o755)
    os.lchown(place / "current", 1000, 1000)
    assert "is a link that others than root can change" in seen(bed, "ls /v", made).refused


@pytest.fixture
def system(bed: Bed) -> Path:
    """A directory of the private host's /etc, which root alone can write to."""
    bed.host.run(["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", "/etc/opt"]).check()
    bed.host.run(["mkdir", "-p", "/etc/opt/v/conf"]).check()
    return Path("/etc/opt")


EXCHANGE = "mv /v/conf /v/old; ln -s /etc /v/conf"


@pytest.mark.threat("T66")
def test_a_link_that_a_pods_root_left_in_a_volume_below_etc_is_not_followed(
    bed: Bed, system: Path
) -> None:
    outer = volume("host", source=f"{system}/v")
    assert seen(bed, EXCHANGE, outer).outcome == [0, "exited"]
    owner = bed.host.run(["stat", "-c", "%u %F", f"{system}/v/conf"]).check().stdout
    assert owner == "0 symbolic link\n"  # nothing tells it from one of the host's root
    inner = volume("host", source=f"{system}/v/conf", readOnly=True)
    ended = seen(bed, "cat /v/shadow", inner)
    assert f"{system}/v/conf is a link to /etc; name the place it leads to" in ended.refused
    control = seen(bed, "ls /v/shadow", volume("host", source="/etc", readOnly=True))
    assert control.stdout == "/v/shadow\n"


@pytest.mark.threat("T66")
def test_a_pod_cannot_lead_its_own_volume_elsewhere_with_follow_links(
    bed: Bed, system: Path
) -> None:
    mounts = [{"volume": "v", "path": "/v"}, {"volume": "c", "path": "/c"}]
    inner = {"name": "c", "kind": "host", "source": f"{system}/v/conf", "readOnly": True}
    inner["followLinks"] = True
    outer = {"name": "v", "kind": "host", "source": f"{system}/v"}
    first = bed.run(sh("app", f"{EXCHANGE}; ls -d /c", mounts=mounts), volumes=[outer, inner])
    second = bed.run(sh("app", "ls /c/shadow", mounts=mounts), volumes=[outer, inner])
    assert first.stdout == "/c\n"
    assert f"{system}/v/conf is a link in volume v, which this pod can write to" in second.refused
    control = bed.run(
        sh("app", "ls /c/shadow", mounts=mounts), volumes=[{**outer, "readOnly": True}, inner]
    )
    assert control.stdout == "/c/shadow\n"


@pytest.mark.threat("T66")
def test_a_link_that_a_pod_left_where_a_secret_was_is_not_followed(bed: Bed, system: Path) -> None:
    bed.host.run(["sh", "-c", f"echo hidden > {system}/v/key"]).check()
    secrets = [{"name": "k", "file": f"{system}/v/key"}]
    show = sh("app", "cat /run/secrets/k")
    assert bed.run(show, secrets=secrets).stdout == "hidden\n"
    seen(bed, "ln -sf /etc/shadow /v/key", volume("host", source=f"{system}/v"))
    ended = bed.run(show, secrets=secrets)
    assert f"{system}/v/key is a link to /etc/shadow" in ended.refused


@pytest.mark.threat("T66")
def test_a_magic_link_is_never_followed(bed: Bed, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/proc/1/root")
    made = volume("host", source=f"{tmp_path}/link", followLinks=True)
    refused = seen(bed, "ls /v", made).refused
    assert "volume source" in refused and "/proc/1/root" not in refused.partition("; ")[2]
    direct = volume("host", source="/proc/1/root/etc", followLinks=True)
    assert "/proc/1/root is no ordinary link" in seen(bed, "ls /v", direct).refused


@pytest.mark.kernel
@pytest.mark.threat("T66")
def test_a_set_uid_program_and_a_device_on_a_volume_are_inert(bed: Bed, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    os.mknod(source / "null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    (source / "null").chmod(0o666)
    ended = seen(bed, "echo x > /v/null || echo denied", volume("host", source=str(source)))
    control = seen(
        bed,
        "echo x > /v && echo wrote",
        volume("device", source="/dev/null"),
        private_users="",
    )
    assert (ended.stdout, control.stdout) == ("denied\n", "wrote\n")


FLIPPER = """\
import ctypes, os, sys
os.chdir(sys.argv[1])
libc = ctypes.CDLL(None)
print("up", flush=True)
while os.path.isdir("."):
    libc.renameat2(-100, b"sub", -100, b"link", 2)
"""
"""Exchanges a directory and a link all the time."""


@pytest.fixture
def flipped(bed: Bed, tmp_path: Path) -> Iterator[Path]:
    """A directory in which somebody exchanges `sub` and a link to the host's root, all the time."""
    place = tmp_path / "flipped"
    (place / "sub").mkdir(parents=True)
    (place / "sub/mine").write_text("")
    (place / "link").symlink_to("/")
    process = subprocess.Popen(
        [sys.executable, "-IS", "-c", FLIPPER, str(place)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None and process.stdout.readline() == "up\n"
    yield place
    process.kill()
    process.communicate()


@pytest.mark.threat("T65")
def test_a_source_that_another_pod_exchanges_for_a_link_never_shows_the_host(
    bed: Bed, flipped: Path
) -> None:
    made = volume("host", source=f"{flipped}/sub")
    for _ in range(ROUNDS):
        ended = seen(bed, "ls /v", made, private_users="")
        assert ended.stdout == "mine\n" or f"{flipped}/sub is a link to /;" in ended.refused, ended


@pytest.mark.threat("T65")
@pytest.mark.parametrize("where", ["/o/sub", "/link/sub"])
def test_a_target_that_another_pod_exchanges_for_a_link_stays_in_the_apps_root(
    bed: Bed, flipped: Path, tmp_path: Path, where: str
) -> None:
    tree = bed.tree()
    (tree / "link").symlink_to("/o")
    source = tmp_path / "inner"
    source.mkdir()
    volumes = [
        {"name": "outer", "kind": "host", "source": str(flipped)},
        {"name": "inner", "kind": "host", "source": str(source)},
    ]
    mounts = [{"volume": "outer", "path": "/o"}, {"volume": "inner", "path": where}]
    script = "cut -d' ' -f4,5 /proc/self/mountinfo; cat /proc/self/comm"
    app = sh("app", script, tree=tree, mounts=mounts)
    before = sorted(os.listdir("/"))
    for _ in range(ROUNDS):
        ended = bed.run(app, volumes=volumes, private_users="")
        if ended.refused:
            assert f"mount target {where}: Too many levels of symbolic links" in ended.refused
            continue
        *found, comm = ended.stdout.splitlines()
        assert comm == "cat"  # /proc is a real one
        mounted = {line.split()[1]: line.split()[0] for line in found}
        inner = [place for place, root in mounted.items() if root.endswith("/inner")]
        assert mounted["/o"].endswith("/flipped") and inner in (["/o/sub"], ["/o/link"]), found
    assert sorted(os.listdir("/")) == before


def test_a_target_that_leads_to_the_apps_own_root_is_refused(bed: Bed, tmp_path: Path) -> None:
    tree = bed.tree()
    (tree / "v").symlink_to("/")
    ended = bed.run(sh("app", "true", tree=tree, mountPoints=POINT), volumes=volume("tmpfs"))
    assert "mount target /v: leads to the app's root" in ended.refused


@pytest.mark.parametrize("where", ["/dev/mine", "/srv/mine"])
def test_a_device_volume_is_that_device(bed: Bed, where: str) -> None:
    mounts = [{"volume": "v", "path": where}]
    ended = bed.run(
        sh("app", f"echo x > {where}; stat -c '%t:%T' {where}", mounts=mounts),
        volumes=volume("device", source="/dev/full"),
        private_users="",
    )
    assert "No space left" in ended.stderr and ended.stdout == "1:7\n"


@pytest.mark.parametrize("name", ["dir", "file", "fifo"])
def test_a_device_volume_that_is_no_device_is_refused(bed: Bed, tmp_path: Path, name: str) -> None:
    (tmp_path / "dir").mkdir()
    (tmp_path / "file").write_text("")
    os.mkfifo(tmp_path / "fifo")
    made = volume("device", source=f"{tmp_path}/{name}")
    assert "is not a device" in seen(bed, "true", made, private_users="").refused


def test_a_device_on_a_file_system_without_devices_is_refused(bed: Bed, tmp_path: Path) -> None:
    place = tmp_path / "place"
    place.mkdir()
    bed.host.run(["mount", "-t", "tmpfs", "-o", "nodev", "tmpfs", str(place)]).check()
    bed.host.run(["mknod", f"{place}/null", "c", "1", "3"]).check()
    made = volume("device", source=f"{place}/null")
    assert "is mounted nodev" in seen(bed, "true", made, private_users="").refused


def layers(bed: Bed) -> list[Path]:
    """An image of two layers with something in /data: owners, modes, a link, a file that is hidden."""
    lower = bed.tree()
    data = lower / "data"
    (data / "dir").mkdir(parents=True)
    (data / "dir/file").write_text("from below\n")
    (data / "gone").write_text("")
    (data / "link").symlink_to("/etc/passwd")
    os.chown(data / "dir/file", 55, 66)
    upper = bed.base / "upper"
    (upper / "data").mkdir(parents=True)
    (upper / "data/added").write_text("from above\n")
    os.mknod(upper / "data/gone", stat.S_IFCHR, os.makedev(0, 0))
    (upper / "data").chmod(0o2770)
    os.chown(upper / "data", 33, 44)
    (upper / "data").chmod(0o2770)
    return [upper, lower]


@pytest.mark.parametrize("single", [False, True])
def test_a_fresh_volume_begins_with_what_the_image_has_there(bed: Bed, single: bool) -> None:
    tree = layers(bed)[1:] if single else layers(bed)
    script = (
        "cd /data; stat -c '%a %u %g' .; ls; cat dir/file; stat -c '%u %g' dir/file; readlink link"
    )
    app = sh("app", script, tree=tree, mountPoints=[{"name": "v", "path": "/data"}])
    copied = bed.run(app, volumes=volume("empty", copyUp=True))
    plain = bed.run(app, volumes=volume("empty"))
    said = copied.stdout.split("\n")
    if single:
        assert said[:4] == ["755 0 0", "dir", "gone", "link"]
    else:
        assert said[:4] == ["2770 33 44", "added", "dir", "link"]
    assert said[4:] == ["from below", "55 66", "/etc/passwd", ""]
    assert plain.stdout.splitlines() == ["755 0 0"]


def test_a_volume_begins_empty_where_the_image_has_nothing(bed: Bed) -> None:
    made = volume("empty", copyUp=True, mode="0700")
    ended = seen(bed, "stat -c '%a %u' /v; ls /v", made)
    assert ended.stdout == "700 0\n"


def test_an_image_six_hundred_deep_is_refused_where_it_is_copied_and_only_there(bed: Bed) -> None:
    """The pod ended with a RecursionError."""
    tree = bed.tree()
    (tree / "v" / "/".join("d" * 600)).mkdir(parents=True)
    app = sh("app", "ls /v", tree=tree, mountPoints=POINT)
    refused = bed.run(app, volumes=volume("empty", copyUp=True)).refused
    assert "cannot be copied: directories are nested deeper than 256 levels" in refused
    assert bed.run(app, volumes=volume("empty")).outcome == [0, "exited"]


def test_what_an_image_has_is_not_copied_through_links_of_the_image(
    bed: Bed, tmp_path: Path
) -> None:
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret/file").write_text("")
    tree = bed.tree()
    (tree / "v").symlink_to(tmp_path / "secret")
    ended = bed.run(
        sh("app", "ls -A /v/ 2>&1 | grep -c file", tree=tree, mountPoints=POINT),
        volumes=volume("empty", copyUp=True),
    )
    assert ended.stdout in ("0\n", "")


DEVICES = "fd full null ptmx pts random shm stderr stdin stdout tty urandom zero"


@pytest.mark.threat("T71")
def test_dev_is_the_golden_list(bed: Bed) -> None:
    assert bed.says("ls /dev").split() == DEVICES.split()
    mine = volume("device", source="/dev/full")
    app = sh("app", "ls /dev", mounts=[{"volume": "v", "path": "/dev/mine"}])
    with_one = bed.run(app, volumes=mine, private_users="").stdout
    assert with_one.split() == sorted([*DEVICES.split(), "mine"])


MAKE = """
import os, stat
for major, minor, kind in ((8, 0, stat.S_IFBLK), (1, 1, stat.S_IFCHR), (10, 232, stat.S_IFCHR)):
    try:
        os.mknod(f"/tmp/d{major}", kind | 0o666, os.makedev(major, minor))
        print(major, "made")
    except OSError as err:
        print(major, err.errno)
"""


@pytest.mark.kernel
@pytest.mark.threat("T71")
def test_devices_cannot_be_made(bed: Bed) -> None:
    assert bed.python(MAKE) == "8 1\n1 1\n10 1\n"
    control = bed.python(
        MAKE,
        **BARE,
    )
    assert control == "8 made\n1 made\n10 made\n"


FDS = "import os; print(*sorted(int(fd) for fd in os.listdir('/proc/self/fd'))[:-1])"


@pytest.mark.kernel
@pytest.mark.threat("T62")
def test_no_descriptor_of_the_host_reaches_an_app(bed: Bed, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    extra = f'for n in $(seq 10 60); do eval "exec $n<{source}"; done; exec "$@"'
    app = python("app", FDS, tree=bed.python_tree())
    app["app"]["eventHandlers"] = [
        {"name": "pre-start", "exec": ["/usr/bin/python3", "-IS", "-c", FDS]}
    ]
    app["mounts"] = [{"volume": name, "path": f"/{name}"} for name in ("host", "mem", "node")]
    volumes = [
        USR,
        {"name": "host", "kind": "host", "source": str(source)},
        {"name": "mem", "kind": "tmpfs"},
        {"name": "node", "kind": "device", "source": "/dev/null"},
    ]
    options = {"volumes": volumes, "private_users": ""}
    (source / "key").write_text("x")
    secrets = [{"name": "key", "file": f"{source}/key"}]
    wrap = ["/bin/bash", "-c", extra, "bash"]
    ended = bed.run(app, wrap=wrap, secrets=secrets, **options)
    assert ended.outcome == [0, "exited"], ended
    assert ended.stdout == "0 1 2\n0 1 2\n"


def test_a_volume_of_a_container_image_begins_with_what_the_image_has_there(
    agent: Agent, tmp_path: Path
) -> None:
    layout = OciLayout(tmp_path / "layout")
    layer = layout.layer(
        [
            *ocilayout.busybox_members(),
            ocilayout.special("data", tarfile.DIRTYPE, "", mode=0o750, uid=70, gid=71),
            ocilayout.special("data/below", tarfile.DIRTYPE, "", mode=0o700, uid=70, gid=71),
            ("data/file", b"from the image\n"),
        ]
    )
    script = "ls -ldn /data | cut -c1-10; ls -ln /data | grep -c . ; cat /data/file"
    config = {"Cmd": ["/bin/sh", "-c", script], "Volumes": {"/data": {}}}
    layout.tag(layout.image([layer], config), "1")
    run = ("--insecure-options=image", "run", "--net=none")
    source = f"oci:{layout.path}:1"
    show = ("--exec=/bin/ls", "--", "-ln", "/data")
    listed = agent(*run, source, *show).check()
    assert " 70 " in listed.stdout and "file" in listed.stdout
    assert "using an empty volume" in listed.stderr
    as_owner = agent(*run, source, "--user=70", "--group=71", "--exec=/bin/cat", "--", "/data/file")
    assert as_owner.check().stdout == "from the image\n"
    somebody = agent(*run, source, "--user=99", "--group=99", "--exec=/bin/cat", "--", "/data/file")
    assert somebody.exit == 1 and "Permission denied" in somebody.stderr
    said = ("--volume=mine,kind=empty", source, "--mount=volume=mine,target=/data")
    assert agent(*run, *said, *show).check().stdout.strip() in ("", "total 0")
    agent.ok("gc", "--grace-period=0s")


def test_status_tells_where_volumes_are(agent: Agent, lab: Keys, published: Any) -> None:
    agent.trust(lab.key, "example.com")
    published()
    words = [
        *(
            "--volume=a,kind=tmpfs,size=1Mi",
            "--volume=b,kind=empty",
            "--volume=c,kind=host,source=/usr",
        ),
        "example.com/tiny:1.0",
        *("--mount=volume=a,target=/a", "--mount=volume=b,target=/b,readOnly=true"),
        "--mount=volume=c,target=/c",
    ]
    uuid = agent.ok("prepare", *words).strip()
    (app,) = json.loads(agent.ok("status", uuid, "--format=json"))["apps"]
    found = {
        each["container_path"]: (each["host_path"], each["read_only"]) for each in app["mounts"]
    }
    assert found["/a"] == ("", False) and found["/c"] == ("/usr", False)
    assert found["/b"][0].endswith("/sharedVolumes/b") and found["/b"][1] is True
    agent.ok("rm", uuid)


@pytest.mark.threat("T71")
@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"permissions": "r"}, "read\n"),
        ({"readOnly": True}, "read\n"),
        ({"permissions": "w"}, "written\n"),
        ({}, "read\nwritten\n"),
    ],
)
def test_a_device_volume_is_used_only_as_it_may_be(
    bed: Bed, tmp_path: Path, fields: dict[str, Any], said: str
) -> None:
    # A loop device: pods may not open it unless they are given it, and opening it does nothing.
    bed.host.run(["mknod", "-m", "0666", f"{tmp_path}/loop", "b", "7", "0"]).check()
    script = "(: < /dev/mine) && echo read; (: >> /dev/mine) && echo written; true"
    app = sh("app", script, mounts=[{"volume": "v", "path": "/dev/mine"}])
    made = volume("device", source=f"{tmp_path}/loop", **fields)
    ended = bed.run(app, volumes=made, private_users="")
    assert ended.stdout == said, ended
    assert ended.stderr.count("Operation not permitted") == 2 - said.count("\n"), ended


FLY: dict[str, Any] = {"stage1": "fly", "net": "host"}
FLAVOURS = [{"private_users": ""}, FLY]


def shared_source(bed: Bed, base: Path) -> Path:
    """A directory on a shared mount of the host."""
    source = base / "shared"
    source.mkdir()
    bed.host.run(["mount", "--bind", str(source), str(source)]).check()
    bed.host.run(["mount", "--make-shared", str(source)]).check()
    bed.host.run(["mkdir", f"{source}/etc"]).check()
    return source


def below(bed: Bed, source: Path) -> list[str]:
    """What the host has mounted below a directory."""
    lines = bed.host.run(["cat", "/proc/self/mountinfo"]).stdout.splitlines()
    return [line.split()[4] for line in lines if line.split()[4].startswith(f"{source}/")]


@pytest.mark.threat("T66")
@pytest.mark.parametrize("options", FLAVOURS)
@pytest.mark.parametrize(("link", "point"), [("", "/data/etc"), ("/data", "/run/etc")])
def test_what_the_agent_mounts_in_a_shared_volume_does_not_stay_on_the_host(
    bed: Bed, tmp_path: Path, options: dict[str, Any], link: str, point: str
) -> None:
    source, tree = shared_source(bed, tmp_path), bed.tree()
    if link:
        (tree / "run").symlink_to(link)
    points = [{"name": "data", "path": "/data"}, {"name": "own", "path": point}]
    ended = {}
    for mode in ("shared", "slave"):
        volumes = [{"name": "data", "kind": "host", "source": str(source), "propagation": mode}]
        app = sh("app", f"touch {point}/x", tree=tree, mountPoints=points)
        ended[mode] = bed.run(app, volumes=volumes, **options)
        assert below(bed, source) == []
    assert f"mount target {point}: lies in a volume with propagation shared" in (
        ended["shared"].refused
    )
    assert ended["slave"].outcome == [0, "exited"]
    assert bed.host.run(["ls", f"{source}/etc"]).stdout == ""


@pytest.mark.threat("T66")
@pytest.mark.parametrize("options", FLAVOURS)
def test_secrets_that_an_image_links_into_a_shared_volume_do_not_reach_the_host(
    bed: Bed, tmp_path: Path, options: dict[str, Any]
) -> None:
    source, tree = shared_source(bed, tmp_path), bed.tree()
    bed.host.run(["mkdir", f"{source}/secrets"]).check()
    (tmp_path / "key").write_text("x")
    (tree / "run").symlink_to("/data")
    secrets = [{"name": "key", "file": f"{tmp_path}/key"}]
    points = [{"name": "data", "path": "/data"}]
    found = {}
    for mode in ("shared", "private"):
        volumes = [{"name": "data", "kind": "host", "source": str(source), "propagation": mode}]
        app = sh("app", "cat /run/secrets/key", tree=tree, mountPoints=points)
        found[mode] = bed.run(app, volumes=volumes, secrets=secrets, **options)
        assert below(bed, source) == []
    assert "lies in a volume with propagation shared" in found["shared"].refused
    assert found["private"].stdout == "x"


@pytest.mark.threat("T66")
def test_a_shared_volume_that_an_image_links_to_proc_takes_no_mount_of_ours(
    bed: Bed, tmp_path: Path
) -> None:
    source, tree = shared_source(bed, tmp_path), bed.tree()
    (tree / "proc").mkdir()
    (tree / "v").symlink_to("/proc")
    made = volume("host", source=str(source), propagation="shared")
    mounts = "cut -d' ' -f5 /proc/self/mountinfo"
    before = bed.host.run(["sh", "-c", mounts]).stdout
    app = sh("app", "true", tree=tree, mountPoints=POINT)
    ended = bed.run(app, volumes=made, private_users="")
    assert "/proc in its image: lies in a volume with propagation shared" in ended.refused
    assert bed.host.run(["sh", "-c", mounts]).stdout == before


@pytest.mark.threat("T65")
@pytest.mark.parametrize("options", FLAVOURS)
def test_a_link_in_a_volume_is_not_followed_through_a_link_of_the_image(
    bed: Bed, tmp_path: Path, options: dict[str, Any]
) -> None:
    run, inner, tree = tmp_path / "run", tmp_path / "inner", bed.tree({"etc/passwd": "root:x:0:0"})
    for path in (run / "real", run / "var", inner):
        path.mkdir(parents=True)
    (run / "real/passwd").write_text("")
    (run / "secrets").symlink_to("/etc")
    (inner / "passwd").write_text("evil")
    (tree / "var").mkdir(exist_ok=True)
    (tree / "var/run").symlink_to("/run")
    volumes = [
        {"name": "run", "kind": "host", "source": str(run)},
        {"name": "inner", "kind": "host", "source": f"{inner}/passwd"},
    ]
    found = {}
    for name in ("secrets", "real"):
        where = f"/var/run/{name}/passwd"
        mounts = [{"volume": "run", "path": "/run"}, {"volume": "inner", "path": where}]
        app = sh("app", f"cat /etc/passwd {where}", tree=tree, mounts=mounts)
        found[name] = bed.run(app, volumes=volumes, **options)
    assert "passwd: Too many levels of symbolic links" in found["secrets"].refused
    assert found["real"].stdout.endswith("evil") and found["real"].outcome == [0, "exited"]
    assert found["real"].stdout.startswith("root:x:0:0")


@pytest.mark.threat("T65")
def test_nothing_is_made_in_a_volume_that_only_a_link_of_the_image_leads_to(
    bed: Bed, tmp_path: Path
) -> None:
    source, tree = tmp_path / "source", bed.tree()
    source.mkdir()
    (tmp_path / "key").write_text("x")
    (tree / "run").symlink_to("/data")
    secrets = [{"name": "key", "file": f"{tmp_path}/key"}]
    volumes = [{"name": "data", "kind": "host", "source": str(source)}]
    points = [{"name": "data", "path": "/data"}]
    app = sh("app", "cat /run/secrets/key", tree=tree, mountPoints=points)
    ended = bed.run(app, volumes=volumes, secrets=secrets)
    assert "secrets cannot be put at /run/secrets: No such file" in ended.refused
    assert list(source.iterdir()) == []
    (source / "secrets").mkdir()  # the control
    assert bed.run(app, volumes=volumes, secrets=secrets).stdout == "x"


@pytest.mark.threat("T65")
@pytest.mark.parametrize("link", ["/dev/shm", "/sys/fs/cgroup/pids", "/sys/fs/cgroup", "/dev"])
def test_secrets_of_a_fly_pod_are_not_made_where_its_image_links_to(
    bed: Bed, tmp_path: Path, link: str
) -> None:
    (tmp_path / "key").write_text("x")
    secrets = [{"name": "key", "file": f"{tmp_path}/key"}]
    tree = bed.tree()
    (tree / "run").symlink_to(link)
    refused = bed.run(sh("app", "true", tree=tree), secrets=secrets, **FLY)
    assert "secrets cannot be put at /run/secrets: No such file" in refused.refused
    assert not Path(f"{link}/secrets").exists()
    found = bed.run(sh("app", "cat /run/secrets/key"), secrets=secrets, **FLY)
    assert found.stdout == "x"


@pytest.mark.threat("T71")
@pytest.mark.parametrize(
    ("fields", "mount", "said"),
    [
        ({"permissions": "rw"}, True, "read\n"),
        ({"readOnly": True}, False, "read\n"),
        ({"permissions": "rw"}, None, "read\nwritten\n"),
    ],
)
def test_a_device_that_its_mount_or_its_volume_protects_is_not_written_to(
    bed: Bed, tmp_path: Path, fields: dict[str, Any], mount: bool | None, said: str
) -> None:
    bed.host.run(["mknod", "-m", "0666", f"{tmp_path}/loop", "b", "7", "0"]).check()
    script = "(: < /dev/mine) && echo read; (: >> /dev/mine) && echo written; true"
    where = {"volume": "v", "path": "/dev/mine", "readOnly": mount}
    mounts = [{key: found for key, found in where.items() if found is not None}]
    made = volume("device", source=f"{tmp_path}/loop", **fields)
    ended = bed.run(sh("app", script, mounts=mounts), volumes=made, private_users="")
    assert ended.stdout == said, ended


def test_a_device_of_which_nothing_is_left_is_refused(bed: Bed) -> None:
    mounts = [{"volume": "v", "path": "/dev/mine", "readOnly": True}]
    made = volume("device", source="/dev/full", permissions="w")
    ended = bed.run(sh("app", "true", mounts=mounts), volumes=made, private_users="")
    assert "volume v has permissions w, and is mounted read-only" in ended.refused


@pytest.mark.threat("T71")
@pytest.mark.parametrize("permissions", ["r", "w", "rw"])
def test_a_device_that_cannot_be_kept_to_its_permissions_is_refused(
    bed: Bed, permissions: str
) -> None:
    script = 'umount -a -t cgroup,cgroup2; exec "$@"'
    without = ["unshare", "-m", "/bin/sh", "-c", script, "sh"]
    made = volume("device", source="/dev/full", permissions=permissions)
    app = sh("app", "true", mounts=[{"volume": "v", "path": "/srv/mine"}])
    bare = bed.run(app, volumes=made, private_users="", wrap=without)
    fly = bed.run(app, volumes=made, **FLY)
    if permissions == "rw":
        assert bare.outcome == fly.outcome == [0, "exited"]
    else:
        assert f"device c 1:7 {permissions} cannot be kept to that" in bare.refused
        assert f"a device cannot be for {permissions} only in fly" in fly.refused
    assert bed.run(app, volumes=made, private_users="").outcome == [0, "exited"]


def test_two_apps_whose_names_run_together_have_volumes_of_their_own(bed: Bed) -> None:
    points = [[{"name": "w", "path": "/w"}, {"name": n, "path": "/x"}] for n in ("b-c", "c")]
    first = sh("a", "touch /x/first && touch /w/done", mountPoints=points[0])
    look = "until [ -e /w/done ]; do sleep 0.05; done; ls -A /x"
    second = sh("a-b", look, mountPoints=points[1])
    ended = bed.run(first, second, volumes=[{"name": "w", "kind": "empty"}])
    assert (ended.outcome, ended.stdout) == ([0, "exited"], ""), ended
    assert (ended.pod_dir / "sharedVolumes/a-b-c/first").exists()
    assert (ended.pod_dir / "sharedVolumes/a-b-c-2").is_dir()
