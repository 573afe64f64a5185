# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The admission policy on the whole road: fetch, run, stored images later, and what `policy check` says."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Keys
from tests.support import ocilayout
from tests.support.agent import Agent
from tests.support.gpglab import Key
from tests.support.ocilayout import OciLayout
from tests.support.ocisigning import (
    COSIGN_TYPE,
    CosignKey,
    attachment,
    digest_of,
    payload,
    simple_sign,
)
from tests.support.registry import PASSWORD, USER, Registry

TINY = "example.com/tiny:1.0"
ACCEPT: Any = {"type": "insecureAcceptAnything"}
REJECT: Any = {"type": "reject"}
SIGNED: Any = {"type": "signedBy", "keyType": "GPGKeys"}
RUN = ("run", "--net=none")
TRUE = "--exec=/bin/true"
Publish = Callable[..., Path]


class Policy:
    """The policy file of a host, and keys that it can name."""

    def __init__(self, agent: Agent) -> None:
        self.agent = agent
        self.path = agent.local / "policy.json"

    def __call__(self, default: list[Any], transports: Any = None, **more: Any) -> None:
        self.text(json.dumps({"default": default, "transports": transports or {}, **more}))

    def text(self, text: str) -> None:
        self.path.write_text(text)
        self.path.chmod(0o644)

    def key(self, name: str, content: str | bytes) -> str:
        """Write a key file; returns its path."""
        path = self.agent.local / "keys" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        path.chmod(0o644)
        return str(path)

    def check(self, *arguments: str) -> tuple[int, dict[str, Any]]:
        """(exit status, explanation) of one image."""
        done = self.agent("policy", "check", "--format=json", *arguments)
        (found,) = json.loads(done.stdout)
        assert done.stderr == ""
        return done.exit, found


@pytest.fixture
def policy(agent: Agent) -> Policy:
    return Policy(agent)


class SignedRegistry:
    """A registry with one image, a lookaside directory, and ways to sign."""

    def __init__(self, agent: Agent, registry: Registry, scratch: Path) -> None:
        self.registry = registry
        self.layout = ocilayout.busybox_layout(scratch / "layout")
        self.digest = registry.push_layout(self.layout.path, "app/web:1.0")
        self.manifest = registry.stored_blob(self.digest).read_bytes()
        self.reference = registry.reference("app/web:1.0")
        self.lookaside = scratch / "lookaside"
        self._scratch = scratch
        (agent.local / "registries.d").mkdir()
        (agent.local / "registries.d/here.yaml").write_text(
            f"docker:\n    {registry.host}:\n        lookaside: file://{self.lookaside}\n"
        )
        login = {
            "rktKind": "dockerAuth", "rktVersion": "v1", "registries": [registry.host],
            "credentials": {"user": USER, "password": PASSWORD},
        }  # fmt: skip
        (agent.local / "auth.d").mkdir()
        (agent.local / "auth.d/registry.json").write_text(json.dumps(login))

    def simple(self, key: Key, tag: str = "1.0", number: int = 1) -> None:
        """Put a simple signature into the lookaside."""
        blob = simple_sign(key, self.manifest, f"{self.registry.host}/app/web:{tag}")
        place = self.lookaside / f"app/web@{self.digest.replace(':', '=')}"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"signature-{number}").write_bytes(blob)

    def cosign(self, key: CosignKey, tag: str = ":1.0") -> None:
        """Push what `cosign sign` pushes."""
        document = payload(self.digest, f"{self.registry.host}/app/web{tag}")
        manifest, blobs = attachment([(document, key.sign(document))])
        layout = OciLayout(self._scratch / f"cosign{len(list(self._scratch.iterdir()))}")
        for blob in blobs.values():
            layout.blob(blob, COSIGN_TYPE)
        layout.tag(layout.blob(manifest, ocilayout.MANIFEST))
        self.registry.push_layout(layout.path, f"app/web:{self.digest.replace(':', '-')}.sig")


@pytest.fixture
def signed_registry(agent: Agent, registry: Registry, tmp_path: Path) -> SignedRegistry:
    return SignedRegistry(agent, registry, tmp_path)


@pytest.mark.threat("T55")
def test_a_scope_may_do_without_signatures_and_only_that_one(
    agent: Agent, policy: Policy, published: Publish
) -> None:
    published(key=None)
    assert "there is no signature at" in agent.refused("fetch", TINY)
    policy([REJECT], {"appc": {"example.com/tiny": [ACCEPT]}})
    agent.ok("fetch", TINY)
    agent.ok(*RUN, TINY, TRUE)
    shown = agent.ok("image", "list", "--full", "--fields=verdict", "--no-legend").strip()
    assert shown == "accepted by policy (appc:example.com/tiny)"
    policy([REJECT], {"appc": {"example.com/tin": [ACCEPT]}})
    assert "is rejected by the policy (scope default)" in agent.refused(*RUN, TINY, TRUE)
    assert "is rejected" in agent.refused("--insecure-options=image", *RUN, TINY, TRUE)
    policy.path.unlink()
    line = agent.refused(*RUN, TINY, TRUE)
    assert "the stored copy has no signature" in line
    assert f"podwright fetch {TINY}" in line
    assert "judged:         the stored copy" in agent("policy", "check", TINY).stdout


