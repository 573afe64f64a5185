# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module selinux_info on the real agent, and on an agent whose pods have labels."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.agent.mutable_bed import Sandbox
from tests.modules.conftest import AdHoc
from tests.modules.script import Script

LABELLED = """#!/usr/bin/python3
import json, sys
words = [word for word in sys.argv[1:] if not word.startswith("-")]
pod = {"name": "u1", "pod_name": "web", "state": "running", "selinux": {"process": "p:c1", "file": "f:c1"}}
if words[0] == "list":
    print(json.dumps([pod, {**pod, "name": "u2", "pod_name": "gone", "state": "exited"}]))
else:
    assert words == ["selinux", "verify", "u1"], words
    found = {"kind": "process", "what": "1 sh", "expected": "p:c1", "seen": "other", "right": False}
    print(json.dumps({"pod": "u1", "mode": "enforcing", "process": "p:c1", "file": "f:c1", "verified": False,
                      "findings": [found]}))
    sys.exit(1)
"""


@pytest.mark.skipif(os.path.exists("/sys/fs/selinux/enforce"), reason="this host has SELinux")
def test_a_host_without_selinux_says_so_and_does_not_fail(adhoc: AdHoc, tmp_path: Path) -> None:
    fake = tmp_path / "labelled"
    fake.write_text(LABELLED)
    fake.chmod(0o755)
    with Sandbox(adhoc.agent) as box:
        every, one, labelled, missing = Script(adhoc, tmp_path).any(
            ("selinux_info", {}), ("selinux_info", {"name": [box.uuid]}),
            ("selinux_info", {"name": ["web"], "agent_path": str(fake)}),
            ("selinux_info", {"name": ["nobody"]}),
        )  # fmt: skip
    assert every["enabled"] is False and not every["changed"], every
    (pod,) = every["pods"]
    assert one["pods"] == [pod]
    assert (pod["uuid"], pod["labelled"], pod["verified"]) == (box.uuid, False, None)
    assert pod["why_not"] == "not enabled on this host"
    (wrong,) = labelled["pods"]
    facts: dict[str, Any] = {
        name: wrong[name] for name in ("name", "labelled", "mode", "verified", "why_not")
    }
    assert facts == {
        "name": "web",
        "labelled": True,
        "mode": "enforcing",
        "verified": False,
        "why_not": "",
    }, json.dumps(labelled)
    assert [found["right"] for found in wrong["findings"]] == [False]
    assert (missing["failed"], missing["reason"], missing["object"]) == (
        True,
        "not-found",
        "nobody",
    )
