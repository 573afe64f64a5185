# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pod on several networks answers by the link that it was called by.

Each network has a table of routes for what the pod sends from its address there: its own routes, and
everything else to its gateway. Else an answer might leave by a neighbouring network's link, where
the firewall takes it for a lie.
"""

from __future__ import annotations

from podwright.net import ip
from podwright.net.links import From
from podwright.net.plan import AddRoute
from podwright.values import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from podwright.net.plan import Step
    from podwright.net.values import Attachment, Holding

FIRST = 17200
"""Number of the first network's table."""
TABLES = range(FIRST, FIRST + 1000)
EVERYWHERE = {4: "0.0.0.0/0", 6: "::/0"}


def steps(holding: Holding, made: Iterable[Step]) -> list[Step]:
    """Tables and rules for the networks behind our firewall; `made` has their routes. Pure.

    Networks with an executable in their chain are left alone: that may do the same itself (sbr).
    """
    routes = [one for one in made if isinstance(one, AddRoute) and one.in_pod and not one.table]
    out: list[Step] = []
    for table, attached in zip(TABLES, holding.attachments):
        if attached.zone and not attached.external:
            own = [one for one in routes if one.link == attached.ifname]
            out += [replace(one, table=table) for one in (*own, *_outwards(attached, own))]
            out += [From(one.ip, table) for one in attached.addresses]
    return out


def _outwards(attached: Attachment, routes: list[AddRoute]) -> list[AddRoute]:
    """Default routes to the gateways, where the network has none itself."""
    known = {one.dst for one in routes}
    gateways = {ip.family(one.ip): one.gateway for one in reversed(attached.addresses)}
    return [
        AddRoute(True, attached.ifname, EVERYWHERE[of], gateway)
        for of, gateway in sorted(gateways.items())
        if gateway and EVERYWHERE[of] not in known
    ]
