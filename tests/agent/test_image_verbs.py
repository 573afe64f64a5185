# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""`image list | rm | gc | verify | render | extract | export | cat-manifest`."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Keys
from tests.support import aci, ocilayout
from tests.support.agent import AGENT_ERROR, Agent
from tests.support.ocilayout import OciLayout
from tests.support.stack import BASE, Stack
from tests.support.webserver import ImageServer

Build = Callable[..., Path]
NAME, TOP = "example.com/tiny", "example.com/top"
DAY_BEFORE_YESTERDAY = -2 * 86400


@pytest.fixture
def trusting(agent: Agent, lab: Keys) -> Agent:
    """An agent that trusts the lab's key for example.com."""
    agent.trust(lab.key, "example.com")
    return agent


@pytest.fixture
def stack(https_server: ImageServer, lab: Keys, tmp_path: Path) -> Stack:
    """A maker of images that are built on each other, served for discovery."""
    return Stack(https_server, lab.key, tmp_path / "stack")


def stored(agent: Agent, *options: str) -> list[dict[str, object]]:
    """All images as JSON."""
    found: list[dict[str, object]] = json.loads(
        agent.ok("image", "list", "--format=json", *options)
    )
    return found


def names(agent: Agent, *options: str) -> list[object]:
    """The names of all images, in the order of the list."""
    return [image["name"] for image in stored(agent, *options)]


def unused_since(agent: Agent, image_id: str, seconds: int) -> None:
    """Make the last use of an image look as long ago as that."""
    used = agent.data / "cas/image" / image_id / "used"
    then = used.stat().st_mtime + seconds
    os.utime(used, (then, then))


def tree_of(path: Path) -> dict[str, tuple[object, ...]]:
    """What is below a directory: type, mode, owner, and content or link target."""
    found: dict[str, tuple[object, ...]] = {}
    for each in [path, *path.rglob("*")]:
        info = each.lstat()
        what: object = ""
        if stat.S_ISLNK(info.st_mode):
            what = os.readlink(each)
        elif stat.S_ISREG(info.st_mode):
            what = each.read_bytes()
        where = str(each.relative_to(path))
        found[where] = (info.st_mode, info.st_uid, info.st_gid, info.st_mtime_ns, what)
    return found


def test_list_sorts_by_any_column_either_way(trusting: Agent, signed_image: Build) -> None:
    trusting.ok("fetch", signed_image(name="example.com/b", files={"x": "x" * 100_000}))
    trusting.ok("fetch", signed_image(name="example.com/a"))
    both = ["example.com/a:1.0", "example.com/b:1.0"]
    assert names(trusting) == both[::-1]
    assert names(trusting, "--sort=name") == both
    assert names(trusting, "--sort=name", "--order=desc") == both[::-1]
    assert names(trusting, "--sort=size") == both
    assert names(trusting, "--sort=importtime", "--order=desc") == both
    assert names(trusting, "--sort=transport,name") == both


def test_list_shows_the_columns_asked_for(trusting: Agent, signed_image: Build, lab: Keys) -> None:
    image_id = trusting.ok("fetch", "--full", signed_image()).strip()
    shown = trusting.ok("image", "list", "--fields=name,verdict,transport").splitlines()
    assert shown[0].split() == ["NAME", "VERDICT", "TRANSPORT"]
    assert f"signed {lab.key.fingerprint[:8].upper()}..." in shown[1]
    shown = trusting.ok("image", "list", "--full").splitlines()
    assert shown[0].endswith("VERDICT")
    assert f"signed by {lab.key.fingerprint.lower()}" in shown[1]
    shown = trusting.ok("image", "list", "--fields=name,verdict,transport").splitlines()
    assert shown[1].endswith("appc")
    full = trusting.ok("image", "list", "--full", "--no-legend", "--fields=id").strip()
    assert full == image_id
    assert trusting.ok("image", "list", "--no-legend", "--fields=id").strip() == image_id[:19]
    line = trusting.refused("image", "list", "--fields=colour")
    assert "unknown column 'colour'; columns are id, name, size" in line


@pytest.mark.parametrize("verb", [("image", "list"), ("list",)])
def test_a_list_without_a_store_says_so(agent: Agent, verb: tuple[str, ...]) -> None:
    done = agent(*verb)
    assert done.exit == 0
    assert f"there is no store at {agent.data}" in done.stderr


