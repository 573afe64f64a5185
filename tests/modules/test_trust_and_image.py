# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules trust, image and their info modules on the real agent."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from tests.conftest import Keys
from tests.modules.conftest import AdHoc

Publish = Callable[..., Path]
TINY = "example.com/tiny:1.0"


def test_a_key_is_trusted_once_and_taken_back(
    adhoc: AdHoc, lab: Keys, published: Publish, tmp_path: Path
) -> None:
    published()
    key = tmp_path / "key.asc"
    key.write_text(lab.key.armoured)
    options = f"prefix=example.com fingerprint={lab.key.fingerprint} key_file={key}"
    assert adhoc("trust", options, "--check")["changed"] is True
    adhoc.refused("image", f"name={TINY}")
    assert adhoc("trust", options)["changed"] is True
    assert adhoc("trust", options)["changed"] is False
    adhoc("image", f"name={TINY}")
    adhoc("image", f"name={TINY} state=absent")
    gone = f"prefix=example.com fingerprint={lab.key.fingerprint} state=absent"
    assert adhoc("trust", gone, "--check")["changed"] is True
    assert adhoc("trust", gone)["changed"] is True
    assert adhoc("trust", gone)["changed"] is False
    assert adhoc.refused("image", f"name={TINY}")["stage"] == "verify"


def test_a_key_without_its_full_fingerprint_is_refused(adhoc: AdHoc, lab: Keys) -> None:
    key = {"prefix": "example.com", "key": lab.key.armoured}
    for part in (lab.key.fingerprint[-8:], lab.key.fingerprint[-16:]):
        failed = adhoc.refused("trust", {**key, "fingerprint": part})
        assert "only part of a fingerprint" in failed["msg"]
    failed = adhoc.refused("trust", {**key, "fingerprint": lab.stranger.fingerprint})
    assert lab.stranger.fingerprint.lower() in failed["msg"].lower()
    assert not list(adhoc.agent.local.glob("trustedkeys/**/*"))


def test_several_keys_in_one_call(adhoc: AdHoc, lab: Keys) -> None:
    keys = [
        {"prefix": "example.com", "fingerprint": key.fingerprint, "key": key.armoured}
        for key in (lab.key, lab.stranger)
    ]
    made = adhoc("trust", {"keys": keys})
    assert [part["changed"] for part in made["keys"]] == [True, True]
    assert adhoc("trust", {"keys": keys})["changed"] is False
    assert adhoc("trust", {"keys": keys, "state": "absent"})["changed"] is True


def test_an_image_is_fetched_once_and_removed(trusting: AdHoc, published: Publish) -> None:
    published()
    assert trusting("image", f"name={TINY}", "--check")["changed"] is True
    assert trusting("image_info")["images"] == []
    made = trusting("image", f"name={TINY}")
    assert made["changed"] is True
    assert trusting("image", f"name={TINY}")["changed"] is False
    (found,) = trusting("image_info", "name=example.com/tiny")["images"]
    assert found["id"] == made["images"][0]["id"]
    assert found["name"] == TINY
    assert trusting("image_info", "name=example.com/other")["images"] == []
    assert trusting("image", f"name={TINY} state=absent")["changed"] is True
    assert trusting("image", f"name={TINY} state=absent")["changed"] is False
    assert trusting("image_info")["images"] == []


def test_a_new_image_under_the_same_name_is_seen_with_latest(
    trusting: AdHoc, published: Publish
) -> None:
    published()
    first = trusting("image", f"name={TINY}")["images"][0]["id"]
    published(files={"built": "again"})
    assert trusting("image", f"name={TINY}")["changed"] is False
    assert trusting("image", f"name={TINY} state=latest", "--check")["changed"] is True
    latest = trusting("image", f"name={TINY} state=latest")
    assert latest["changed"] is True
    assert latest["images"][0]["id"] != first
    assert trusting("image", f"name={TINY} state=latest")["changed"] is False


def test_module_defaults_reach_every_module_through_the_action_group(
    trusting: AdHoc, published: Publish, lab: Keys, tmp_path: Path
) -> None:
    published()
    play = {
        "hosts": "localhost",
        "gather_facts": False,
        "module_defaults": {"group/podwright.fleet.podwright": trusting.common},
        "tasks": [
            {
                "podwright.fleet.trust": {
                    "prefix": "example.com",
                    "fingerprint": lab.key.fingerprint,
                    "key": lab.key.armoured,
                }
            },
            {"podwright.fleet.image": {"name": TINY}},
            {
                "podwright.fleet.pod": {
                    "name": "web",
                    "image": TINY,
                    "net": "none",
                    "ready": {"seconds": 0.1},
                }
            },
            {"podwright.fleet.image_info": {}, "register": "images"},
            {"podwright.fleet.pod_info": {}, "register": "pods"},
            {
                "ansible.builtin.assert": {
                    "that": ["images.images | length == 1", "pods.pods[0].pod_name == 'web'"]
                }
            },
            {"podwright.fleet.pod": {"name": "web", "state": "absent"}},
        ],
    }
    playbook = tmp_path / "play.yml"
    playbook.write_text(json.dumps([play]))
    done = trusting.agent.host.run(
        ["ansible-playbook", str(playbook)], env=trusting.env, timeout=120
    )
    assert done.exit == 0, done