@pytest.mark.threat("T55")
def test_an_unsigned_file_is_accepted_where_the_policy_says_so(
    agent: Agent, policy: Policy, tiny_image: Publish
) -> None:
    image = tiny_image(version="1.0")
    assert "there is no signature" in agent.refused("fetch", image)
    policy([REJECT], {"appc": {"example.com": [ACCEPT]}})
    agent.ok("fetch", image)
    policy([SIGNED], {"appc": {"example.com/other": [ACCEPT]}})
    assert "no key is trusted" in agent.refused("fetch", image)


@pytest.mark.threat("T56")
def test_keys_of_the_policy_sign_acis_and_a_tightened_policy_counts_at_run(
    agent: Agent, policy: Policy, published: Publish, lab: Keys
) -> None:
    published()
    mine = policy.key("mine.asc", lab.key.armoured)
    other = policy.key("other.asc", lab.stranger.armoured)
    policy([REJECT], {"appc": {"example.com": [{**SIGNED, "keyPath": other}]}})
    assert "which is not trusted for example.com/tiny" in agent.refused("fetch", TINY)
    assert not list((agent.data / "cas/image").iterdir())
    policy([REJECT], {"appc": {"example.com": [{**SIGNED, "keyPaths": [other, mine]}]}})
    image_id = agent.ok("fetch", "--full", TINY).strip()
    agent.ok(*RUN, TINY, TRUE)
    pod = agent.ok("prepare", "--quiet", image_id, TRUE).strip()
    policy([REJECT], {"appc": {"example.com": [{**SIGNED, "keyPath": other}]}})
    assert "not trusted" in agent.refused(*RUN, TINY, TRUE)
    assert "not trusted" in agent.refused("run-prepared", "--net=none", pod)
    policy([REJECT], {"appc": {"example.com": [{**SIGNED, "keyPath": mine}]}})
    agent.ok(*RUN, TINY, TRUE)
    agent.ok("run-prepared", "--net=none", pod)


@pytest.mark.threat("T53")
@pytest.mark.parametrize(
    "how", ["garbage", "empty", "unknown key", "mode 000", "other-writable", "fifo"]
)
def test_a_broken_policy_stops_every_verb_that_admits_images(
    agent: Agent, policy: Policy, published: Publish, lab: Keys, how: str
) -> None:
    published()
    agent.trust(lab.key, "example.com")
    image_id = agent.ok("fetch", "--full", TINY).strip()
    pod = agent.ok("prepare", "--quiet", TINY, TRUE).strip()
    if how == "fifo":
        agent.host.run(["mkfifo", str(policy.path)]).check()
    else:
        contents = {"garbage": "junk", "empty": "", "unknown key": '{"default":[],"x":1}'}
        policy.text(contents.get(how, json.dumps({"default": [ACCEPT]})))
        policy.path.chmod({"mode 000": 0, "other-writable": 0o666}.get(how, 0o644))
    for arguments in (
        ("fetch", TINY), (*RUN, TINY, TRUE), (*RUN, image_id, TRUE), ("prepare", TINY, TRUE),
        ("run-prepared", "--net=none", pod), ("--insecure-options=image", *RUN, TINY, TRUE),
        ("policy", "check", TINY),
    ):  # fmt: skip
        line = agent.refused(*arguments)
        assert str(policy.path) in line, arguments
        assert "no image is accepted" in line
    shown = agent("policy", "show")
    assert shown.exit == 254 and str(policy.path) in shown.stderr
    assert ("default" in shown.stdout) == (how == "unknown key") and "null" not in shown.stdout


def test_a_minimum_isolation_that_the_flavour_does_not_reach_is_refused(
    agent: Agent, policy: Policy, published: Publish, lab: Keys
) -> None:
    published()
    agent.trust(lab.key, "example.com")
    policy([{**SIGNED, "minimumStage1": "namespaces"}])
    agent.ok(*RUN, TINY, TRUE)
    pod = agent.ok("prepare", "--quiet", TINY, TRUE).strip()
    policy([{**SIGNED, "minimumStage1": "vm"}])
    for arguments in (
        (*RUN, TINY, TRUE),
        ("prepare", TINY, TRUE),
        ("run-prepared", "--net=none", pod),
    ):
        line = agent.refused(*arguments)
        assert "must run in vm or stronger isolation, not in user-namespaced" in line
        assert "choose it: --stage1-name=kvm with hardware virtualisation" in line
    agent.ok("fetch", TINY)
    done = agent("policy", "check", TINY)
    has = agent.host.run(["test", "-e", "/dev/kvm"]).exit == 0
    assert done.exit == (0 if has else 254)
    lacks = "admitted only in vm or stronger isolation, which this host has not"
    assert (lacks in done.stdout) != has


