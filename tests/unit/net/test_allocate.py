# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from podwright.net.allocate import _one_way, first_wins
from podwright.net.values import Attachment, NetConf, Route
from podwright.values import replace


def on(net: str, *routes: Route) -> Attachment:
    return Attachment(net, "ptp", "eth0", NetConf(net, "1.0.0", ({"type": "ptp"},)), routes=routes)


def test_the_default_route_of_the_first_network_is_the_pods() -> None:
    """The last one won, while published ports led through the first: answers went another way."""
    front = on("front", Route("0.0.0.0/0"))
    back = on("back", Route("0.0.0.0/0"), Route("::/0"), Route("10.0.0.0/8"))
    assert first_wins(back, [front]).routes == (Route("::/0"), Route("10.0.0.0/8"))
    assert first_wins(front, []) == front


def test_routes_of_another_table_or_metric_are_other_routes() -> None:
    front = on("front", Route("0.0.0.0/0"))
    back = on("back", Route("0.0.0.0/0", priority=100), Route("0.0.0.0/0", table=7))
    assert first_wins(back, [front]) == back


def test_published_ports_are_answered_by_the_network_that_they_lead_through() -> None:
    plain, masked = (
        on("plain", Route("::/0")),
        replace(on("masked", Route("::/0")), masquerade=True),
    )
    assert [len(one.routes) for one in _one_way([plain, masked], True)] == [0, 1]
    assert [len(one.routes) for one in _one_way([plain, masked], False)] == [1, 0]
    assert [len(one.routes) for one in _one_way([plain, plain], True)] == [0, 1]