def test_list_as_json_has_the_documented_keys(trusting: Agent, signed_image: Build) -> None:
    trusting.ok("fetch", signed_image())
    (image,) = stored(trusting)
    assert {"id", "name", "import_time", "last_used_time", "size", "verdict"} <= set(image)


@pytest.mark.parametrize("verb", ["cat-manifest", "verify", "extract", "render", "export", "rm"])
def test_every_verb_takes_a_cut_or_an_overlong_id_and_refuses_an_ambiguous_one(
    trusting: Agent, signed_image: Build, tmp_path: Path, verb: str
) -> None:
    image = signed_image()
    long_id = aci.image_id(image)
    trusting.ok("fetch", image)
    images = trusting.data / "cas/image"
    twin = f"{long_id[:20]}{'0' * 51}"
    shutil.copytree(images / long_id[:71], images / twin)
    record = images / twin / "record.json"
    record.write_text(record.read_text().replace(long_id[:71], twin))
    more = [tmp_path / "out"] if verb in ("extract", "render", "export") else []
    assert "ambiguous" in trusting("image", verb, long_id[:9], *more).stderr
    assert "ambiguous" in trusting("image", verb, long_id[:20], *more).stderr
    assert "not an image ID" in trusting("image", verb, "sha512-0", *more).stderr
    trusting.ok("image", verb, long_id, *more)


def test_rm_spares_what_an_image_is_built_on(trusting: Agent, stack: Stack) -> None:
    stack.base()
    stack.serve(TOP, {"etc/x": "top"}, dependencies=[BASE])
    trusting.ok("fetch", TOP)
    line = trusting.refused("image", "rm", BASE)
    assert f"image {BASE}:1.0 is what image {TOP}:1.0 is built on; remove {TOP}:1.0 first" in line
    trusting.ok("image", "rm", BASE, TOP)
    assert stored(trusting) == []
    assert not list((trusting.data / "cas/tree").iterdir())


@pytest.mark.parametrize(
    ("verb", "said"),
    [
        (("image", "rm", NAME), "image rm must be run as root"),
        (("trust", f"--prefix={NAME}", "key.asc"), "or by a member of the group podwright-admin"),
        (("trust", "remove", f"--prefix={NAME}", "0" * 40), "of the group podwright-admin"),
    ],
)
def test_who_may_not_is_told_who_may(trusting: Agent, verb: tuple[str, ...], said: str) -> None:
    other = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    done = trusting.host.run([*other, *trusting.command, *verb])
    assert done.exit == AGENT_ERROR
    assert said in done.stderr, done


def test_rm_of_what_is_not_there_is_a_warning(trusting: Agent) -> None:
    result = trusting("image", "rm", "example.com/none", "sha512-00")
    assert result.exit == 0
    assert result.stderr.count("warning: no image") == 2


def test_rm_spares_what_a_pod_or_a_named_pod_needs(trusting: Agent, signed_image: Build) -> None:
    image_id = trusting.ok("fetch", "--full", signed_image()).strip()
    uuid = trusting.ok("prepare", "--quiet", image_id).strip()
    assert f"is used by pod {uuid} (prepared)" in trusting.refused("image", "rm", image_id)
    assert trusting.ok("image", "gc", "--grace-period=0s") == ""
    trusting.ok("rm", uuid)
    assert trusting.ok("image", "gc", "--grace-period=0s") == f"removed {image_id}\n"


def test_gc_removes_what_was_not_used_and_keeps_what_is_built_on(
    trusting: Agent, stack: Stack
) -> None:
    stack.base()
    stack.serve(TOP, {"etc/x": "top"}, dependencies=[BASE])
    stack.serve("example.com/idle", {"etc/x": "idle"})
    trusting.ok("fetch", TOP, "example.com/idle")
    ids = {str(image["name"]): str(image["id"]) for image in stored(trusting)}
    for name in (f"{BASE}:1.0", "example.com/idle:1.0"):
        unused_since(trusting, ids[name], DAY_BEFORE_YESTERDAY)
    assert trusting.ok("image", "gc").split()[1] == ids["example.com/idle:1.0"]
    assert names(trusting, "--sort=name") == [f"{BASE}:1.0", f"{TOP}:1.0"]
    unused_since(trusting, ids[f"{TOP}:1.0"], DAY_BEFORE_YESTERDAY)
    trusting.ok("image", "gc", "--grace-period=720h")
    assert len(stored(trusting)) == 2
    assert len(trusting.ok("image", "gc").splitlines()) == 2
    assert not list((trusting.data / "cas/tree").iterdir())


