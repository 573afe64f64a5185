# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module image_build: exact, exactly predicted, once; and nothing of its secrets is shown."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Keys
from tests.modules.conftest import AdHoc
from tests.support import tiny_image
from tests.support.registry import PASSWORD, USER, Registry
from tests.support.webserver import ImageServer

NAME = "example.com/built"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root file system."""
    top = tmp_path / "root"
    top.mkdir()
    tiny_image.make_rootfs(top, {"/etc/motd": "built by a module\n"})
    return top


@pytest.fixture
def options(root: Path, tmp_path: Path) -> dict[str, Any]:
    """How to build it."""
    return {
        "path": str(tmp_path / "built.aci"),
        "source": str(root),
        "name": NAME,
        "version": "1.0",
        "exec": ["/bin/cat", "/etc/motd"],
        "environment": {"A": "1"},
        "ports": [{"name": "http", "port": 80}],
        "owner": "0:0",
    }


@pytest.fixture
def secret(lab: Keys) -> str:
    """The lab's secret key, armoured."""
    return lab.lab.gpg("--passphrase", "", "--armor", "--export-secret-keys", lab.key.fingerprint)


def snapshot(*places: Path) -> dict[str, int]:
    """Every file and when it was written."""
    found = [path for place in places for path in (place, *place.rglob("*")) if path.is_file()]
    return {str(path): path.stat().st_mtime_ns for path in found}


def predicted(adhoc: AdHoc, options: Mapping[str, Any], *places: Path) -> dict[str, Any]:
    """Check mode writes nothing and says what the run then does; a second run changes nothing."""
    before = snapshot(*places)
    said = adhoc("image_build", options, "--check", "--diff", "-vvv")
    assert snapshot(*places) == before
    done = adhoc("image_build", options, "--diff", "-vvv")
    assert {**said, "invocation": None} == {**done, "invocation": None}
    after = snapshot(*places)
    assert (after != before) is done["changed"]
    again = adhoc("image_build", options, "--diff", "-vvv")
    assert (again["changed"], again["diff"]) == (False, {"before": {}, "after": {}})
    assert snapshot(*places) == after
    return done


def test_built_and_rebuilt_only_when_something_changed(
    adhoc: AdHoc, options: dict[str, Any], root: Path, tmp_path: Path
) -> None:
    first = predicted(adhoc, options, tmp_path)
    assert first["changed"] and first["diff"]["before"] == {}
    assert first["diff"]["after"]["manifest"]["app"]["exec"] == ["/bin/cat", "/etc/motd"]
    (root / "etc/motd").write_text("changed\n")
    second = predicted(adhoc, options, tmp_path)
    assert second["changed"] and second["image"]["id"] != first["image"]["id"]
    assert second["diff"]["before"]["id"] == first["image"]["id"]
    third = predicted(adhoc, {**options, "environment": {"A": "2"}}, tmp_path)
    assert third["changed"]
    before, after = (third["diff"][side]["manifest"]["app"] for side in ("before", "after"))
    assert before["environment"] != after["environment"] and before["ports"] == after["ports"]
    assert predicted(adhoc, {**options, "environment": {"A": 2}, "compression": "zstd"}, tmp_path)[
        "changed"
    ]


def test_built_signed_published_trusted_and_run(
    adhoc: AdHoc,
    options: dict[str, Any],
    https_server: ImageServer,
    secret: str,
    lab: Keys,
    tmp_path: Path,
) -> None:
    https_server.static = True
    publish = {"directory": str(https_server.root), "latest": True}
    whole = {**options, "sign_secret_key": secret, "publish": publish}
    done = predicted(adhoc, whole, Path(options["path"]).parent / "built.aci", https_server.root)
    fingerprint = lab.key.fingerprint.lower()
    assert done["signature"]["fingerprint"] == fingerprint
    assert done["published"]["host"] == "example.com" and len(done["published"]["images"]) == 2
    assert "PRIVATE KEY" not in adhoc.output and secret.splitlines()[5] not in adhoc.output
    assert not list(Path("/tmp").glob("podwright-sign-*"))
    adhoc("trust", {"prefix": NAME, "fingerprint": fingerprint, "key": lab.key.armoured})
    assert adhoc.agent.ok("run", NAME) == "built by a module\n"
    Path(f"{options['path']}.asc").write_text("rubbish")
    mended = adhoc("image_build", {**options, "sign_secret_key": secret})
    assert mended["changed"] and not mended["image"]["changed"]


