# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The SELinux context that a pod's QEMU has."""

from __future__ import annotations

from pathlib import Path

import pytest

from podwright.host import selinux
from podwright.model.label import PodLabel
from podwright.stage1.kvm import label

OWN = PodLabel(
    "system_u:system_r:container_t:s0:c1,c2", "system_u:object_r:container_file_t:s0:c1,c2", "x"
)
MACHINES = 'sandbox_kvm_process = "system_u:system_r:container_kvm_t:s0"\n'


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        (MACHINES, "system_u:system_r:container_kvm_t:s0:c1,c2"),
        ("", OWN.process),
    ],
)
def test_its_type_is_the_policys_and_its_categories_are_the_pods(
    tmp_path: Path, more: str, expected: str
) -> None:
    contexts = tmp_path / "etc/selinux/targeted/contexts"
    contexts.mkdir(parents=True)
    (tmp_path / "etc/selinux/config").write_text("SELINUXTYPE=targeted\n")
    (contexts / "lxc_contexts").write_text(
        'process = "system_u:system_r:container_t:s0"\nfile = "system_u:object_r:container_file_t:s0"\n'
        + more
    )
    kernel = tmp_path / "sys/fs/selinux/context"
    kernel.parent.mkdir(parents=True)
    kernel.touch()
    found = label.of_machine(OWN, str(tmp_path))
    assert (found.process, found.server, found.jail) == (expected, expected, OWN.file)


def test_our_own_module_tells_qemu_from_what_serves_its_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selinux, "container_contexts", lambda _root: selinux.OURS)
    monkeypatch.setattr(selinux, "check", lambda _context, _root: None)
    found = label.of_machine(OWN, str(tmp_path))
    assert found.process == "system_u:system_r:podwright_machine_t:s0:c1,c2"
    assert found.server == "system_u:system_r:podwright_serve_t:s0:c1,c2"
    assert found.jail == "system_u:object_r:podwright_jail_t:s0:c1,c2"
