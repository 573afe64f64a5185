# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said about a pod's names (behaviour.md B7): read, checked, written, and read again."""

from __future__ import annotations

from typing import Any

import pytest

from podwright import jsonio
from podwright.errors import UsageError
from podwright.model.fields import Fields
from podwright.model.podnames import PodNames, dump, load, parse
from podwright.model.podspec import PodSpec
from podwright.model.spec import parse_desired
from podwright.reconcile import canonical

FULL: dict[str, Any] = {
    "dns": {
        "servers": ["192.0.2.53", "2001:DB8:0::53"],
        "domain": "example.com",
        "search": ["a.example", ".", "_tcp.b.example."],
        "options": ["ndots:2", "rotate"],
    },
    "hosts": [
        {"ip": "192.0.2.7", "names": ["db", "db.Example.com"]},
        {"ip": "::1", "names": ["v6"]},
    ],
}


def names(**raw: Any) -> PodNames | None:
    """What is read of the fields of a pod."""
    return parse(Fields(raw, "pods[0]"))


def test_all_that_can_be_said() -> None:
    assert names(**FULL) == PodNames(
        "",
        ("192.0.2.53", "2001:db8::53"),
        "example.com",
        ("a.example", ".", "_tcp.b.example."),
        ("ndots:2", "rotate"),
        "",
        (("192.0.2.7", ("db", "db.Example.com")), ("::1", ("v6",))),
    )


@pytest.mark.parametrize("raw", [{}, {"dns": {}}, {"hosts": []}, {"dns": None, "hosts": None}])
def test_nothing_said(raw: dict[str, Any]) -> None:
    assert names(**raw) is None


@pytest.mark.parametrize(
    "raw", [FULL, {"dns": "host"}, {"dns": "none", "hosts": "host"}, {"dns": {"search": ["a"]}}]
)
def test_what_is_written_is_read_again(raw: dict[str, Any]) -> None:
    said = names(**raw)
    assert said is not None
    assert load(jsonio.loads(jsonio.dumps(dump(said)), "x")) == said


@pytest.mark.parametrize(
    "raw, message",
    [
        ({"dns": "docker"}, "pods[0].dns: 'docker' is not host or none"),
        ({"hosts": "none"}, "pods[0].hosts: 'none' is not host"),
        ({"hosts": {"a": "b"}}, "pods[0].hosts: must be a list, not an object"),
        ({"dns": {"servers": ["host"]}}, "pods[0].dns: 'host' is not an IP address"),
        ({"dns": {"servers": ["fe80::1%eth0"]}}, "is not an IP address"),
        (
            {"dns": {"servers": ["1.1.1.1", "1.1.1.2", "1.1.1.3", "1.1.1.4"]}},
            "4 name servers are more",
        ),
        ({"dns": {"server": ["1.1.1.1"]}}, "pods[0].dns.server: unknown field"),
        ({"dns": {"search": ["a b"]}}, "'a b' is not a host or domain name"),
        ({"dns": {"search": ["a\nnameserver 6.6.6.6"]}}, "is not a host or domain name"),
        ({"dns": {"search": ["a"] * 33}}, "the search list is longer"),
        ({"dns": {"search": [("a" * 60 + ".") * 3 + "x"] * 12}}, "the search list is longer"),
        ({"dns": {"domain": "-a"}}, "'-a' is not a host or domain name"),
        ({"dns": {"options": ["ndot:2"]}}, "'ndot:2' is not an option of resolv.conf"),
        ({"dns": {"options": ["ndots"]}}, "'ndots' is not an option"),
        ({"dns": {"options": ["rotate:1"]}}, "'rotate:1' is not an option"),
        ({"dns": {"options": ["edns0\nnameserver 6.6.6.6"]}}, "is not an option"),
        ({"hosts": [{"ip": "192.0.2.7"}]}, "pods[0].hosts[0].names: is missing"),
        ({"hosts": [{"names": ["a"]}]}, "pods[0].hosts[0].ip: is missing"),
        ({"hosts": [{"ip": "192.0.2.256", "names": ["a"]}]}, "'192.0.2.256' is not an IP address"),
        ({"hosts": [{"ip": "192.0.2.7", "names": ["a#b"]}]}, "'a#b' is not a host or domain name"),
        ({"hosts": [{"ip": "192.0.2.7", "names": ["a"]}] * 1025}, "more than 1024 entries"),
    ],
)
def test_what_is_refused(raw: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        names(**raw)
    assert message in caught.value.message


def pod(**fields: Any) -> PodSpec:
    """A pod of a desired state."""
    return parse_desired({"pods": [{"name": "web", "image": "a", **fields}]}).pods[0]


def test_a_revision_keeps_what_was_said_and_a_change_of_it_makes_another_pod() -> None:
    ids = ["sha512-" + "0a" * 32]
    spec = pod(**FULL)
    runtime, settings = canonical.runtime(spec, ids), canonical.settings(spec)
    assert canonical.respec("web", runtime, settings).names == spec.names
    assert canonical.runtime(pod(dns=FULL["dns"]), ids) != runtime
    plain = canonical.runtime(pod(), ids)
    assert not {"dns", "hosts"} & set(plain), "revisions of older agents are no change"
    assert canonical.respec("web", plain, settings).names is None