def test_pushed_with_a_log_in_of_the_module(
    adhoc: AdHoc, options: dict[str, Any], registry: Registry, tmp_path: Path
) -> None:
    key = tmp_path / "sigstore.key"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", str(key)], check=True)
    target = registry.reference("team/built:1.0")
    login = {"registry": registry.host, "username": USER, "password": PASSWORD}
    push = {"target": target, "registry_auth": [login], "sigstore_key": key.read_text()}
    done = predicted(adhoc, {**options, "push": push}, Path(options["path"]))
    assert PASSWORD not in adhoc.output and key.read_text().splitlines()[1] not in adhoc.output
    assert done["pushed"]["digest"].startswith("sha256:")
    assert done["pushed"]["signatures"][0].endswith(".sig")
    push["registry_auth"] = [{**login, "password": "wrong-canary"}]
    failed = adhoc.refused("image_build", {**options, "push": {**push, "target": target + "1"}})
    assert failed["reason"] == "unauthorized" and "wrong-canary" not in adhoc.output
    only = {"path": options["path"], "push": {"target": target, "registry_auth": [login]}}
    assert adhoc("image_build", only)["changed"] is False


@pytest.mark.parametrize(
    ("wanted", "why"),
    [
        ({"source": "/nowhere"}, "/nowhere is no directory"),
        ({"name": "Not A Name"}, "is not an AC identifier"),
        ({"ports": [{"name": "x", "port": 70000}]}, "between 1 and 65535"),
        ({"sign_key": "nobody@example.com"}, "no secret key"),
        ({"sign_passphrase": "canary-word"}, "without a key"),
        ({"sign_secret_key": "rubbish"}, "does not hold one secret key"),
        ({"source": None}, "no source to build from"),
        ({"publish": {"directory": "/nowhere/www"}}, "is not signed"),
        ({"push": {"target": "registry.example.com/x"}}, "is not docker://"),
        ({"environment": {"A": True}}, "must be text"),
        ({"path": "relative.aci"}, "absolute"),
    ],
)
def test_what_is_refused(
    adhoc: AdHoc, options: dict[str, Any], wanted: dict[str, Any], why: str
) -> None:
    for flags in (["--check"], []):
        failed = adhoc.refused("image_build", {**options, **wanted}, *flags)
        assert why in failed["msg"] and "canary-word" not in adhoc.output


def test_a_passphrase_unlocks_the_key(adhoc: AdHoc, options: dict[str, Any], lab: Keys) -> None:
    status = lab.lab.gpg(
        "--status-fd", "1", "--passphrase", "canary-word", "--quick-generate-key",
        "Locked <locked@example.com>", "ed25519", "sign", "never",
    )  # fmt: skip
    print_ = next(line.split()[3] for line in status.splitlines() if "KEY_CREATED" in line)
    secret = lab.lab.gpg("--passphrase", "canary-word", "--armor", "--export-secret-keys", print_)
    locked = {**options, "sign_secret_key": secret}
    failed = adhoc.refused("image_build", {**locked, "sign_passphrase": "wrong-word"})
    assert failed["reason"] == "not-signed" and "wrong-word" not in adhoc.output
    done = adhoc("image_build", {**locked, "sign_passphrase": "canary-word"}, "-vvv")
    assert done["signature"]["fingerprint"] == print_.lower()
    assert "canary-word" not in adhoc.output
