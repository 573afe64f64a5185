# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""`export`: what an ended pod's app has as its root, as an ACI that hosts take again (behaviour.md B10, T43)."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.agent.test_killed_in_teardown import GC
from tests.agent.test_run_again import run, status
from tests.conftest import Keys
from tests.support import aci
from tests.support.agent import Agent

IMAGE = "example.com/tiny"
Make = Callable[..., Path]
CHANGE = r"""
set -e
rm /etc/passwd; rm -rf /bin/../lib || true
mkdir -p /srv/deep/er /srv/gone; echo data >/srv/deep/er/file; ln /srv/deep/er/file /srv/hard
ln -s /etc/../../../outside /srv/link; ln -s er /srv/deep/soft
mkfifo -m 640 /srv/pipe; chown 1000:7 /srv/hard; chmod 4750 /srv/deep/er; chmod 1777 /srv/gone
dd if=/dev/zero of=/srv/holes bs=1 count=1 seek=30000000 2>/dev/null; echo end >>/srv/holes
rm -rf /usr; mkdir /usr; echo new >/usr/only
printf 'caf\303\251' >"/srv/$(printf 'name\twith\nnewline \303\251')"
touch -d '2001-02-03 04:05:06' /srv/deep/er/file
"""
MODES = {
    "overlay": ("--net=none",),
    "overlay, users of the host": ("--net=none", "--private-users=false"),
    "copy": ("--net=none", "--no-overlay"),
    "fly": ("--stage1-name=fly", "--net=host"),
}


@pytest.fixture
def stored(agent: Agent, signed_image: Make, lab: Keys) -> Agent:
    """The agent with an image in its store, which has a directory that the pod replaces."""
    agent.trust(lab.key, "example.com")
    agent.ok("fetch", signed_image())
    return agent


def listing(archive: Path) -> list[str]:
    """What GNU tar says is in an archive: modes, owners, sizes, times, names."""
    tar = ["tar", "--full-time", "--numeric-owner", "-tvzf", str(archive)]
    done = subprocess.run(tar, capture_output=True, check=True, env={"TZ": "UTC", "LC_ALL": "C"})
    return done.stdout.decode("utf-8", "surrogateescape").splitlines()


def unpacked(archive: Path, place: Path) -> Path:
    """The root that GNU tar makes of it."""
    place.mkdir()
    subprocess.run(["tar", "--same-owner", "-xpzf", archive, "-C", place], check=True)
    return place / "rootfs"


def as_tar(agent: Agent, directory: Path) -> bytes:
    """A digest of all names, contents, owners, modes, links, times and attributes, as GNU tar reads them."""
    tar = "tar --format=posix --numeric-owner --sort=name --xattrs --xattrs-include=user.*"
    options = "--pax-option=delete=atime,delete=ctime,delete=mtime"
    command = f"{tar} {options} -C {directory} -cf - . | sha256sum"
    return agent.host.run(["sh", "-c", command], timeout=120).check().stdout.encode()


@pytest.mark.threat("T43")
@pytest.mark.parametrize("mode", MODES)
def test_it_is_what_tar_makes_of_the_mounted_view(stored: Agent, tmp_path: Path, mode: str) -> None:
    uuid = run(stored, *MODES[mode], script=CHANGE, exit=0)
    out = tmp_path / "out.aci"
    answer = json.loads(stored.ok("export", "--format=json", uuid, out))
    assert answer["pod"] == uuid and answer["app"] == "tiny" and answer["left_out"] == []
    assert out.stat().st_size == answer["size"]
    mine = unpacked(out, tmp_path / "mine")
    # The oracle: the view itself, mounted by the kernel, copied by nobody.
    (pod,) = stored.data.glob(f"pods/*/{uuid}")
    view = tmp_path / "view"
    view.mkdir()
    if "copy" in mode:
        lower = pod / "stage1/rootfs/opt/stage2/tiny/rootfs"
        stored.host.run(["mount", "--bind", str(lower), str(view)]).check()
    else:
        (tree,) = stored.data.glob("cas/tree/*/rootfs")
        layers = f"lowerdir={pod}/overlay/tiny/upper:{tree}"
        stored.host.run(["mount", "-t", "overlay", "-o", layers, "view", str(view)]).check()
    assert as_tar(stored, mine) == as_tar(stored, view)
    assert (mine / "srv/deep/er/file").stat().st_nlink == 2
    assert (mine / "srv/hard").stat().st_uid == 1000
    assert (mine / "srv/holes").stat().st_size == 30000005
    assert (mine / "srv/holes").stat().st_blocks < 1000
    assert os.listdir(mine / "usr") == ["only"] and not (mine / "etc/passwd").exists()
    stored.ok("export", "--overwrite", uuid, tmp_path / "again.aci")
    assert (tmp_path / "again.aci").read_bytes() == out.read_bytes(), "the same every time"


