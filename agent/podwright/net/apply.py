# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carry out a network plan: the only place that turns its steps into calls."""

from __future__ import annotations

import os
import time

from podwright.errors import NetworkError
from podwright.kernel import sysctl
from podwright.kernel.rtnl import Rtnl, entered, if_nametoindex, is_running
from podwright.net import firewall, forwarding, ledger
from podwright.net.plan import (
    AddAddress,
    AddRoute,
    Admit,
    Carrier,
    NetPlan,
    Prohibit,
    Setting,
    Up,
    Veth,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from podwright.kernel.nft import Nft
    from podwright.net.messages import Messages
    from podwright.net.plan import Step
    from podwright.net.values import Holding, NetRequest

CARRIER_SECONDS = 10


class Applier:
    """What the steps need: messages, the firewall, and a socket per namespace when it is known."""

    def __init__(self, request: NetRequest, messages: Messages, nft: Nft) -> None:
        self._request = request
        self._messages = messages
        self._nft = nft
        self._rtnl = Rtnl()
        self._netns = -1

    def apply(self, plan: NetPlan, netns: int) -> None:
        """Take every step; `netns` is the pod's namespace. Raises NetworkError at the first that fails."""
        self._netns = netns
        self.go_on(plan.steps)

    def go_on(self, steps: Iterable[Step]) -> None:
        """Take more steps in the namespace of the plan before. Raises NetworkError."""
        for in_pod, group in _grouped(steps):
            if not in_pod:
                self._take(group, self._rtnl)
                continue
            with entered(self._netns):
                rtnl = Rtnl()
                self._take(group, rtnl)
                rtnl.close()

    def admit(self, holding: Holding) -> None:
        """Tell the firewall what a pod has come to hold."""
        admit(self._nft, self._request.net_dir, holding)

    def forward(self, holding: Holding) -> None:
        """Make the host ready to forward for addresses that have become known only now."""
        net_dir = self._request.net_dir
        with ledger.lock(net_dir, "network setup"):
            off = forwarding.record(net_dir, holding)
            if off:
                found = ledger.read_all(net_dir).holdings
                firewall.build(self._nft, found, forwarding.unrouted(net_dir))
                forwarding.turn_on(net_dir, off)

    def _take(self, steps: list[Step], rtnl: Rtnl) -> None:
        for step in steps:
            try:
                self._one(step, rtnl)
            except OSError as err:
                raise NetworkError(
                    f"network {self._request.nets}: {step.describe()}: {err.strerror}",
                    object=self._request.nets,
                ) from None

    def _one(self, step: Step, rtnl: Rtnl) -> None:
        make = self._messages
        if isinstance(step, Admit):
            self.admit(step.holding)
        elif isinstance(step, Setting):
            if not step.optional or sysctl.read(step.key):
                sysctl.write(step.key, step.text)
        elif isinstance(step, Veth):
            rtnl.call("veth", make.veth(step, self._netns))
        elif isinstance(step, Carrier):
            _await_carrier(step.link)
        elif isinstance(step, Up):
            rtnl.call("up", make.up(if_nametoindex(step.link)))
        elif isinstance(step, AddAddress):
            rtnl.call("address", make.address(if_nametoindex(step.link), step.ip, step.prefix))
        elif isinstance(step, AddRoute):
            rtnl.call("route", make.route(if_nametoindex(step.link), step))
        elif isinstance(step, Prohibit):
            rtnl.call("route", make.prohibit(step.dst))
        else:
            from podwright.net import linkapply

            linkapply.take(step, rtnl, self._nft, self._request.net_dir, self._netns)


def _await_carrier(link: str) -> None:
    deadline = time.monotonic() + CARRIER_SECONDS
    while not is_running(link):
        if time.monotonic() > deadline:
            raise NetworkError(
                f"link {link}: has no carrier after {CARRIER_SECONDS} s", object=link
            )
        time.sleep(0.001)


def _grouped(steps: Iterable[Step]) -> list[tuple[bool, list[Step]]]:
    """The steps in their order, cut where the namespace changes: entering one is not free."""
    out: list[tuple[bool, list[Step]]] = []
    for step in steps:
        if not out or out[-1][0] != step.in_pod:
            out.append((step.in_pod, []))
        out[-1][1].append(step)
    return out


def admit(nft: Nft, net_dir: str, holding: Holding) -> None:
    """Add a pod to the firewall; build our table when it is not there, or not for its network."""
    if not firewall.admit(nft, holding):
        with ledger.lock(net_dir, "firewall"):
            found = ledger.read_all(net_dir).holdings
            firewall.restore(nft, found, forwarding.unrouted(net_dir))
    firewall.forget((holding,), listing=False)


def open_netns(pid: int) -> int:
    """A descriptor of the network namespace of a process, which must not be our own."""
    try:
        fd = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    except OSError as err:
        raise NetworkError(
            f"pod process {pid}: its network namespace is gone: {err.strerror}"
        ) from None
    if os.path.samestat(os.fstat(fd), os.stat("/proc/self/ns/net")):
        os.close(fd)
        raise NetworkError(f"pod process {pid}: shares the host's network namespace")
    return fd
