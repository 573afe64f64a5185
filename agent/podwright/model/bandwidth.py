# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How much a pod may send and receive by its isolators (behaviour.md B3). Pure.

The appc specification counts bytes a second of every link, for each direction. The apps of a pod
share its links: what one app asks for can only be given to a pod that has no other.
"""

from __future__ import annotations

from podwright.errors import LaunchError
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

    from podwright.model.isolators import Isolators
    from podwright.model.pod import PodManifest

NAME = "resource/network-bandwidth"
LEAST = 1000
"""Bytes a second, below which a link is of no use."""


@value
class Bandwidth:
    """What was asked for.

    rate      bytes a second, in each direction; 0 for no limit
    optional  whoever asked can do without
    reports   sentences about what is not enforced
    """

    rate: int = 0
    optional: bool = False
    reports: tuple[str, ...] = ()


def of(manifest: PodManifest, net: str) -> Bandwidth:
    """The limit of a pod on `net`. Raises LaunchError for one that cannot be enforced."""
    asked = [("the pod", manifest.isolators)]
    asked += [(f"app {app.name}", app.app.isolators) for app in manifest.apps]
    asked = [(whose, found) for whose, found in asked if found.network_bandwidth is not None]
    rates = []
    reports = []
    for whose, found in asked:
        problem = _problem(whose, found, net, len(manifest.apps))
        if problem is None:
            rates.append((found.network_bandwidth or 0, NAME in found.optional))
        elif NAME in found.optional:
            reports.append(problem.message)
        else:
            raise problem
    if not rates:
        return Bandwidth(reports=tuple(reports))
    optional = all(may_miss for _, may_miss in rates)
    return Bandwidth(min(rate for rate, _ in rates), optional, tuple(reports))


def _problem(whose: str, found: Isolators, net: str, apps: int) -> Optional[LaunchError]:
    rate = found.network_bandwidth or 0
    if net == "host":
        return LaunchError(
            f"{whose}: {NAME} cannot be enforced: with net host the links are the host's",
            "give the pod a network of its own, or leave the limit out",
            object=NAME,
        )
    if whose != "the pod" and apps > 1:
        return LaunchError(
            f"{whose}: {NAME} cannot be enforced: the apps of a pod share its links",
            "give the limit to the pod as a whole, or the app a pod of its own",
            object=NAME,
        )
    if rate < LEAST:
        return LaunchError(
            f"{whose}: {NAME}: {rate} bytes a second are too few for a link",
            f"give at least {LEAST}",
            object=NAME,
        )
    return None
