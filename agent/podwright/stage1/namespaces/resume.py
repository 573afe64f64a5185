# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Go on as the parent of a pod that runs: what `patience` has put to sleep."""

from __future__ import annotations

import os

from podwright.kernel import signals
from podwright.stage1.contract import AppRecord
from podwright.stage1.namespaces.follow import FORWARDED, Follower
from podwright.stage1.namespaces.patience import AWAITED, Owned, Patience, awake

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from podwright.stage1.contract import OnReport, Outcome


def resume(
    state: dict[str, Any], number: int, command: tuple[str, ...], on_report: Optional[OnReport]
) -> Outcome:
    """Follow the pod of `state` to its end and take everything of it down.

    number    the signal that woke us up
    command   to go on with when there is nothing to do again
    """
    owned = _owned(state["owned"])
    for fd in (state["report"], *owned.descriptors()):
        os.set_inheritable(fd, False)
    follower = Follower(state["pod_dir"], state["root"], tuple(state["names"]), on_report=on_report)
    follower.pid, follower.report = state["pid"], state["report"]
    follower.apps = {raw["name"]: AppRecord(**raw) for raw in state["apps"]}
    follower.notes, follower.reports = state["notes"], state["reports"]
    follower.changing = state.get("changing", False)
    follower.patience = Patience(state["uuid"], lambda: owned, command)
    follower.patience.begin()
    follower.take_signals()
    awake(follower.report)
    signals.pthread_sigmask(signals.SIG_UNBLOCK, AWAITED)
    if number in FORWARDED:
        os.kill(follower.pid, number)
    try:
        return follower.follow()
    finally:
        follower.end()
        _give_back(state["uuid"], state["pod_dir"], owned, on_report)


def _owned(raw: dict[str, Any]) -> Owned:
    label, users, nspawn = (raw[name] and tuple(raw[name]) for name in ("label", "users", "nspawn"))
    machine = raw.get("machine", "")
    own = (raw["lock"], tuple(raw["cgroups"]), raw["network"], label, users, nspawn, machine)
    return Owned(*own, raw.get("domain", ""))


def _give_back(uuid: str, pod_dir: str, owned: Owned, on_report: Optional[OnReport]) -> None:
    from podwright.host import cgroups, slots, uidranges

    if owned.machine:
        from podwright.host import machined

        machined.forget(owned.machine)
    try:
        if owned.domain:
            from podwright.stage1.xen import place

            told = place.end(uuid, owned.domain)
            if told and on_report is not None:
                on_report(told)
        if owned.network is not None:
            from podwright.net.worker import tear_down

            net = owned.network
            links, netns = net.get("links", ()), net.get("netns", -1)
            tear_down(net["net_dir"], uuid, links, netns, net.get("run_dir", ""))
    finally:
        cgroups.remove(list(owned.cgroups))
        if owned.label is not None:
            slots.Slot(*owned.label).release()
        if owned.users is not None:
            users = uidranges.Range(slots.Slot(*owned.users), *owned.nspawn)
            users.release(keep=os.path.lexists(f"{pod_dir}/{uidranges.COPIED}"))
