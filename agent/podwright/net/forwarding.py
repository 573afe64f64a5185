# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""IPv4 forwarding of the host: on while there are pods, and off again when it was off before.

The file `<net_dir>/forwarding` says that we turned it on, in which boot, and which links the
host had then. Those links must not be routed to each other only because a pod needs the
outside: the firewall keeps them apart. Links that come later (of a VM or container manager
that wants forwarding itself) are left alone, and when one exists at the end, forwarding stays on.
"""

from __future__ import annotations

from _socket import if_nameindex

from podwright import jsonio
from podwright.errors import UsageError
from podwright.host.clock import boot_id
from podwright.kernel import fs, sysctl
from podwright.net.plan import LINK_PREFIX

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

KEY = "net/ipv4/ip_forward"


def _path(net_dir: str) -> str:
    return f"{net_dir}/forwarding"


def _links() -> list[str]:
    names = [name for _, name in if_nameindex()]
    return [name for name in names if name != "lo" and not name.startswith(LINK_PREFIX)]


def enable(net_dir: str) -> bool:
    """Turn forwarding on if it is off; True when it was. The caller holds the lease lock."""
    if sysctl.read(KEY) == "1":
        return False
    record = {"boot": boot_id(), "links": _links()}
    fs.write_atomic(_path(net_dir), jsonio.dumps(record).encode(), 0o644, durable=False)
    sysctl.write(KEY, "1")
    return True


def unrouted(net_dir: str) -> list[str]:
    """The links that the host did not route between before we turned forwarding on."""
    return [name for name in _record(net_dir) or () if not set(name) & set('"\\\n*')]


def _record(net_dir: str) -> Optional[list[str]]:
    """The links recorded when we turned it on in this boot; None when we did not."""
    try:
        with open(_path(net_dir), "rb") as file:
            raw = jsonio.loads(file.read(1 << 20), "forwarding")
        return [str(name) for name in raw["links"]] if raw["boot"] == boot_id() else None
    except (FileNotFoundError, UsageError, KeyError, TypeError):
        return None


def restore(net_dir: str) -> None:
    """Turn it off if we turned it on and nobody else can have come to need it."""
    before = _record(net_dir)
    if before is not None and set(_links()) <= set(before):
        sysctl.write(KEY, "0")
    fs.unlink(_path(net_dir))