def test_hosts_take_it_and_run_it(stored: Agent, tmp_path: Path, lab: Keys) -> None:
    uuid = run(stored, "--net=none", script=CHANGE, exit=0)
    out = tmp_path / "changed.aci"
    said = stored("export", uuid, out).check()
    assert said.stderr == ""
    lab.key.sign(out)
    image_id = stored.ok("fetch", "--full", out).strip()
    assert said.stdout.strip() == image_id
    words = ("--exec=/bin/sh", "--", "-c", "cat /srv/deep/er/file /usr/only; ls /etc/passwd")
    again = stored("run", "--net=none", image_id, *words)
    assert again.stdout == "data\nnew\n" and "No such file" in again.stderr
    manifest = json.loads(stored.ok("image", "cat-manifest", image_id))
    original = json.loads(stored.ok("image", "cat-manifest", IMAGE + ":1.0"))
    assert manifest == original


def test_an_image_that_is_built_on_another_has_no_dependency_any_more(
    stored: Agent, signed_image: Make, tmp_path: Path
) -> None:
    on = [{"imageName": IMAGE, "labels": [{"name": "version", "value": "1.0"}]}]
    app = aci.app(["/bin/sh", "-c", "echo x >/x"])
    upper = signed_image(name="example.com/upper", dependencies=on, app=app)
    stored.ok("fetch", "--pull-policy=new", upper)
    saved = tmp_path / "uuid"
    stored.ok("run", "--net=none", f"--uuid-file-save={saved}", "example.com/upper")
    out = tmp_path / "out.aci"
    stored.ok("export", f"--uuid-file={saved}", out)
    text = subprocess.run(["tar", "-xzOf", out, "manifest"], capture_output=True, check=True)
    assert "dependencies" not in json.loads(text.stdout)
    names = [line.split()[-1] for line in listing(out)]
    assert "rootfs/x" in names and "rootfs/bin/busybox" in names


def test_where_owners_are_shifted_on_disk_they_are_as_the_pod_saw_them(
    stored: Agent, tmp_path: Path
) -> None:
    """The data directory lies where nothing can be id-mapped, so the image was copied with other owners."""
    run(stored, "--net=none")
    stored.ok(*GC)
    (stored.data / "pods.u").mkdir()
    (stored.data / "pods.w").mkdir()
    place = stored.data / "pods"
    options = f"lowerdir={place},upperdir={place}.u,workdir={place}.w"
    stored.host.run(["mount", "-t", "overlay", "none", "-o", options, str(place)]).check()
    run(stored, "--net=none", script="echo x >/x; chown 1000:7 /x; exit 0", exit=0)
    saved = stored.data.parent / "uuid"
    uuid = saved.read_text().strip()
    marks = stored.host.run(["sh", "-c", f"ls {place}/*/{uuid}"]).check().stdout
    assert "private-users-copied" in marks
    out = tmp_path / "out.aci"
    stored.ok("export", uuid, out)
    (line,) = [line for line in listing(out) if line.endswith(" rootfs/x")]
    assert line.split()[1] == "1000/7"
    owners = {line.split()[1] for line in listing(out)}
    assert owners == {"0/0", "1000/7", "1000/1000"}, owners
    # It runs again as the same users, and what it wrote is still its own.
    again = stored("run-prepared", uuid)
    assert again.exit == 0, again
    assert status(stored, uuid)["lives"][0]["exit_status"] == 0
    stored.ok("export", "--overwrite", uuid, out)
    assert "1000/7" in {line.split()[1] for line in listing(out)}


