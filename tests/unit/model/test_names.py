# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""appc names (behaviour.md A2) and pod names."""

from __future__ import annotations

import pytest

from podwright.errors import UsageError
from podwright.model import names

UUID = "6733c088-a507-4694-aabf-a0bf93f1fd6b"


@pytest.mark.parametrize("text", ["a", "0", "redis", "6379-tcp", "a-b-c", "volume-var-lib-x"])
def test_ac_names(text: str) -> None:
    assert names.ac_name(text, "x") == text


@pytest.mark.parametrize(
    "text",
    ["", "-a", "a-", "a--b", "A", "a_b", "a.b", "a/b", "a b", "a\n", "\u00e9", "a" * 129, None, 1],
)
def test_no_ac_names(text: object) -> None:
    with pytest.raises(UsageError, match=r"^pods\[0\]\.name: .* is not an AC name"):
        names.ac_name(text, "pods[0].name")


@pytest.mark.parametrize(
    "text", ["redis", "example.com/redis", "a/b/c", "a_b~c-d.e", "quay.io/coreos/etcd", "0"]
)
def test_ac_identifiers(text: str) -> None:
    assert names.ac_identifier(text, "x") == text


@pytest.mark.parametrize(
    "text", ["", "/a", "a/", "a//b", "a/../b", "a..b", "A/b", "a:b", "a\n", "a" * 256, None]
)
def test_no_ac_identifiers(text: object) -> None:
    with pytest.raises(UsageError, match="is not an AC identifier"):
        names.ac_identifier(text, "x")


@pytest.mark.parametrize("text", ["web", "a", "7", "web-1", "a" * 63, "deadbeef"])
def test_pod_names(text: str) -> None:
    assert names.pod_name(text, "x") == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-web",
        "web-",
        "we--b",
        "Web",
        "web.example",
        "a" * 64,
        UUID,
        "../x",
        "a/b",
        "a b",
        "web\n",
    ],
)
def test_no_pod_names(text: str) -> None:
    with pytest.raises(UsageError, match="is not a pod name"):
        names.pod_name(text, "x")


@pytest.mark.parametrize(
    "text", ["web", "web.example.com", "A1", "x--y", "a" * 63, "a.b." * 15 + "abcd"]
)
def test_host_names(text: str) -> None:
    assert names.host_name(text, "x") == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "web.",
        ".web",
        "a..b",
        "-a",
        "a-",
        "a.-b",
        "a_b",
        "a b",
        "a\n",
        "a" * 64,
        "a.b." * 15 + "abcde",
    ],
)
def test_no_host_names(text: str) -> None:
    with pytest.raises(UsageError, match="is not a host name"):
        names.host_name(text, "x")


@pytest.mark.parametrize(
    "image, app",
    [
        ("example.com/redis", "redis"),
        ("redis", "redis"),
        ("example.com/my_app.v2", "my-app-v2"),
        ("example.com/a~b", "a-b"),
    ],
)
def test_the_default_app_name_is_the_last_element_of_the_image_name(image: str, app: str) -> None:
    assert names.app_name_from(image) == names.ac_name(app, "x")


@pytest.mark.parametrize(
    "name, prefix, covered",
    [
        ("example.com/etcd", "example.com", True),
        ("example.com/etcd", "example.com/etcd", True),
        ("example.com/etcd", "example.com/et", False),
        ("example.com.evil.org/etcd", "example.com", False),
        ("example.com", "example.com/etcd", False),
    ],
)
def test_prefixes_end_at_path_elements(name: str, prefix: str, covered: bool) -> None:
    assert names.within_prefix(name, prefix) is covered
