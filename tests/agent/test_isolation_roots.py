# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Images made to redirect what the pod mounts or reads (threats.md T35, T36, T38, T64, T65, T66)."""

from __future__ import annotations

import os
import shutil
import stat
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agent.launch_bed import Bed, app, sh
from tests.support.paths import CHECKOUT
from tests.support.private_host import PrivateHost


@pytest.fixture
def bed(private_host: PrivateHost, tmp_path: Path) -> Bed:
    return Bed(private_host, tmp_path)


@pytest.fixture
def canary(tmp_path: Path) -> Iterator[Path]:
    """A directory of the host that must look the same after the test."""
    place = tmp_path / "canary"
    place.mkdir()
    (place / "file").write_text("secret")
    (place / "empty").mkdir()

    def look() -> list[tuple[str, int, int, str]]:
        paths = [place, *sorted(place.rglob("*"))]
        return [
            (str(p), p.lstat().st_mode, p.lstat().st_mtime_ns, p.read_text() if p.is_file() else "")
            for p in paths
        ]

    before = look()
    yield place
    assert look() == before


def replace(tree: Path, name: str, target: Path | None) -> None:
    """Make `name` of a tree a link to `target`, or a file."""
    path = tree / name
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    if target is None:
        path.write_text("")
    else:
        path.symlink_to(target)


@pytest.mark.parametrize("name", ["dev", "proc", "sys"])
@pytest.mark.parametrize("kind", ["link out", "link in", "dangling", "file"])
def test_a_kernel_directory_that_is_none_is_refused(
    bed: Bed, canary: Path, name: str, kind: str
) -> None:
    tree = bed.tree()
    target = {"link out": canary, "link in": Path("/etc"), "dangling": Path("/none"), "file": None}
    replace(tree, name, target[kind])
    ended = bed.run(sh("app", "echo never", tree=tree))
    assert ended.exit == 254
    assert ended.refused.startswith(f"app app: /{name} in its image is not a directory")
    assert ended.stdout == ""


@pytest.mark.parametrize("name", ["etc", "tmp", "run"])
def test_an_ordinary_directory_that_is_a_link_leads_nowhere_outside(
    bed: Bed, canary: Path, name: str
) -> None:
    tree = bed.tree()
    replace(tree, name, canary)
    ended = bed.run(sh("app", "echo ran", tree=tree))
    assert ended.stdout in ("ran\n", "")
    assert bool(ended.refused) != bool(ended.stdout)


@pytest.mark.parametrize("name", ["hostname", "hosts", "mtab", "resolv.conf"])
def test_files_of_etc_that_are_links_are_not_written_through(
    bed: Bed, canary: Path, name: str
) -> None:
    tree = bed.tree()
    replace(tree, f"etc/{name}", canary / "file")
    assert bed.says("cat /etc/hostname", tree=tree, hostname="me") == "me\n"


def test_devices_in_the_image_are_covered(bed: Bed, canary: Path) -> None:
    tree = bed.tree()
    (tree / "dev").mkdir()
    (tree / "dev/null").symlink_to(canary / "file")
    (tree / "dev/shm").symlink_to(canary)
    os.mknod(tree / "dev/disk", 0o60666, os.makedev(7, 0))
    assert bed.says(
        "echo x > /dev/null; echo y > /dev/shm/f; ls /dev/disk 2>&1; true", tree=tree
    ).split() == [
        *("ls:", "/dev/disk:", "No", "such", "file", "or", "directory"),
    ]


@pytest.mark.threat("T11")
def test_device_files_of_the_image_cannot_be_opened(bed: Bed) -> None:
    tree = bed.tree()
    os.mknod(tree / "null", 0o20666, os.makedev(1, 3))
    ended = bed.run(sh("app", "cat /null", tree=tree))
    assert ended.outcome[0] != 0
    assert "Permission denied" in ended.stderr


@pytest.mark.threat("T38")
@pytest.mark.parametrize("escape", ["/data", "/data/inner", "/a/b/c"])
def test_mount_targets_stay_inside_the_root(bed: Bed, canary: Path, escape: str) -> None:
    tree = bed.tree()
    (tree / "data").symlink_to(canary)
    (tree / "a").symlink_to("../../../../../../../..")
    point = [{"name": "v", "path": escape}]
    ended = bed.run(sh("app", f"echo x > {escape}/new && echo wrote", tree=tree, mountPoints=point))
    assert ended.stdout in ("wrote\n", "")
    assert bool(ended.refused) != bool(ended.stdout)


