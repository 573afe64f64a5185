# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Limits of a pod or an app, and the cgroup files that express them: pure (cgroups(7))."""

from __future__ import annotations

from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

    from podwright.model.isolators import Isolators

DEFAULT_PIDS = 1024
ENFORCED_BY = {
    "memory": ("resource/memory",),
    "cpu": ("resource/cpu", "os/linux/cpu-shares"),
    "pids": ("resource/pids",),
    "io": ("os/linux/io-weight", "resource/block-bandwidth", "resource/block-iops"),
}
"""The isolators of each controller; `io` is called blkio in v1."""
SPARE = frozenset(("memory.memsw.limit_in_bytes", "memory.swap.max"))
"""Files that are missing where the kernel counts no swap."""
ONE_OF = frozenset(("io.weight", "io.bfq.weight"))
"""Which of them is there, and counts, is up to the disk's scheduler."""
USUAL_DEVICES = (
    *("c 1:3 rw", "c 1:5 rw", "c 1:7 rw", "c 1:8 rw", "c 1:9 rw"),  # null zero full random urandom
    *("c 5:0 rw", "c 5:2 rw", "c 136:* rw"),  # tty, ptmx, terminals
    *("c *:* m", "b *:* m"),  # nodes are CAP_MKNOD's business; making one opens nothing
)
"""What every app may open, as devices.allow of v1 has it."""


@value
class Limits:
    """Limits of an app, or of a pod as a whole: bytes, thousandths of a core, shares, processes.

    default_pids  most processes where nobody said how many; None for any number
    io_weight, block_bandwidth, block_iops   see `Isolators`
    optional      controllers that nothing but optional isolators ask for
    devices       further ones, as in USUAL_DEVICES; None for all that there are
    """

    memory: Optional[int] = None
    cpu_milli: Optional[int] = None
    cpu_shares: Optional[int] = None
    pids: Optional[int] = None
    default_pids: Optional[int] = DEFAULT_PIDS
    io_weight: Optional[int] = None
    block_bandwidth: Optional[int] = None
    block_iops: Optional[int] = None
    optional: frozenset[str] = frozenset()
    devices: Optional[tuple[str, ...]] = None

    def asked(self) -> frozenset[str]:
        """The controllers that the limits need."""
        wants = (
            ("memory", self.memory is not None),
            ("cpu", self.cpu_milli is not None or self.cpu_shares is not None),
            ("pids", self.pids is not None),
            ("io", self.of_disks()),
        )
        return frozenset(name for name, wanted in wants if wanted)

    def of_disks(self) -> bool:
        """Whether the disks of the pod matter."""
        return self.io_weight is not None or self.throttles()

    def throttles(self) -> bool:
        """Whether there are limits to be set for each disk."""
        return self.block_bandwidth is not None or self.block_iops is not None


def limits(
    isolators: Isolators,
    default_pids: Optional[int] = DEFAULT_PIDS,
    devices: Optional[tuple[str, ...]] = None,
) -> Limits:
    """What the cgroups of an app or pod are to enforce."""
    said = Limits(
        memory=isolators.memory,
        cpu_milli=isolators.cpu_milli,
        cpu_shares=isolators.cpu_shares,
        pids=isolators.pids,
        default_pids=default_pids,
        io_weight=isolators.io_weight,
        block_bandwidth=isolators.block_bandwidth,
        block_iops=isolators.block_iops,
        devices=devices,
    )
    if not isolators.optional:
        return said
    from podwright.model.isolators import ROWS
    from podwright.values import replace

    optional = set(said.asked())
    for controller, names in ENFORCED_BY.items():
        for name in names:
            (field,) = ROWS[name].fields
            if getattr(isolators, field) is not None and name not in isolators.optional:
                optional.discard(controller)
    return replace(said, optional=frozenset(optional))


def settings(
    controller: str, version: int, limits: Limits, disks: tuple[str, ...] = ()
) -> list[tuple[str, str]]:
    """The files of one controller that express limits, with their content.

    disks  `MAJOR:MINOR` of those that throttles are set for
    """
    if controller == "pids":
        most = limits.default_pids if limits.pids is None else limits.pids
        return [("pids.max", "max" if most is None else str(most))]
    if controller == "memory":
        return _memory(version, limits)
    if controller == "io":
        return _io(version, limits, disks)
    return _cpu(version, limits)


def _memory(version: int, limits: Limits) -> list[tuple[str, str]]:
    if limits.memory is None:
        return []
    if version == 2:
        return [("memory.max", str(limits.memory)), ("memory.swap.max", "0")]
    files = ("memory.limit_in_bytes", "memory.memsw.limit_in_bytes")
    return [(file, str(limits.memory)) for file in files]


def _cpu(version: int, limits: Limits) -> list[tuple[str, str]]:
    out = []
    if limits.cpu_milli is not None:
        # The least quota is 1 ms: less than a hundredth of a core is counted over a longer time.
        period = 100_000 if limits.cpu_milli >= 10 else 1_000_000
        quota = limits.cpu_milli * period // 1000
        if version == 2:
            out.append(("cpu.max", f"{quota} {period}"))
        else:
            out += [("cpu.cfs_period_us", str(period)), ("cpu.cfs_quota_us", str(quota))]
    if limits.cpu_shares is not None:
        weight = 1 + (limits.cpu_shares - 2) * 9999 // 262142
        shares = str(limits.cpu_shares)
        out.append(("cpu.weight", str(weight)) if version == 2 else ("cpu.shares", shares))
    return out


def _io(version: int, limits: Limits, disks: tuple[str, ...]) -> list[tuple[str, str]]:
    out = []
    if limits.io_weight is not None:
        names = ("io.weight", "io.bfq.weight") if version == 2 else ("blkio.bfq.weight",)
        out += [(name, str(limits.io_weight)) for name in names]
    for unit, amount in (("bps", limits.block_bandwidth), ("iops", limits.block_iops)):
        for disk in disks if amount is not None else ():
            if version == 2:
                out.append(("io.max", f"{disk} r{unit}={amount} w{unit}={amount}"))
                continue
            for way in ("read", "write"):
                out.append((f"blkio.throttle.{way}_{unit}_device", f"{disk} {amount}"))
    return out