def test_a_policy_that_asks_for_users_of_its_own_gets_them_or_refuses(
    agent: Agent, policy: Policy, published: Publish, lab: Keys
) -> None:
    published()
    agent.trust(lab.key, "example.com")
    policy([{**SIGNED, "minimumStage1": "user-namespaced"}])
    agent.ok(*RUN, TINY, TRUE)
    pod = agent.ok("prepare", "--quiet", TINY, TRUE).strip()
    for arguments in (
        (*RUN, "--private-users=false", TINY, TRUE),
        ("run", "--net=host", TINY, TRUE),
        ("run-prepared", "--net=host", pod),
        (*RUN, "--volume=null,kind=host,source=/dev/null", TINY, "--mount=volume=null,target=/x", TRUE),
        (*RUN, "--stage1-name=fly", TINY, TRUE),
    ):  # fmt: skip
        line = agent.refused(*arguments)
        assert "must run in user-namespaced or stronger isolation, not in" in line
        assert "--private-users" in line
    agent.ok("run-prepared", "--net=none", pod)


@pytest.mark.threat("T56")
def test_a_simple_signature_admits_a_registry_image(
    agent: Agent, policy: Policy, signed_registry: SignedRegistry, lab: Keys
) -> None:
    image = signed_registry.reference
    name = "registry.example.com~5000/app/web"
    assert "has no signature; looked at file:///" in agent.refused("fetch", image)
    agent.trust(lab.key, name)
    signed_registry.simple(lab.stranger)
    assert "not trusted" in agent.refused("fetch", image)
    signed_registry.simple(lab.key, tag="2.0", number=2)
    assert "registry.example.com:5000/app/web:2.0" in agent.refused("fetch", image)
    signed_registry.simple(lab.key, number=3)
    agent.ok("fetch", image)
    agent.ok(*RUN, image, TRUE)
    shown = agent.ok("image", "list", "--full", "--fields=verdict", "--no-legend").strip()
    assert shown == f"signed by {lab.key.fingerprint.lower()}"
    other = policy.key("other.asc", lab.stranger.armoured)
    scope = f"{signed_registry.registry.host}/app"
    policy([REJECT], {"docker": {scope: [{**SIGNED, "keyPath": other}]}})
    agent.ok(*RUN, image, TRUE)  # the stranger's signature was kept with the image
    exact = {"type": "exactRepository", "dockerRepository": "r.io/other"}
    policy([REJECT], {"docker": {scope: [{**SIGNED, "keyPath": other, "signedIdentity": exact}]}})
    assert "r.io/other" in agent.refused(*RUN, image, TRUE)


def test_a_sigstore_signature_admits_a_registry_image(
    agent: Agent, policy: Policy, signed_registry: SignedRegistry, tmp_path: Path
) -> None:
    image, key = signed_registry.reference, CosignKey(tmp_path)
    path = policy.key("cosign.pub", key.pem)
    rule = {"type": "sigstoreSigned", "keyPath": path}
    policy([REJECT], {"docker": {signed_registry.registry.host: [rule]}})
    assert "has no signature; looked at the tag sha256-" in agent.refused("fetch", image)
    signed_registry.cosign(CosignKey(tmp_path))
    assert "no sigstore signature by a key that the policy names" in agent.refused("fetch", image)
    signed_registry.cosign(key)
    agent.ok("fetch", image)
    agent.ok(*RUN, image, TRUE)
    policy.key("cosign.pub", CosignKey(tmp_path).pem)
    assert "no sigstore signature by a key" in agent.refused(*RUN, image, TRUE)


