# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images whose manifest is hostile are refused in one sentence, and nothing of them is kept (T27, T35 to T38)."""

from __future__ import annotations

import pytest

from tests.hostile import manifests
from tests.hostile.rig import Rig
from tests.hostile.tarwriter import END
from tests.unit.stage0.rawtar import directory, file

CASES = [
    pytest.param(data, id=f"{row}-{name}", marks=pytest.mark.threat(row))
    for row, named in manifests.HOSTILE.items()
    for name, data in named.items()
]


def archive(manifest: bytes) -> bytes:
    """An image with this manifest."""
    return file(b"manifest", manifest) + directory(b"rootfs/") + file(b"rootfs/x", b"1") + END


@pytest.mark.parametrize("data", CASES)
def test_no_hostile_manifest_is_accepted(bench: Rig, data: bytes) -> None:
    answer = bench.try_aci(archive(data))
    assert "refusal" in answer, answer
    assert answer["kind"] == "ImageError", answer


@pytest.mark.threat("T27")
def test_the_manifest_that_they_are_made_from_is_accepted(bench: Rig) -> None:
    assert "value" in bench.try_aci(archive(manifests.image()))


@pytest.mark.threat("T37")
@pytest.mark.parametrize(
    "key", ["podwright/host-path", "org.example/run\x1b[2J", "com.docker.compose/privileged"]
)
def test_annotations_and_unknown_fields_are_data(bench: Rig, key: str) -> None:
    extra = {
        "annotations": [{"name": key, "value": "/"}],
        "hooks": {"prestart": [{"path": "/bin/sh"}]},
    }
    answer = bench.try_aci(archive(manifests.image(**extra)))
    assert "value" in answer or answer["kind"] == "ImageError"


def test_there_are_enough_of_them() -> None:
    assert len(CASES) >= 60
