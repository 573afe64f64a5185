# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module policy on the real agent."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Keys
from tests.modules.conftest import AdHoc
from tests.modules.script import Script

Publish = Callable[..., Path]
TINY = "example.com/tiny:1.0"
REJECT = {"type": "reject"}


@pytest.fixture
def path(adhoc: AdHoc) -> Path:
    """The policy file."""
    return adhoc.agent.local / "policy.json"


def test_a_policy_is_written_once_and_taken_back(
    trusting: AdHoc, path: Path, published: Publish
) -> None:
    published()
    options = {"default": [REJECT], "transports": {"appc": {"example.com": [{"type": "signedBy"}]}}}
    assert trusting("policy", options, "--check")["changed"] is True
    assert not path.exists()
    made = trusting("policy", options)
    assert made["changed"] is True
    assert made["policy"] == {"path": str(path), "changed": True, "action": "write"}
    assert json.loads(path.read_text()) == {
        "default": [REJECT],
        "transports": {"appc": {"example.com": [{"type": "signedBy", "keyType": "GPGKeys"}]}},
    }
    assert path.stat().st_mode & 0o777 == 0o644
    assert trusting("policy", options)["changed"] is False
    assert trusting("policy", options, "--check")["changed"] is False
    trusting("image", f"name={TINY}")
    trusting("image", f"name={TINY} state=absent")
    assert trusting("policy", {"default": [REJECT]})["changed"] is True
    assert trusting.refused("image", f"name={TINY}")["reason"] == "rejected"
    assert trusting("policy", {"state": "absent"}, "--check")["changed"] is True
    assert path.exists()
    assert trusting("policy", {"state": "absent"})["policy"]["action"] == "remove"
    assert trusting("policy", {"state": "absent"})["changed"] is False
    assert list(path.parent.glob("policy.json*")) == []
    trusting("image", f"name={TINY}")


def test_every_option_arrives_in_the_words_of_the_file(
    adhoc: AdHoc, path: Path, lab: Keys, tmp_path: Path
) -> None:
    key = tmp_path / "key.asc"
    key.write_text(lab.key.armoured)
    rank = "sha512-" + "ab" * 32
    vendor = {
        "type": "signedBy",
        "key_path": str(key),
        "signed_identity": {"type": "remapIdentity", "prefix": "a.io/b", "signed_prefix": "c.io"},
        "minimum_stage1": "user-namespaced",
        "maximum_signature_age": "90d",
    }
    adhoc(
        "policy",
        {
            "default": [{"type": "signedBy", "key_paths": [str(key)]}],
            "transports": {"docker": {"a.io/b": [vendor]}},
            "stage1_ranks": {rank: "vm"},
        },
    )
    assert json.loads(path.read_text()) == {
        "default": [{"type": "signedBy", "keyType": "GPGKeys", "keyPaths": [str(key)]}],
        "transports": {
            "docker": {
                "a.io/b": [
                    {
                        "type": "signedBy",
                        "keyType": "GPGKeys",
                        "keyPath": str(key),
                        "signedIdentity": {
                            "type": "remapIdentity", "prefix": "a.io/b", "signedPrefix": "c.io",
                        },
                        "minimumStage1": "user-namespaced",
                        "maximumSignatureAge": "90d",
                    }
                ]
            }
        },
        "stage1Ranks": {rank: "vm"},
    }  # fmt: skip


def test_the_difference_is_exact(adhoc: AdHoc, path: Path) -> None:
    adhoc("policy", {"default": [REJECT]})
    options = {"default": [{"type": "insecureAcceptAnything"}]}

    def changed(*flags: str) -> list[str]:
        adhoc("policy", options, "--diff", *flags)
        return [line for line in adhoc.output.splitlines() if line[:1] in "+-" and line[1:2] == " "]

    expected = [
        '-                    "type": "reject"',
        '+                    "type": "insecureAcceptAnything"',
    ]
    assert changed("--check") == expected
    assert changed() == expected
    assert changed() == []


@pytest.mark.threat("T53")
def test_a_bad_policy_is_refused_and_the_good_one_stays(
    adhoc: AdHoc, path: Path, tmp_path: Path
) -> None:
    adhoc("policy", {"default": [REJECT]})
    before = path.read_bytes()
    junk = tmp_path / "junk"
    junk.write_text("junk")
    signed = {"type": "signedBy"}
    for options, says in (
        ({"default": []}, "one requirement or more"),
        ({}, "default"),
        ({"default": [{"type": "signedBy", "key_path": "/nonexistent.asc"}]}, "/nonexistent.asc"),
        ({"default": [{"type": "signedBy", "key_path": str(junk)}]}, str(junk)),
        ({"default": [{"type": "sigstoreSigned", "key_path": str(junk)}]}, str(junk)),
        ({"default": [{"type": "sigstoreSigned"}]}, "needs a key"),
        ({"default": [REJECT], "transports": {"docker": {"r.io/": [REJECT]}}}, "r.io/"),
        ({"default": [REJECT], "transports": {"docker": [REJECT]}}, "mapping of scopes"),
        ({"default": [REJECT], "transports": {"docker": {"r.io": REJECT}}}, "must be a list"),
        ({"default": [REJECT], "transports": {"docker": {"r.io": [{"typ": "reject"}]}}}, "typ"),
        ({"default": [REJECT], "transports": {"docker": {"r.io": [{"type": "x"}]}}}, "'x'"),
        ({"default": [{**signed, "maximum_signature_age": "x"}]}, "not a duration"),
        ({"default": [REJECT], "stage1_ranks": {"sha512-ab": "vm"}}, "not an image ID"),
    ):
        failed = adhoc.refused("policy", options)
        assert says in failed["msg"], options
        assert path.read_bytes() == before
    assert list(path.parent.glob("policy.json*")) == [path]


def test_a_broken_file_is_put_right(adhoc: AdHoc, path: Path) -> None:
    options = {"default": [REJECT]}
    for damage in ("junk", "mode", "link"):
        path.unlink(missing_ok=True)
        path.write_text(json.dumps(options) if damage == "mode" else "junk")
        path.chmod(0o666 if damage == "mode" else 0o644)
        if damage == "link":
            path.rename(path.with_name("target"))
            path.symlink_to(path.with_name("target"))
        assert adhoc("policy", options)["changed"] is True
        assert adhoc("policy", options)["changed"] is False
        assert not path.is_symlink()


def test_the_policy_in_force_is_told_and_images_are_explained(
    trusting: AdHoc, path: Path, published: Publish, tmp_path: Path
) -> None:
    published()
    images = {"images": [TINY, "example.org/other"]}
    policy = {"default": [REJECT], "transports": {"appc": {"example.com": [{"type": "signedBy"}]}}}
    script = Script(trusting, tmp_path)
    none, _, told, looked, _ = script(
        ("policy_info", {}), ("policy", policy), ("policy_info", images), ("image_info", {}),
        {"ansible.builtin.copy": {"content": "junk", "dest": str(path)}},
    )  # fmt: skip
    assert none["policy"] == {"path": "", "document": None, "problem": ""}
    assert "images" not in none
    assert told["policy"]["document"]["default"] == [REJECT]
    assert [one["image"] for one in told["images"]] == images["images"]
    assert told["images"][1]["decision"] == "refused" != told["images"][0]["decision"]
    assert looked["images"] == []
    broken, refused = script.any(("policy_info", {}), ("image", {"name": TINY}))
    assert broken["policy"]["path"] == str(path) and "JSON" in broken["policy"]["problem"]
    assert refused["reason"] == "bad-policy"
