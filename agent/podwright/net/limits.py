# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How fast a pod may send and receive, whatever it does to its own link.

What it receives is shaped where the host sends it, on the host's end. What it sends is shaped on
its own end, which keeps the pace smooth, and also counted where it arrives at the host: a pod
that takes away its own shaping loses what is too much. The latter is nftables' ingress hook,
in a table of its own (`netdev podwright`, one chain per link), since chains there belong to links.
"""

from __future__ import annotations

from _socket import if_nameindex

from podwright.errors import UsageError
from podwright.net.links import Police, Shape
from podwright.values import replace, value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, Optional

    from podwright.kernel.nft import Nft
    from podwright.net.plan import Step
    from podwright.net.values import Attachment, Holding, NetConf, NetRequest

TABLE = "netdev podwright"
LIMITED = ("ptp", "bridge", "flannel", "loopback")
"""Types whose links have an end on the host, or lead nowhere."""
KEY = "limits"
"""In an attachment's state: [rate, burst] of what the pod receives and sends, 0 for no limit."""
MIN_RATE = 1000
MIN_BURST = 16 * 1024
"""Bytes: some packets of the usual size."""
POLICE_BURST = 256 * 1024
"""Bytes that may arrive at once: packets of links that never leave the host are up to 64 KiB large."""
MAX_BURST = 2**31 - 1


@value
class Limit:
    """Bytes a second, and bytes at once."""

    rate: int
    burst: int


def at(rate: int) -> Limit:
    """A limit with a burst that suits it: what 50 ms bring."""
    return Limit(rate, min(max(rate // 20, 4 * MIN_BURST), MAX_BURST))


def limited(attached: Attachment, receives: Optional[Limit], sends: Optional[Limit]) -> Attachment:
    """The attachment with limits besides those that it has; the lower ones hold. Raises UsageError."""
    if receives is None and sends is None:
        return attached
    if not attached.host_if:
        raise _unlimited(attached.net, attached.kind)
    had = _of(attached)
    both = [_lower(old, new) for old, new in zip(had, (receives, sends))]
    shown = [[one.rate, one.burst] if one else [0, 0] for one in both]
    state = {**dict(attached.state), KEY: shown, "end": True}
    return replace(attached, state=tuple(state.items()))


def isolated(request: NetRequest, attached: Attachment) -> Attachment:
    """The attachment with the limits that the pod's isolators want. Raises UsageError."""
    if attached.kind == "loopback" or (request.bandwidth_optional and not attached.host_if):
        return attached
    return limited(attached, at(request.bandwidth), at(request.bandwidth))


def refusal(conf: NetConf) -> Optional[UsageError]:
    """Why links of a network cannot be limited, or None."""
    kind = conf.plugins[0]["type"]
    return None if kind in LIMITED else _unlimited(conf.name, kind)


def _unlimited(net: str, kind: str) -> UsageError:
    return UsageError(
        f"network {net}: a link of type {kind} has no end on the host, where"
        " its bandwidth could be limited",
        "use ptp or bridge, or take the limit away",
        object=net,
        reason="no-limit",
    )


def _of(attached: Attachment) -> tuple[Optional[Limit], Optional[Limit]]:
    raw: Any = dict(attached.state).get(KEY) or [[0, 0], [0, 0]]
    receives, sends = (Limit(int(rate), int(burst)) if rate else None for rate, burst in raw)
    return receives, sends


def _lower(one: Optional[Limit], other: Optional[Limit]) -> Optional[Limit]:
    if one is None or other is None:
        return one or other
    return one if one.rate <= other.rate else other


def steps(attached: Attachment) -> tuple[Step, ...]:
    """What limits a link that is there."""
    receives, sends = _of(attached)
    out: list[Step] = []
    if receives is not None:
        out.append(Shape(False, attached.host_if, receives.rate, receives.burst))
    if sends is not None:
        burst = max(sends.burst, POLICE_BURST)
        out.append(Police(attached.host_if, sends.rate, burst))
        out.append(Shape(True, attached.ifname, sends.rate, sends.burst))
    return tuple(out)


def commands(link: str, rate: int, burst: int) -> str:
    """The commands that drop what arrives too fast at a link."""
    return (
        f"add table {TABLE}\n"
        f'add chain {TABLE} {link} {{ type filter hook ingress device "{link}" priority -500;'
        " policy accept; }\n"
        f"flush chain {TABLE} {link}\n"
        f"add rule {TABLE} {link} limit rate over {rate} bytes/second burst {burst} bytes drop\n"
    )


def rebuild(nft: Nft, holdings: Iterable[Holding]) -> None:
    """Make the chains again of all links that are there: somebody has flushed every table."""
    for step in _policed(holdings):
        nft.run(commands(step.link, step.rate, step.burst))


def stand(holdings: Iterable[Holding]) -> bool:
    """Whether the chains of all links that are there have their rules."""
    wanted = {step.link for step in _policed(holdings)}
    if not wanted:
        return True
    from podwright.kernel import nftuse

    found = nftuse.chains(TABLE)
    return all(found.get(link) for link in wanted)


def _policed(holdings: Iterable[Holding]) -> list[Police]:
    """What is counted where it arrives, of the links that are there."""
    here = {name for _, name in if_nameindex()}
    found = (step for one in holdings for link in one.attachments for step in steps(link))
    return [step for step in found if isinstance(step, Police) and step.link in here]


def remove(nft: Nft, attached: Attachment, left: Iterable[Holding]) -> None:
    """Remove a link's chain, and the table with the last one; what is not there is fine."""
    if not _of(attached)[1]:
        return
    if any(_of(one)[1] for holding in left for one in holding.attachments):
        chain = f"{TABLE} {attached.host_if}"
        nft.run(
            f"add table {TABLE}\nadd chain {chain}\nflush chain {chain}\ndelete chain {chain}\n"
        )
    else:
        nft.run(f"add table {TABLE}\ndelete table {TABLE}\n")
