# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a pod reaches the service, by what it holds; which pods can be registered at all."""

from __future__ import annotations

import pytest

from podwright.errors import UsageError
from podwright.metadata.http import Failure
from podwright.metadata.registration import base_url, is_own
from podwright.model.registration import check_net
from podwright.net.values import Address, Attachment, Holding, NetConf

CONF = NetConf("n", "1.0.0", ({"type": "ptp"},))
ANYWHERE = (("0.0.0.0", 18112), ("::", 18112))


def holding(*addresses: Address, kind: str = "ptp") -> Holding:
    """A pod with one link."""
    link = Attachment("n", kind, "eth0", CONF, addresses=addresses)
    return Holding("0" * 36, "", "", (), "boot", "/run", (link,))


LOCAL = Address("127.0.0.9", 8, "127.0.0.1")
SIX = Address("::9", 64, "::1")
AWAY = Address("192.0.2.9", 24, "192.0.2.1")


def test_a_gateway_is_ours_or_not() -> None:
    assert is_own("127.0.0.1")
    assert is_own("::1")
    assert not is_own("192.0.2.1")


@pytest.mark.parametrize(
    ("pod", "listening", "url"),
    [
        (holding(LOCAL), ANYWHERE, "http://127.0.0.1:18112"),
        (holding(SIX, LOCAL), ANYWHERE, "http://127.0.0.1:18112"),
        (holding(SIX), ANYWHERE, "http://[::1]:18112"),
        (holding(SIX, LOCAL), ANYWHERE[1:], "http://[::1]:18112"),
        (holding(AWAY, LOCAL), [("127.0.0.1", 80)], "http://127.0.0.1:80"),
    ],
)
def test_it_is_reached_on_the_pods_gateway(
    pod: Holding, listening: list[tuple[str, int]], url: str
) -> None:
    assert base_url(pod, listening) == url


@pytest.mark.parametrize(
    ("pod", "said"),
    [
        (holding(AWAY), "none of its networks leads to this host"),
        (holding(Address("127.0.0.9", 8)), "none of its networks leads to this host"),
        (holding(LOCAL, kind="macvlan"), "none of its networks leads to this host"),
        (
            holding(SIX, LOCAL),
            "does not listen on 127.0.0.1 or ::1|does not listen on ::1 or 127.0.0.1",
        ),
    ],
)
def test_who_does_not_reach_it_is_told(pod: Holding, said: str) -> None:
    with pytest.raises(Failure, match=said) as caught:
        base_url(pod, [("192.0.2.1", 18112)])
    assert caught.value.status == 409


def test_a_pod_without_an_address_of_its_own_is_refused() -> None:
    for net in ("none", "host"):
        with pytest.raises(UsageError, match=f"metadata: a pod with net {net} cannot use"):
            check_net(net, "pods[0].metadata")
    check_net("default", "x")
