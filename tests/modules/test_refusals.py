# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bad input for every module: each refusal has a reason of its own, its stage, and what to do."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.modules.conftest import AdHoc
from tests.modules.script import Script, Task
from tests.support.paths import CHECKOUT

STAGES = {
    *("input", "fetch", "verify", "policy", "render", "prepare", "launch", "network", "host"),
    *("build", "sign", "publish", "push"),
}
NAMELESS = {"", "failed", "agent-failed", "bad-answer", "internal-error"}
ACTIONS = {"rollout", "rollout_host", "attest"}
"""Modules of actions, which have their own tests of what they refuse: they need more than a host."""

RELATIVE: Mapping[str, Any] = {"data_dir": "relative"}
ABSENT: Mapping[str, Any] = {"agent_path": "/opt/none/podwright"}
BROKEN: Mapping[str, Any] = {"data_dir": "/proc/1/none"}
"""Nobody can make anything there."""

REFUSED: dict[str, list[Mapping[str, Any]]] = {
    "agent": [
        {"archive": "x"},
        {"state": "absnt"},
        {"wheels": ["/no/such.whl"]},
        {"checksums": ["nonsense"]},
    ],
    "app": [
        {"apps": [{"pod": "nobody", "name": "web", "state": "absent"}]},
        {"apps": [{"pod": "", "name": "web"}]},
        {"apps": [{"pod": "a", "name": "no name"}]},
        {"apps": [{"pod": "a", "name": "web", "exec": "/bin/sh"}]},
        {"apps": [{"pod": "a", "name": "web", "image": "x", "volumes": ["nonsense"]}]},
        {"apps": [{"pod": "a", "name": "web"}, {"pod": "a", "name": "web"}]},
    ],
    "app_info": [{"pod": "nobody"}, {"pod": ""}],
    "bundle": [
        {},
        {"path": "/tmp/none/b.json", "fleet": "acme/shop", "state": {}},
        {"path": "relative.json", "fleet": "acme/shop", "state": {}},
        {"path": "/tmp/b.json", "fleet": "acme/shop"},
        {"path": "/tmp/b.json", "fleet": "no fleet", "state": {}},
        {"path": "/tmp/b.json", "fleet": "acme/shop", "state": {"podz": []}},
        {"path": "/tmp/b.json", "fleet": "acme/shop", "state": {}, "expires": "soon"},
        {"path": "/tmp/b.json", "fleet": "acme/shop", "state": {}, "sign_passphrase": "x"},
    ],
    "bundle_info": [
        {},
        {"paths": ["relative.json"]},
        {"paths": ["/etc/hostname"]},
    ],
    "config_info": [{"kind": ["nonsense"]}],
    "gc": [{"grace_period": "soon"}, {"images": True, "image_grace_period": "x"}],
    "host_info": [{"name": ["nonsense"]}],
    "image": [
        {"name": "not a name"},
        {"name": "example.com/none:1", "digest": "sha256-1"},
        {"name": "/no/such/file.aci"},
        {"images": [{"name": "x", "insecure_options": ["nonsense"]}]},
        {},
    ],
    "image_build": [
        {"source": "/no/such/directory", "path": "/tmp/out.aci"},
        {"source": "relative", "path": "out.aci"},
    ],
    "image_export": [
        {},
        {"images": [{"name": "example.com/none:1", "path": "/tmp/none.aci"}]},
        {"images": [{"name": "example.com/none:1", "path": "none.aci"}]},
    ],
    "image_render": [
        {"images": [{"name": "example.com/none", "path": "/tmp/none"}]},
        {"images": [{"name": "example.com/none", "path": "relative"}]},
        {"images": [{"name": "example.com/none", "path": "/tmp/none", "whol": True}]},
    ],
    "image_info": [],
    "network": [{"name": "a/b", "type": "bridge"}, {"name": "web", "type": "nonsense"}],
    "network_check_info": [{"name": ["nobody"]}],
    "network_info": [],
    "pod": [
        {"name": "not/a/name", "image": "example.com/x"},
        {"name": "web"},
        {"name": "web", "image": "example.com/none:1", "pull_policy": "never"},
        {"name": "web", "image": "example.com/x", "volumes": ["nonsense"]},
        {"name": "web", "image": "example.com/x", "ports": ["a:b:c:d"]},
        {"name": "web", "image": "example.com/x", "environment": {"A": [1]}},
        {"pods": [{"name": "web", "image": "example.com/x", "net": "nonsense"}]},
        {"name": "web", "state": "absnt"},
    ],
    "pod_exec": [
        {"name": "nobody", "argv": ["true"]},
        {"name": "", "argv": ["true"]},
        {"name": "web", "argv": []},
        {"name": "web", "argv": ["true"], "timeout": -1},
    ],
    "pod_export": [
        {"pods": [{"name": "nobody", "path": "/tmp/none.aci"}]},
        {"pods": [{"name": "nobody", "path": "none.aci"}]},
        {"pods": [{"name": "", "path": "/tmp/none.aci"}]},
        {"pods": [{"path": "/tmp/none.aci"}]},
    ],
    "pod_info": [],
    "pod_logs": [{"name": "nobody"}, {"since": "soon"}, {"lines": -1}, {"name": "a", "pods": []}],
    "pod_metrics_info": [{"interval": 0}],
    "policy": [{"default": "nonsense"}, {"policy": {"default": []}}],
    "policy_info": [],
    "pull": [
        {},
        {"url": "http://example.com/fleet.json", "fleet": "acme/shop"},
        {"url": "https://example.com/fleet.json?x", "fleet": "acme/shop"},
        {"url": "https://example.com/fleet.json", "fleet": "not a fleet"},
        {"url": "https://example.com/fleet.json", "fleet": "acme/shop", "timeout": "soon"},
        {"allow": ["all"]},
    ],
    "pull_info": [],
    "secret": [{"name": "a/b", "content": "x"}, {"name": "x"}, {"name": "x", "content": "%", "encoding": "base64"}],
    "secret_info": [],
    "selinux_info": [{"name": ["nobody"]}, {"name": [""]}],
    "stage1": [{}, {"path": "relative.aci"}, {"path": "/no/such/file.aci", "build": False}, {"images": [{}]}],
    "stage1_info": [{"kind": "nonsense"}],
    "status_info": [{"interval": 0.001}],
    "status_report": [{"files": ["/tmp/report.txt"]}, {"files": {"a": "b"}}, {"colour": "red"}, {"files": [1]}],
    "tpm_info": [{"keys": True}],
    "trust": [{"prefix": "example.com", "fingerprint": "1234abcd"}, {"fingerprint": "x"}],
    "trust_info": [{"fingerprint": ["x"]}],
}  # fmt: skip
READERS = [name for name in REFUSED if name.endswith("_info")]


