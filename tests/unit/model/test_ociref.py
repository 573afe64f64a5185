# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""References to OCI images, by the rules of the distribution project."""

from __future__ import annotations

import itertools
import random

import pytest

from podwright.errors import UsageError
from podwright.model import ociref
from podwright.model.imageref import parse_ref
from podwright.model.names import ac_identifier

HEX = "0123456789abcdef" * 4
DIGEST = f"sha256:{HEX}"


@pytest.mark.parametrize(
    ("text", "canonical", "host"),
    [
        ("redis", "docker.io/library/redis:latest", "registry-1.docker.io"),
        ("redis:7", "docker.io/library/redis:7", "registry-1.docker.io"),
        ("bitnami/redis", "docker.io/bitnami/redis:latest", "registry-1.docker.io"),
        ("index.docker.io/redis", "docker.io/library/redis:latest", "registry-1.docker.io"),
        ("localhost/redis", "localhost/redis:latest", "localhost"),
        ("host:5000/a/b__c:T_1", "host:5000/a/b__c:T_1", "host:5000"),
        ("HOST.example/a", "host.example/a:latest", "host.example"),
        ("HOST:1/a", "host:1/a:latest", "host:1"),
        ("LOCALHOST/a", "localhost/a:latest", "localhost"),
        ("quay.io/a/b-c.d---e", "quay.io/a/b-c.d---e:latest", "quay.io"),
        ("[::1]:5000/a", "[::1]:5000/a:latest", "[::1]:5000"),
        ("[2001:DB8:0::1]/a", "[2001:db8::1]/a:latest", "[2001:db8::1]"),
        (f"quay.io/a@{DIGEST}", f"quay.io/a@{DIGEST}", "quay.io"),
        (f"quay.io/a:1@{DIGEST}", f"quay.io/a@{DIGEST}", "quay.io"),
        (f"quay.io/a@sha512:{HEX}{HEX}", f"quay.io/a@sha512:{HEX}{HEX}", "quay.io"),
    ],
)
def test_a_reference_is_completed(text: str, canonical: str, host: str) -> None:
    ref = ociref.parse_docker(text)
    assert (ref.canonical, ref.api_host) == (canonical, host)
    assert ociref.parse_docker(ref.canonical).canonical == canonical


@pytest.mark.threat("T28")
@pytest.mark.parametrize(
    "text",
    [
        "", "/", "a/", "/a", "a//b", "UP/case/../x", "quay.io/Upper", "quay.io/a..b", "quay.io/a.", "quay.io/-a",
        "quay.io/a_-b", "quay.io/___a", "quay.io/a:", "quay.io/a:.x", "quay.io/a:" + "x" * 129, "quay.io/a:b:c",
        "quay.io/a@", "quay.io/a@sha256:../../x", f"quay.io/a@sha256:{HEX.upper()}", f"quay.io/a@sha256:{HEX[1:]}",
        f"quay.io/a@sha256:{HEX}0", f"quay.io/a@md5:{HEX[:32]}", f"quay.io/a@sha1:{HEX[:40]}",
        f"quay.io/a@SHA256:{HEX}", "quay.io/a@sha256:", f"quay.io/a@sha256:{HEX[:-1]}\uff11",
        f"quay.io/a@sha256:{HEX}\n", f"quay.io/a@{DIGEST}@{DIGEST}", "user@quay.io/a", "quay.io:0/a", "quay.io:65536/a",
        "quay.io:x/a", "HOST/a", "[::g]/a", "[1:2]/a", "[]/a", "[fe80::1%eth0]/a", "a.b?c/d", "a b/c",
        "quay.io/" + "a" * 256,
    ],
)  # fmt: skip
def test_what_is_no_reference_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        ociref.parse_docker(text)