@pytest.mark.threat("T38")
@pytest.mark.parametrize("target", ["/", "/proc", "/proc/sys", "/dev", "//", "/./proc"])
def test_volumes_over_what_the_pod_provides_are_refused(bed: Bed, target: str) -> None:
    ended = bed.run(sh("app", "echo never", mountPoints=[{"name": "v", "path": target}]))
    assert "a volume cannot be mounted at" in ended.refused


def test_a_volume_below_a_link_to_proc_is_hidden_by_the_real_one(bed: Bed) -> None:
    tree = bed.tree()
    (tree / "proc").mkdir()
    (tree / "data").symlink_to("/proc")
    script = "cat /proc/self/comm; [ -e /proc/marker ] && echo fooled"
    ended = bed.run(sh("app", script, tree=tree, mountPoints=[{"name": "v", "path": "/data"}]))
    assert ended.stdout == "cat\n"


def test_host_volumes_are_bound_without_setuid_and_devices(bed: Bed, canary: Path) -> None:
    volumes = [{"name": "v", "kind": "host", "source": str(canary), "readOnly": True}]
    script = "cat /v/file; echo x > /v/file; grep ' /v ' /proc/self/mountinfo | cut -d' ' -f6"
    ended = bed.run(sh("app", script, mountPoints=[{"name": "v", "path": "/v"}]), volumes=volumes)
    assert (
        ended.stdout.removesuffix("\n").removesuffix(",idmapped")
        == "secretro,nosuid,nodev,relatime"
    )
    assert "Read-only" in ended.stderr


def test_a_read_only_volume_is_read_only_below_sub_mounts_too(bed: Bed, tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "sub").mkdir(parents=True)
    bed.host.run(["mount", "-t", "tmpfs", "tmpfs", str(source / "sub")]).check()
    volumes = [{"name": "v", "kind": "host", "source": str(source), "readOnly": True}]
    script = "echo x > /v/sub/f; ls /v/sub"
    ended = bed.run(sh("app", script, mountPoints=[{"name": "v", "path": "/v"}]), volumes=volumes)
    assert "Read-only" in ended.stderr
    assert ended.stdout == ""


def test_the_mount_points_wish_for_read_only_holds_unless_the_volume_says_otherwise(
    bed: Bed, tmp_path: Path
) -> None:
    source = tmp_path / "source"
    source.mkdir()
    point = [{"name": "v", "path": "/v", "readOnly": True}]
    host = {"name": "v", "kind": "host", "source": str(source)}
    wished = bed.run(sh("app", "echo x > /v/f", mountPoints=point), volumes=[host])
    overruled = bed.run(
        sh("app", "echo x > /v/f", mountPoints=point), volumes=[{**host, "readOnly": False}]
    )
    assert "Read-only" in wished.stderr
    assert overruled.outcome == [0, "exited"]


def test_a_single_file_can_be_a_volume(bed: Bed, canary: Path) -> None:
    volumes = [{"name": "v", "kind": "host", "source": str(canary / "file"), "readOnly": True}]
    mounts = [{"volume": "v", "path": "/new/place/file"}]
    ended = bed.run(sh("app", "cat /new/place/file", mounts=mounts), volumes=volumes)
    assert ended.stdout == "secret"


def test_a_device_can_be_a_volume(bed: Bed) -> None:
    volumes = [{"name": "v", "kind": "host", "source": "/dev/full"}]
    mounts = [{"volume": "v", "path": path} for path in ("/dev/mine", "/srv")]
    pod = sh("app", "echo x > /dev/mine; echo x > /srv", mounts=mounts)
    ended = bed.run(pod, volumes=volumes, private_users="")
    assert ended.stderr.count("No space left") == 2


def test_a_missing_source_is_refused_by_name(bed: Bed) -> None:
    volumes = [{"name": "v", "kind": "host", "source": "/no/such"}]
    ended = bed.run(
        sh("app", "echo never", mounts=[{"volume": "v", "path": "/v"}]), volumes=volumes
    )
    assert ended.refused.startswith("app app: volume source /no/such: No such file or directory")


