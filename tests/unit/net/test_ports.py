# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which host ports a manifest publishes (behaviour.md D5)."""

from __future__ import annotations

import pytest

from podwright.errors import UsageError
from podwright.model.image import App, Port
from podwright.model.pod import HostPort, PodApp, PodManifest
from podwright.net.ports import MAX_PORTS, plan_ports
from podwright.net.values import PortMap

IMAGE = "sha512-" + "0" * 64
WEB = Port("http", "tcp", 80)


def manifest(*published: HostPort, apps: tuple[tuple[Port, ...], ...] = ((WEB,),)) -> PodManifest:
    made = tuple(
        PodApp(f"app{index}", IMAGE, "", (), App(("/bin/true",), "0", "0", ports=ports))
        for index, ports in enumerate(apps)
    )
    return PodManifest(made, ports=published)


def refusal(*published: HostPort, apps: tuple[tuple[Port, ...], ...] = ((WEB,),)) -> str:
    with pytest.raises(UsageError) as caught:
        plan_ports(manifest(*published, apps=apps))
    return caught.value.sentence()


def test_nothing_published() -> None:
    assert plan_ports(manifest()) == ()


def test_every_address_and_one_address() -> None:
    ports = plan_ports(manifest(HostPort("http", 8080), HostPort("http", 8081, "127.0.0.1")))
    assert ports == (PortMap("tcp", "", 8080, 80), PortMap("tcp", "127.0.0.1", 8081, 80))


@pytest.mark.parametrize(("text", "families"), [("", (4, 6)), ("0.0.0.0", (4,)), ("::", (6,))])
def test_the_any_addresses_are_those_of_their_family(text: str, families: tuple[int, ...]) -> None:
    (port,) = plan_ports(manifest(HostPort("http", 8080, text)))
    assert port == PortMap("tcp", text, 8080, 80)
    assert port.families() == families


def test_an_address_of_ipv6_is_shown_in_brackets() -> None:
    (port,) = plan_ports(manifest(HostPort("http", 8080, "2001:DB8::0:1")))
    assert port.shown() == "tcp port [2001:db8::1]:8080"


@pytest.mark.parametrize(
    ("one", "other", "meet"),
    [
        ("", "::", True),
        ("", "2001:db8::1", True),
        ("::", "0.0.0.0", False),
        ("0.0.0.0", "2001:db8::1", False),
        ("::", "192.0.2.1", False),
        ("2001:db8::1", "2001:db8::2", False),
    ],
)
def test_which_addresses_meet(one: str, other: str, meet: bool) -> None:
    ports = [PortMap("sctp", text, 80, 80) for text in (one, other)]
    assert ports[0].overlaps(ports[1]) is ports[1].overlaps(ports[0]) is meet
    assert not ports[0].overlaps(PortMap("udp", other, 80, 80))


def test_an_image_with_a_range_opened_a_thousand_ports_for_the_one_that_was_named() -> None:
    apps = ((Port("rtp", "udp", 5000, 1000),),)
    assert plan_ports(manifest(HostPort("rtp", 6000), apps=apps)) == (
        PortMap("udp", "", 6000, 5000),
    )


def test_of_a_range_as_many_are_published_as_the_operator_says() -> None:
    apps = ((Port("rtp", "udp", 5000, 4),),)
    assert plan_ports(manifest(HostPort("rtp", 6000, count=3), apps=apps)) == tuple(
        PortMap("udp", "", 6000 + i, 5000 + i) for i in range(3)
    )
    assert refusal(HostPort("rtp", 6000, count=5), apps=apps) == (
        "port rtp: the app has 4 of them, not 5; publish fewer"
    )


def test_a_name_that_no_app_has() -> None:
    assert refusal(HostPort("https", 443)) == (
        "port https: no app of the pod has it; there are: http"
    )


def test_a_name_that_two_apps_have() -> None:
    assert "2 apps of the pod have it" in refusal(HostPort("http", 80), apps=((WEB,), (WEB,)))


def test_a_range_beyond_the_last_port() -> None:
    apps = ((Port("rtp", "udp", 5000, 10),),)
    assert "end beyond 65535" in refusal(HostPort("rtp", 65530, count=10), apps=apps)


def test_too_many_ports() -> None:
    apps = ((Port("rtp", "udp", 1000, MAX_PORTS + 1),),)
    assert f"at most {MAX_PORTS} ports" in refusal(
        HostPort("rtp", 1000, count=MAX_PORTS + 1), apps=apps
    )


@pytest.mark.parametrize(
    "address",
    [
        "[::]",
        "localhost",
        "1.2.3",
        "1.2.3.256",
        "01.2.3.4",
        "1.2.3.4 ",
        "1.2.3.٤",
        "-1.2.3.4",
    ],
)
def test_other_addresses_are_refused(address: str) -> None:
    assert "is not an IP address" in refusal(HostPort("http", 80, address))


def test_the_loopback_address_of_ipv6_is_refused_with_the_reason() -> None:
    assert refusal(HostPort("http", 80, "::1")) == (
        "port http: no port can be published on ::1: the kernel leads nothing away from it;"
        " use 127.0.0.1, which clients that call localhost fall back to at once"
    )


@pytest.mark.parametrize("other", ["", "127.0.0.1"])
def test_the_same_place_twice(other: str) -> None:
    assert "published twice" in refusal(HostPort("http", 80), HostPort("http", 80, other))


def test_ranges_that_overlap() -> None:
    apps = ((Port("a", "tcp", 1, 10), Port("b", "tcp", 100)),)
    assert "tcp port 8005: published twice" in refusal(
        HostPort("a", 8000, count=10), HostPort("b", 8005), apps=apps
    )


def test_different_protocols_or_addresses_do_not_meet() -> None:
    apps = ((Port("a", "tcp", 53), Port("b", "udp", 53)),)
    ports = manifest(
        HostPort("a", 53, "127.0.0.1"), HostPort("a", 53, "127.0.0.2"), HostPort("b", 53), apps=apps
    )
    assert len(plan_ports(ports)) == 3
