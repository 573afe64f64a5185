# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets that a host keeps by name: kept once, told without their contents, and what pods get that refer to them."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.modules.conftest import AdHoc
from tests.modules.script import Script, check
from tests.modules.test_secrets import Plays, plays
from tests.support import leaks

__all__ = ["plays"]

Publish = Callable[..., Path]
CANARY = "k3pt-secret-canary"
OTHER = "0ther-secret-canary"
SPELT = [*leaks.spellings(CANARY), *leaks.spellings(OTHER)]
PLAIN = {"encrypt": "off"}
"""What hosts of tests can do; those with systemd are looked at on real ones."""
SHAPES: dict[str, dict[str, Any]] = {
    "list": {"name": "key", "content": [CANARY]},
    "mapping": {"name": "key", "content": {"value": CANARY}},
    "misspelt": {"name": "key", "contnet": CANARY, "contents": CANARY},
    "not_base64": {"name": "key", "content": f"!{CANARY}", "encoding": "base64"},
    "bad_name": {"name": "../key", "content": CANARY},
    "absent": {"name": "key", "content": CANARY, "state": "absent"},
    "unknown": {"name": "key", "content": CANARY, "colour": "red"},
    "both": {"name": "key", "content": CANARY, "secrets": [{"name": "key", "content": CANARY}]},
    "twice": {"secrets": [{"name": "key", "content": CANARY}, {"name": "key", "content": CANARY}]},
    "text": {"secrets": f"name=key content={CANARY}"},
    "listed": {"secrets": [[CANARY]]},
    "cannot": {"name": "key", "content": CANARY, "encrypt": "require"},
}


def pod(name: str = "web", **options: Any) -> dict[str, Any]:
    """Options of a pod that has the secret `key` of the host."""
    spec = {"name": name, "image": "example.com/tiny:1.0", "net": "none", "ready": {"seconds": 0.1}}
    return {**spec, "secrets": [{"name": "mine", "stored": "key"}], **options}