def test_a_mount_of_an_unknown_volume_is_refused(bed: Bed) -> None:
    ended = bed.run(sh("app", "echo never", mounts=[{"volume": "nix", "path": "/v"}]))
    assert ended.refused == "app app: nothing to mount at /v; the pod has no volume 'nix'"


def test_empty_volumes_are_shared_by_apps_and_have_their_mode_and_owner(bed: Bed) -> None:
    volumes = [{"name": "v", "kind": "empty", "mode": "0750", "uid": 3, "gid": 4}]
    point = [{"name": "v", "path": "/v"}]
    ended = bed.run(
        sh("a", "stat -c '%a %u %g' /v; echo hello > /v/f", mountPoints=point),
        sh("b", "while [ ! -s /v/f ]; do sleep 0.05; done; cat /v/f", mountPoints=point),
        volumes=volumes,
    )
    assert ended.stdout.split() == ["750", "3", "4", "hello"]
    assert (ended.pod_dir / "sharedVolumes/v/f").read_text() == "hello\n"


@pytest.mark.threat("T35")
@pytest.mark.parametrize(
    "directory", ["/proc/1/root", "/proc/self/fd/3", "/missing", "/etc/passwd", "/out"]
)
def test_a_working_directory_is_inside_the_root_or_refused(
    bed: Bed, canary: Path, directory: str
) -> None:
    tree = bed.tree()
    (tree / "out").symlink_to(canary)
    ended = bed.run(sh("app", "pwd", tree=tree, workingDirectory=directory))
    assert ended.exit == 254
    assert ended.refused.startswith(f"app app: working directory {directory}: ")


@pytest.mark.threat("T36")
@pytest.mark.parametrize(
    ("user", "uid"),
    [
        *(("1000", "1000"), ("tiny", "1000"), ("root", "0"), ("/home/tiny", "1000")),
        *(("65535", "65535"), ("77", "77")),
    ],
)
def test_users_are_found_in_the_image(bed: Bed, user: str, uid: str) -> None:
    tree = bed.tree({"etc/passwd": "root:x:0:0::/:\n77:x:88:88::/:\ntiny:x:1000:1000::/:\n"})
    assert bed.says("id -u", tree=tree, user=user) == f"{uid}\n"


@pytest.mark.threat("T36")
def test_a_pod_with_the_hosts_users_has_all_their_numbers(bed: Bed) -> None:
    assert bed.says("id -u", user="4294967294", private_users="") == "4294967294\n"


BAD_USERS = [
    "1000:0",
    "0x0",
    "-1",
    " 0",
    "4294967295",
    "4294967296",
    "99999999999999999999",
    "+0",
    "nobody",
    "",
    "/none",
]


@pytest.mark.threat("T36")
@pytest.mark.parametrize("user", [user for user in BAD_USERS if user])
@pytest.mark.parametrize("kind", ["user", "group"])
def test_anything_else_is_refused_and_never_root(bed: Bed, user: str, kind: str) -> None:
    section = {kind: user}
    ended = bed.run(sh("app", "id -u", **section))
    assert ended.exit == 254
    assert ended.refused.startswith(f"app app: {kind} {user!r} cannot be used")


@pytest.mark.threat("T36")
@pytest.mark.parametrize("trick", ["link out", "fifo", "huge", "directory", "missing", "overflow"])
def test_a_hostile_passwd_is_refused(bed: Bed, canary: Path, trick: str) -> None:
    tree = bed.tree()
    path = tree / "etc/passwd"
    path.unlink()
    (canary.parent / "passwd").write_text("web:x:0:0::/:\n")
    if trick == "link out":
        path.symlink_to(canary.parent / "passwd")
    elif trick == "fifo":
        os.mkfifo(path)
    elif trick == "huge":
        with path.open("w") as file:
            file.truncate(1 << 30)
    elif trick == "directory":
        path.mkdir()
    elif trick == "overflow":
        path.write_text("web:x:4294967296:0::/:\n")
    ended = bed.run(sh("app", "id -u", tree=tree, user="web"))
    assert ended.exit == 254
    assert ended.refused.startswith("app app: user 'web' cannot be used")