@pytest.mark.parametrize(
    ("text", "name", "labels", "location"),
    [
        ("docker://redis", "docker.io/library/redis", (("version", "latest"),),
         "docker.io/library/redis:latest"),
        ("docker:redis:7", "docker.io/library/redis", (("version", "7"),),
         "docker.io/library/redis:7"),
        ("docker://Reg:5000/a/b__c:t", "reg~5000/a/b~u~c", (("version", "t"),), "reg:5000/a/b__c:t"),
        ("docker://[2001:DB8::1]:5000/a---b", f"ip6~20010db8{'0' * 23}1~5000/a~d3~b",
         (("version", "latest"),), "[2001:db8::1]:5000/a---b:latest"),
        (f"docker://q.io/a@{DIGEST}", "q.io/a", (), f"q.io/a@{DIGEST}"),
        (f"docker://q.io/a:1@{DIGEST}", "q.io/a", (("version", "1"),), f"q.io/a:1@{DIGEST}"),
        ("oci:/srv/My Web_:1.0", "oci/my-web", (("version", "1.0"),), "/srv/My Web_:1.0"),
        ("oci:web", "oci/web", (), "web"),
        ("oci-archive:./web.tar:x/y:1", "oci-archive/web", (("version", "x/y:1"),),
         "./web.tar:x/y:1"),
        ("docker-archive:web.tar:@0", "docker-archive/web", (), "web.tar:@0"),
    ],
)  # fmt: skip
def test_an_argument_becomes_an_image_reference(
    text: str, name: str, labels: tuple[tuple[str, str], ...], location: str
) -> None:
    ref = parse_ref(text, lambda _path: False)
    assert (ref.name, ref.labels, ref.location) == (name, labels, location)
    assert ref.kind == text.partition(":")[0]
    again = parse_ref(f"{ref.kind}:{ref.location}", lambda _path: False)
    assert (again.name, again.labels, again.location) == (name, labels, location)


@pytest.mark.parametrize("text", ["oci:", "oci::x", "oci-archive:a:", "oci:a:b c", "oci:a:../x"])
def test_a_path_reference_names_a_path_and_a_plain_ref(text: str) -> None:
    with pytest.raises(UsageError):
        parse_ref(text, lambda _path: False)


@pytest.mark.parametrize(
    "text", ["a/b__c", "A.b/c..d", "[::1]:5000/x", "x/--", "1_/a", "a~_.-b", "\u00e9/\u00e9"]
)
def test_every_name_becomes_an_ac_identifier(text: str) -> None:
    name = ociref.identifier(text)
    assert ac_identifier(name, "test") == name


def _repositories() -> set[str]:
    """Host and repository of many references that look alike."""
    words = ("a", "u", "d2", "5000", "0" * 32)
    joints = (".", "_", "__", "-", "--", "---", "-" * 12)
    parts = [*words, *(f"{a}{j}{b}" for a, j, b in itertools.product(words, joints, words))]
    ports = ("", ":2", ":5000", ":05000")
    plain = ("a.b", "a-b.c", "a--b.c", "ip6.x", "localhost", "[::1]", "[::]", "[a::d2]", "xn--a.b")
    hosts = [host + port for host in plain for port in ports]
    hosts += [f"{host}:{port}" for host in ("a", "ip6", "a--5000", "ip6--0") for port in (2, 5000)]
    chosen = random.Random(49)
    deep = ("/".join(chosen.choices(parts, k=chosen.randint(2, 4))) for _ in range(2000))
    found = {f"{host}/{part}" for host in hosts for part in parts}
    return found | {f"{chosen.choice(hosts)}/{path}" for path in deep}


@pytest.mark.threat("T49", "T54")
def test_every_repository_has_an_image_name_of_its_own() -> None:
    seen: dict[str, str] = {}
    for repository in _repositories():
        ref = ociref.parse_docker(f"{repository}:1")
        assert ref.canonical == f"{repository}:1"
        name = ociref.appc_name(ref)
        assert ac_identifier(name, "test") == name
        assert name[0].isalnum() and name[-1].isalnum()
        assert seen.setdefault(name, repository) == repository
        assert name.partition("/")[0] not in ociref.PATH_KINDS
    assert len(seen) > 5000