def test_a_secret_is_kept_once_changed_and_removed(adhoc: AdHoc, tmp_path: Path) -> None:
    wanted = {"name": "key", "content": CANARY, **PLAIN}
    encoded = {
        **wanted,
        "content": base64.b64encode(CANARY.encode()).decode(),
        "encoding": "base64",
    }
    data = adhoc.agent.data / "secrets"
    look = {"ansible.builtin.stat": {"path": str(data)}}
    script = Script(adhoc, tmp_path)
    would, nothing, made, same, also = script(
        check("secret", wanted), look, ("secret", wanted), ("secret", wanted), ("secret", encoded)
    )
    assert (would["changed"], nothing["stat"]["exists"]) == (True, False)
    told = {"name": "key", "changed": True, "action": "write", "state": "present"}
    assert made["secrets"] == would["secrets"] == [{**told, "encrypted": False}]
    assert (same["changed"], also["changed"]) == (False, False)
    kept = data / "plain/key"
    assert kept.read_text() == CANARY
    assert (kept.stat().st_mode & 0o777, kept.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    kept.write_text("changed by somebody")
    listed, mended, chmod, again = script(
        ("secret_info", {}),
        ("secret", wanted),
        {"ansible.builtin.file": {"path": str(kept), "mode": "0644"}},
        ("secret", wanted),
    )
    assert "not what was kept" in listed["secrets"][0]["problem"]
    assert (mended["changed"], chmod["changed"], again["changed"]) == (True, True, True)
    would, listed, gone, still, empty = script(
        check("secret", {**wanted, "content": OTHER}),
        ("secret_info", {"name": ["key", "none"]}),
        ("secret", {"name": "key", "state": "absent"}),
        ("secret", {"name": "key", "state": "absent"}),
        ("secret_info", {}),
    )
    assert would["diff"]["before"] == {
        "secrets": {"key": {"content": "another one", "encrypted": False}}
    }
    assert would["diff"]["after"] == {
        "secrets": {"key": {"content": "as wanted", "encrypted": False}}
    }
    (one,) = listed["secrets"]
    assert (one["size"], one["pods"], one["problem"]) == (len(CANARY), [], "")
    assert (gone["changed"], still["changed"], empty["secrets"]) == (True, False, [])
    assert list(kept.parent.iterdir()) == []


def test_a_pod_gets_what_the_host_keeps_and_is_replaced_when_that_changes(
    trusting: AdHoc, published: Publish, tmp_path: Path
) -> None:
    published()
    more = {"name": "more", "content": "x", **PLAIN}
    first, second = (
        {"secrets": [{"name": "key", "content": text, **PLAIN}, more]} for text in (CANARY, OTHER)
    )
    absent = {"name": "key", "state": "absent"}
    reading = ("pod_exec", {"name": "web", "argv": ["cat", "/run/secrets/mine"]})
    script = Script(trusting, tmp_path)
    found = script.any(
        ("pod", pod()), ("secret", first), ("pod", pod()), reading,
        ("pod", pod()), check("pod", pod()), ("secret_info", {}),
        ("secret", absent), check("secret", absent),
        ("secret", second), check("pod", pod()), ("pod", pod()), reading,
        ("pod", {"name": "web", "state": "absent"}),
        ("secret", {"secrets": [{"name": "key"}, {"name": "more"}], "state": "absent"}),
    )  # fmt: skip
    assert found[0]["reason"] == "no-secret"
    assert found[3]["stdout"] == CANARY
    assert [found[index]["changed"] for index in (2, 4, 5, 10, 11)] == [
        True,
        False,
        False,
        True,
        True,
    ]
    assert {one["name"]: one["pods"] for one in found[6]["secrets"]} == {"key": ["web"], "more": []}
    for refused in found[7:9]:
        assert (refused["reason"], refused["object"]) == ("in-use", "key")
    assert found[11]["pods"][0]["uuid"] != found[2]["pods"][0]["uuid"]
    assert found[12]["stdout"] == OTHER
    assert [part["action"] for part in found[14]["secrets"]] == ["remove", "remove"]


def test_one_desired_state_brings_secrets_before_pods_and_takes_them_after(
    trusting: AdHoc, published: Publish
) -> None:
    published()
    agent = trusting.agent
    kept = {"name": "key", "content": CANARY, **PLAIN}
    coming = {"secrets": [kept], "pods": [{**pod(), "state": "started"}]}
    planned = agent.apply(coming, "--check")
    assert [planned[kind][0]["changed"] for kind in ("secrets", "pods")] == [True, True]
    agent.apply(coming)
    assert agent.apply(coming)["changed"] is False
    going = {
        "secrets": [{"name": "key", "state": "absent"}],
        "pods": [{"name": "web", "state": "absent"}],
    }
    assert agent.apply(going, "--check")["changed"] is True
    assert [part["action"] for part in agent.apply(going)["secrets"]] == ["remove"]
    assert agent.apply(going)["changed"] is False


@pytest.mark.threat("T93")
def test_a_kept_secret_is_seen_by_nobody(plays: Plays, tmp_path: Path) -> None:
    right = [
        {"name": "key", "content": CANARY, **PLAIN},
        {"secrets": [{"name": "key", "content": OTHER, **PLAIN}]},
        {"name": "key", "content": CANARY},
    ]
    tasks: list[dict[str, Any]] = [
        {"podwright.fleet.secret": one} for one in (*right, *SHAPES.values())
    ]
    job = {"podwright.fleet.secret": right[1], "async": 60, "poll": 1}
    tasks += [job, {"podwright.fleet.secret_info": {}, "register": "kept"}]
    tasks += [{"ansible.builtin.debug": {"var": "kept"}}]
    with leaks.Watch(plays.adhoc.agent.host, tmp_path, SPELT) as watch:
        said = [
            plays.run(tasks[:-3], "--check", "--diff", "-vvvv"),
            plays.run(tasks, "--diff", "-vvvv", ANSIBLE_DISPLAY_TRACEBACK="always"),
        ]
    assert watch.processes == []
    assert "ansible-podwright.fleet.secret: Invoked with" in watch.syslog
    for text in (watch.syslog, *(text for each in said for text in (each.stdout, each.stderr))):
        assert [spelt for spelt in SPELT if spelt in text] == []
    leaks.wrappers_have_ended(plays.home / "remote")
    assert leaks.in_files(SPELT, plays.home) == []
    data = plays.adhoc.agent.data
    assert leaks.in_files(SPELT, data) == [str(data / "secrets/plain/key")]
    # Ansible itself makes proper options of a list and a mapping for a text, and of a text for a mapping.
    assert f"ignored={len(SHAPES) - 3}" in said[1].stdout
