# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A link of the pod's own on a link of the host that shares its MAC address (ipvlan).

As with macvlan, its packets do not pass the host's rules.
"""

from __future__ import annotations

from podwright.errors import UsageError
from podwright.net import ip
from podwright.net.kinds import options
from podwright.net.kinds.onwire import look as look
from podwright.net.kinds.onwire import refuse_masquerade, seen_master, wire_steps
from podwright.net.links import Sub
from podwright.net.values import Attachment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.net.kinds import Want
    from podwright.net.plan import Step

KEYS = frozenset(("master", "mode", "mtu", "ipMasq"))
MODES = {"l2": 0, "l3": 1, "l3s": 2}
"""Word of the configuration -> the kernel's (linux/if_link.h)."""


def attach(want: Want) -> Attachment:
    """The attachment, on the master that is named, or on that of the host's default route."""
    fields = options.read(want.conf.name, want.plugin)
    refuse_masquerade(fields, "ipvlan")
    if options.wanted_mac(want):
        raise UsageError(
            f"network {want.conf.name}: an ipvlan link has the MAC address of its master",
            "leave MAC out, or use macvlan",
            object=want.conf.name,
        )
    return Attachment(
        net=want.conf.name,
        kind="ipvlan",
        ifname=want.ifname,
        conf=want.conf,
        args=want.args,
        addresses=want.assigned.addresses,
        routes=want.assigned.routes,
        dns=options.dns(want),
        state=(
            ("master", seen_master(want, fields)),
            ("mode", fields.choice("mode", tuple(MODES), "l2")),
            ("mtu", options.mtu(fields)),
        ),
    )


def steps(attached: Attachment) -> tuple[Step, ...]:
    """The link, made in the pod's namespace at once, its addresses and routes."""
    state = dict(attached.state)
    mode = state["mode"]
    made = Sub("ipvlan", state["master"], attached.ifname, mode, MODES[mode], state["mtu"])
    families = {ip.family(one.ip) for one in attached.addresses}
    return (made, *wire_steps(attached, families))
