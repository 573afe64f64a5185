# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Building archives: the same tree gives the same bytes, and what comes out is what an image may be."""

from __future__ import annotations

import os
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest

from podwright import jsonio
from podwright.errors import PodwrightError, UsageError
from podwright.stage0.build import archive, compress, make, spec

LONG = "ü" * 100
ODD = b"\xff\xfe name"
NAME = {"name": "example.com/app", "version": "1.0", "exec": ["/bin/app", "--x"]}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A tree with one of everything that an image can have."""
    top = tmp_path / "root"
    for directory in ("bin", "etc", f"opt/{LONG}"):
        (top / directory).mkdir(parents=True)
    (top / "bin/app").write_bytes(os.urandom(700_000))
    (top / "bin/app").chmod(0o4755)
    os.link(top / "bin/app", top / "bin/same")
    (top / "bin/link").symlink_to("../etc/empty")
    (top / "etc/empty").touch()
    (top / f"opt/{LONG}/file").write_text("x" * 511)
    (top / os.fsdecode(ODD)).write_text("odd")
    os.mkfifo(top / "etc/pipe")
    os.setxattr(top / "etc/empty", "user.note", b"\xff\x00=\n")
    return top


def built(source: Path, output: Path, **more: Any) -> make.Built:
    """Build, with a name and a command."""
    return make.build(spec.read({"source": str(source), "output": str(output), **NAME, **more}))


def copy(source: Path, target: Path) -> Path:
    """The same tree in another place, made in another order."""
    subprocess.run(["cp", "-a", "--", str(source), str(target)], check=True)
    return target


@pytest.mark.parametrize("compression", compress.KINDS)
def test_every_compression_gives_the_same_image(
    root: Path, tmp_path: Path, compression: str
) -> None:
    plain = built(root, tmp_path / "plain.aci", compression="none")
    other = built(root, tmp_path / "other.aci", compression=compression)
    assert other.image_id == plain.image_id and other.changed
    checked = archive.check(str(tmp_path / "other.aci"))
    assert (checked.image_id, checked.compression) == (other.image_id, compression)
    again = built(copy(root, tmp_path / "copy"), tmp_path / "again.aci", compression=compression)
    assert again.image_id == other.image_id
    assert (tmp_path / "again.aci").read_bytes() == (tmp_path / "other.aci").read_bytes()


def test_gnu_tar_unpacks_it_as_it_was(root: Path, tmp_path: Path) -> None:
    """Content, modes, links, names that are no UTF-8, attributes; owners are ours, whoever we are."""
    built(root, tmp_path / "x.aci")
    out = tmp_path / "out"
    out.mkdir()
    command = ["tar", "--xattrs", "--xattrs-include=user.*", "-xpf", str(tmp_path / "x.aci")]
    subprocess.run(command, cwd=out, check=True, capture_output=True)
    listing = "find . -printf '%P %y %m %T@ %s %l %n\\n' | sed 's/\\.[0-9]*//' | LC_ALL=C sort"

    def look(where: Path) -> str:
        script = f"{listing}; getfattr -R -d -m user . ; find . -type f -exec sha256sum {{}} + | LC_ALL=C sort"
        done = subprocess.run(["bash", "-c", script], cwd=where, check=True, capture_output=True)
        return done.stdout.decode("utf-8", "backslashreplace")

    assert look(out / "rootfs") == look(root)
    assert (out / "rootfs/bin/same").samefile(out / "rootfs/bin/app")


def test_an_image_that_is_there_already_is_left_alone(root: Path, tmp_path: Path) -> None:
    output = tmp_path / "x.aci"
    assert built(root, output).changed
    (tmp_path / "x.aci.asc").write_text("signature")
    before = output.stat()
    second = built(root, output)
    assert not second.changed and second.before is not None
    assert output.stat().st_mtime_ns == before.st_mtime_ns
    assert (tmp_path / "x.aci.asc").exists()
    (root / "etc/empty").write_text("no more")
    planned = make.build(
        spec.read({"source": str(root), "output": str(output), **NAME}), dry_run=True
    )
    assert output.stat().st_mtime_ns == before.st_mtime_ns and planned.changed
    done = built(root, output)
    assert (done.image_id, done.changed) == (planned.image_id, True)
    assert not (tmp_path / "x.aci.asc").exists()
    assert sorted(os.listdir(tmp_path)) == ["root", "x.aci"]


@pytest.mark.parametrize("rubbish", [b"", b"rubbish", b"\x1f\x8b" + bytes(100)])
def test_what_is_no_image_is_replaced(root: Path, tmp_path: Path, rubbish: bytes) -> None:
    (tmp_path / "x.aci").write_bytes(rubbish)
    done = built(root, tmp_path / "x.aci")
    assert done.changed and done.before is None


def test_a_mode_or_a_time_makes_another_image_and_an_inode_does_not(
    root: Path, tmp_path: Path
) -> None:
    first = built(root, tmp_path / "a.aci").image_id
    (root / "etc/empty").chmod(0o600)
    second = built(root, tmp_path / "b.aci").image_id
    os.utime(root / "etc/empty", (1, 1))
    third = built(root, tmp_path / "c.aci").image_id
    assert len({first, second, third}) == 3
    clamped = built(root, tmp_path / "d.aci", reproducible=True).image_id
    os.utime(root / "etc/empty", (2, 2))
    assert built(root, tmp_path / "e.aci", reproducible=True).image_id == clamped


def test_source_date_epoch(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    done = built(root, tmp_path / "x.aci", reproducible=True, owner="7:8")
    said = jsonio.loads(done.manifest, "manifest")["annotations"]
    assert said == [{"name": "created", "value": "2023-11-14T22:13:20Z"}]
    listed = subprocess.run(
        ["tar", "--utc", "--numeric-owner", "-tvf", str(tmp_path / "x.aci")],
        check=True, capture_output=True,
    ).stdout.decode()  # fmt: skip
    members = [line for line in listed.splitlines() if "rootfs" in line]
    assert all("7/8" in line and "2023-11-14 22:13" in line for line in members)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "yesterday")
    with pytest.raises(UsageError, match="SOURCE_DATE_EPOCH"):
        built(root, tmp_path / "x.aci")


def with_socket(root: Path) -> None:
    """A listening socket's file."""
    here = os.getcwd()
    os.chdir(root)
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind("etc/socket")
    finally:
        os.chdir(here)


