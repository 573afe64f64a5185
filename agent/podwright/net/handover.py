# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pod's ports and names go over to the one that replaces it, while both run.

The successor's holding names the pod that it comes after, and says whether it still waits: that one
word in one file is all that changes hands in the ledger (`ledger.in_service`). The firewall follows in
one transaction, so that at every moment a new connection leads to one of them; those that there are go
on to where they lead. Killed between the two, the next call finishes it, or the end of either pod does,
at which the tables are made again.
"""

from __future__ import annotations

import os

from podwright import jsonio
from podwright.errors import NetworkError
from podwright.kernel import fs
from podwright.kernel.nft import Nft
from podwright.net import firewall, forwarding, ledger, names
from podwright.values import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.net.values import Holding


def take_over(net_dir: str, uuid: str) -> None:
    """Give a pod what it has been waiting for; nothing when it has it, or has no network.

    Raises NetworkError when it cannot be done.
    """
    if not os.path.lexists(ledger.directory(net_dir)):
        return
    with ledger.lock(net_dir, "network handover"):
        before = ledger.read_all(net_dir).holdings
        new = next((one for one in before if one.uuid == uuid), None)
        if new is None or not new.after:
            return
        new = replace(new, waits=False)
        ledger.rewrite(net_dir, new)
        after = ledger.in_service(tuple(new if one.uuid == uuid else one for one in before))
        nft = Nft()
        if not firewall.exchange(nft, _two(before, new), _two(after, new)):
            firewall.restore(nft, after, forwarding.unrouted(net_dir))
        firewall.forget_datagrams(new)
        names.refresh(after)
    for one in after:
        if one.uuid in (uuid, new.after):
            _tell(one)


def _two(holdings: tuple[Holding, ...], new: Holding) -> tuple[Holding, ...]:
    return tuple(one for one in holdings if one.uuid in (new.uuid, new.after))


def _tell(holding: Holding) -> None:
    """Write for `list` and `status` which ports a pod has now; it may just be ending."""
    data = jsonio.dumps(holding.as_json()).encode()
    try:
        fs.write_atomic(f"{holding.pod_dir}/net-info.json", data, 0o644, durable=False)
    except OSError:
        return


def external_ports(net_dir: str, uuid: str) -> str:
    """A network of a pod on which an executable publishes its ports, or ""."""
    try:
        holding = ledger.read(net_dir, uuid)
    except NetworkError:
        return ""
    for one in holding.attachments if holding is not None and holding.ports else ():
        if ("ports", "plugin") in one.state:
            return one.net
    return ""
