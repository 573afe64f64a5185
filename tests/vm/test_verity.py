# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""fs-verity: the kernel refuses to read files of pods that changed on the disk (docs/images.md)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support import tiny_image
from tests.vm import bed
from tests.vm.machine import Machine

pytestmark = pytest.mark.vm_full

FILES = {"etc/canary": "PODWRIGHT-CANARY" * 1024}


@pytest.fixture(scope="module")
def seen(plain: Machine) -> dict[str, Any]:
    return bed.told(plain, "scenario_verity.py", {"canary.aci": tiny_image.build(files=FILES)})


def test_rendered_files_have_verity_where_the_file_system_offers_it(seen: dict[str, Any]) -> None:
    for name in ("verity", "without"):
        assert seen[name]["first"].split()[:3] == ["0", "PODWRIGHT-CANARY", "read"]
    assert (seen["verity"]["lists"], seen["without"]["lists"]) == (["verity"], [])


def test_not_even_root_writes_to_them(seen: dict[str, Any]) -> None:
    assert seen["verity"]["written"] == "Operation not permitted"
    assert seen["without"]["written"] == "opened for writing", "the control"


def test_a_pod_cannot_read_what_changed_on_the_disk(seen: dict[str, Any]) -> None:
    assert seen["verity"]["places"] > 0 and seen["without"]["places"] > 0
    assert "read" not in seen["verity"]["spoiled"].split()
    assert "Input/output error" in seen["verity"]["spoiled"]
    assert seen["without"]["spoiled"].split()[:3] == ["0", "qODWRIGHT-CANARY", "read"], (
        "the control"
    )


def test_verify_finds_it_with_and_without(seen: dict[str, Any]) -> None:
    for name in ("verity", "without"):
        assert seen[name]["verify"] == 254
        assert "etc/canary" in seen[name]["verified"]
