# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The image store on a real disk: appearing, being found, being replaced, being swept."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from podwright.errors import NotFoundError, StoreError, UsageError, VerifyError
from podwright.host.paths import Layout
from podwright.kernel import durable
from podwright.stage0 import fetch as fetching
from podwright.stage0 import images, intact, platform, store, storewriter, sweep, treecheck, usage
from podwright.stage0.images import FetchOptions
from tests.unit.stage0.rawtar import END, directory, file

INSECURE = frozenset({"image"})
Build = Callable[..., Path]


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """Empty directories."""
    return Layout(
        data=f"{tmp_path}/data", system_config=f"{tmp_path}/sys", local_config=f"{tmp_path}/etc"
    )


@pytest.fixture
def image(tmp_path: Path) -> Build:
    """Write an image file; its content depends on its version and name."""

    def build(version: str = "1", name: str = "example.com/a", arch: str = "") -> Path:
        arch = arch or platform.host_arch()
        manifest = (
            f'{{"acKind":"ImageManifest","acVersion":"0.8.11","name":"{name}","labels":['
            f'{{"name":"version","value":"{version}"}},{{"name":"os","value":"linux"}},'
            f'{{"name":"arch","value":"{arch}"}}]}}'
        ).encode()
        path = tmp_path / f"{name.replace('/', '-')}-{version}-{arch}.aci"
        members = directory(b"rootfs/") + file(b"rootfs/version", version.encode())
        path.write_bytes(file(b"manifest", manifest) + members + END)
        return path

    return build


def fetch(layout: Layout, path: Path, policy: str = "update") -> images.StoredImage:
    """Store an image file without a signature."""
    return images.resolve(layout, str(path), FetchOptions(policy, INSECURE))


def listing(directory: str) -> list[tuple[str, int, int]]:
    """Every path with its size and time of change."""
    found = []
    for path in sorted(Path(directory).rglob("*")):
        info = path.lstat()
        found.append((str(path), info.st_size, info.st_mtime_ns))
    return found


def test_an_image_is_found_by_id_prefix_name_version_and_path(layout: Layout, image: Build) -> None:
    path = image("1")
    one, two = fetch(layout, path), fetch(layout, image("2"))
    options = FetchOptions("never", INSECURE)
    for text, expected in [
        (one.id, one), (one.id[:11], one), ("example.com/a:1", one), ("example.com/a:2", two),
        ("example.com/a", two), ("example.com/a:1,os=linux", one), (str(path), one),
    ]:  # fmt: skip
        assert images.resolve(layout, text, options).id == expected.id, text
    assert (Path(one.trees[0]) / "version").read_text() == "1"
    assert [found.id for found in images.list_images(layout)] == [one.id, two.id]
    assert [found.id for found in images.find_images(layout, "example.com/a")] == [one.id, two.id]


@pytest.mark.parametrize(
    "text",
    ["example.com/b", "example.com/a:3", "example.com/a,os=plan9", "sha512-00", "example.com"],
)
def test_what_is_not_stored_is_not_found(layout: Layout, image: Build, text: str) -> None:
    fetch(layout, image())
    with pytest.raises(NotFoundError):
        images.resolve(layout, text, FetchOptions("never", INSECURE))
    assert images.find_images(layout, text) == []


def test_an_ambiguous_id_is_refused(layout: Layout, image: Build) -> None:
    firsts: dict[str, str] = {}
    for version in range(40):
        found = fetch(layout, image(str(version)))
        if firsts.setdefault(found.id[7:9], found.id) != found.id:
            with pytest.raises(UsageError, match="is ambiguous"):
                images.resolve(layout, found.id[:9], FetchOptions("never", INSECURE))
            return
    raise AssertionError("40 images without a common beginning: the digest is not what we think")


def test_images_for_other_machines_are_not_found_by_a_plain_name(
    layout: Layout, image: Build
) -> None:
    own = fetch(layout, image("1"))
    foreign = fetch(layout, image("1", arch="ppc64le"))
    options = FetchOptions("never", INSECURE)
    assert images.resolve(layout, "example.com/a", options).id == own.id
    assert images.resolve(layout, "example.com/a,arch=ppc64le", options).id == foreign.id


