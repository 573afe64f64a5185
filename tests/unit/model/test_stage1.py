# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stage1 images: how they are asked for, and what they say of themselves."""

from __future__ import annotations

from typing import Any

import pytest

from podwright.errors import ImageError, UsageError
from podwright.model import stage1
from podwright.model.fields import Fields
from podwright.model.image import ImageManifest, parse_image
from podwright.model.podspec import parse_pod_spec
from podwright.model.stage1 import GivenStage1

ID = "sha512-" + "0123456789abcdef" * 4


def image(**annotations: str) -> ImageManifest:
    names = {"kind": stage1.KIND, "protocol": stage1.PROTOCOL, "run": stage1.RUN}
    said = [{"name": names[name], "value": text} for name, text in annotations.items()]
    raw = {"acKind": "ImageManifest", "acVersion": "0.8.11", "name": "example.com/one"}
    return parse_image({**raw, "annotations": said})


def pod(**fields: Any) -> tuple[str, GivenStage1 | None]:
    body = {"name": "web", "image": "example.com/tiny", **fields}
    found = parse_pod_spec(Fields(body, "pods[0]"), None)
    return found.stage1, found.stage1_image


def test_what_an_image_is() -> None:
    kvm, other = image(kind="kvm", protocol="1"), image(run="/init")
    assert stage1.flavour_of(kvm.annotations) == "kvm"
    assert stage1.flavour_of(other.annotations) == "image"
    assert stage1.flavour_of(()) == ""
    for asked in ("kvm", "image"):
        assert stage1.check(kvm, asked) == "kvm"
    assert stage1.check(other, "image") == "image"


@pytest.mark.parametrize(
    ("manifest", "asked", "text"),
    [
        (image(), "image", "image example.com/one is no stage1: it has neither annotation"),
        (image(kind="kvn"), "image", "is of kind 'kvn', which this agent does not know"),
        (image(run="/init"), "kvm", "is no stage1 for stage1 kvm"),
        (image(kind="kvm"), "kvm", "speaks protocol (none) with its host, this agent speaks 1"),
        (image(kind="kvm", protocol="2"), "image", "speaks protocol 2 with its host"),
    ],
)
def test_refused(manifest: ImageManifest, asked: str, text: str) -> None:
    with pytest.raises(ImageError) as caught:
        stage1.check(manifest, asked)
    assert text in caught.value.message
    assert caught.value.hint


def test_versions_are_compared_as_people_do() -> None:
    versions = ["0.9", "1.0~rc1", "1.0", "1.0-1", "1.2", "1.10", "1.10a"]
    mixed = [*versions[3:], *versions[:3]]
    assert sorted(mixed, key=stage1.version_key) == versions


def test_an_image_whose_version_is_a_number_of_5000_digits_ends_no_run() -> None:
    versions = [
        "1.0",
        "1.2",
        f"1.{'9' * 5000}",
        f"1.1{'0' * 5000}",
        "2.007",
        "2.8",
        "8" * 4999,
        "9" * 5000,
    ]
    mixed = [*versions[3:], *versions[:3]]
    assert sorted(mixed, key=stage1.version_key) == versions
    assert stage1.version_key("1.007") == stage1.version_key("01.7")


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({}, ("namespaces", None)),
        ({"stage1": "kvm"}, ("kvm", None)),
        (
            {"stage1": "kvm", "stage1_image": {"name": "podwright.io/stage1-kvm:1.0"}},
            ("kvm", GivenStage1("name", "podwright.io/stage1-kvm:1.0")),
        ),
        (
            {"stage1_image": {"path": "/srv/one.aci"}},
            ("image", GivenStage1("path", "/srv/one.aci")),
        ),
        (
            {"stage1": "image", "stage1_image": {"url": "https://example.com/one.aci"}},
            ("image", GivenStage1("url", "https://example.com/one.aci")),
        ),
        ({"stage1_image": {"hash": ID}}, ("image", GivenStage1("hash", ID))),
    ],
)
def test_of_a_desired_state(fields: dict[str, Any], found: Any) -> None:
    assert pod(**fields) == found


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"stage1": "image"}, "pods[0].stage1: image needs stage1_image"),
        ({"stage1": "fly", "stage1_image": {"hash": ID}}, "cannot stand beside stage1 fly"),
        ({"stage1": "namespaces", "stage1_image": {"hash": ID}}, "beside stage1 namespaces"),
        ({"stage1_image": {}}, "pods[0].stage1_image: needs exactly one of name, path, url, hash"),
        ({"stage1_image": {"name": "a.b/c", "hash": ID}}, "needs exactly one of"),
        ({"stage1_image": {"dir": "x"}}, "pods[0].stage1_image.dir: unknown field"),
        ({"stage1_image": {"path": "one.aci"}}, "'one.aci' is not an absolute path"),
        ({"stage1_image": {"url": "/one.aci"}}, "'/one.aci' is not a URL"),
        ({"stage1_image": {"hash": "abc"}}, "'abc' is not an image ID"),
        ({"stage1_image": {"name": "/srv/one.aci"}}, "is not an image name"),
    ],
)
def test_refused_in_a_desired_state(fields: dict[str, Any], text: str) -> None:
    with pytest.raises(UsageError) as caught:
        pod(**fields)
    assert text in caught.value.message


def test_only_a_whole_id_says_which_image_it_is() -> None:
    assert GivenStage1("hash", ID).settled
    assert not GivenStage1("hash", ID[:30]).settled
    assert not GivenStage1("name", "example.com/one").settled
