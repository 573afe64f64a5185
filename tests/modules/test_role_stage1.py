# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role stage1 and its playbook: the image of virtual machines is built, signed, carried and stored, once."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.conftest import Keys
from tests.modules.playbook_site import Site
from tests.support import kvm_image


def test_built_signed_and_stored_once(site: Site, lab: Keys, tmp_path: Path) -> None:
    site.changed("install")
    found = kvm_image.kernel()
    key = tmp_path / "key.asc"
    key.write_text(lab.key.armoured)
    key.chmod(0o644)
    site.shell(f"podwright trust --prefix={kvm_image.NAME} --skip-fingerprint-review {key}")
    secret = tmp_path / "gpg"
    shutil.copytree(lab.lab.home, secret, ignore=shutil.ignore_patterns("S.*"))
    variables = {
        "podwright_stage1_key": lab.key.fingerprint,
        "podwright_stage1_gpg_home": str(secret),
        "podwright_stage1_kernel": str(found / "vmlinuz"),
        "podwright_stage1_modules": str(found / "modules"),
        "podwright_stage1_controller_directory": str(tmp_path / "controller"),
        "podwright_stage1_directory": str(tmp_path / "carried"),
    }
    assert site.changed("stage1_kvm", **variables) > 0
    assert kvm_image.NAME in site.shell("podwright image list")
    assert site.changed("stage1_kvm", **variables) == 0