def test_policy_check_explains_a_registry_image_before_and_after_the_fetch(
    agent: Agent, policy: Policy, signed_registry: SignedRegistry, lab: Keys, tmp_path: Path
) -> None:
    image, host = signed_registry.reference, signed_registry.registry.host
    cosign = CosignKey(tmp_path)
    simple = {**SIGNED, "keyPath": policy.key("mine.asc", lab.key.armoured)}
    sigstore = {
        "type": "sigstoreSigned",
        "keyPath": policy.key("cosign.pub", cosign.pem),
        "minimumStage1": "namespaces",
    }
    policy([REJECT], {"docker": {f"{host}/app": [simple, sigstore]}})
    signed_registry.simple(lab.key)
    status, found = policy.check(image)
    assert (status, found["decision"], found["stored"]) == (254, "refused", False)
    assert found["scope"] == f"docker:{host}/app"
    assert [each["state"] for each in found["requirements"]] == ["holds", "fails"]
    signed_registry.cosign(cosign)
    assert policy.check(image)[1]["decision"] == "admitted"
    agent.ok("fetch", image)
    status, found = policy.check(image)
    assert (status, found["decision"], found["stored"], found["stage1"]) == (
        0, "admitted", True, "namespaces",
    )  # fmt: skip
    assert lab.key.fingerprint.lower() in found["requirements"][0]["why"]
    shown = agent.ok("policy", "check", image)
    assert "signedBy" in shown and "sigstoreSigned" in shown and "decision:" in shown


def test_policy_check_explains_acis(
    agent: Agent, policy: Policy, published: Publish, lab: Keys
) -> None:
    published()
    status, found = policy.check(TINY)
    assert (status, found["decision"], found["policy"]) == (254, "refused", "")
    agent.trust(lab.key, "example.com")
    status, found = policy.check(TINY)
    assert (status, found["decision"]) == (0, "open")
    assert not (agent.data / "cas/image").exists() or not list((agent.data / "cas/image").iterdir())
    agent.ok("fetch", TINY)
    status, found = policy.check(TINY)
    assert (status, found["decision"], found["scope"]) == (0, "admitted", "")
    policy([REJECT])
    status, found = policy.check(TINY)
    assert (status, found["decision"], found["scope"]) == (254, "refused", "default")
    shown = agent("policy", "check", TINY)
    assert shown.exit == 254
    assert "every image of this scope is rejected" in shown.stdout


def test_policy_check_explains_each_image_though_another_cannot_be_looked_at(
    agent: Agent, policy: Policy, published: Publish, lab: Keys
) -> None:
    published()
    gone = f"{agent.local}/keys/gone.asc"
    policy(
        [SIGNED],
        {"docker": {"registry.example.com:1/app": [{**SIGNED, "keyPath": gone}]}},
    )
    agent.trust(lab.key, "example.com")
    agent.ok("fetch", TINY)
    missing = "docker://registry.example.com:1/app/web:1"
    done = agent("policy", "check", missing, "registry.example.com:1/app", TINY)
    assert done.exit == 254
    assert done.stderr == ""
    first, second, third = done.stdout.split("\n\n")
    assert "scope:          docker:registry.example.com:1/app" in first
    assert f"key file {gone}: is named by the policy and is not there" in first
    assert "error:" in first
    assert "error:" in second
    assert "decision:       admitted" in third


def test_a_registry_image_without_policy_and_an_archive_say_which_signatures_count(
    agent: Agent, signed_registry: SignedRegistry
) -> None:
    line = agent.refused("fetch", signed_registry.reference)
    assert "sigstore signatures count only with a sigstoreSigned requirement" in line
    line = agent.refused("fetch", f"oci:{signed_registry.layout.path}")
    assert "--signature=FILE" in line
    assert "exactReference or exactRepository" in line


def test_an_archive_is_signed_as_the_documentation_shows(
    agent: Agent, policy: Policy, signed_registry: SignedRegistry, lab: Keys, tmp_path: Path
) -> None:
    reference = "registry.example.com/team/web:1.4"
    images = tmp_path / "images"
    images.mkdir()
    source, archive = f"oci:{signed_registry.layout.path}", f"oci-archive:{images}/web.tar"
    subprocess.run(["skopeo", "copy", "-q", source, archive], check=True)
    unpack = ["tar", "-xOf", f"{images}/web.tar"]
    index = json.loads(
        subprocess.run([*unpack, "index.json"], check=True, capture_output=True).stdout
    )
    name = f"blobs/{index['manifests'][0]['digest'].replace(':', '/')}"
    manifest = subprocess.run([*unpack, name], check=True, capture_output=True).stdout
    signature = tmp_path / "web.sig"
    signature.write_bytes(simple_sign(lab.key, manifest, reference))
    exact = {"type": "exactReference", "dockerReference": reference}
    key = policy.key("team.asc", lab.key.armoured)
    rule = {**SIGNED, "keyPath": key, "signedIdentity": exact}
    policy([REJECT], {"oci-archive": {str(images): [rule]}})
    assert "--signature=FILE" in agent.refused("fetch", archive)
    agent.ok("fetch", archive, f"--signature={signature}")
    agent.ok(*RUN, archive, TRUE)


def test_digests_are_what_skopeo_says(signed_registry: SignedRegistry) -> None:
    assert digest_of(signed_registry.manifest) == signed_registry.digest