def test_a_volume_that_changes_while_pods_start_never_leads_outside(
    bed: Bed, canary: Path, tmp_path: Path
) -> None:
    """One side flips a directory and a link at a mount target, the other starts pods (T65, H8)."""
    shared = tmp_path / "shared"
    (shared / "good").mkdir(parents=True)
    (shared / "evil").symlink_to(canary)
    shutil.copytree(shared / "good", shared / "sub")
    stop = threading.Event()

    def flip() -> None:
        import ctypes

        libc = ctypes.CDLL(None)
        while not stop.is_set():
            libc.renameat2(-100, bytes(shared / "sub"), -100, bytes(shared / "evil"), 2)

    flipper = threading.Thread(target=flip)
    flipper.start()
    try:
        for _ in range(25):
            volumes = [{"name": "outer", "kind": "host", "source": str(shared)}]
            points = [{"name": "outer", "path": "/v"}, {"name": "inner", "path": "/v/sub"}]
            ended = bed.run(
                sh("app", "echo x > /v/sub/f; true", mountPoints=points), volumes=volumes
            )
            assert ended.exit in (0, 254)
    finally:
        stop.set()
        flipper.join()


def test_a_script_of_the_image_that_names_the_agent_gets_nothing(bed: Bed) -> None:
    tree = bed.tree({"bin/evil": "#!/proc/self/exe\n"})
    ended = bed.run(app("app", "/bin/evil", tree=tree))
    assert ended.outcome[0] != 0
    assert ended.stdout == ""


def _layered(bed: Bed, number: int) -> list[Path]:
    """Layers, top first: each changes `/count`; the top one takes away, replaces and opens up."""
    lowest = bed.tree(
        {"count": "0", "gone": "x", "hidden/old": "x", "merged/low": "x", "kind/file": "x"}
    )
    (lowest / "away").symlink_to("/merged")
    layers = [lowest]
    for count in range(1, number):
        layer = bed.base / f"layer-{count}"
        layer.mkdir()
        (layer / "count").write_text(str(count))
        layers.insert(0, layer)
    top = layers[0]
    os.mknod(top / "gone", stat.S_IFCHR, 0)
    for name in ("hidden", "merged", "away"):
        (top / name).mkdir()
        (top / name / "new").write_text("x")
    os.setxattr(top / "hidden", "trusted.overlay.opaque", b"y")
    (top / "kind").write_text("a file now")
    return layers


@pytest.mark.threat("T08", "T09")
@pytest.mark.parametrize("overlay", [True, False])
@pytest.mark.parametrize("number", [2, 13, 128])
def test_a_root_of_many_layers(bed: Bed, number: int, overlay: bool) -> None:
    look = "cat /count; echo; ls -d /gone 2>/dev/null; ls /hidden /merged /away; cat /kind"
    ended = bed.run(sh("app", look, tree=_layered(bed, number)), overlay=overlay)
    assert ended.outcome == [0, "exited"], ended
    lists = "/away:\nnew\n\n/hidden:\nnew\n\n/merged:\nlow\nnew\n"
    assert ended.stdout == f"{number - 1}\n{lists}a file now"


BY_NAME = """
import os, sys
sys.path.insert(0, sys.argv[1])
from podwright.kernel import mounts
base = sys.argv[2]
fds = [os.open(f"{base}/{name}", os.O_RDONLY) for name in sys.argv[3].split(",")]
upper, work, *lowers = [f"/proc/self/fd/{fd}" for fd in fds]
root = mounts.overlay_by_name(tuple(lowers), (("upperdir", upper), ("workdir", work)), f"{base}/place")
print(open("count", opener=lambda name, flags: os.open(name, flags, dir_fd=root)).read())
print(os.listdir(f"{base}/place"))
"""


def test_layers_are_stacked_on_kernels_that_take_them_by_name_only(bed: Bed) -> None:
    layers = _layered(bed, 128)
    for name in ("upper", "work", "place"):
        (bed.base / name).mkdir()
    names = ",".join(["upper", "work", *(layer.name for layer in layers)])
    code = [sys.executable, "-c", BY_NAME, str(CHECKOUT / "agent"), str(bed.base), names]
    assert bed.host.run(code).stdout == "127\n[]\n"
