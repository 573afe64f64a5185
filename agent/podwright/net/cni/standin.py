# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A namespace in the place of one that is gone, so that DEL leaves nothing.

A pod that is killed takes its network namespace along, since no mount holds it. The usual plugins
look there for the pod's addresses, to take back what they have made on the host for them (rules
that masquerade), and without a namespace leave that behind, as the specification allows. So they
get one with a link of the right name and addresses. It is one end of a veth pair whose other end
stays here: wherever a plugin moves it to, it ends with this namespace.
"""

from __future__ import annotations

import os

from podwright.errors import PodwrightError
from podwright.kernel import process
from podwright.kernel.rtnl import Rtnl, entered, if_nametoindex
from podwright.net.cni import result
from podwright.net.plan import Veth

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

OTHER_END = "standin"


class StandIn:
    """Such a namespace, in a `with` block; `path` is "" when it is of no use, or cannot be made."""

    def __init__(self, answer: Optional[dict[str, Any]], ifname: str) -> None:
        self.path = ""
        self._fd = -1
        found = result.parse(answer) if answer else result.Result()
        if found.addresses:
            try:
                self._make(found, ifname)
                self.path = f"/proc/{os.getpid()}/fd/{self._fd}"
            except (OSError, PodwrightError):
                self.close()

    def _make(self, found: result.Result, ifname: str) -> None:
        from podwright.net.messages import Messages

        make = Messages()
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            process.unshare(process.CLONE_NEWNET)
            try:
                self._fd = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
            finally:
                process.setns(home, process.CLONE_NEWNET)
        finally:
            os.close(home)
        with entered(self._fd):
            rtnl = Rtnl()
            rtnl.call("veth", make.veth(Veth(OTHER_END, ifname), self._fd))
            for one in found.addresses:
                rtnl.call("address", make.address(if_nametoindex(ifname), one.ip, one.prefix))
            rtnl.close()

    def __enter__(self) -> StandIn:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let it go, and with it whatever has come from it."""
        if self._fd >= 0:
            os.close(self._fd)
        self._fd = -1
