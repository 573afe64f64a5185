# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The state of each app of a pod, from what stage1 recorded."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from podwright.stage0 import report
from podwright.stage0.pods import Pod

WAITS = (("podwright.io/depends-on", "db"),)
BEGUN = {"status": None, "started": "2026-01-01T00:00:00.000Z", "restarts": 0, "over": False}


@pytest.mark.parametrize(
    ("pod", "annotations", "life", "status", "state"),
    [
        ("prepared", (), {"status": None}, None, "created"),
        ("running", (), {"status": None}, None, "running"),
        ("running", (), {"status": 3}, 3, "exited"),
        ("running", WAITS, {"status": None}, None, "created"),
        ("running", WAITS, BEGUN, None, "running"),
        ("running", (), {**BEGUN, "status": 3, "restarts": 2}, 3, "running"),
        ("running", (), {**BEGUN, "status": 3, "over": True}, 3, "exited"),
        ("exited", WAITS, {"status": None}, None, "exited"),
        ("exited garbage", (), {"status": 0}, 0, "exited"),
    ],
)
def test_what_an_app_is(
    pod: str, annotations: Any, life: dict[str, Any], status: Any, state: str
) -> None:
    found: Any = SimpleNamespace(state=pod)
    app: Any = SimpleNamespace(annotations=annotations)
    assert report._state(found, app, life, status) == state


@pytest.mark.parametrize(
    ("stage1", "machine", "state", "ready"),
    [
        ("namespaces", None, "running", True),
        ("kvm", None, "created", False),
        ("kvm", {"kind": "microvm"}, "created", False),
        ("kvm", {"kind": "microvm", "steps": {"kernel": 0.5, "app": 1.0}}, "running", True),
    ],
)
def test_no_app_runs_or_is_ready_while_its_machine_boots(
    tmp_path: Path, stage1: str, machine: Any, state: str, ready: bool
) -> None:
    """For a whole boot `list` said "running" and READY "yes" of apps that nobody had started."""
    app = {
        "name": "web",
        "image": {"id": f"sha512-{'a' * 64}", "name": "example.com/web"},
        "app": {"exec": ["/bin/web"], "user": "0", "group": "0"},
    }
    manifest = {"acVersion": "0.8.11", "acKind": "PodManifest", "apps": [app]}
    files = {"pod": manifest, "runtime-config": {"format": 1, "stage1": stage1}, "machine": machine}
    for name, what in files.items():
        if what is not None:
            (tmp_path / name).write_text(json.dumps(what))
    seen = report.report(Pod("1" * 32, "run", True, str(tmp_path)))
    assert "error" not in seen
    assert [(one["state"], one["ready"]) for one in seen["apps"]] == [(state, ready)]
