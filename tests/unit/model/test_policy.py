# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The policy's grammar: what is understood, and that anything else refuses the whole file."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from podwright.errors import UsageError
from podwright.model.dockername import fits, parse_named
from podwright.model.policy import NO_POLICY, SignedIdentity, parse_policy

KEY = base64.b64encode(b"a key").decode()
REJECT = [{"type": "reject"}]
ACCEPT = [{"type": "insecureAcceptAnything"}]
IMAGE_ID = "sha512-" + "ab" * 32
SIGNED = {"type": "signedBy", "keyType": "GPGKeys"}


def only(**requirement: Any) -> dict[str, Any]:
    """A policy of one requirement."""
    return {"default": [requirement]}


def test_the_manual_pages_example_is_understood() -> None:
    policy = parse_policy(
        {
            "default": REJECT,
            "transports": {
                "docker": {
                    "docker.io/openshift": ACCEPT,
                    "*.temporary-project.example.com": ACCEPT,
                    "hostname:5000/myns/sigstore": [
                        {
                            "type": "sigstoreSigned",
                            "keyPath": "/path/to/key.pub",
                            "signedIdentity": {"type": "matchRepository"},
                        }
                    ],
                    "private-mirror:5000/vendor-mirror": [
                        {
                            **SIGNED,
                            "keyPath": "/path/to/vendor.gpg",
                            "signedIdentity": {
                                "type": "remapIdentity",
                                "prefix": "private-mirror:5000/vendor-mirror",
                                "signedPrefix": "vendor.example.com",
                            },
                        },
                        {**SIGNED, "keyPaths": ["/path/a.gpg", "/path/b.gpg"]},
                    ],
                },
                "dir": {"": ACCEPT},
                "atomic": {"hostname:5000/myns": [{**SIGNED, "keyData": KEY}]},
            },
        }
    )
    vendor, both = policy.transports["docker"]["private-mirror:5000/vendor-mirror"]
    assert (vendor.paths, vendor.trust_store) == (("/path/to/vendor.gpg",), False)
    assert vendor.identity.signed_prefix == "vendor.example.com"
    assert both.paths == ("/path/a.gpg", "/path/b.gpg")
    assert policy.transports["atomic"]["hostname:5000/myns"][0].data == (b"a key",)


def test_our_own_words_are_understood() -> None:
    policy = parse_policy(
        {
            "default": [{**SIGNED, "maximumSignatureAge": "90d"}],
            "transports": {
                "appc": {
                    "example.com/edge": [{"type": "insecureAcceptAnything", "minimumStage1": "vm"}]
                }
            },
            "stage1Ranks": {IMAGE_ID: "vm"},
        }
    )
    (default,) = policy.default
    assert default.trust_store
    assert default.maximum_age == 90 * 86400
    (edge,) = policy.choose("appc", "example.com/edge/web")[1]
    assert (edge.minimum_stage1, edge.needs_signature) == ("vm", False)
    assert policy.ranks == {IMAGE_ID: "vm"}


def test_without_a_policy_the_trust_store_decides() -> None:
    (only_one,) = NO_POLICY
    assert (only_one.kind, only_one.trust_store, only_one.paths) == ("signedBy", True, ())


