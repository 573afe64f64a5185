# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""`image build` and `image sign`: from a tree to an image that a host accepts, or to one clear sentence."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import Keys
from tests.support import ocilayout, thorough, tiny_image
from tests.support.agent import AGENT_ERROR, Agent
from tests.support.gpglab import GpgLab, Key

NAME = "example.com/built"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root file system."""
    top = tmp_path / "root"
    top.mkdir()
    tiny_image.make_rootfs(top, {"/etc/motd": "hello\n"})
    return top


def build(root: Path | str, output: Path, *options: str) -> list[str | Path]:
    """A command line that builds an image that says what is in its motd."""
    return [
        "image", "build", root, output, f"--name={NAME}", "--version=1.0", "--exec=/bin/cat",
        *options, "--", "/etc/motd",
    ]  # fmt: skip


@pytest.mark.parametrize("compression", ["gzip", "zstd", "xz", "bzip2", "none"])
def test_built_signed_fetched_and_run(
    agent: Agent, root: Path, lab: Keys, tmp_path: Path, compression: str
) -> None:
    output = tmp_path / "built.aci"
    sign = (f"--sign={lab.key.fingerprint}", f"--gpg-home={lab.lab.home}")
    image_id = agent.ok(*build(root, output, *sign, f"--compression={compression}")).strip()
    agent.trust(lab.key, NAME)
    assert agent.ok("fetch", "--full", output).strip() == image_id
    assert agent.ok("run", output) == "hello\n"
    assert "Good signature" in agent.host.run(
        ["gpg", "--homedir", str(lab.lab.home), "--verify", f"{output}.asc", str(output)]
    ).check().stderr  # fmt: skip


def test_a_layout_built_into_an_image_runs_as_the_container_does(
    agent: Agent, tmp_path: Path
) -> None:
    layout = ocilayout.OciLayout(tmp_path / "layout")
    upper: list[ocilayout.Member] = [("etc", None), ("etc/motd", b"from a layer\n")]
    layers = [layout.layer(ocilayout.busybox_members()), layout.layer(upper, "zstd")]
    layout.tag(layout.image(layers, {"Entrypoint": ["/bin/cat"], "Cmd": ["/etc/motd"]}), "2.0")
    output = tmp_path / "built.aci"
    agent.ok("image", "build", f"oci:{layout.path}:2.0", output, f"--name={NAME}")
    unsigned = "--insecure-options=image"
    agent.ok(unsigned, "fetch", output)
    assert agent.ok(unsigned, "run", f"{NAME}:2.0") == "from a layer\n"


def test_signing_again_changes_nothing_and_a_stale_signature_is_replaced(
    agent: Agent, root: Path, lab: Keys, tmp_path: Path
) -> None:
    output, signature = tmp_path / "built.aci", tmp_path / "built.aci.asc"
    agent.ok(*build(root, output))
    sign = ("image", "sign", output, "--key=images@example.com", f"--gpg-home={lab.lab.home}")
    assert agent.ok(*sign).startswith("signed ")
    made = signature.read_bytes()
    assert agent.ok(*sign).startswith("already signed ") and signature.read_bytes() == made
    (root / "etc/motd").write_text("other\n")
    agent.ok(*build(root, output))
    assert not signature.exists()
    signature.write_bytes(made)
    assert agent.ok(*sign).startswith("signed ") and signature.read_bytes() != made
    output.write_bytes(b"no image")
    agent.refused(*sign)


@pytest.fixture(scope="module")
def unfit() -> Iterator[dict[str, Key]]:
    """Keys with which no image should be signed."""
    with GpgLab() as home:
        yield {
            "weak": home.generate("Weak <weak@example.com>", "rsa1024"),
            "dsa": home.generate("Dsa <dsa@example.com>", "dsa2048"),
            "twin": home.generate("Twin <twin@example.com>"),
            "other": home.generate("Other Twin <twin@example.com>"),
        }


@pytest.mark.threat("T48")
@pytest.mark.parametrize(
    ("key", "why"),
    [
        ("weak@example.com", "too weak to sign images"),
        ("dsa@example.com", "too weak to sign images"),
        ("twin@example.com", "2 secret keys go by"),
        ("nobody@example.com", "gpg has no secret key"),
        ("--output=/canary", "neither a fingerprint"),
        ("/etc/passwd", "no file with an armoured secret key"),
    ],
)
def test_keys_that_do_not_sign(
    agent: Agent, root: Path, unfit: dict[str, Key], tmp_path: Path, key: str, why: str
) -> None:
    home = next(iter(unfit.values())).lab.home
    output = tmp_path / "built.aci"
    assert why in agent.refused(*build(root, output, f"--sign={key}", f"--gpg-home={home}"))
    assert not list(tmp_path.glob("built*"))


def test_a_key_file_and_its_passphrase_are_for_their_owner_only(
    agent: Agent, root: Path, lab: Keys, tmp_path: Path
) -> None:
    key = tmp_path / "secret.asc"
    key.write_text(
        lab.lab.gpg("--passphrase", "", "--armor", "--export-secret-keys", lab.key.fingerprint)
    )
    key.chmod(0o644)
    output = tmp_path / "built.aci"
    assert "may be read by others" in agent.refused(*build(root, output, f"--sign={key}"))
    key.chmod(0o600)
    agent.ok(*build(root, output, f"--sign={key}"))
    word = tmp_path / "word"
    word.write_text("canary\n")
    line = agent.refused(*build(root, output, f"--sign={key}", f"--passphrase-file={word}"))
    assert "may be read by others" in line and "canary" not in line
    left = [path for path in Path("/tmp").glob("podwright-sign-*") if path.is_dir()]
    assert left == []


def test_device_nodes_and_mounts_are_no_part_of_an_image(
    agent: Agent, root: Path, tmp_path: Path
) -> None:
    (root / "dev").mkdir()
    os.mknod(root / "dev/null", 0o20666, os.makedev(1, 3))
    output = tmp_path / "built.aci"
    assert "dev/null is a device and is left out" in agent(*build(root, output)).check().stderr
    before = output.read_bytes()
    os.mknod(root / "etc/null", 0o20666, os.makedev(1, 3))
    assert "etc/null is a device node" in agent.refused(*build(root, output))
    (root / "etc/null").unlink()
    agent.host.run(["mount", "-t", "tmpfs", "tmpfs", str(root / "home")]).check()
    assert "home is on another file system" in agent.refused(*build(root, output))
    assert output.read_bytes() == before


def test_links_in_the_source_lead_nowhere(agent: Agent, root: Path, tmp_path: Path) -> None:
    """They are links in the image; what they point to on the host is not read."""
    secret = tmp_path / "secret"
    secret.write_text("canary")
    (root / "link").symlink_to(secret)
    (root / "directory").symlink_to(tmp_path)
    output = tmp_path / "built.aci"
    agent.ok(*build(root, output, "--compression=none"))
    assert b"canary" not in output.read_bytes()


def test_owners_and_capabilities_come_along(agent: Agent, root: Path, tmp_path: Path) -> None:
    os.chown(root / "etc/motd", 1234, 5678)
    subprocess.run(["setcap", "cap_net_raw=ep", str(root / "bin/busybox")], check=True)
    output = tmp_path / "built.aci"
    agent.ok(*build(root, output))
    unsigned = "--insecure-options=image"
    image_id = agent.ok(unsigned, "fetch", "--full", output).strip()
    tree = agent.data / "cas/tree" / image_id / "rootfs"
    assert os.getxattr(tree / "bin/busybox", "security.capability") == os.getxattr(
        root / "bin/busybox", "security.capability"
    )
    info = (tree / "etc/motd").stat()
    assert (info.st_uid, info.st_gid) == (1234, 5678)


def test_a_build_that_is_killed_or_has_no_space_leaves_the_old_image(
    agent: Agent, root: Path, tmp_path: Path
) -> None:
    output, counted = tmp_path / "built.aci", tmp_path / "steps"
    command = build(root, output)
    agent.ok(*command)
    before = output.read_bytes()
    (root / "etc/motd").write_text("other\n")
    other = tmp_path / "other.aci"
    agent(*build(root, other), env={"PODWRIGHT_FAULT": f"count@{counted}"}).check()
    total = len(counted.read_text().splitlines())
    assert total > 5
    for number in thorough.steps(total, 4):
        for fault in (f"ENOSPC@{number}", f"kill@{number}"):
            ended = agent(*command, env={"PODWRIGHT_FAULT": fault})
            now = output.read_bytes()
            assert now in (before, other.read_bytes())
            if fault.startswith("ENOSPC") and ended.exit:
                # A slow one has told of its progress before.
                lines = ended.stderr.splitlines()
                said = [line for line in lines if not line.startswith("podwright: writing ")]
                assert ended.exit == AGENT_ERROR and len(said) == 1
            output.write_bytes(before)
            for path in tmp_path.glob("built.aci.*.new"):
                assert fault.startswith("kill")
                path.unlink()


def test_help_teaches_by_example(agent: Agent) -> None:
    for verb in ("build", "sign", "push", "publish"):
        said = agent.ok("image", verb, "--help")
        assert f"podwright image {verb}" in said.partition("Examples:")[2]
    assert "make " not in agent.ok("image", "--help").partition("Sub-commands:")[2]


def test_answers_for_programs(agent: Agent, root: Path, tmp_path: Path) -> None:
    output = tmp_path / "built.aci"
    first = json.loads(agent.ok(*build(root, output, "--format=json")))
    second = json.loads(agent.ok(*build(root, output, "--format=json")))
    assert first == {"changed": True, "id": second["id"], "path": str(output)}
    assert second["changed"] is False


def test_a_dependency_is_found_under_the_image(
    agent: Agent, root: Path, lab: Keys, published: Callable[..., Path], tmp_path: Path
) -> None:
    agent.trust(lab.key, "example.com")
    published()
    top = tmp_path / "top"
    (top / "etc").mkdir(parents=True)
    (top / "etc/motd").write_text("on top\n")
    output = tmp_path / "built.aci"
    sign = (f"--sign={lab.key.fingerprint}", f"--gpg-home={lab.lab.home}")
    agent.ok(*build(top, output, "--dependency=example.com/tiny:1.0", *sign))
    assert agent.ok("run", output) == "on top\n"
