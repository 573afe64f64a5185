# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The worker's side: from a request to a working network, or to nothing at all."""

from __future__ import annotations

import os

from podwright import jsonio
from podwright.errors import NetworkError, PodwrightError
from podwright.kernel.nft import Nft
from podwright.net import allocate, gc, ipam, names
from podwright.net.apply import Applier, open_netns
from podwright.net.messages import Messages
from podwright.net.plan import compile
from podwright.net.values import NetRequest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from podwright.net.values import Holding


def serve(orders: int, answers: int) -> None:
    """Get ready, read the request, take addresses, read the pod's process id, configure, answer.

    Orders and the answer are lines of JSON. Whatever goes wrong, all of it is taken back
    before the answer. The end of `orders` means that the pod will not start.
    """
    request: Optional[NetRequest] = None
    holding: Optional[Holding] = None
    path = ""
    answer: dict[str, Any]
    try:
        nft = Nft()
        messages = Messages()
        with open(orders, "rb", buffering=4096) as lines:
            request = NetRequest.from_json(_order(lines.readline()))
            # never closed: until this process ends nobody else tidies the holding away
            taken = allocate.allocate(request, nft)
            holding = taken.holding
            order = _order(lines.readline())
            pid = int(order["pid"])
            netns = open_netns(pid)
            path = f"/proc/{os.getppid()}/fd/{order['netns']}"
            holding = _make(request, taken, messages, nft, netns, path, pid)
        answer = _answer(holding)
    except Exception as err:
        answer = {"error": report(err)}
        if request is not None and holding is not None:
            _undo(request, answer["error"], path)
    os.write(answers, jsonio.dumps(answer).encode() + b"\n")


def _make(
    request: NetRequest,
    taken: allocate.Taken,
    messages: Messages,
    nft: Nft,
    netns: int,
    path: str,
    pid: int,
) -> Holding:
    """Take the steps, and run the executables of networks that have some.

    path   of the namespace, for as long as the pod's parent lives
    pid    the pod's PID 1
    """
    applier = Applier(request, messages, nft)
    if any(one.external for one in taken.holding.attachments):
        from podwright.net import external

        holding = external.make(request, taken, applier, netns, path, pid)
        gc.refresh_names(request.net_dir)  # executables have said which addresses it has
        return holding
    applier.apply(compile(taken.holding), netns)
    if any(map(ipam.is_leased, taken.holding.attachments)):
        from podwright.net.dhcp import lease

        taken = lease.take_all(request.net_dir, taken, applier, netns, pid)
        gc.refresh_names(request.net_dir)
    return taken.holding


def _answer(holding: Holding) -> dict[str, Any]:
    """What the launcher needs: what `list` shows, and what it has to keep for the end."""
    return {
        "networks": holding.as_json(),
        "ip": holding.target(4) or holding.target(6),
        "resolv": names.resolv(holding),
        "links": [one.host_if for one in holding.attachments if one.host_if],
        "keep": any(
            one.external or one.kind == "host-device" or ipam.is_leased(one)
            for one in holding.attachments
        ),
    }


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


def _undo(request: NetRequest, error: dict[str, str], netns: str) -> None:
    try:
        gc.release(request.net_dir, request.uuid, netns=netns, run_dir=request.alive)
        gc.refresh_names(request.net_dir)
    except (OSError, PodwrightError) as err:
        error["hint"] = f"and what was begun could not be taken back ({err}): run gc"
