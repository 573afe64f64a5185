# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documents of container images: what they are depends on their bytes and their declared type."""

from __future__ import annotations

import json
from typing import Any

import pytest

from podwright.errors import ImageError
from podwright.model import oci, ociconfig, ociplatform

HEX = "0123456789abcdef" * 4
LAYER = {"mediaType": oci.LAYERS[1], "digest": f"sha256:{HEX}", "size": 5}
CONFIG = {"mediaType": oci.OCI_CONFIG, "digest": f"sha256:{HEX[::-1]}", "size": 7}


def image(**fields: Any) -> dict[str, Any]:
    return {"schemaVersion": 2, "config": CONFIG, "layers": [LAYER], **fields}


def parse(document: Any, declared: str = oci.OCI_MANIFEST) -> oci.Index | oci.Manifest:
    data = document if isinstance(document, bytes) else json.dumps(document).encode()
    return oci.parse_document(data, declared, "r.io/a:1")


def entry(**fields: Any) -> dict[str, Any]:
    return {"mediaType": oci.OCI_MANIFEST, "digest": f"sha256:{HEX}", "size": 9, **fields}


def platform(os: str, architecture: str, variant: str = "") -> dict[str, str]:
    return {"os": os, "architecture": architecture, "variant": variant}


@pytest.mark.parametrize(
    ("declared", "own"),
    [
        (oci.OCI_MANIFEST, None),
        (oci.OCI_MANIFEST + "; charset=utf-8", oci.OCI_MANIFEST),
        ("", oci.DOCKER_MANIFEST),
        (oci.DOCKER_MANIFEST, oci.DOCKER_MANIFEST),
    ],
)
def test_an_image(declared: str, own: str | None) -> None:
    found = parse(image(mediaType=own), declared)
    assert isinstance(found, oci.Manifest)
    assert [layer.digest for layer in found.layers] == [LAYER["digest"]]


def test_an_index() -> None:
    found = parse({"schemaVersion": 2, "manifests": [entry()]}, oci.OCI_INDEX)
    assert isinstance(found, oci.Index) and len(found.manifests) == 1


@pytest.mark.threat("T26")
@pytest.mark.parametrize(
    ("document", "declared", "why"),
    [
        (image(manifests=[entry()]), oci.OCI_MANIFEST, "an index and an image at once"),
        (image(manifests=[]), oci.OCI_INDEX, "an index and an image at once"),
        (image(mediaType=oci.OCI_INDEX), oci.OCI_MANIFEST, "is announced as"),
        (image(mediaType=oci.DOCKER_MANIFEST), oci.OCI_MANIFEST, "is announced as"),
        (image(mediaType=oci.OCI_MANIFEST), "application/octet-stream", "is announced as"),
        (image(), oci.OCI_INDEX, "lacks what a"),
        (image(), "", "type nothing"),
        (image(), "application/json", "type application/json is not"),
        ({"schemaVersion": 2, "manifests": [entry()]}, oci.OCI_MANIFEST, "lacks what a"),
        ({"schemaVersion": 1, "fsLayers": [], "history": []}, "", "old format"),
        (image(), "application/vnd.docker.distribution.manifest.v1+prettyjws", "old format"),
        (image(fsLayers=[]), oci.OCI_MANIFEST, "old format"),
        (image(schemaVersion=3), oci.OCI_MANIFEST, "is not between 2 and 2"),
        (image(schemaVersion=True), oci.OCI_MANIFEST, "a whole number"),
        (image(artifactType="application/x"), oci.OCI_MANIFEST, "something else"),
        (image(config={**CONFIG, "mediaType": "application/vnd.cncf.helm.config.v1+json"}),
         oci.OCI_MANIFEST, "something else"),
        (image(config=None), oci.OCI_MANIFEST, "is missing"),
        ({"schemaVersion": 2, "manifests": [entry()] * 1025}, oci.OCI_INDEX, "more than 1024"),
    ],
)  # fmt: skip
def test_confused_documents_are_refused(document: Any, declared: str, why: str) -> None:
    with pytest.raises(ImageError) as caught:
        parse(document, declared)
    assert why in caught.value.sentence()
    assert "r.io/a:1" in caught.value.sentence()


@pytest.mark.threat("T34")
@pytest.mark.parametrize(
    ("layers", "why"),
    [
        ([], "has no layers"),
        (None, "has no layers"),
        ([LAYER] * 129, "129 layers"),
        ([{**LAYER, "digest": CONFIG["digest"]}], "its configuration is one of its layers"),
        ([{**LAYER, "urls": ["https://elsewhere.example.com/x"]}], "server elsewhere"),
        ([{**LAYER, "mediaType": "application/vnd.oci.image.layer.nondistributable.v1.tar"}],
         "server elsewhere"),
        ([{**LAYER, "mediaType": oci.LAYERS[1] + "+encrypted"}], "is encrypted"),
        ([{**LAYER, "mediaType": "text/html"}], "not a layer"),
        ([{**LAYER, "size": -1}], "is not between"),
        ([{**LAYER, "size": 2**40}], "is not between"),
        ([{**LAYER, "size": 1.5}], "a whole number"),
        ("x", "a list"),
    ],
)  # fmt: skip
def test_layer_lists_that_cannot_be(layers: Any, why: str) -> None:
    with pytest.raises(ImageError) as caught:
        parse(image(layers=layers))
    assert why in caught.value.sentence()


