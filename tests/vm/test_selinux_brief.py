# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""SELinux in `make test`: a pod has its label, and that keeps it from what is the host's. The rest: test_selinux.py."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support import tiny_image
from tests.vm import bed
from tests.vm.machine import Machine


@pytest.fixture(scope="module")
def seen(selinux: Machine) -> dict[str, Any]:
    files = {"tiny.aci": tiny_image.build(), "selinux_inside.py": bed.HERE / "selinux_inside.py"}
    return bed.told(selinux, "scenario_selinux_brief.py", files=files)


@pytest.mark.threat("T66")
def test_a_pod_is_kept_from_what_is_the_hosts_by_its_label(seen: dict[str, Any]) -> None:
    assert seen["mode"] == "Enforcing"
    assert "system_u:system_r:podwright_pod_t:s0:c" in seen["enforcing"]
    assert "can't open '/data/file': Permission denied" in seen["enforcing"]


def test_the_same_file_is_read_where_selinux_only_notes_it(seen: dict[str, Any]) -> None:
    """The control."""
    assert "system_u:system_r:podwright_pod_t:s0:c" in seen["permissive"]
    assert seen["permissive"].splitlines()[-1] == "data"
