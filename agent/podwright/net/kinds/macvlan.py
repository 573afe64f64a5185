# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A link of the pod's own on a link of the host (macvlan): the pod is on the host's wire.

Its packets do not pass the host, so neither do our rules, nor published ports, nor masquerade.
By the kernel's design the host itself and such a pod do not reach each other.
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
MODES = {"bridge": 4, "private": 1, "vepa": 2, "passthru": 8}
"""Word of the configuration -> the kernel's (linux/if_link.h)."""


def attach(want: Want) -> Attachment:
    """The attachment, on the master that is named, or on that of the host's default route."""
    fields = options.read(want.conf.name, want.plugin)
    refuse_masquerade(fields, "macvlan")
    mode = fields.choice("mode", tuple(MODES), "bridge")
    asked = options.wanted_mac(want)
    if mode == "passthru" and asked:
        raise UsageError(
            f"network {want.conf.name}: a passthru link has the MAC address of its master",
            "leave MAC out",
            object=want.conf.name,
        )
    return Attachment(
        net=want.conf.name,
        kind="macvlan",
        ifname=want.ifname,
        conf=want.conf,
        args=want.args,
        mac="" if mode == "passthru" else asked or options.own_mac(want),
        addresses=want.assigned.addresses,
        routes=want.assigned.routes,
        dns=options.dns(want),
        state=(
            ("master", seen_master(want, fields)),
            ("mode", mode),
            ("mtu", options.mtu(fields)),
        ),
    )


def steps(attached: Attachment) -> tuple[Step, ...]:
    """The link, made in the pod's namespace at once, its addresses and routes."""
    state = dict(attached.state)
    made = Sub(
        "macvlan",
        state["master"],
        attached.ifname,
        state["mode"],
        MODES[state["mode"]],
        state["mtu"],
        attached.mac,
    )
    families = {ip.family(one.ip) for one in attached.addresses}
    return (made, *wire_steps(attached, families))
