# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The worker's side: from a request to a working network, or to nothing at all."""

from __future__ import annotations

import os

from podwright import jsonio
from podwright.errors import NetworkError, PodwrightError
from podwright.kernel.nft import Nft
from podwright.net import check, forwarding, gc, leases
from podwright.net.apply import Applier, open_netns
from podwright.net.firewall import whole
from podwright.net.messages import Messages
from podwright.net.plan import compile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.net.plan import Lease, NetRequest


def serve(request: NetRequest, orders: int, answers: int) -> None:
    """Allocate, wait for the pod's process id on `orders`, configure, answer as JSON.

    The address is taken first, so that a conflict is known soon; the slow imports follow.
    Whatever goes wrong, all of it is taken back before the answer.
    """
    taken = False
    held = -1
    try:
        nft = Nft()
        lease, held = allocate(request, nft)
        taken = True
        plan = compile(request, lease)
        applier = Applier(request, Messages(), nft)
        order = os.read(orders, 16)
        if not order:
            raise NetworkError(f"pod {request.uuid}: was not started")
        applier.apply(plan, open_netns(int(order)))
        answer = plan.result.as_json()
    except BaseException as err:
        answer = {"error": _report(err)}
        if taken:
            _undo(request, lease, answer["error"])
    finally:
        if held >= 0:
            os.close(held)
    os.write(answers, jsonio.dumps(answer).encode())


def _report(err: BaseException) -> dict[str, str]:
    if isinstance(err, PodwrightError):
        return {
            "message": err.message,
            "hint": err.hint,
            "object": err.object,
            "reason": err.reason,
        }
    return {
        "message": f"network worker: {type(err).__name__}: {err}",
        "hint": "",
        "object": "",
        "reason": "",
    }


def _undo(request: NetRequest, lease: Lease, report: dict[str, str]) -> None:
    try:
        gc.release(request.net_dir, request.uuid, lease.ip)
    except (OSError, PodwrightError) as err:
        report["hint"] = f"and what was begun could not be taken back ({err}); run gc"


def allocate(request: NetRequest, nft: Nft) -> tuple[Lease, int]:
    """Take an address and the ports, and make the host ready to forward.

    Returns the lease and a descriptor whose closing ends the worker's own hold on it.
    """
    if request.net != "default":
        raise NetworkError(f"network {request.net}: does not exist", "there is: default")
    with leases.lock(request.net_dir, "network setup"):
        others, _ = gc.sweep(request.net_dir, request.alive)
        if any(lease.uuid == request.uuid for lease in others):
            raise NetworkError(f"pod {request.uuid}: has a network already", object=request.uuid)
        check.refuse_taken(request, others)
        lease, held = leases.take(request, others)
        if forwarding.enable(request.net_dir) or not others:
            nft.run(whole((*others, lease), forwarding.unrouted(request.net_dir)))
        return lease, held
