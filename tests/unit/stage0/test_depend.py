# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Dependencies in manifests, their order, and the lists of merged trees."""

from __future__ import annotations

from typing import Any

import pytest

from podwright.errors import UsageError
from podwright.model.dependency import Dependency, parse_dependencies, parse_whitelist
from podwright.model.image import ImageManifest, parse_image
from podwright.stage0 import depend, platform
from podwright.stage0.render import merge
from tests.support import aci

ID = "sha512-" + "ab" * 64


def manifest(**extra: Any) -> ImageManifest:
    """A parsed image manifest with further fields."""
    return parse_image(aci.image_manifest("example.com/top", "1.0", **extra))


def test_a_dependency_with_everything() -> None:
    raw = {
        "imageName": "example.com/base",
        "imageID": ID,
        "labels": [{"name": "version", "value": "1.0"}, {"name": "os", "value": "linux"}],
        "size": 22017258,
    }
    assert parse_dependencies(manifest(dependencies=[raw])) == (
        Dependency(
            "example.com/base",
            (("version", "1.0"), ("os", "linux")),
            ID[: len("sha512-") + 64],
            22017258,
        ),
    )


def test_the_argument_that_stands_for_a_dependency() -> None:
    need = Dependency("example.com/base", (("arch", "amd64"), ("version", "1.0")))
    assert need.ref.text == "example.com/base:1.0,arch=amd64"
    assert need.ref.version == "1.0"


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ({}, "imageName: is missing"),
        ({"imageName": "Upper"}, "not an AC identifier"),
        ({"imageName": "../up"}, "not an AC identifier"),
        ({"imageName": "a", "imageID": "sha256-00"}, "not an image ID"),
        ({"imageName": "a", "imageID": "sha512-0"}, "not an image ID"),
        ({"imageName": "a", "imageID": "sha512-../../x"}, "not an image ID"),
        ({"imageName": "a", "size": -1}, "is not between"),
        ({"imageName": "a", "size": "1"}, "must be a whole number"),
        ({"imageName": "a", "labels": [{"name": "name", "value": "b"}]}, "cannot be asked for"),
        ({"imageName": "a", "labels": [{"name": "x", "value": "a\x1b"}]}, "cannot be asked for"),
        ("a", "must be an object"),
    ],
)
def test_a_dependency_that_says_nonsense_is_refused(raw: Any, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_dependencies(manifest(dependencies=[raw]))
    assert said in caught.value.message


def test_too_many_dependencies_are_refused() -> None:
    many = [{"imageName": f"a/{number}"} for number in range(129)]
    with pytest.raises(UsageError, match="more than 128"):
        parse_dependencies(manifest(dependencies=many))


def test_a_whitelist_is_normalised() -> None:
    kept = parse_whitelist(manifest(pathWhitelist=["/a/b", "//c/./d/", "/ü"]))
    assert kept == {b"a/b", b"c/d", "ü".encode()}


@pytest.mark.parametrize("path", ["relative", "/a/../b", ""])
def test_a_whitelist_with_other_paths_is_refused(path: str) -> None:
    with pytest.raises(UsageError):
        parse_whitelist(manifest(pathWhitelist=[path]))


@pytest.mark.parametrize(
    ("labels", "wanted", "fits"),
    [
        ({}, {}, True),
        ({"os": "linux", "arch": platform.host_arch()}, {}, True),
        ({"os": "linux"}, {}, True),
        ({"os": "freebsd"}, {}, False),
        ({"arch": "ppc64le"}, {"arch": "ppc64le"}, True),
        ({}, {"arch": "ppc64le"}, False),
        ({"version": "1"}, {"version": "2"}, False),
        ({"version": "1"}, {"version": "1"}, True),
        ({}, {"version": "1"}, False),
    ],
)
def test_missing_labels_are_the_hosts_or_nobodys(
    labels: dict[str, str], wanted: dict[str, str], fits: bool
) -> None:
    assert depend.fits_host(labels, wanted) is fits


def rows(*paths: str) -> dict[bytes, bytes]:
    """A list; a path that ends in / is a directory, `a=x` a file with content x."""
    found = {}
    for path in paths:
        name, _, content = path.partition("=")
        kind = "dir" if name.endswith("/") else "file"
        key = name.rstrip("/").encode()
        found[key] = f"./{name.rstrip('/')} type={kind} sha256digest={content}".encode()
    return found


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        ([("d/", "d/a=1"), ("d/", "d/b=2")], ("d/", "d/a=1", "d/b=2")),
        ([("x=1",), ("x=2",), ("x=3",)], ("x=3",)),
        ([("d/", "d/a=1", "d/e/", "d/e/f=1"), ("d=file",)], ("d=file",)),
        ([("d=file",), ("d/", "d/a=1")], ("d/", "d/a=1")),
        ([("d/", "d/a=1"), ("d=file",), ("d/", "d/b=2")], ("d/", "d/b=2")),
        ([("da=1", "d/", "d/a=1"), ("d=file",)], ("da=1", "d=file")),
    ],
    ids=["merged", "top wins", "file over directory", "directory over file", "between", "prefix"],
)
def test_what_layers_show_together(
    layers: list[tuple[str, ...]], expected: tuple[str, ...]
) -> None:
    assert merge.overlaid([rows(*layer) for layer in layers]) == rows(*expected)