def test_export_gives_the_archive_as_it_was_served(
    trusting: Agent, signed_image: Build, tmp_path: Path
) -> None:
    image = signed_image()
    image_id = trusting.ok("fetch", "--full", image).strip()
    out = tmp_path / "out.aci"
    trusting.ok("image", "export", NAME, out)
    assert out.read_bytes() == image.read_bytes()
    assert "exists already" in trusting.refused("image", "export", NAME, out)
    out.write_text("old")
    trusting.ok("image", "export", "--overwrite", image_id, out)
    assert out.read_bytes() == image.read_bytes()
    assert [path.name for path in tmp_path.glob("*.new")] == []


def test_render_shows_all_layers_and_extract_only_the_images_own(
    trusting: Agent, stack: Stack, tmp_path: Path
) -> None:
    stack.base()
    stack.serve(TOP, {"etc/passwd": "mine"}, dependencies=[BASE])
    trusting.ok("fetch", TOP)
    trusting.ok("image", "render", TOP, tmp_path / "all")
    assert (tmp_path / "all/rootfs/bin/busybox").is_file()
    assert (tmp_path / "all/rootfs/etc/passwd").read_text() == "mine"
    assert (tmp_path / "all/rootfs/etc/group").is_file()
    assert json.loads((tmp_path / "all/manifest").read_text())["name"] == TOP
    trusting.ok("image", "extract", TOP, tmp_path / "own")
    held = sorted(tree_of(tmp_path / "own/rootfs"))
    assert held == [".", "etc", "etc/passwd"]
    assert stat.S_IMODE((tmp_path / "own").stat().st_mode) == 0o700


@pytest.mark.parametrize("verb", ["render", "extract"])
def test_rootfs_only_makes_the_directory_the_root(
    trusting: Agent, signed_image: Build, tmp_path: Path, verb: str
) -> None:
    image = signed_image()
    trusting.ok("fetch", image)
    out = tmp_path / "out"
    trusting.ok("image", verb, "--rootfs-only", NAME, out)
    expected = tmp_path / "expected"
    expected.mkdir()
    subprocess.run(["tar", "-xpzf", str(image), "-C", str(expected), "--numeric-owner"], check=True)
    assert tree_of(out) == tree_of(expected / "rootfs")


@pytest.mark.parametrize("verb", ["render", "extract"])
def test_a_directory_that_exists_is_replaced_only_when_asked(
    trusting: Agent, signed_image: Build, tmp_path: Path, verb: str
) -> None:
    trusting.ok("fetch", signed_image())
    out = tmp_path / "out"
    out.mkdir()
    (out / "old").write_text("old")
    assert "exists already" in trusting.refused("image", verb, NAME, out)
    assert (out / "old").exists()
    trusting.ok("image", verb, "--overwrite", NAME, out)
    assert sorted(path.name for path in out.iterdir()) == ["manifest", "rootfs"]
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize("verb", [pytest.param("render", marks=pytest.mark.thorough), "extract"])
def test_a_directory_that_is_that_already_is_left_alone_and_any_difference_is_found(
    trusting: Agent, signed_image: Build, tmp_path: Path, verb: str
) -> None:
    trusting.ok("fetch", signed_image())
    out = tmp_path / "out"
    busybox = out / "rootfs/bin/busybox"

    def changed(*options: str) -> bool:
        told = trusting.ok("image", verb, "--same", "--format=json", *options, NAME, out)
        return bool(json.loads(told)["changed"])

    def manifest_as_pipe() -> None:
        (out / "manifest").unlink()
        os.mkfifo(out / "manifest")

    def root_behind_a_link() -> None:
        (out / "rootfs").rename(out / "old")
        (out / "rootfs").symlink_to("old")

    assert changed("--check") and not out.exists()
    assert changed() and not changed() and not changed("--check")
    changes: list[Callable[[], object]] = [
        lambda: busybox.write_bytes(b"another"),
        lambda: os.utime(busybox, (1, 1)),
        lambda: busybox.chmod(0o4755),
        lambda: os.chown(out / "rootfs/bin", 1234, 0),
        lambda: os.setxattr(busybox, "user.podwright", b"x"),
        lambda: (out / "rootfs/more").symlink_to("/etc"),
        lambda: (out / "rootfs/more").mkdir(),
        lambda: (out / "more").write_text("more"),
        lambda: (out / "manifest").write_text("{}"),
        lambda: os.chown(out / "manifest", 1234, 0),
        lambda: os.chown(out, 1234, 0),
        lambda: os.truncate(busybox, 1 << 42),  # nobody can read that in time
        manifest_as_pipe,
        root_behind_a_link,
    ]
    for number, change in enumerate(changes):
        before = sorted(tmp_path.iterdir())
        change()
        assert changed("--check", "--overwrite") and sorted(tmp_path.iterdir()) == before, number
        assert "exists already" in trusting.refused("image", verb, "--same", NAME, out)
        assert changed("--overwrite") and not changed(), number
    assert sorted(path.name for path in out.iterdir()) == ["manifest", "rootfs"]


