# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Keys
from tests.support import aci
from tests.support import tiny_image as tiny
from tests.support.gpglab import GpgLab


def test_an_image_has_exactly_manifest_and_rootfs(tiny_image: Callable[..., Path]) -> None:
    with tarfile.open(tiny_image()) as archive:
        names = archive.getnames()
    assert {name.split("/")[0] for name in names} == {"manifest", "rootfs"}
    assert len(names) == len(set(names))


def test_the_same_inputs_give_the_same_bytes(tmp_path: Path) -> None:
    images = []
    for number in range(2):
        rootfs = tmp_path / f"rootfs{number}"
        rootfs.mkdir()
        tiny.make_rootfs(rootfs, {"etc/motd": "hello\n"})
        images.append(tmp_path / f"{number}.aci")
        aci.build(rootfs, aci.image_manifest("example.com/a", "1"), images[-1])
    assert images[0].read_bytes() == images[1].read_bytes()


def test_build_returns_the_digest_of_the_uncompressed_archive(tmp_path: Path) -> None:
    (tmp_path / "rootfs").mkdir()
    image = tmp_path / "x.aci"
    identifier = aci.build(tmp_path / "rootfs", aci.image_manifest("example.com/a", "1"), image)
    plain = subprocess.run(["gzip", "-dc", image], check=True, capture_output=True).stdout
    digest = (
        subprocess.run(["sha512sum"], input=plain, check=True, capture_output=True)
        .stdout.split()[0]
        .decode()
    )
    assert identifier == f"sha512-{digest}" == aci.image_id(image)


def test_a_signature_verifies_with_gpgv_and_its_key_only(
    lab: Keys, signed_image: Callable[..., Path], tmp_path: Path
) -> None:
    image = signed_image()
    assert _gpgv(lab.key.lab, lab.key.fingerprint, image, tmp_path) == 0
    assert _gpgv(lab.key.lab, lab.stranger.fingerprint, image, tmp_path) != 0


def test_no_gpg_agent_outlives_its_lab() -> None:
    with GpgLab() as lab:
        lab.generate("Nobody <nobody@example.com>")
        home = lab.home
    assert not home.exists()
    listing = subprocess.run(
        ["ps", "-eo", "args"], check=True, capture_output=True, text=True
    ).stdout
    assert str(home) not in listing


@pytest.mark.parametrize("algorithm", ["ed25519", "rsa4096"])
def test_a_key_is_known_by_its_full_fingerprint(algorithm: str) -> None:
    with GpgLab() as lab:
        key = lab.generate("Somebody <somebody@example.com>", algorithm)
        assert len(key.fingerprint) == 40
        assert [known.fingerprint for known in lab.secret_keys()] == [key.fingerprint]
        assert key.armoured.startswith("-----BEGIN PGP PUBLIC KEY BLOCK-----")


def _gpgv(lab: GpgLab, fingerprint: str, image: Path, scratch: Path) -> int:
    ring = scratch / f"{fingerprint}.gpg"
    lab.gpg("--yes", "--output", str(ring), "--export", fingerprint)
    command = ["gpgv", "--keyring", str(ring), f"{image}.asc", str(image)]
    return subprocess.run(command, check=False, capture_output=True).returncode
