# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules stage1 and stage1_info on the real agent, with the distribution's kernel."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from tests.conftest import Keys
from tests.modules.conftest import AdHoc
from tests.modules.script import Script, check
from tests.support import kvm_image


def test_an_image_is_built_signed_stored_and_removed_once(
    adhoc: AdHoc, lab: Keys, tmp_path: Path
) -> None:
    found = kvm_image.kernel()
    home = tmp_path / "gpg"
    shutil.copytree(lab.lab.home, home, ignore=shutil.ignore_patterns("S.*"))
    path = tmp_path / "stage1.aci"
    wanted: dict[str, Any] = {
        "path": str(path),
        "kernel": str(found / "vmlinuz"),
        "modules": str(found / "modules"),
        "compression": "none",
        "sign_key": lab.key.fingerprint,
        "gpg_home": str(home),
    }
    absent = {"path": str(path), "state": "absent"}
    key = {"prefix": kvm_image.NAME, "fingerprint": lab.key.fingerprint, "key": lab.key.armoured}
    look = {"ansible.builtin.stat": {"path": str(path)}}
    script = Script(adhoc, tmp_path)
    would, nothing, untrusted = script.any(check("stage1", wanted), look, ("stage1", wanted))
    assert (would["changed"], nothing["stat"]["exists"]) == (True, False)
    assert (untrusted["failed"], untrusted["stage"]) == (True, "verify")
    _, made, same, foretold, told, carried, gone, again, none = script(
        ("trust", key), ("stage1", wanted), ("stage1", wanted), check("stage1", wanted),
        ("stage1_info", {"kind": "kvm"}), ("stage1", {"path": str(path), "build": False}),
        ("stage1", absent), check("stage1", absent), ("stage1_info", {}),
    )  # fmt: skip
    assert would["image"]["id"] == made["image"]["id"] == made["stored"]["id"]
    assert (made["changed"], made["signature"]["fingerprint"]) == (
        True,
        lab.key.fingerprint.lower(),
    )
    assert [one["changed"] for one in (same, foretold, carried, gone, again)] == [
        False, False, False, True, False
    ]  # fmt: skip
    (one,) = told["images"]
    assert (one["id"], one["chosen_for"], one["problem"]) == (made["image"]["id"], ["kvm"], "")
    assert one["kernel"] == made["image"]["kernel"]
    assert none["images"] == []
    assert not path.exists()


def test_several_are_made_in_one_call_until_one_fails(
    adhoc: AdHoc, lab: Keys, tmp_path: Path
) -> None:
    found = kvm_image.kernel()
    home = tmp_path / "gpg"
    shutil.copytree(lab.lab.home, home, ignore=shutil.ignore_patterns("S.*"))
    paths = [str(tmp_path / f"{name}.aci") for name in ("one", "two")]
    every: dict[str, Any] = {
        "kernel": str(found / "vmlinuz"),
        "modules": str(found / "modules"),
        "sign_key": lab.key.fingerprint,
        "gpg_home": str(home),
        "store": False,
        "compression": "none",
    }
    both = [{"path": paths[0]}, {"path": paths[1], "version": "1", "compression": "gzip"}]
    broken = [both[0], {"path": str(tmp_path / "no/such.aci")}, both[1]]
    key = {"prefix": kvm_image.NAME, "fingerprint": lab.key.fingerprint, "key": lab.key.armoured}
    script = Script(adhoc, tmp_path)
    _, partly, would, made, same, kept, twice, pathless = script.any(
        ("trust", key),
        ("stage1", {**every, "images": broken}),
        check("stage1", {**every, "images": both}),
        ("stage1", {**every, "images": both}),
        ("stage1", {**every, "images": both}),
        ("stage1", {"build": False, "images": [{"path": paths[0]}, {"state": "absent"}]}),
        ("stage1", {**every, "images": [both[0], both[0]]}),
        ("stage1", {**every, "images": [both[0], {}]}),
    )
    assert partly["failed"] and partly["hint"]
    assert partly["object"] == broken[1]["path"]
    assert [one["path"] for one in partly["images"]] == paths[:1] and partly["changed"] is True
    assert [one["changed"] for one in would["images"]] == [False, True]
    assert [one["path"] for one in would["diff"]["after"]] == paths[1:]
    assert [one["changed"] for one in made["images"]] == [False, True]
    assert made["images"][1]["signature"]["fingerprint"] == lab.key.fingerprint.lower()
    assert made["images"][0]["image"]["id"] != made["images"][1]["image"]["id"]
    assert (same["changed"], kept["changed"]) == (False, True), kept
    assert [one["stored"]["changed"] for one in kept["images"]] == [True, True]
    assert (twice["object"], pathless["object"]) == (paths[0], "images[1].path")
    assert {twice["reason"], pathless["reason"]} == {"bad-input"}


def test_what_does_not_go_together_is_refused(adhoc: AdHoc, tmp_path: Path) -> None:
    path = str(tmp_path / "stage1.aci")
    found = Script(adhoc, tmp_path).any(
        ("stage1", {}),
        ("stage1", {"path": path, "build": False, "kernel": "x"}),
        ("stage1", {"path": path, "kernel": "/boot/vmlinuz"}),
        ("stage1", {"path": path, "sign_passphrase": "x"}),
        ("stage1", {"path": path, "state": "absent", "version": "1"}),
    )
    assert [one["failed"] for one in found] == [True] * 5
    assert {one["stage"] for one in found} == {"input"}
