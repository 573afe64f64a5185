# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which stage1 is meant by a name, a file, a place, or the configuration."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from podwright.errors import UsageError
from podwright.host.paths import Layout
from podwright.model.stage1 import KVM_NAME, GivenStage1
from podwright.stage0 import stage1choice
from podwright.stage0.stage1choice import Choice


def say(directory: str, kind: str, file: str = "10.json", **fields: Any) -> None:
    place = Path(directory) / f"{kind}.d"
    place.mkdir(exist_ok=True)
    (place / file).write_text(json.dumps({"rktKind": kind, "rktVersion": "v1", **fields}))


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("namespaces", Choice("namespaces")),
        ("kvm", Choice("kvm")),
        ("kvm:1.30.0", Choice("kvm")),
        ("xen", Choice("xen")),
        ("coreos", Choice("namespaces")),
        ("podwright.io/stage1-fly:1.0", Choice("fly")),
        ("podwright.io/stage1-kvm", Choice("kvm")),
        ("coreos.com/rkt/stage1-coreos:1.30.0", Choice("namespaces")),
        ("coreos.com/rkt/stage1-kvm:1.30.0", Choice("kvm")),
        (
            "podwright.io/stage1-kvm:2",
            Choice("kvm", GivenStage1("name", "podwright.io/stage1-kvm:2")),
        ),
        (
            "podwright.io/stage1-kvm,build=x",
            Choice("kvm", GivenStage1("name", "podwright.io/stage1-kvm,build=x")),
        ),
        ("example.com/own:1", Choice("image", GivenStage1("name", "example.com/own:1"))),
        (
            "coreos.com/rkt/stage1-xen:1.0.0",
            Choice("image", GivenStage1("name", "coreos.com/rkt/stage1-xen:1.0.0")),
        ),
    ],
)
def test_names(name: str, found: Choice) -> None:
    assert stage1choice.named(name) == found


@pytest.mark.parametrize("name", ["jail", "", "warp:1", "exa mple.com/x", "example.com/X"])
def test_names_of_nothing(name: str) -> None:
    with pytest.raises(UsageError):
        stage1choice.named(name)


def test_files_that_rkt_shipped_are_flavours_and_others_are_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shipped = "/usr/lib/rkt/stage1-images/stage1-{}.aci"
    assert stage1choice.at_path(shipped.format("coreos"), "--x") == Choice("namespaces")
    assert stage1choice.at_path(shipped.format("kvm"), "--x") == Choice("kvm")
    assert stage1choice.at_path("stage1-fly.aci", "--x") == Choice("fly")
    own = Choice("image", GivenStage1("path", str(tmp_path / "stage1-fly.aci")))
    (tmp_path / "stage1-fly.aci").touch()
    assert stage1choice.at_path("stage1-fly.aci", "--x") == own
    assert stage1choice.at_path(str(tmp_path / "stage1-fly.aci"), "--x") == own
    location = "https://example.com/stage1-fly.aci"
    assert stage1choice.at_location(location, "x") == Choice("image", GivenStage1("url", location))
    assert stage1choice.at_location(f"file://{shipped.format('fly')}", "x") == Choice("fly")


def test_the_directory_of_stage1_images(layout: Layout, tmp_path: Path) -> None:
    assert stage1choice.images_directory(layout) == f"{tmp_path}/system/stage1-images"
    say(layout.system_config, "paths", **{"stage1-images": "/srv/system"})
    say(layout.local_config, "paths", **{"stage1-images": "/srv/local/"})
    say(layout.user_config, "paths", data="/srv/data")
    assert stage1choice.images_directory(layout) == "/srv/local"
    found = stage1choice.from_directory(layout, "own.aci", "--x")
    assert found == Choice("image", GivenStage1("path", "/srv/local/own.aci"))
    assert stage1choice.from_directory(layout, "stage1-kvm.aci", "--x") == Choice("kvm")
    for name in ("", "..", "a/b", "/etc/own.aci"):
        with pytest.raises(UsageError, match="not the name of a file"):
            stage1choice.from_directory(layout, name, "--x")
    say(layout.local_config, "paths", "20.json", **{"stage1-images": "/srv/again"})
    with pytest.raises(UsageError, match="already set by another file"):
        stage1choice.images_directory(layout)


def test_a_later_directory_has_the_last_word_on_each_part(layout: Layout) -> None:
    assert stage1choice.by_configuration(layout) is None
    say(layout.system_config, "stage1", location="https://example.com/own.aci")
    only = stage1choice.by_configuration(layout)
    assert only == Choice("image", GivenStage1("url", "https://example.com/own.aci"))
    say(layout.local_config, "stage1", name="example.com/own", version="2")
    found = stage1choice.by_configuration(layout)
    asked = GivenStage1("name", "example.com/own:2", "https://example.com/own.aci", True)
    assert found == Choice("image", asked)
    say(layout.user_config, "stage1", name="coreos.com/rkt/stage1-fly", version="1.30.0")
    assert stage1choice.by_configuration(layout) == Choice("fly")


