# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which scope of a policy decides: every pair of a scope and an image below, each with its one answer."""

from __future__ import annotations

import itertools

import pytest

from podwright.errors import UsageError
from podwright.model.policy import Policy, Requirement
from podwright.model.policyscope import candidates, problem

DIGEST = "sha256:" + "1f" * 32
OTHER = "sha256:" + "2e" * 32

# Every image with the scopes that cover it, most specific first. All other scopes of the same
# transport do not cover it.
DOCKER = {
    "registry.io/x:1": ["registry.io/x:1", "registry.io/x", "registry.io", "*.io"],
    "registry.io/x:2": ["registry.io/x", "registry.io", "*.io"],
    f"registry.io/x@{DIGEST}": [f"registry.io/x@{DIGEST}", "registry.io/x", "registry.io", "*.io"],
    f"registry.io/x@{OTHER}": ["registry.io/x", "registry.io", "*.io"],
    "registry.io/xy:1": ["registry.io", "*.io"],
    "registry.io/x/y:1": ["registry.io/x/y", "registry.io/x", "registry.io", "*.io"],
    "registry.io/y/x:1": ["registry.io", "*.io"],
    "Registry.IO/x:1": ["registry.io/x:1", "registry.io/x", "registry.io", "*.io"],
    "registry.io:5000/x:1": ["registry.io:5000/x", "registry.io:5000", "*.io"],
    "registry.io:5001/x:1": ["*.io"],
    "evil.com/registry.io/x:1": ["*.com"],
    "registry.io.evil.com/x:1": ["*.evil.com", "*.com"],
    "evilregistry.io/x:1": ["*.io"],
    "a.b.registry.io/x:1": ["a.b.registry.io", "*.b.registry.io", "*.registry.io", "*.io"],
    "b.registry.io/x:1": ["*.registry.io", "*.io"],
    "docker.io/library/busybox:latest": ["docker.io/library", "docker.io", "*.io"],
    "xn--bcher-kva.example/x:1": ["xn--bcher-kva.example"],
    "localhost:5000/x:1": ["localhost:5000"],
    "[2001:db8::1]:5000/x:1": ["[2001:db8::1]:5000"],
}
APPC = {
    "example.com": ["example.com"],
    "example.com/a": ["example.com/a", "example.com"],
    "example.com/ab": ["example.com"],
    "example.com/a/b": ["example.com/a/b", "example.com/a", "example.com"],
    "example.com/a/bc": ["example.com/a", "example.com"],
    "example.com.evil.org/a": [],
    "evil.org/example.com/a": [],
}
OCI = {
    "/srv/images/web:1.0": ["/srv/images/web:1.0", "/srv/images/web", "/srv/images", "/srv"],
    "/srv/images/web:2.0": ["/srv/images/web", "/srv/images", "/srv"],
    "/srv/images/web": ["/srv/images/web", "/srv/images", "/srv"],
    "/srv/images/web:docker.io/library/x:1": ["/srv/images/web", "/srv/images", "/srv"],
    "/srv/images-evil/web:1.0": ["/srv"],
    "/mnt/srv/images/web:1.0": [],
    "/media/my ünicode disk/web:1.0": ["/media/my ünicode disk"],
}


def pairs() -> list[tuple[str, str, str, bool]]:
    """(transport, scope, image, whether it covers it)."""
    out = []
    for transport, table in (
        ("docker", DOCKER),
        ("appc", APPC),
        ("oci", OCI),
        ("oci-archive", OCI),
    ):
        scopes = sorted({scope for covering in table.values() for scope in covering})
        out += [
            (transport, scope, image, scope in table[image])
            for scope, image in itertools.product(scopes, table)
        ]
    return out


PAIRS = pairs()
ONLY = (Requirement("insecureAcceptAnything"),)
DEFAULT = (Requirement("reject"),)


@pytest.mark.threat("T54")
def test_the_table_has_more_than_two_hundred_pairs() -> None:
    assert len(PAIRS) >= 200
    assert 50 < sum(covered for *_, covered in PAIRS) < len(PAIRS) - 100