@pytest.mark.threat("T28")
@pytest.mark.parametrize(
    "digest",
    ["sha256:../../x", f"sha256:{HEX.upper()}", f"sha256:{HEX[1:]}", f"sha256:{HEX}0", f"md5:{HEX[:32]}",
     f"sha1:{HEX[:40]}", f"SHA256:{HEX}", "sha256:", f"sha256:{HEX[:-1]}\uff11", f"sha256:{HEX}\n", "", None, 5],
)  # fmt: skip
def test_digests_that_are_none(digest: Any) -> None:
    for document, declared in (
        (image(layers=[{**LAYER, "digest": digest}]), oci.OCI_MANIFEST),
        (image(config={**CONFIG, "digest": digest}), oci.OCI_MANIFEST),
        ({"schemaVersion": 2, "manifests": [entry(digest=digest)]}, oci.OCI_INDEX),
    ):
        with pytest.raises(ImageError):
            parse(document, declared)


@pytest.mark.threat("T27")
@pytest.mark.parametrize(
    "data",
    [
        json.dumps(image()).replace('"layers"', '"layers": [], "layers"').encode(),
        json.dumps(image()).replace('"size": 5', '"size": 5, "size": 6').encode(),
        b"[" * 200_000,
        json.dumps(image()).replace('"size": 5', '"size": ' + "9" * 5000).encode(),
        json.dumps(image()).replace('"size": 5', '"size": NaN').encode(),
        json.dumps(image()).replace('"size": 5', '"size": 1e999').encode(),
        b"\xef\xbb\xbf" + json.dumps(image()).encode(),
        json.dumps(image()).replace(oci.OCI_CONFIG, "\\ud800").encode(),
        b"", b"null", b"[]", b"\xff", json.dumps(image()).encode() + b" " * oci.MAX_DOCUMENT,
    ],
)  # fmt: skip
def test_json_that_is_not_plain(data: bytes) -> None:
    with pytest.raises(ImageError):
        parse(data)


@pytest.mark.parametrize(
    ("arch", "platforms", "chosen"),
    [
        ("amd64", [("linux", "arm64", ""), ("linux", "amd64", "")], 1),
        ("amd64", [("windows", "amd64", ""), ("linux", "amd64", "v3"), ("linux", "amd64", "v1")], 2),
        ("aarch64", [("linux", "arm64", "v8"), ("linux", "arm64", "")], 1),
        ("armv7l", [("linux", "arm", "v6"), ("linux", "arm", "v7"), ("linux", "arm64", "")], 1),
        ("armv6l", [("linux", "arm", "v7"), ("linux", "arm", "v5")], 1),
        ("i386", [("linux", "amd64", ""), ("linux", "386", "")], 1),
        ("amd64", [("unknown", "unknown", ""), ("linux", "amd64", ""), ("linux", "amd64", "")], 1),
    ],
)  # fmt: skip
def test_the_image_for_the_host_is_chosen(
    arch: str, platforms: list[tuple[str, str, str]], chosen: int
) -> None:
    entries = [
        entry(digest=f"sha256:{number:064d}", platform=platform(*each))
        for number, each in enumerate(platforms)
    ]
    index = parse({"schemaVersion": 2, "manifests": entries}, oci.OCI_INDEX)
    assert isinstance(index, oci.Index)
    assert ociplatform.choose(index, arch, "x").digest == f"sha256:{chosen:064d}"


def test_an_entry_without_a_platform_counts_when_it_is_the_only_one() -> None:
    index = parse({"schemaVersion": 2, "manifests": [entry()]}, oci.OCI_INDEX)
    assert isinstance(index, oci.Index)
    assert ociplatform.choose(index, "amd64", "x").digest == f"sha256:{HEX}"


def test_an_index_without_an_image_for_the_host_says_what_it_has() -> None:
    entries = [
        entry(platform=platform("linux", "s390x")),
        entry(platform=platform("windows", "amd64")),
    ]
    index = parse({"schemaVersion": 2, "manifests": entries}, oci.OCI_INDEX)
    assert isinstance(index, oci.Index)
    with pytest.raises(ImageError) as caught:
        ociplatform.choose(index, "amd64", "x")
    assert "linux/s390x, windows/amd64" in caught.value.sentence()


@pytest.mark.threat("T34")
@pytest.mark.parametrize(
    ("document", "why"),
    [
        ({"os": "linux", "architecture": "amd64", "rootfs": {"type": "layers", "diff_ids": []}}, "names 0"),
        ({"os": "linux", "architecture": "amd64"}, "rootfs: is missing"),
        ({"os": "linux", "architecture": "amd64", "rootfs": {"type": "x", "diff_ids": []}}, "is not one of"),
        ({"os": "linux", "architecture": "amd64", "rootfs": {"type": "layers", "diff_ids": ["sha256:x"]}}, "no digest"),
        ({"rootfs": {"type": "layers", "diff_ids": [f"sha256:{HEX}"]}}, "is missing"),
        ([], "an object"),
    ],
)  # fmt: skip
def test_configurations_that_do_not_fit(document: Any, why: str) -> None:
    with pytest.raises(ImageError) as caught:
        ociconfig.parse_config(json.dumps(document).encode(), 1, "x")
    assert why in caught.value.sentence()
