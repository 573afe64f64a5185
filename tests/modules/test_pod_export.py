# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module pod_export: what an app changed is kept in a file, written once."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.modules.conftest import AdHoc
from tests.modules.script import Script, check

NAME = "example.com/tiny:1.0"
WRITES = ["/bin/busybox", "sh", "-c", "echo mine > /changed; exec sleep 1000"]


def test_what_an_app_changed_is_written_once(
    trusting: AdHoc, published: Callable[..., Path], tmp_path: Path
) -> None:
    published()
    out = tmp_path / "out.aci"
    web = {"name": "web", "image": NAME, "net": "none", "exec": WRITES, "ready": {"seconds": 0.2}}
    one = {"pods": [{"name": "web", "path": str(out)}]}
    named = {"pods": [{"name": "web", "app": "tiny", "path": str(out)}]}
    other = {"pods": [*one["pods"], {"name": "web", "path": str(tmp_path / "none/out.aci")}]}
    script = Script(trusting, tmp_path)
    _, running, _, would, none, done, again, same, partly = script.any(
        ("pod", web),
        check("pod_export", one),
        ("pod", {"name": "web", "state": "stopped"}),
        check("pod_export", one),
        {"ansible.builtin.stat": {"path": str(out)}},
        ("pod_export", one),
        ("pod_export", one),
        ("pod_export", named),
        ("pod_export", other),
    )
    assert running["failed"] and "stop it first" in running["hint"], running
    assert would["changed"] and would["diff"]["after"] == {"written": [str(out)]}
    assert none["stat"]["exists"] is False, "check mode writes nothing"
    (made,) = done["pods"]
    assert made["changed"] and made["app"] == "tiny" and made["image_id"].startswith("sha512-")
    for kept in (again, same):
        assert not kept["changed"] and kept["pods"][0]["image_id"] == made["image_id"]
    assert partly["failed"] and [found["path"] for found in partly["pods"]] == [str(out)]
    tar = ["tar", "-xzOf", str(out), "rootfs/changed"]
    assert subprocess.run(tar, capture_output=True, check=True).stdout == b"mine\n"
    out.write_text("something else")
    refused, replaced = script.any(("pod_export", one), ("pod_export", {**one, "overwrite": True}))
    assert refused["failed"] and "exists already" in refused["msg"]
    assert replaced["changed"] and replaced["pods"][0]["image_id"] == made["image_id"]
    script(("pod", {"name": "web", "state": "absent"}))
