# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings of a pod's network namespace and of its link (`tuning`)."""

from __future__ import annotations

from podwright.errors import UsageError
from podwright.model.names import DIGITS, LETTERS, made_of
from podwright.net.kinds import options
from podwright.net.links import Change
from podwright.net.plan import Setting, Step
from podwright.text import safe
from podwright.values import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from podwright.net.values import Attachment

KEYS = frozenset(("sysctl", "mac", "promisc", "mtu", "allmulti", "txQLen", "dataDir"))
BORN = ("ptp", "bridge", "macvlan")
"""Types whose link is made with its MAC address."""
ROOT = "net"
MAX_TEXT = 4096


def alter(attached: Attachment, plugin: dict[str, Any]) -> Attachment:
    """The attachment with the MAC address that it will have. Raises UsageError."""
    fields = options.read(attached.net, plugin)
    settings(attached, plugin)
    _change(attached, plugin)
    fields.text("dataDir")
    asked = dict(attached.args).get("MAC", "") or fields.text("mac")
    found = options.mac(fields.at("mac"), asked)
    if found and attached.kind in ("ipvlan", "loopback"):
        raise UsageError(
            f"{fields.at('mac')}: a link of type {attached.kind} has no MAC address of its own",
            "leave it out",
            object=fields.at("mac"),
        )
    return replace(attached, mac=found) if found else attached


def steps(attached: Attachment, plugin: dict[str, Any]) -> tuple[Step, ...]:
    """What is written in the pod's namespace, after its link is there."""
    change = _change(attached, plugin)
    nothing = Change(attached.ifname)
    return (*((change,) if change != nothing else ()), *settings(attached, plugin))


def settings(attached: Attachment, plugin: dict[str, Any]) -> tuple[Setting, ...]:
    """The kernel settings, in the order of their names."""
    fields = options.read(attached.net, plugin)
    out = []
    for name, text in sorted(fields.mapping("sysctl").items()):
        where = fields.at(f"sysctl.{safe(name, 80)}")
        if "\n" in text or len(text) > MAX_TEXT:
            raise UsageError(f"{where}: must be one line", object=where)
        out.append(Setting(_key(where, name, attached.ifname), text, in_pod=True))
    return tuple(out)


def _key(where: str, name: str, ifname: str) -> str:
    """The path below /proc/sys: of the network namespace and nothing else."""
    parts = name.split("/") if "/" in name else name.split(".")
    parts = [ifname if part == "IFNAME" else part for part in parts]
    sound = all(part not in ("", ".", "..") and made_of(part, _CHARACTERS) for part in parts)
    if len(parts) < 3 or parts[0] != ROOT or not sound:
        raise UsageError(
            f"{where}: is not a setting of a network namespace",
            "write net.ipv4.NAME, or net.ipv4.conf.IFNAME.NAME for the pod's link",
            object=where,
        )
    return "/".join(parts)


_CHARACTERS = LETTERS + DIGITS + "_-."


def _change(attached: Attachment, plugin: dict[str, Any]) -> Change:
    """What is changed of the link itself. Raises UsageError."""
    fields = options.read(attached.net, plugin)
    return Change(
        attached.ifname,
        attached.mac if fields.text("mac") and attached.kind not in BORN else "",
        options.mtu(fields),
        fields.boolean("promisc"),
        fields.boolean("allmulti"),
        fields.integer("txQLen", -1, 0),
    )