def bare(result: Mapping[str, Any]) -> list[str]:
    """What a failure does not say."""
    missing = [name for name in ("msg", "hint") if not result.get(name)]
    missing += ["reason"] if result.get("reason", "") in NAMELESS else []
    missing += ["stage"] if result.get("stage") not in STAGES else []
    missing += ["failed"] if result.get("failed") is not True else []
    missing += ["one line"] if "\n" in str(result.get("msg")) else []
    return missing


def tasks() -> list[tuple[str, Mapping[str, Any]]]:
    """All refusals, each with its module."""
    every = [(name, options) for name, each in REFUSED.items() for options in each]
    every += [(name, ABSENT) for name in READERS] + [(name, RELATIVE) for name in READERS]
    return every


def test_every_module_is_here() -> None:
    modules = {path.stem for path in (CHECKOUT / "plugins/modules").glob("*.py")}
    assert modules == REFUSED.keys() | ACTIONS


@pytest.mark.threat("T96")
def test_every_refusal_says_why_where_and_what_to_do(adhoc: AdHoc, tmp_path: Path) -> None:
    assert bare({"failed": True, "msg": "no", "reason": "failed", "stage": "", "hint": ""}), (
        "control"
    )
    wanted = tasks()
    found = Script(adhoc, tmp_path).any(*wanted)
    wrong = {
        f"{name} {dict(options)}": (
            bare(one),
            {k: one.get(k) for k in ("msg", "reason", "stage", "hint")},
        )
        for (name, options), one in zip(wanted, found)
        if bare(one)
    }
    assert not wrong, json.dumps(wrong, indent=1)


def test_a_misspelt_option_is_answered_with_the_right_one(adhoc: AdHoc, tmp_path: Path) -> None:
    wanted: list[Task] = [
        (
            "pod",
            {"pods": [{"name": "a", "image": "x"}, {"nmae": "web", "name": "b", "image": "x"}]},
        ),
        ("pod", {"name": "web", "imgae": "x"}),
        ("pod", {"name": "web", "image": "x", "ready": {"timout": 3}}),
        ("image", {"images": [{"name": "x", "credentials": {"usernam": "somebody"}}]}),
        ("network_info", {"nam": ["web"]}),
        ("pod_info", {"wholly_different": 1}),
    ]
    found = Script(adhoc, tmp_path).any(*wanted)
    assert all(one["failed"] and one["reason"] == "bad-input" for one in found), json.dumps(
        found, indent=1
    )
    assert [one["object"] for one in found] == [
        "pods[1].nmae", "imgae", "ready.timout", "images[0].credentials.usernam", "nam", "wholly_different",
    ]  # fmt: skip
    meant = ("name", "image", "timeout", "username", "name")
    for one, name in zip(found, meant):
        assert one["hint"] == f"did you mean `{name}`?" and one["msg"].endswith(one["hint"])
    assert "ansible-doc podwright.fleet.pod_info" in found[-1]["hint"]
    assert "did you mean" not in found[-1]["msg"]
