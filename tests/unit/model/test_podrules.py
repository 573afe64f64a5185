# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a pod's rules may say, and their one form."""

from __future__ import annotations

from typing import Any

import pytest

from podwright.errors import UsageError
from podwright.model import podrules
from podwright.model.fields import Fields
from podwright.model.podrules import PortRange, Rule
from podwright.model.spec import parse_desired
from podwright.reconcile import canonical


def parsed(*raw: Any) -> tuple[Rule, ...]:
    return podrules.parse(Fields({"allow": list(raw)}, "pods[0]"))


def test_everything_that_can_be_said() -> None:
    rules = parsed(
        {"to": "host"},
        {"from": "pod web", "ports": ["8000-8010/udp", "80"]},
        {"from": "network back", "ports": ["9/sctp"]},
        {"from": "2001:DB8::/32"},
        {"from": "192.0.2.7"},
        {"to": "host"},
    )
    assert rules == (
        Rule("from", "cidr", "192.0.2.7/32"),
        Rule("from", "cidr", "2001:db8::/32"),
        Rule("from", "network", "back", (PortRange("sctp", 9, 9),)),
        Rule("from", "pod", "web", (PortRange("tcp", 80, 80), PortRange("udp", 8000, 8010))),
        Rule("to", "host", ""),
    )
    assert podrules.load(podrules.dump(rules)) == rules
    assert podrules.of_annotations(podrules.annotation(rules), "pod manifest") == rules


def test_flags_say_the_same() -> None:
    flags = ["from=pod web,ports=80/tcp,8000-8010/udp", "to=host", "from=10.0.0.0/8"]
    assert podrules.of_flags(flags) == parsed(
        {"from": "10.0.0.0/8"},
        {"from": "pod web", "ports": ["80/tcp", "8000-8010/udp"]},
        {"to": "host"},
    )


def test_no_rules_leave_no_trace() -> None:
    assert podrules.annotation(()) == ()
    assert podrules.of_annotations((("other", "x"),), "pod manifest") == ()
    assert podrules.load([]) == ()


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({}, "pods[0].allow[0]: needs either from or to"),
        ({"from": "host", "to": "host"}, "pods[0].allow[0]: needs either from or to"),
        ({"from": "everybody"}, "pods[0].allow[0].from: 'everybody' is nobody that can be allowed"),
        ({"from": "pod"}, "'pod' is nobody"),
        ({"from": "pod Web"}, "pods[0].allow[0].from: 'Web' is not an AC name"),
        ({"from": "pod a } ; flush ruleset"}, "is not an AC name"),
        ({"from": "network a } ; flush ruleset"}, "is nobody that can be allowed"),
        ({"to": "network none"}, "is nobody that can be allowed"),
        ({"to": "10.0.0.1/8"}, "10.0.0.1/8 has bits beyond its prefix; write 10.0.0.0/8"),
        ({"to": "10.0.0.0/33"}, "is nobody that can be allowed"),
        ({"to": "host", "ports": ["0/tcp"]}, "pods[0].allow[0].ports: '0/tcp' is not a port"),
        ({"to": "host", "ports": ["9-8"]}, "'9-8' is not a port or a range of ports"),
        ({"to": "host", "ports": ["80/icmp"]}, "'80/icmp' is not a port"),
        ({"to": "host", "ports": ["65536"]}, "'65536' is not a port"),
        ({"to": "host", "port": "80"}, "port"),
    ],
)
def test_refused(rule: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        parsed(rule)
    assert message in caught.value.sentence()


def test_too_many() -> None:
    many = [{"to": f"10.0.{n // 256}.{n % 256}"} for n in range(podrules.MAX_RULES + 1)]
    with pytest.raises(UsageError, match="more than 256 rules"):
        parsed(*many)
    ports = [str(n) for n in range(1, podrules.MAX_PORTS + 2)]
    with pytest.raises(UsageError, match="more than 64 ports"):
        parsed({"to": "host", "ports": ports})


@pytest.mark.parametrize("net", ["none", "host"])
def test_a_pod_without_links_of_its_own_takes_none(net: str) -> None:
    with pytest.raises(UsageError, match=f"x: cannot be enforced with net {net}"):
        podrules.check_net(parsed({"to": "host"}), net, "x")
    podrules.check_net(parsed({"to": "host"}), "default,back", "x")


def test_an_annotation_that_says_nonsense_is_named() -> None:
    for text in ("{", '{"from": "host"}', '[{"from": "nobody"}]'):
        with pytest.raises(UsageError, match=r"podwright\.io/allow"):
            podrules.of_annotations((("podwright.io/allow", text),), "pod manifest")


def test_a_revision_keeps_the_rules_and_a_change_of_them_makes_another_pod() -> None:
    def pod(**fields: Any) -> Any:
        return parse_desired({"pods": [{"name": "web", "image": "a", **fields}]}).pods[0]

    ids = ["sha512-" + "0a" * 32]
    spec = pod(allow=[{"to": "host"}, {"from": "pod db", "ports": ["80"]}])
    runtime, settings = canonical.runtime(spec, ids), canonical.settings(spec)
    assert canonical.respec("web", runtime, settings).allow == spec.allow
    again = pod(allow=[{"from": "pod db", "ports": ["80/tcp"]}, {"to": "host"}, {"to": "host"}])
    assert canonical.runtime(again, ids) == runtime, "the same said otherwise"
    assert canonical.runtime(pod(allow=[{"to": "host"}]), ids) != runtime
    plain = canonical.runtime(pod(), ids)
    assert "allow" not in plain, "revisions of older agents are no change"
    assert canonical.runtime(pod(allow=[]), ids) == plain