def test_kvm_pods_take_what_is_configured_for_them_and_nothing_else(layout: Layout) -> None:
    newest = GivenStage1("name", KVM_NAME, stored=True)
    assert stage1choice.of_machines(layout, "kvm") == newest
    say(layout.local_config, "stage1", name="example.com/own", version="2")
    assert stage1choice.of_machines(layout, "kvm") == newest
    say(layout.local_config, "stage1", name=KVM_NAME, version="2")
    assert stage1choice.of_machines(layout, "kvm") == GivenStage1(
        "name", f"{KVM_NAME}:2", stored=True
    )


@pytest.mark.parametrize(
    "fields",
    [{"name": "a.b/c"}, {"version": "1"}, {"name": "nonsense", "version": "1"}, {"place": "x"}],
)
def test_refused_configuration(layout: Layout, fields: dict[str, str]) -> None:
    say(layout.local_config, "stage1", **fields)
    with pytest.raises(UsageError):
        stage1choice.by_configuration(layout)


def test_said_twice_in_one_directory(layout: Layout) -> None:
    say(layout.local_config, "stage1", "1.json", name="a.b/c", version="1")
    say(layout.local_config, "stage1", "2.json", location="/srv/own.aci")
    assert stage1choice.by_configuration(layout) is not None
    say(layout.local_config, "stage1", "3.json", name="a.b/d", version="1")
    with pytest.raises(UsageError, match="already set by another file"):
        stage1choice.by_configuration(layout)


def test_a_file_that_others_can_write_chooses_nothing(layout: Layout) -> None:
    say(layout.local_config, "stage1", name="a.b/c", version="1")
    Path(layout.local_config, "stage1.d/10.json").chmod(0o666)
    with pytest.raises(UsageError, match="may be written by others"):
        stage1choice.by_configuration(layout)


@pytest.mark.parametrize(
    "detour", ["/usr/lib/rkt/../../..", "/usr/lib/rkt/./../../..", "/usr/lib/rkt/x/../../../.."]
)
def test_a_file_of_ones_own_is_not_taken_for_one_of_rkts_because_of_a_detour(
    tmp_path: Path, detour: str
) -> None:
    own = tmp_path / "stage1-fly.aci"
    own.touch()
    found = Choice("image", GivenStage1("path", str(own)))
    assert stage1choice.at_path(f"{detour}{own}", "--stage1-path") == found
    for url in (f"file://{detour}{own}", f"file://{detour.replace('..', '%2e%2e')}{own}"):
        assert stage1choice.at_location(url, "--stage1-url").flavour == "image"
    assert stage1choice.at_path("/usr/lib//rkt/x/../stage1-fly.aci", "") == Choice("fly")


@pytest.mark.parametrize("kind", ["link", "fifo", "directory", "dangling"])
def test_a_stage1_d_file_that_is_a_link_does_not_leave_pods_in_namespaces_without_a_word(
    layout: Layout, tmp_path: Path, kind: str
) -> None:
    say(str(tmp_path), "stage1", "managed.json", name="podwright.io/stage1-kvm", version="1.0")
    place = Path(layout.local_config) / "stage1.d/10.json"
    place.parent.mkdir()
    if kind == "link":
        place.symlink_to(tmp_path / "stage1.d/managed.json")
    elif kind == "dangling":
        place.symlink_to("nowhere")
    elif kind == "fifo":
        os.mkfifo(place)
    else:
        place.mkdir()
    with pytest.raises(UsageError, match=r"10\.json is not a regular file"):
        stage1choice.by_configuration(layout)
    place.rename(place.with_suffix(".off"))
    assert stage1choice.by_configuration(layout) is None


def test_a_stage1_d_directory_that_everybody_may_write_is_not_believed(layout: Layout) -> None:
    say(layout.local_config, "stage1", name="podwright.io/stage1-kvm", version="1.0")
    place = Path(layout.local_config) / "stage1.d"
    assert stage1choice.by_configuration(layout)
    place.chmod(0o777)
    with pytest.raises(UsageError, match="may be written by others"):
        stage1choice.by_configuration(layout)
    place.chmod(0o755)
    place.parent.chmod(0o777)
    with pytest.raises(UsageError, match="may be written by others"):
        stage1choice.by_configuration(layout)


@pytest.mark.parametrize("word", ["kmv", "KVM"])
def test_a_misspelt_flavour_is_guessed(word: str) -> None:
    with pytest.raises(UsageError) as caught:
        stage1choice.named(word)
    assert caught.value.hint.startswith("did you mean kvm? this version has namespaces, fly, kvm")