@pytest.mark.threat("T54")
@pytest.mark.parametrize(("transport", "scope", "image", "covered"), PAIRS)
def test_a_scope_covers_just_its_images(
    transport: str, scope: str, image: str, covered: bool
) -> None:
    assert problem(transport, scope) == ""
    policy = Policy(DEFAULT, {transport: {scope: ONLY}}, {})
    expected = (f"{transport}:{scope}", ONLY) if covered else ("default", DEFAULT)
    assert policy.choose(transport, image) == expected


@pytest.mark.threat("T54")
@pytest.mark.parametrize(
    ("transport", "image", "covering"),
    [
        (transport, image, covering)
        for transport, table in (("docker", DOCKER), ("appc", APPC), ("oci", OCI))
        for image, covering in table.items()
    ],
)
def test_the_most_specific_scope_wins_in_whatever_order_they_stand(
    transport: str, image: str, covering: list[str]
) -> None:
    rules = {scope: (Requirement("reject", data=(scope.encode(),)),) for scope in covering}
    rules[""] = ONLY
    for _ in range(len(covering)):
        for order in (list(rules), list(reversed(rules))):
            policy = Policy(DEFAULT, {transport: {scope: rules[scope] for scope in order}}, {})
            best = next(scope for scope in (*covering, "") if scope in rules)
            assert policy.choose(transport, image) == (f"{transport}:{best}", rules[best])
        del rules[best]
    assert (
        Policy(DEFAULT, {transport: {"": ONLY}}, {}).choose(transport, image)[0] == f"{transport}:"
    )
    assert Policy(DEFAULT, {"atomic": {"": ONLY}}, {}).choose(transport, image)[0] == "default"


@pytest.mark.threat("T54")
@pytest.mark.parametrize(
    ("transport", "image"),
    [
        ("docker", ""),
        ("docker", "registry.io"),
        ("docker", "registry.io/x"),
        ("docker", f"registry.io/x:1@{DIGEST}"),
        ("docker", "registry.io/x@sha256:abc"),
        ("docker", "registry.io/../x:1"),
        ("docker", "registry.io//x:1"),
        ("docker", "registry.io/X:1"),
        ("docker", "*.io/x:1"),
        ("docker", "regïstry.io/x:1"),
        ("docker", "registry\uff0eio/x:1"),
        ("docker", "registry.io/x:1\n"),
        ("docker", "registry..io/x:1"),
        ("docker", "registry.io:/x:1"),
        ("appc", "EXAMPLE.com/a"),
        ("appc", "example.com/a/../b"),
        ("appc", "example.com/a/"),
        ("appc", ""),
        ("oci", "images/web:1"),
        ("oci", "/srv/../web:1"),
        ("oci", "/srv//web:1"),
        ("oci", "/"),
        ("dir", "/srv"),
        ("", "x"),
    ],
)
def test_what_is_no_image_reaches_no_default(transport: str, image: str) -> None:
    with pytest.raises(UsageError):
        candidates(transport, image)


@pytest.mark.threat("T54")
@pytest.mark.parametrize(
    ("transport", "scope"),
    [
        ("docker", "https://registry.io"),
        ("docker", "Registry.io/x"),
        ("docker", "registry.io/x/"),
        ("docker", "registry.io/X"),
        ("docker", "/x"),
        ("docker", "example*.*.com"),
        ("docker", "*"),
        ("docker", "*."),
        ("docker", "*.registry.io/x"),
        ("docker", "*.registry.io:5000"),
        ("docker", "*.*.io"),
        ("docker", "registry.io/x*"),
        ("docker", "registry.io:port/x"),
        ("docker", "busybox:latest"),
        ("docker", "registry.io/x@sha256:zz"),
        ("docker", "bücher.example"),
        ("docker", "registry.io /x"),
        ("appc", "example.com/"),
        ("appc", "Example.com"),
        ("appc", "https://example.com"),
        ("appc", "example.com/a:1"),
        ("appc", "*.example.com"),
        ("oci", "/"),
        ("oci", "srv/images"),
        ("oci", "/srv/"),
        ("oci", "/srv/../images"),
        ("docker-archive", "./x"),
    ],
)
def test_a_scope_that_no_image_can_have_is_a_mistake(transport: str, scope: str) -> None:
    assert problem(transport, scope)