@pytest.mark.threat("T53")
@pytest.mark.parametrize(
    ("document", "says"),
    [
        ([], "must be an object"),
        (None, "null"),
        ({}, "default: is missing"),
        ({"default": []}, "one requirement or more"),
        ({"default": None}, "null"),
        ({"default": {"type": "reject"}}, "list"),
        ({"default": ["reject"]}, "object"),
        ({"default": [{}]}, "type: is missing"),
        ({"default": [{"type": "accept"}]}, "is not one of"),
        ({"default": [{"type": "signedBaseLayer"}]}, "is not one of"),
        ({"default": REJECT, "Transports": {}}, "unknown field"),
        ({"default": REJECT, "comment": ""}, "unknown field"),
        ({"default": REJECT, "transports": []}, "object"),
        ({"default": REJECT, "transports": {"dokcer": {}}}, "is not a transport"),
        ({"default": REJECT, "transports": {"docker": []}}, "object"),
        ({"default": REJECT, "transports": {"docker": {"x/": REJECT}}}, "whole parts"),
        ({"default": REJECT, "transports": {"docker": {"": []}}}, "one requirement"),
        ({"default": REJECT, "transports": {"docker": {"": None}}}, "null"),
        ({"default": REJECT, "transports": {"atomic": {"x": [{"type": "?"}]}}}, "is not one of"),
        ({"default": REJECT * 17}, "more than 16"),
        ({"default": REJECT, "stage1Ranks": {"x": "vm"}}, "not an image ID"),
        ({"default": REJECT, "stage1Ranks": {IMAGE_ID: "hardware"}}, "must be one of"),
        ({"default": REJECT, "stage1Ranks": {IMAGE_ID: ["vm"]}}, "must be one of"),
        (only(type="reject", minimumStage1="vm"), "unknown field"),
        (only(type="reject", keyPath="/x"), "unknown field"),
        (only(type="insecureAcceptAnything", keyPath="/x"), "unknown field"),
        (only(type="insecureAcceptAnything", maximumSignatureAge="1d"), "unknown field"),
        (only(type="insecureAcceptAnything", minimumStage1=""), "must be one of"),
        (only(type="insecureAcceptAnything", minimumStage1="kvm"), "must be one of"),
        (only(type="insecureAcceptAnything", minimumStage1=3), "a string"),
        (only(type="signedBy"), "keyType: is missing"),
        (only(type="signedBy", keyType="X509"), "must be GPGKeys"),
        (only(**SIGNED, keyPath=None), "null"),
        (only(**SIGNED, keyPath=""), "not an absolute path"),
        (only(**SIGNED, keyPath="keys/x"), "not an absolute path"),
        (only(**SIGNED, keyPath=["/x"]), "a string"),
        (only(**SIGNED, keyPaths=[]), "1 to 16"),
        (only(**SIGNED, keyPaths="/x"), "a list"),
        (only(**SIGNED, keyPath="/x", keyData=KEY), "exclude each other"),
        (only(**SIGNED, keyPath="/x", keyPaths=["/y"]), "exclude each other"),
        (only(**SIGNED, keyData="%%%"), "not base64"),
        (only(**SIGNED, keyData=""), "not base64"),
        (only(**SIGNED, keyDatas=[KEY]), "unknown field"),
        (only(**SIGNED, keypath="/x"), "unknown field"),
        (only(**SIGNED, maximumSignatureAge="90"), "not a duration"),
        (only(**SIGNED, maximumSignatureAge="0d"), "not a duration"),
        (only(**SIGNED, maximumSignatureAge="-1d"), "not a duration"),
        (only(**SIGNED, maximumSignatureAge=""), "not a duration"),
        (only(**SIGNED, maximumSignatureAge=90), "a string"),
        (only(**SIGNED, signedIdentity={}), "type: is missing"),
        (only(**SIGNED, signedIdentity={"type": "any"}), "is not one of"),
        (only(**SIGNED, signedIdentity={"type": "matchExact", "x": 1}), "unknown field"),
        (only(**SIGNED, signedIdentity={"type": "exactReference"}), "is missing"),
        (
            only(**SIGNED, signedIdentity={"type": "exactReference", "dockerReference": "a.io/b"}),
            "neither tag nor digest",
        ),
        (
            only(
                **SIGNED, signedIdentity={"type": "exactRepository", "dockerRepository": "a.io/b:1"}
            ),
            "no tag",
        ),
        (
            only(
                **SIGNED,
                signedIdentity={"type": "remapIdentity", "prefix": "", "signedPrefix": "a.io"},
            ),
            "not a registry host",
        ),
        (
            only(
                **SIGNED,
                signedIdentity={
                    "type": "remapIdentity",
                    "prefix": "a.io/b:1",
                    "signedPrefix": "a.io",
                },
            ),
            "not a registry host",
        ),
        (only(type="sigstoreSigned"), "needs a key"),
        (only(type="sigstoreSigned", keyType="GPGKeys", keyPath="/x"), "unknown field"),
        (only(type="sigstoreSigned", keyPath="/x", fulcio={}), "not supported"),
        (only(type="sigstoreSigned", keyPath="/x", rekorPublicKeyPath="/r"), "not supported"),
        (only(type="sigstoreSigned", pki={}), "not supported"),
    ],
)
def test_what_is_not_understood_refuses_the_whole_file(document: Any, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        parse_policy(document)


@pytest.mark.threat("T53")
def test_an_acis_signature_has_no_docker_reference() -> None:
    identity = {"type": "exactRepository", "dockerRepository": "a.io/b"}
    requirement = [{**SIGNED, "signedIdentity": identity}]
    with pytest.raises(UsageError, match="docker references"):
        parse_policy({"default": REJECT, "transports": {"appc": {"": requirement}}})


DIGEST = "sha256:" + "0" * 64
MATCH_EXACT, MATCH_REPOSITORY = SignedIdentity("matchExact"), SignedIdentity("matchRepository")
DEFAULT = SignedIdentity()
REFERENCE = SignedIdentity("exactReference", "vendor.io/app:1")
REPOSITORY = SignedIdentity("exactRepository", "vendor.io/app")
REMAP = SignedIdentity("remapIdentity", "", "mirror:5000/vendor", "vendor.io")


@pytest.mark.threat("T56")
@pytest.mark.parametrize(
    ("identity", "image", "signed", "expected"),
    [
        (DEFAULT, "r.io/a:1", "r.io/a:1", True),
        (DEFAULT, "r.io/a:1", "r.io/a:2", False),
        (DEFAULT, "r.io/a:1", "r.io/a", False),
        (DEFAULT, "r.io/a:1", "r.io/b:1", False),
        (DEFAULT, "r.io/a:1", "r.io/a/b:1", False),
        (DEFAULT, "r.io/a:1", "r.io:443/a:1", False),
        (DEFAULT, "r.io/a:1", "R.io/a:1", True),
        (DEFAULT, f"r.io/a@{DIGEST}", "r.io/a:7", True),
        (DEFAULT, f"r.io/a@{DIGEST}", "r.io/b:7", False),
        (DEFAULT, f"r.io/a@{DIGEST}", "r.io/a", False),
        (DEFAULT, "docker.io/library/busybox:1", "busybox:1", True),
        (DEFAULT, "", "r.io/a:1", False),
        (MATCH_EXACT, "r.io/a:1", "r.io/a:1", True),
        (MATCH_EXACT, f"r.io/a@{DIGEST}", "r.io/a:1", False),
        (MATCH_EXACT, f"r.io/a@{DIGEST}", f"r.io/a@{DIGEST}", True),
        (MATCH_REPOSITORY, "r.io/a:1", "r.io/a:2", True),
        (MATCH_REPOSITORY, "r.io/a:1", "r.io/a", True),
        (MATCH_REPOSITORY, "r.io/a:1", "r.io/ab:1", False),
        (MATCH_REPOSITORY, "", "r.io/a:1", False),
        (REFERENCE, "mirror.io/x:9", "vendor.io/app:1", True),
        (REFERENCE, "mirror.io/x:9", "vendor.io/app:2", False),
        (REFERENCE, "", "vendor.io/app:1", True),
        (REPOSITORY, "mirror.io/x:9", "vendor.io/app:2", True),
        (REPOSITORY, "mirror.io/x:9", "vendor.io/app2:2", False),
        (REPOSITORY, "", "vendor.io/app:1", True),
        (REMAP, "mirror:5000/vendor/a/b:1", "vendor.io/a/b:1", True),
        (REMAP, "mirror:5000/vendor/a/b:1", "vendor.io/a/b:2", False),
        (REMAP, "mirror:5000/vendors/a:1", "vendor.io/s/a:1", False),
        (REMAP, "mirror:5000/vendors/a:1", "mirror:5000/vendors/a:1", True),
        (REMAP, f"mirror:5000/vendor/a@{DIGEST}", "vendor.io/a:4", True),
        (REMAP, "", "vendor.io/a:4", False),
    ],
)
def test_which_reference_a_signature_may_name(
    identity: SignedIdentity, image: str, signed: str, expected: bool
) -> None:
    assert (fits(identity, image, signed) == "") is expected


@pytest.mark.threat("T54")
@pytest.mark.parametrize(
    "text", ["", "r.io/", "r.io/A:1", "r.io/a:", f"r.io/a:1@{DIGEST}", "r.io/a\n"]
)
def test_what_is_no_reference_is_signed_for_nothing(text: str) -> None:
    with pytest.raises(UsageError):
        parse_named(text, "signature")