def test_volumes_are_not_part_of_it_and_that_is_said(stored: Agent, tmp_path: Path) -> None:
    (tmp_path / "volume").mkdir()
    (tmp_path / "volume/secret").write_text("of the host")
    volume = f"--volume=data,kind=host,source={tmp_path}/volume"
    saved = tmp_path / "uuid"
    words = ("--mount=volume=data,target=/data", "--exec=/bin/sh", "--", "-c", "echo >/data/new")
    stored.ok("run", "--net=none", f"--uuid-file-save={saved}", volume, IMAGE, *words)
    out = tmp_path / "out.aci"
    said = stored("export", saved.read_text().strip(), out).check().stderr
    assert said == "podwright: app tiny: what is in its volumes is not exported: /data\n"
    names = [line.split()[-1] for line in listing(out)]
    assert "rootfs/data/" in names and not any(name.startswith("rootfs/data/n") for name in names)
    assert b"of the host" not in out.read_bytes()


def test_which_app_must_be_said_where_there_are_several(stored: Agent, tmp_path: Path) -> None:
    saved = tmp_path / "uuid"
    one = (IMAGE, "--name=one", "--exec=/bin/touch", "--", "/one", "---")
    two = (IMAGE, "--name=two", "--exec=/bin/touch", "--", "/two")
    stored.ok("run", "--net=none", f"--uuid-file-save={saved}", *one, *two)
    uuid = saved.read_text().strip()
    out = tmp_path / "out.aci"
    assert "--app=one|two" in stored.refused("export", uuid, out)
    assert "it has one, two" in stored.refused("export", "--app=three", uuid, out)
    stored.ok("export", "--app=two", uuid, out)
    names = [line.split()[-1] for line in listing(out)]
    assert "rootfs/two" in names and "rootfs/one" not in names


def test_what_cannot_be_exported_is_refused_and_nothing_is_written(
    stored: Agent, tmp_path: Path
) -> None:
    out = tmp_path / "out.aci"
    prepared = stored.ok("prepare", "--quiet", IMAGE).strip()
    assert "only what has run can be exported" in stored.refused("export", prepared, out)
    stored.ok("rm", prepared)
    uuid = run(stored, "--net=none", exit=3)
    assert "no pod is called" in stored.refused("export", "nothing", out)
    stored.refused("export", uuid)
    out.write_text("kept")
    assert "exists already" in stored.refused("export", uuid, out)
    assert out.read_text() == "kept"
    stored.ok("image", "rm", IMAGE)
    assert "is not stored any more" in stored.refused("export", "--overwrite", uuid, out)
    assert out.read_text() == "kept"
    left = {path.name for path in tmp_path.iterdir() if path.name.startswith(".out")}
    assert left == set()


@pytest.mark.threat("T43")
def test_links_that_the_app_planted_lead_nowhere(stored: Agent, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    canary.mkdir()
    (canary / "file").write_text("of the host")
    script = f"ln -s {canary} /dir; ln -s {canary}/file /etc/file; rm -rf /proc; ln -s / /srv; true"
    uuid = run(stored, "--net=none", "--no-overlay", script=script, exit=0)
    out = tmp_path / "out.aci"
    stored.ok("export", uuid, out)
    assert (
        b"of the host"
        not in subprocess.run(["gzip", "-dc", out], capture_output=True, check=True).stdout
    )
    (tmp_path / "target").symlink_to(canary / "file")
    assert "exists" in stored.refused("export", uuid, tmp_path / "target")
    stored.refused("export", "--overwrite", uuid, tmp_path / "target")
    assert (canary / "file").read_text() == "of the host"
    assert sorted(os.listdir(canary)) == ["file"]
