# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One image taken for another: names that look alike, and paths that change while they are used."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agent.test_policy import ACCEPT, REJECT, RUN, SIGNED, Policy, SignedRegistry
from tests.conftest import Keys
from tests.support import ocilayout
from tests.support.agent import Agent
from tests.support.ocilayout import OciLayout
from tests.support.ocisigning import simple_sign
from tests.support.registry import Registry

TRIES = 40
_FLIP = """
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
one, other = map(os.fsencode, sys.argv[1:3])
parent = os.getppid()
while os.getppid() == parent:
    libc.renameat2(-100, one, -100, other, 2)
"""


def _saying(path: Path, word: str) -> OciLayout:
    return ocilayout.busybox_layout(path, config={"Entrypoint": ["/bin/echo", word]})


@pytest.fixture
def policy(agent: Agent) -> Policy:
    return Policy(agent)


@pytest.fixture
def signed_registry(agent: Agent, registry: Registry, tmp_path: Path) -> SignedRegistry:
    return SignedRegistry(agent, registry, tmp_path)


@pytest.mark.threat("T49")
@pytest.mark.parametrize("other", ["team__a", "team--a"])
def test_a_key_for_one_repository_signs_no_other_that_looks_like_it(
    agent: Agent, signed_registry: SignedRegistry, lab: Keys, other: str
) -> None:
    registry = signed_registry.registry
    agent.trust(lab.key, "registry.example.com~5000/team-a")
    for team in ("team-a", other):
        digest = registry.push_layout(signed_registry.layout.path, f"{team}/web:1.0")
        place = signed_registry.lookaside / f"{team}/web@{digest.replace(':', '=')}"
        place.mkdir(parents=True)
        signed = f"{registry.host}/{team}/web:1.0"
        (place / "signature-1").write_bytes(simple_sign(lab.key, signed_registry.manifest, signed))
    assert "no key is trusted" in agent.refused("fetch", registry.reference(f"{other}/web:1.0"))
    agent.ok("fetch", registry.reference("team-a/web:1.0"))


@pytest.mark.threat("T54")
def test_an_image_of_a_lax_scope_is_not_found_under_another_name(
    agent: Agent, policy: Policy, signed_registry: SignedRegistry, tmp_path: Path
) -> None:
    registry = signed_registry.registry
    registry.push_layout(_saying(tmp_path / "evil", "EVIL").path, "team__a/web:1.0")
    lax = {f"{registry.host}/team__a": [ACCEPT]}
    policy([REJECT], {"docker": lax, "appc": {"": [ACCEPT]}})
    agent.ok("fetch", registry.reference("team__a/web:1.0"))
    for name in ("registry.example.com~5000/team-a/web:1.0", "registry.example.com-5000/team-a/web:1.0"):  # fmt: skip
        assert "is not in the store" in agent.refused(*RUN, "--pull-policy=never", name)
    own = "registry.example.com~5000/team~u~a/web:1.0"
    assert agent.ok(*RUN, own).strip() == "EVIL"
    for strict in ([REJECT], [SIGNED]):
        policy([REJECT], {"docker": lax, "appc": {"": strict}})
        assert "does not admit it under its image name (scope appc:)" in agent.refused(*RUN, own)
        lines = agent.ok(*RUN, registry.reference("team__a/web:1.0"))
        assert lines.strip() == "EVIL"


@pytest.mark.threat("T54")
def test_the_same_bytes_from_two_repositories_have_two_records_and_two_verdicts(
    agent: Agent, policy: Policy, signed_registry: SignedRegistry, tmp_path: Path
) -> None:
    registry = signed_registry.registry
    layout = _saying(tmp_path / "old", "OLD").path
    strict, lax = (registry.reference(f"{team}/web:1.0") for team in ("team-a", "team__a"))
    for team in ("team-a", "team__a"):
        registry.push_layout(layout, f"{team}/web:1.0")
    scopes = {f"{registry.host}/team__a": [ACCEPT], f"{registry.host}/team-a": [ACCEPT]}
    policy([REJECT], {"docker": scopes})
    assert agent.ok("fetch", "--full", strict) != agent.ok("fetch", "--full", lax)
    policy([REJECT], {"docker": {**scopes, f"{registry.host}/team-a": [REJECT]}})
    assert "is rejected by the policy" in agent.refused(*RUN, strict)
    assert agent.ok(*RUN, lax).strip() == "OLD"


@contextlib.contextmanager
def _flipping(one: Path, other: Path) -> Iterator[None]:
    """Two names that are exchanged all the time."""
    process = subprocess.Popen([sys.executable, "-IS", "-c", _FLIP, str(one), str(other)])
    try:
        yield
        assert process.poll() is None
    finally:
        process.kill()
        process.wait()


@pytest.mark.threat("T40", "T54")
def test_a_path_that_flips_is_judged_as_what_was_opened(
    agent: Agent, policy: Policy, tmp_path: Path
) -> None:
    good = _saying(tmp_path / "srv/good", "GOOD").path
    evil = _saying(tmp_path / "home/u/evil", "EVIL").path
    policy([REJECT], {"oci": {str(good): [ACCEPT]}})
    one, other = tmp_path / "home/u/x", tmp_path / "home/u/y"
    one.symlink_to(good)
    other.symlink_to(evil)
    seen = set()
    with _flipping(one, other):
        for _ in range(TRIES):
            done = agent(*RUN, "--pull-policy=update", f"oci:{one}")
            seen.add(done.stdout.strip() if done.exit == 0 else "refused")
            assert done.exit == 0 or "is rejected by the policy" in done.stderr
    assert seen == {"GOOD", "refused"}


@pytest.mark.threat("T54")
def test_a_path_with_a_colon_is_in_no_scope_of_another(
    agent: Agent, policy: Policy, tmp_path: Path
) -> None:
    """Scopes end at a colon: `/srv/good:x/evil` would be in the scope of `/srv/good`."""
    evil = _saying(tmp_path / "good:x/evil", "EVIL").path
    link = tmp_path / "link"
    link.symlink_to(evil)
    policy([REJECT], {"oci": {str(tmp_path / "good"): [ACCEPT]}})
    assert "has a colon" in agent.refused(*RUN, f"oci:{link}")
    assert os.listdir(agent.data / "cas/image") == []