@pytest.mark.threat("T40")
def test_a_changed_file_is_another_image(layout: Layout, image: Build) -> None:
    path = image("1")
    first = fetch(layout, path, "new")
    path.write_bytes(image("2").read_bytes())
    assert fetch(layout, path, "new").id != first.id


def test_check_mode_writes_nothing_and_tells_what_would_be_fetched(
    layout: Layout, image: Build
) -> None:
    path = image("1")
    options = FetchOptions("update", INSECURE)
    assert images.would_resolve(layout, str(path), options) == (None, True)
    assert not Path(layout.data).exists()
    stored = fetch(layout, path)
    before = listing(layout.data)
    found, fetches = images.would_resolve(layout, str(path), options)
    assert (found and found.id, fetches) == (stored.id, False)
    path.write_bytes(image("2").read_bytes())
    assert images.would_resolve(layout, str(path), options)[1]
    assert images.would_resolve(layout, "example.com/a:1", FetchOptions("new", INSECURE))[0]
    with pytest.raises(VerifyError, match="without a signature check"):
        images.would_resolve(layout, "example.com/a:1", FetchOptions("new"))
    assert listing(layout.data) == before


def test_storing_again_replaces_the_record_and_keeps_the_tree(
    layout: Layout, image: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = image()
    first = fetch(layout, path)
    node = os.stat(first.trees[0]).st_ino

    def unsupported(new: str, old: str) -> None:
        raise OSError(errno.EINVAL, "Invalid argument", new)

    for exchange in (durable.exchange, unsupported):
        monkeypatch.setattr(durable, "exchange", exchange)
        path.touch()
        again = fetch(layout, path)
        assert again.id == first.id and again.imported > first.imported
        assert os.stat(again.trees[0]).st_ino == node
        assert os.listdir(layout.tmp) == []


def test_removing_forgets_image_tree_and_name(layout: Layout, image: Build) -> None:
    found = fetch(layout, image())
    usage.remove(layout, found.id, found.name)
    assert images.list_images(layout) == []
    assert os.listdir(layout.trees) == os.listdir(layout.tmp) == []
    assert os.listdir(f"{layout.cas}/ref/name") == []
    usage.remove(layout, found.id, found.name)


def test_use_is_noted(layout: Layout, image: Build) -> None:
    found = fetch(layout, image())
    os.utime(f"{layout.images}/{found.id}/used", (1, 1))
    assert images.list_images(layout)[0].last_used.startswith("1970")
    images.admit(layout, found.id, INSECURE, write=False)
    assert images.list_images(layout)[0].last_used.startswith("1970")
    images.admit(layout, found.id, INSECURE)
    assert not images.list_images(layout)[0].last_used.startswith("1970")


DYING = """
import os, sys
from podwright.host.paths import Layout
from podwright.stage0 import storewriter
work = storewriter.Workspace(Layout(data=sys.argv[1]), "fetch").__enter__()
print(work.path, flush=True)
os.kill(os.getpid(), 9)
"""


@pytest.mark.threat("T82")
def test_the_work_of_dead_processes_is_swept_that_of_living_ones_is_not(layout: Layout) -> None:
    storewriter.ensure(layout)
    environment = {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", DYING, layout.data]
    dead = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=False, text=True)
    assert Path(dead.stdout.strip()).is_dir()
    new, old = Path(layout.tmp) / "partial-1", Path(layout.tmp) / "partial-2"
    new.write_text("x")
    old.write_text("x")
    os.utime(old, (time.time() - 2 * 86400,) * 2)
    with storewriter.Workspace(layout, "fetch") as work:
        assert sorted(sweep.sweep_tmp(layout)) == sorted([Path(dead.stdout.strip()).name, old.name])
        assert sorted(os.listdir(layout.tmp)) == sorted([os.path.basename(work.path), new.name])


@pytest.mark.threat("T82")
def test_a_tree_without_an_image_is_swept(layout: Layout, image: Build) -> None:
    found = fetch(layout, image())
    orphan = Path(layout.trees) / ("sha512-" + "0" * 64)
    (orphan / "rootfs").mkdir(parents=True)
    assert sweep.sweep_tmp(layout) == [orphan.name]
    assert store.tree_complete(layout, found.id)


@pytest.mark.threat("T82")
def test_the_new_half_of_an_atomic_write_is_swept_when_its_writer_is_gone(layout: Layout) -> None:
    storewriter.ensure(layout)
    command = [sys.executable, "-c", "import os; print(os.getpid())"]
    pid = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout.strip()
    for name in (f"partial-1.json.{pid}.new", f"partial-2.json.{os.getpid()}.new", "other.new"):
        Path(layout.tmp, name).write_text("{}")
    assert sweep.sweep_tmp(layout) == [f"partial-1.json.{pid}.new"]


@pytest.mark.threat("T87")
@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: "",
        lambda text: text[: len(text) // 2],
        lambda text: text.replace('"name": "example.com/a"', '"name": 5, "x": 1'),
        lambda text: text.replace("sha512-", "sha512-0"),
        lambda text: text.replace('"format": 2', '"format": 3'),
        lambda text: "[]",
    ],
)
def test_a_damaged_record_is_named(
    layout: Layout, image: Build, spoil: Callable[[str], str]
) -> None:
    found = fetch(layout, image())
    path = Path(layout.images) / found.id / "record.json"
    path.write_text(spoil(path.read_text()))
    with pytest.raises(StoreError, match=r"record\.json"):
        images.admit(layout, found.id, INSECURE)


