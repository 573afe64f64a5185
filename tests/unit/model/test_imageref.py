# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Image arguments (behaviour.md A4)."""

from __future__ import annotations

import pytest

from podwright.errors import UsageError
from podwright.model.imageref import ImageRef, format_ref, parse_ref

HERE = {"local.aci", "example.com", "example.com/redis:1", "Example", "x:y.aci"}


def read(text: str) -> ImageRef:
    """Parse where the files in HERE exist."""
    return parse_ref(text, HERE.__contains__)


@pytest.mark.parametrize(
    ("text", "name", "labels"),
    [
        ("example.com/redis", "example.com/redis", ()),
        ("example.com/redis:7.2", "example.com/redis", (("version", "7.2"),)),
        ("a.b/c:1,os=linux,arch=amd64", "a.b/c", (("version", "1"), ("os", "linux"), ("arch", "amd64"))),
        ("a.b/c,channel=beta", "a.b/c", (("channel", "beta"),)),
        ("redis:7", "redis", (("version", "7"),)),
        ("a/b:1.0+deb12~3-rc.1", "a/b", (("version", "1.0+deb12~3-rc.1"),)),
    ],
)  # fmt: skip
def test_names(text: str, name: str, labels: tuple[tuple[str, str], ...]) -> None:
    ref = read(text)
    assert (ref.kind, ref.name, ref.labels) == ("name", name, labels)
    assert format_ref(ref.name, ref.labels) == text
    assert ref.version == dict(labels).get("version", "")


@pytest.mark.parametrize(
    ("text", "kind", "location"),
    [
        ("/abs/olute", "file", "/abs/olute"),
        ("/with:colon", "file", "/with:colon"),
        ("local.aci", "file", "local.aci"),
        ("Example", "file", "Example"),
        ("./example.com", "file", "./example.com"),
        ("x:y.aci", "file", "x:y.aci"),
        ("./no/such", "file", "./no/such"),
        ("example.com/../x", "file", "example.com/../x"),
        ("no-such.aci", "file", "no-such.aci"),
        ("file:///a/b.aci", "file", "/a/b.aci"),
        ("file://localhost/a/b%20c.aci", "file", "/a/b c.aci"),
        ("https://h/x.aci", "url", "https://h/x.aci"),
        ("http://h/x.aci", "url", "http://h/x.aci"),
        ("sha512-ab", "id", "sha512-ab"),
        ("sha512-" + "a" * 128, "id", "sha512-" + "a" * 64),
    ],
)
def test_files_urls_and_ids(text: str, kind: str, location: str) -> None:
    ref = read(text)
    assert (ref.kind, ref.location, ref.text) == (kind, location, text)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "empty"),
        ("example.com", "a file of that name is here too"),
        ("example.com/redis:1", "a file of that name is here too"),
        ("Example.com/x", "AC identifier"),
        ("example.com//x", "AC identifier"),
        ("a/b:", "cannot be the value"),
        ("a/b:1:2", "cannot be the value"),
        ("a/b:..", "cannot be the value"),
        ("a/b:1/2", "cannot be the value"),
        ("a/b:1,version=2", "twice"),
        ("a/b,os=linux,os=linux", "twice"),
        ("a/b,name=x", "cannot be given"),
        ("a/b,os", "not label=value"),
        ("a/b,=x", "AC identifier"),
        ("a/b,", "not label=value"),
        ("a/b:1\n", "not printable"),
        ("a/b:{x}", "cannot be the value"),
        ("docker://", "not a repository name"),
        ("docker://Redis/", "not a repository name"),
        ("cimd:docker:v=0:x", "scheme 'cimd' is not understood"),
        ("ftp://h/x.aci", "scheme 'ftp' is not understood"),
        ("https://h/x.tar", "does not end in .aci"),
        ("file://host/x.aci", "not file://"),
        ("file://x.aci", "not file://"),
        ("sha512-", "not an image ID"),
        ("sha512-a", "not an image ID"),
        ("sha512-ABCD", "not an image ID"),
        ("sha512-../../x", "not an image ID"),
        ("-x", "AC identifier"),
    ],
)
def test_what_is_none_of_them_is_refused(text: str, why: str) -> None:
    with pytest.raises(UsageError) as caught:
        read(text)
    assert why in caught.value.sentence()
    assert caught.value.sentence().isprintable()