def test_sockets_are_left_out_and_named(root: Path, tmp_path: Path) -> None:
    before = built(root, tmp_path / "x.aci").image_id
    mtime = (root / "etc").stat().st_mtime
    with_socket(root)
    os.utime(root / "etc", (mtime, mtime))
    done = built(root, tmp_path / "x.aci")
    assert done.image_id == before
    assert len(done.warnings) == 1 and "etc/socket is a socket" in done.warnings[0]


def deep(root: Path) -> None:
    """More directories in each other than any path can have."""
    fd = os.open(root, os.O_RDONLY)
    for _ in range(300):
        os.mkdir("d", dir_fd=fd)
        inner = os.open("d", os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = inner
    os.close(fd)


def test_a_refusal_leaves_what_was_there(root: Path, tmp_path: Path) -> None:
    built(root, tmp_path / "x.aci")
    before = (tmp_path / "x.aci").read_bytes()
    deep(root)
    with pytest.raises(PodwrightError, match="deeper than"):
        built(root, tmp_path / "x.aci")
    assert (tmp_path / "x.aci").read_bytes() == before
    assert sorted(os.listdir(tmp_path)) == ["root", "x.aci"]


def test_a_file_that_grows_while_it_is_read_is_refused(root: Path, tmp_path: Path) -> None:
    """As a log would: the header has the size of before."""
    from podwright.stage0.build import members, scan

    found = scan.members(str(root), scan.Rules(), print)
    with pytest.raises(UsageError, match="changed its size"):
        for member in found:
            if member.name == b"bin/app":
                with (root / "bin/app").open("ab") as file:
                    file.write(b"more")
                list(members.archive([member], b"rootfs/"))


@pytest.mark.parametrize(
    ("wanted", "why"),
    [
        ({"name": "Example.com/App"}, "not an AC identifier"),
        ({"name": ""}, "has no name"),
        ({"exec": [], "user": "0"}, "without a command"),
        ({"labels": {"name": "x"}}, "cannot be called name"),
        ({"labels": {"version": "2"}}, "another version"),
        ({"ports": [{"name": "http", "port": 0}]}, "port"),
        ({"ports": [{"name": "http", "port": 1}, {"name": "http", "port": 2}]}, "appears twice"),
        ({"ports": [{"name": "http", "port": 1, "colour": 1}]}, "unknown field"),
        ({"mount_points": [{"name": "data", "path": "x"}]}, "absolute"),
        ({"working_dir": "etc"}, "absolute"),
        ({"environment": {"1X": "y"}}, "not a variable name"),
        ({"isolators": [{"name": "os/linux/magic", "value": 1}]}, "unknown isolator"),
        ({"dependencies": ["https://example.com/x.aci"]}, "not an image name"),
        ({"dependencies": ["example.com/base@sha512-zz"]}, "not an image ID"),
        ({"path_whitelist": ["../etc"]}, "absolute"),
        ({"compression": "lzo"}, "not one of"),
        ({"owner": "root:root"}, "not UID:GID"),
        ({"colour": "red"}, "unknown field"),
        ({"output": "x/"}, "not the path of a file"),
    ],
)
def test_what_makes_no_image(root: Path, tmp_path: Path, wanted: dict[str, Any], why: str) -> None:
    raw = {"source": str(root), "output": str(tmp_path / "x.aci"), **NAME, **wanted}
    with pytest.raises(UsageError) as caught:
        make.build(spec.read(raw))
    assert why in caught.value.sentence()
    assert sorted(os.listdir(tmp_path)) == ["root"]


def test_a_manifest_is_begun_with_and_changed(root: Path, tmp_path: Path) -> None:
    base = {
        "acKind": "ImageManifest",
        "acVersion": "0.8.11",
        "name": "example.com/base",
        "labels": [{"name": "arch", "value": "aarch64"}, {"name": "version", "value": "0"}],
        "app": {
            "exec": ["/bin/old"],
            "user": "1",
            "group": "2",
            "environment": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
            "ports": [{"name": "http", "protocol": "tcp", "port": 80}],
        },
    }
    done = built(
        root,
        tmp_path / "x.aci",
        manifest=base,
        environment={"B": "3", "C": "4"},
        ports=[{"name": "http", "port": 8080}, {"name": "dns", "port": 53, "protocol": "udp"}],
        mount_points=[{"name": "data", "path": "/data", "read_only": True}],
        dependencies=["example.com/lib:2,arch=aarch64@sha512-" + "ab" * 32],
        path_whitelist=["/bin/app"],
        isolators=[{"name": "resource/memory", "value": {"limit": "256Mi"}}],
    )
    said = jsonio.loads(done.manifest, "manifest")
    assert said["name"] == "example.com/app"
    labels = {item["name"]: item["value"] for item in said["labels"]}
    assert labels == {"arch": "aarch64", "version": "1.0", "os": "linux"}
    app = said["app"]
    assert (app["exec"], app["user"], app["group"]) == (["/bin/app", "--x"], "1", "2")
    assert [(item["name"], item["value"]) for item in app["environment"]] == [
        ("A", "1"), ("B", "3"), ("C", "4"),
    ]  # fmt: skip
    assert [item["port"] for item in app["ports"]] == [8080, 53]
    assert said["dependencies"][0]["imageID"] == "sha512-" + "ab" * 32
    assert base["name"] == "example.com/base"


def test_a_directory_with_manifest_and_rootfs_is_an_image_taken_apart(
    root: Path, tmp_path: Path
) -> None:
    first = built(root, tmp_path / "x.aci")
    parts = tmp_path / "parts"
    parts.mkdir()
    root.rename(parts / "rootfs")
    (parts / "manifest").write_bytes(first.manifest)
    raw = {"source": str(parts), "output": str(tmp_path / "x.aci")}
    assert not make.build(spec.read(raw)).changed


def test_an_archive_cannot_be_made_in_what_it_is_made_of(root: Path) -> None:
    with pytest.raises(UsageError, match=r"lies in .*, which the image is made of"):
        built(root, root / "etc/x.aci")
    assert not (root / "etc/x.aci").exists()
