# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Digests that images must have, said beforehand."""

from __future__ import annotations

import pytest

from podwright.errors import UsageError, VerifyError
from podwright.stage0 import expected

ID = "sha512-" + "ab" * 32
OCI = "sha256:" + "0d" * 32


@pytest.mark.parametrize(("given", "read"), [(ID, ID), ("sha512-" + "ab" * 64, ID), (OCI, OCI)])
def test_digests(given: str, read: str) -> None:
    assert expected.parse(given, "digest") == read


@pytest.mark.parametrize(
    "given",
    [
        "",
        ID[:-1],
        ID.upper(),
        ID.replace("-", ":"),
        OCI.replace(":", "-"),
        OCI + "0d",
        f" {OCI}",
        f"{OCI}\n",
        "sha512:" + "ab" * 64,
        "md5:" + "0" * 32,
        "latest",
    ],
)
def test_what_is_no_digest(given: str) -> None:
    with pytest.raises(UsageError, match=r"^images\[0\]\.digest: .* is not a digest"):
        expected.parse(given, "images[0].digest")


def test_an_image_is_the_wanted_one_by_either_digest() -> None:
    for wanted in ("", ID, OCI):
        expected.require(wanted, "web", ID, OCI)
    with pytest.raises(VerifyError) as caught:
        expected.require(OCI, "web", ID, "sha256:" + "1" * 64)
    assert caught.value.reason == "wrong-digest"
    assert "sha256:" + "1" * 64 in caught.value.message
    with pytest.raises(VerifyError, match=f"web is {ID}, not {OCI}"):
        expected.require(OCI, "web", ID, "")