@pytest.mark.threat("T96")
@pytest.mark.parametrize("verb", ["render", "extract", "export"])
def test_check_mode_touches_no_directory_and_says_of_one_that_takes_nothing(
    trusting: Agent, signed_image: Build, tmp_path: Path, verb: str
) -> None:
    trusting.ok("fetch", signed_image())
    place = tmp_path / "place"
    place.mkdir()
    os.utime(place, (1, 1))
    ask = ("image", verb, "--same", "--check", "--format=json", NAME, place / "out")
    assert json.loads(trusting.ok(*ask))["changed"]
    assert place.stat().st_mtime == 1, "something was there for a moment"
    trusting.host.run(["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", str(place)]).check()
    assert "its directory takes nothing from us" in trusting.refused(*ask)
    assert "Read-only" in trusting.refused("image", verb, NAME, place / "out")  # the control


@pytest.mark.threat("T43")
@pytest.mark.parametrize("verb", ["render", "extract", "export"])
def test_links_where_something_is_to_be_written_are_not_followed(
    trusting: Agent, signed_image: Build, tmp_path: Path, verb: str
) -> None:
    trusting.ok("fetch", signed_image())
    canary = tmp_path / "canary"
    canary.mkdir()
    (canary / "rootfs").mkdir()
    (canary / "file").write_text("kept")
    out = tmp_path / "out"
    out.symlink_to(canary / "file" if verb == "export" else canary)
    before = tree_of(canary)
    assert "exists" in trusting.refused("image", verb, NAME, out)
    trusting.refused("image", verb, "--overwrite", NAME, out)
    assert tree_of(canary) == before
    assert out.is_symlink()


def test_cat_manifest_is_the_manifest(trusting: Agent, signed_image: Build) -> None:
    trusting.ok("fetch", signed_image())
    shown = trusting.ok("image", "cat-manifest", NAME)
    assert json.loads(shown)["name"] == NAME
    assert shown.count("\n") > 10
    assert trusting.ok("image", "cat-manifest", "--pretty-print=false", NAME).count("\n") == 1


def test_verify_of_sound_images_says_so(trusting: Agent, signed_image: Build) -> None:
    trusting.ok("fetch", signed_image())
    assert trusting.ok("image", "verify", NAME).splitlines()[1].split()[-1] == "ok"
    trusting.ok("run", "--net=none", NAME, "--exec=/bin/true")
    assert trusting.ok("image", "verify", "--all")
    trusting.refused("image", "verify")
    trusting.refused("image", "verify", "--all", NAME)


def test_verify_names_every_difference(trusting: Agent, signed_image: Build) -> None:
    image_id = trusting.ok("fetch", "--full", signed_image()).strip()
    etc = trusting.data / "cas/tree" / image_id / "rootfs/etc"
    (etc / "passwd").chmod(0o666)
    (etc / "new\x1b[31m").write_text("")
    result = trusting("image", "verify", NAME)
    assert result.exit == AGENT_ERROR
    assert "/etc/passwd  mode 0644 became 0666" in result.stdout
    assert "/etc/new\\x1b[31m  added" in result.stdout
    (found,) = json.loads(trusting("image", "verify", NAME, "--format=json").stdout)
    assert found["ok"] is False
    assert {each["what"] for each in found["differences"]} >= {"added"}


