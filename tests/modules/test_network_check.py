# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules network_check_info and tpm_info on the real agent: what is in order, and what is not."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from tests.modules.conftest import AdHoc
from tests.modules.script import Script, Task
from tests.support.swtpm import Swtpm

Publish = Callable[..., Path]
WEB = {"name": "web", "image": "example.com/tiny:1.0", "ready": {"seconds": 0.1}}
GONE = ("pod", {"name": "web", "state": "absent"})


def shell(line: str) -> Task:
    """A command on the host."""
    return {"ansible.builtin.command": {"argv": ["/bin/sh", "-ec", line]}}


def test_a_network_that_somebody_has_damaged_is_told(
    trusting: AdHoc, published: Publish, tmp_path: Path
) -> None:
    published()
    script = Script(trusting, tmp_path)
    _, fine, _, broken, one, none, nobody, _ = script.any(
        ("pod", WEB),
        ("network_check_info", {}),
        shell("nft delete table inet podwright"),
        ("network_check_info", {}),
        ("network_check_info", {"name": ["web"]}),
        ("network_check_info", {"name": []}),
        ("network_check_info", {"name": ["--privileged"]}),
        GONE,
    )
    (web,) = fine["pods"]
    assert (fine["ok"], web["name"], web["networks"], web["problems"]) == (
        True,
        "web",
        ["default"],
        [],
    )
    assert web["addresses"][0].startswith("172.16.28.")
    assert (broken["ok"], broken["changed"], broken.get("failed", False)) == (False, False, False)
    assert any(
        "table inet podwright is not there" in text for text in broken["pods"][0]["problems"]
    )
    assert one["pods"] == broken["pods"] and (none["pods"], none["ok"]) == ([], True)
    assert (nobody["reason"], nobody["stage"], nobody["object"]) == (
        "bad-input",
        "input",
        "--privileged",
    )
    assert nobody["hint"]


def test_what_the_tpm_says(trusting: AdHoc, published: Publish, tpm: Swtpm, tmp_path: Path) -> None:
    published()
    settings = trusting.agent.local / "tpm.d/tpm.json"
    settings.parent.mkdir(mode=0o755)
    said = {"rktKind": "tpm", "rktVersion": "v1", "mode": "require", "tcti": tpm.tcti}
    off, keyless = Script(trusting, tmp_path).any(("tpm_info", {}), ("tpm_info", {"keys": True}))
    assert (off["status"]["mode"], off["status"]["verified"]) == ("off", None)
    assert (
        keyless["failed"]
        and keyless["reason"] not in ("failed", "agent-failed")
        and keyless["hint"]
    )
    settings.write_text(json.dumps(said))
    settings.chmod(0o644)
    (tmp_path / "on").mkdir()
    script = Script(trusting, tmp_path / "on")
    _, plain, whole, _ = script(
        ("pod", {**WEB, "net": "none"}),
        ("tpm_info", {}),
        ("tpm_info", {"log": True, "keys": True}),
        GONE,
    )
    assert plain["status"]["verified"] is True and plain["status"]["open"] == 1
    assert "format" not in plain["status"] and "log" not in plain and "keys" not in plain
    events = [one["content"]["event"] for one in whole["log"]]
    assert "pod-start" in events and len(events) == whole["status"]["records"]
    assert "BEGIN PUBLIC KEY" in whole["keys"]["ak"]["pem"]
    assert set(whole["keys"]) == {"ak", "ek"}