def test_a_missing_store_is_empty_and_stays_missing(layout: Layout) -> None:
    assert images.list_images(layout) == []
    assert sweep.sweep_tmp(layout) == []
    assert not Path(layout.data).exists()


@pytest.mark.threat("T29", "T40")
def test_an_archive_whose_decoder_claims_another_images_id_is_refused(
    layout: Layout, image: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ID is made by the confined decoder, which a hostile archive may have taken over."""
    first = fetch(layout, image("1", "example.com/a"))
    monkeypatch.setattr(fetching, "image_id", lambda ingested: first.id)
    for name in ("example.com/a", "example.com/evil"):
        with pytest.raises(StoreError, match="one of the two archives lies"):
            fetch(layout, image("2", name))
    monkeypatch.undo()
    again = images.admit(layout, first.id, INSECURE)
    assert again.name == "example.com/a"
    assert (Path(again.trees[0]) / "version").read_text() == "1"
    assert os.listdir(layout.tmp) == []


@pytest.mark.threat("T29", "T40")
def test_a_stranger_who_was_first_does_not_lend_its_tree_to_the_image_whose_id_it_claimed(
    layout: Layout, image: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = fetch(layout, image("1", "example.com/a"))
    usage.remove(layout, honest.id, honest.name)
    with monkeypatch.context() as taken_over:
        taken_over.setattr(fetching, "image_id", lambda ingested: honest.id)
        fetch(layout, image("2", "example.com/evil"))
    with pytest.raises(StoreError, match="one of the two archives lies"):
        fetch(layout, image("1", "example.com/a"))


def test_the_same_tree_listed_in_another_order_is_kept_and_gets_the_new_list(
    layout: Layout, image: Build
) -> None:
    """As after an upgrade of the agent to one that writes lists in another way."""
    found = fetch(layout, image("1"))
    base = Path(layout.trees) / found.id
    lines = (base / "mtree").read_bytes().splitlines(keepends=True)
    (base / "mtree").write_bytes(lines[0] + b"".join(reversed(lines[1:])))
    digest = hashlib.sha256((base / "mtree").read_bytes()).hexdigest()
    mark = json.loads((base / "rendered").read_text())
    (base / "rendered").write_text(json.dumps({**mark, "mtree": digest}))
    inode = os.stat(base / "rootfs").st_ino
    Path(layout.cas, "ref/url").joinpath(os.listdir(f"{layout.cas}/ref/url")[0]).unlink()
    again = fetch(layout, image("1"))
    assert os.stat(base / "rootfs").st_ino == inode
    assert treecheck.listed(str(base)) == again.layers[0].mtree
    intact.check(layout, again)