def test_an_image_of_an_earlier_agent_gets_its_digests_when_it_runs(
    trusting: Agent, signed_image: Build
) -> None:
    image_id = trusting.ok("fetch", "--full", signed_image()).strip()
    image, tree = (trusting.data / "cas" / part / image_id for part in ("image", "tree"))
    record = json.loads((image / "record.json").read_text())
    record["layers"] = [{"tree": image_id, "mtree": ""}]
    (image / "record.json").write_text(json.dumps(record))
    (image / "intact").unlink()
    (tree / "mtree").unlink()
    (tree / "rendered").write_text(json.dumps({"format": 1, "id": image_id}))
    assert "earlier agent" in trusting("image", "verify", NAME).stdout
    trusting.ok("run", "--net=none", NAME, "--exec=/bin/true")
    trusting.ok("image", "verify", NAME)


@pytest.fixture
def container_image(agent: Agent, tmp_path: Path) -> tuple[Agent, str]:
    """An agent with an unsigned container image of two layers, and its ID."""
    layout = OciLayout(tmp_path / "layout")
    low = layout.layer([*ocilayout.busybox_members(), ("etc/low", b"low"), ("etc/gone", b"gone")])
    high = layout.layer([("etc/high", b"high"), ("etc/.wh.gone", b"")])
    layout.tag(layout.image([low, high], {"Cmd": ["/bin/true"]}))
    reference = f"oci:{tmp_path / 'layout'}"
    image_id = agent.ok("--insecure-options=image", "fetch", "--full", reference).strip()
    return agent, image_id


def test_a_container_image_is_rendered_with_its_layers_and_whiteouts(
    container_image: tuple[Agent, str], tmp_path: Path
) -> None:
    agent, image_id = container_image
    for verb in ("render", "extract"):
        agent.ok("image", verb, image_id, tmp_path / verb)
        etc = tmp_path / verb / "rootfs/etc"
        assert sorted(path.name for path in etc.iterdir()) == ["high", "low"]


def test_a_container_image_becomes_the_same_aci_each_time(
    container_image: tuple[Agent, str], tmp_path: Path, lab: Keys
) -> None:
    agent, image_id = container_image
    first, second = tmp_path / "first.aci", tmp_path / "second.aci"
    agent.ok("image", "export", image_id, first)
    agent.ok("image", "export", image_id, second)
    assert first.read_bytes() == second.read_bytes()
    same = ("image", "export", "--same", "--format=json", image_id, second)
    assert json.loads(agent.ok(*same))["changed"] is False
    second.write_bytes(first.read_bytes()[:-20])
    assert "exists already" in agent.refused(*same) and "exists already" in agent.refused(
        *same[:3], "--check", image_id, second
    )
    (tmp_path / "manifest").write_text("no JSON")
    subprocess.run(["tar", "-cf", second, "-C", tmp_path, "manifest"], check=True)
    assert json.loads(agent.ok(*same[:3], "--overwrite", *same[3:]))["changed"] is True
    agent.ok("image", "rm", image_id)
    (name,) = {json.loads(_manifest_of(first))["name"]}
    lab.key.sign(first)
    agent.trust(lab.key, name)
    agent.ok("run", "--net=none", first, "--exec=/bin/cat", "--", "/etc/low", "/etc/high")


def _manifest_of(archive: Path) -> bytes:
    return subprocess.run(
        ["tar", "-xzOf", archive, "manifest"], check=True, capture_output=True
    ).stdout


def test_changes_of_a_container_image_are_found(container_image: tuple[Agent, str]) -> None:
    agent, image_id = container_image
    agent.ok("image", "verify", "--all")
    command = ("--insecure-options=image", "run", "--net=none", image_id)
    agent.ok(*command)
    (low,) = (agent.data / "cas/tree").glob("*/rootfs/etc/low")
    low.write_text("LOW")
    result = agent("image", "verify", "--all")
    assert result.exit == AGENT_ERROR
    assert "/etc/low  content changed" in result.stdout
    assert "were changed: /etc/low content changed" in agent.refused(*command)
    assert "not stored as an archive" in agent.refused("image", "render", "--force", image_id)
