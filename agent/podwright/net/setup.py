# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The worker's side: from a request to a working network, or to nothing at all."""

from __future__ import annotations

import os

from podwright import jsonio
from podwright.errors import NetworkError, PodwrightError
from podwright.kernel.nft import Nft
from podwright.net import check, firewall, forwarding, gc, leases
from podwright.net.apply import Applier, open_netns
from podwright.net.messages import Messages
from podwright.net.plan import NetRequest, compile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from podwright.net.plan import Lease


def serve(orders: int, answers: int) -> None:
    """Get ready, read the request, take an address, read the pod's process id, configure, answer.

    Orders and the answer are lines of JSON. Whatever goes wrong, all of it is taken back
    before the answer. The end of `orders` means that the pod will not start.
    """
    request: Optional[NetRequest] = None
    lease: Optional[Lease] = None
    answer: dict[str, Any]
    try:
        nft = Nft()
        messages = Messages()
        with open(orders, "rb", buffering=4096) as lines:
            request = NetRequest.from_json(_order(lines.readline()))
            # never closed: until this process ends nobody else tidies the lease away
            lease, _hold = allocate(request, nft)
            applier = Applier(request, messages, nft)
            plan = compile(request, lease)
            applier.apply(plan, open_netns(int(_order(lines.readline())["pid"])))
        answer = plan.result.as_json()
    except Exception as err:
        answer = {"error": report(err)}
        if request is not None and lease is not None:
            _undo(request, lease, answer["error"])
    os.write(answers, jsonio.dumps(answer).encode() + b"\n")


def _order(line: bytes) -> dict[str, Any]:
    if not line:
        raise NetworkError("network: the pod was not started")
    order: dict[str, Any] = jsonio.loads(line, "network order")
    return order


def report(err: BaseException) -> dict[str, str]:
    """An error as values for the other side of a pipe."""
    if isinstance(err, PodwrightError):
        return {
            "message": err.message,
            "hint": err.hint,
            "object": err.object,
            "reason": err.reason,
        }
    return {
        "message": f"network: {type(err).__name__}: {err}",
        "hint": "",
        "object": "",
        "reason": "",
    }


def _undo(request: NetRequest, lease: Lease, error: dict[str, str]) -> None:
    try:
        gc.release(request.net_dir, request.uuid, lease.ip)
    except (OSError, PodwrightError) as err:
        error["hint"] = f"and what was begun could not be taken back ({err}): run gc"


def allocate(request: NetRequest, nft: Nft) -> tuple[Lease, int]:
    """Take an address and the ports, and make the host ready to forward.

    Returns the lease and a descriptor whose closing ends the worker's own hold on it.
    """
    if request.net != "default":
        raise NetworkError(f"network {request.net}: does not exist", "there is: default")
    with leases.lock(request.net_dir, "network setup"):
        others, _ = gc.sweep(request.net_dir)
        if any(lease.uuid == request.uuid for lease in others):
            raise NetworkError(f"pod {request.uuid}: has a network already", object=request.uuid)
        check.refuse_taken(request, others)
        lease, held = leases.take(request, others)
        try:
            if forwarding.enable(request.net_dir) or not others:
                firewall.build(nft, (*others, lease), forwarding.unrouted(request.net_dir))
        except BaseException:
            os.close(held)
            gc.give_back(request.net_dir, (lease,), nft)
            raise
        return lease, held
