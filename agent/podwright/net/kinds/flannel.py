# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The network of a flannel daemon: its subnet file says what another built-in type is to do.

Source: the flannel CNI plugin's description. By default it is a bridge that is the pods' gateway,
with the addresses of this host's subnet and a route to all the others.
"""

from __future__ import annotations

from podwright.errors import NetworkError, UsageError
from podwright.host import owned
from podwright.model.fields import Fields
from podwright.net import ip
from podwright.net.values import NetConf
from podwright.text import safe
from podwright.values import replace, value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

KEYS = frozenset(("subnetFile", "dataDir", "delegate"))
DELEGATES = ("bridge", "ptp", "macvlan", "ipvlan")
SUBNET_FILE = "/run/flannel/subnet.env"
MAX_FILE = 64 * 1024


def resolve(conf: NetConf) -> NetConf:
    """The configuration with what flannel's type stands for in its place.

    Raises NetworkError for a subnet file that is missing or strange, UsageError for a
    configuration that cannot be had.
    """
    from podwright.net import conf as configuration

    plugin = conf.plugins[0]
    fields = Fields(plugin, f"network {conf.name}: flannel")
    path = fields.text("subnetFile", SUBNET_FILE)
    found = delegated(conf.name, fields, parse(path, _read(path)))
    chain = {"name": conf.name, "cniVersion": conf.version, "plugins": [found, *conf.plugins[1:]]}
    checked = configuration.parse(chain, conf.source or path)
    return replace(conf, plugins=checked.plugins)


def _read(path: str) -> bytes:
    try:
        data = owned.read(path, MAX_FILE)
    except owned.NotOwned as err:
        raise NetworkError(
            f"{safe(path, 200)}: {err}", "flannel writes it as root", object=path
        ) from None
    if data is None:
        raise NetworkError(
            f"{safe(path, 200)}: does not exist",
            "start flannel, which writes it",
            object=path,
            reason="no-flannel",
        )
    return data


@value
class Subnet:
    """What flannel says.

    networks   of all hosts, by family
    subnets    of this host, by family
    """

    networks: tuple[str, ...]
    subnets: tuple[str, ...]
    mtu: int
    masquerades: bool


def parse(path: str, data: bytes) -> Subnet:
    """Read a subnet file. Pure; raises NetworkError naming the line that is wrong."""
    shown = safe(path, 200)
    said: dict[str, str] = {}
    for line in data.decode(errors="replace").splitlines():
        key, equals, text = line.strip().partition("=")
        if equals and key.startswith("FLANNEL_"):
            said[key] = text
    try:
        networks = tuple(_subnets(said, "NETWORK"))
        subnets = tuple(_subnets(said, "SUBNET"))
        mtu = said.get("FLANNEL_MTU", "")
        masquerades = said.get("FLANNEL_IPMASQ", "")
        if not (mtu.isascii() and mtu.isdigit() and 68 <= int(mtu) <= 65535):
            raise ValueError(f"FLANNEL_MTU is {mtu or 'missing'}")
        if masquerades not in ("true", "false"):
            raise ValueError(f"FLANNEL_IPMASQ is {masquerades or 'missing'}")
        if not subnets:
            raise ValueError("FLANNEL_SUBNET is missing")
    except ValueError as err:
        raise NetworkError(
            f"{shown}: is not a subnet file of flannel: {safe(err, 120)}",
            "see whether flannel runs",
            object=path,
            reason="no-flannel",
        ) from None
    return Subnet(networks, subnets, int(mtu), masquerades == "true")


def _subnets(said: dict[str, str], what: str) -> list[str]:
    """The subnets of both families under one name; the host part goes. Raises ValueError."""
    out = []
    for key, of in ((f"FLANNEL_{what}", 4), (f"FLANNEL_IPV6_{what}", 6)):
        for text in filter(None, said.get(key, "").split(",")):
            found = ip.subnet(text)
            if found.family != of:
                raise ValueError(f"{key} is {text}")
            out.append(found.shown())
    return out


def delegated(net: str, fields: Fields, found: Subnet) -> dict[str, Any]:
    """The object that flannel's stands for. Pure."""
    inner = fields.child("delegate")
    said = dict(inner.obj) if inner is not None else {}
    if "name" in said or "ipam" in said:
        raise UsageError(
            f"network {net}: flannel: delegate has its name and addresses from flannel",
            "leave name and ipam out of it",
            object=net,
        )
    kind = inner.choice("type", DELEGATES, "bridge") if inner is not None else "bridge"
    out = {"type": kind, "ipMasq": not found.masquerades, "mtu": found.mtu, **said}
    if kind == "bridge":
        out.setdefault("isGateway", True)
    if kind in ("macvlan", "ipvlan"):
        out["ipMasq"] = bool(said.get("ipMasq", False))
    for key in ("capabilities", "args", "dns"):
        if key in fields.obj:
            out.setdefault(key, fields.obj[key])
    ranges = [[{"subnet": one}] for one in found.subnets]
    routes = [{"dst": one} for one in found.networks]
    out["ipam"] = {"type": "host-local", "ranges": ranges, "routes": routes}
    return out
