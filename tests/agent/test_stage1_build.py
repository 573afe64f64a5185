# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""`stage1 build kvm`: from a kernel to a signed image that hosts fetch, or to one clear sentence."""

from __future__ import annotations

import json
import subprocess
import tarfile
from pathlib import Path

import pytest

from tests.conftest import Keys
from tests.support import kvm_image
from tests.support.agent import Agent

NAME = kvm_image.NAME


def build(output: Path, *options: str) -> list[str | Path]:
    """A command line that builds an image of the kernel that all tests share."""
    found = kvm_image.kernel()
    files = (f"--kernel={found / 'vmlinuz'}", f"--modules={found / 'modules'}")
    return ["stage1", "build", "kvm", output, *files, "--compression=none", *options]


def sign(lab: Keys) -> tuple[str, str]:
    """Options that sign with the test's key."""
    return f"--sign={lab.key.fingerprint}", f"--gpg-home={lab.lab.home}"


def said_by(agent: Agent, image: str) -> dict[str, str]:
    """Those of a stored image."""
    manifest = json.loads(agent.ok("image", "cat-manifest", image))
    return {one["name"].rpartition("/")[2]: one["value"] for one in manifest["annotations"]}


def test_built_signed_fetched_and_listed_and_a_second_time_nothing_changes(
    agent: Agent, lab: Keys, tmp_path: Path
) -> None:
    output = tmp_path / "kvm.aci"
    facts = json.loads(agent.ok(*build(output, *sign(lab), "--format=json"), timeout=300))
    assert facts["changed"] and facts["kernel"].endswith("-cloud-amd64")
    assert {"virtio_mmio", "virtio_console", "virtiofs"} <= set(facts["modules"])
    made = output.read_bytes()
    again = json.loads(agent.ok(*build(output, *sign(lab), "--format=json"), timeout=300))
    assert again == {**facts, "changed": False} and output.read_bytes() == made
    agent.trust(lab.key, NAME)
    assert facts["id"].startswith(agent.ok("fetch", output).strip())
    assert NAME in agent.ok("image", "list")
    said = said_by(agent, NAME)
    assert (said["kind"], said["protocol"], said["kernel-release"]) == ("kvm", "1", facts["kernel"])
    assert said["modules"].split(",") == facts["modules"]


def test_the_same_kernel_gives_the_same_bytes_elsewhere(agent: Agent, tmp_path: Path) -> None:
    first, second = tmp_path / "first.aci", tmp_path / "second.aci"
    for output in (first, second):
        agent.ok(*build(output), timeout=300)
    assert first.read_bytes() == second.read_bytes()


def test_the_first_file_system_has_python_its_libraries_and_modules_and_none_of_our_code(
    agent: Agent, tmp_path: Path
) -> None:
    output = tmp_path / "kvm.aci"
    agent.ok(*build(output), timeout=300)
    with tarfile.open(output) as archive:
        member = archive.extractfile("rootfs/boot/initramfs")
        assert member is not None
        listed = subprocess.run(
            ["cpio", "--quiet", "-it"], input=member.read(), capture_output=True, check=True
        ).stdout.decode()
    names = listed.splitlines()
    assert "modules/index" in names and "modules/virtiofs.ko" in names
    assert any(name.startswith("usr/bin/python3.") for name in names)
    assert any(name.endswith("/libc.so.6") for name in names)
    assert not any("podwright" in name for name in names)
    assert not any(name.endswith(".py") for name in names)


def test_unsigned_it_is_refused_like_every_image(agent: Agent, tmp_path: Path) -> None:
    output = tmp_path / "kvm.aci"
    agent.ok(*build(output), timeout=300)
    assert "signature" in agent.refused("fetch", output)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("lxc", "{out}"), "there is no stage1 'lxc' that can be made: only kvm, xen"),
        (("kvm",), "takes a kind and the file to make, not 1 words"),
        (("kvm", "{out}", "more"), "takes a kind and the file to make, not 3 words"),
        (("kvm", "{out}/none/x.aci"), "/none is no directory"),
        (("kvm", "/tmp"), "/tmp cannot be made: it is a directory"),
        (("kvm", "/dev/full"), "/dev/full cannot be made: it is no file"),
        (("kvm", "{out}", "--kernel=/boot/vmlinuz"), "a kernel's file and its modules belong together"),
        (("kvm", "{out}", "--modules=/lib/modules"), "a kernel's file and its modules belong together"),
        (("kvm", "{out}", "--kernel=/no/kernel", "--modules=/etc"), "kernel /no/kernel is no file"),
        (("kvm", "{out}", "--kernel=/etc/passwd", "--modules=/etc"), "/etc holds no kernel modules"),
        (("kvm", "{out}", "--kernel=-oDir=x"), "neither a package nor a file"),
        (("kvm", "{out}", "--kernel=linux-image-none-such"), "linux-image-none-such is not known"),
    ],
)  # fmt: skip
def test_what_cannot_be_built_is_said_in_a_sentence(
    agent: Agent, tmp_path: Path, words: tuple[str, ...], why: str
) -> None:
    output = tmp_path / "kvm.aci"
    result = agent("stage1", "build", *(word.replace("{out}", str(output)) for word in words))
    assert result.exit == 254 and why in result.stderr.splitlines()[-1], result
    assert not list(tmp_path.glob("kvm*"))
