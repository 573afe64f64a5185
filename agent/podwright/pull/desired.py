# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a bundle to the desired state of this host: what it may not say, what is somebody else's, what has to go."""

from __future__ import annotations

from podwright.errors import UsageError
from podwright.model import fleetstate
from podwright.model.spec import parse_desired
from podwright.pull import keep
from podwright.pull.keep import Owned
from podwright.reconcile import revisions
from podwright.stage0.trustring import PULL
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from podwright.host.paths import Layout
    from podwright.model.fleetstate import FleetState
    from podwright.model.spec import DesiredState
    from podwright.pull.settings import Settings


@value
class Wanted:
    """What `apply` is to bring about; what is ours while it works, and after it has."""

    state: DesiredState
    before: Owned
    after: Owned


def check(state: FleetState, settings: Settings) -> None:
    """Raise UsageError for what this host would get and cannot read, or takes from no bundle."""
    _permit(parse_desired(fleetstate.for_host(state, settings.selected())), settings)


def compose(layout: Layout, state: FleetState, settings: Settings, owned: Owned) -> Wanted:
    """The desired state of this host, with the end of what the bundle had put here and does not name any more.

    owned   without what is not here any more: nobody asks for its end, and what somebody makes under its
            name later is theirs
    It has been checked. Raises UsageError for what is here and somebody else's.
    """
    raw = fleetstate.for_host(state, settings.selected())
    desired = parse_desired(raw)
    owned = keep.still_here(layout, owned)
    if not settings.adopt:
        _leave_others(layout, desired, settings.fleet, owned)
    pods = {pod.name for pod in desired.pods}
    networks = {network.name for network in desired.networks}
    gone_pods = sorted(owned.pods - pods)
    gone_networks = sorted(owned.networks - networks)
    raw["pods"] = [{"name": name, "state": "absent"} for name in gone_pods] + raw.get("pods", [])
    raw["networks"] = raw.get("networks", []) + [
        {"name": name, "state": "absent"} for name in gone_networks
    ]
    here = frozenset(pod.name for pod in desired.pods if pod.state != "absent")
    on = frozenset(network.name for network in desired.networks if network.document is not None)
    before = Owned(owned.pods | here, owned.networks | on)
    return Wanted(parse_desired(raw), before, Owned(here, on))


def _permit(desired: DesiredState, settings: Settings) -> None:
    """Refuse what only hosts that say so take from bundles."""
    for key in desired.keys:
        if key.prefix.startswith(PULL):
            raise UsageError(
                f"it changes the keys of {key.prefix}, which no bundle may",
                "change them with podwright trust or the module podwright.fleet.trust",
                object=key.fingerprint,
                reason="not-allowed",
            )
    insecure = [pod.name for pod in desired.pods if pod.insecure]
    insecure += [image.name for image in desired.images if image.insecure]
    found: dict[str, Any] = {
        "keys": desired.keys,
        "policy": desired.policy,
        "insecure": insecure,
    }
    words = {"keys": "trusted keys", "policy": "a policy", "insecure": "insecure_options"}
    for word, things in found.items():
        if things and word not in settings.allow:
            raise UsageError(
                f"it has {words[word]}, which this host takes from no bundle",
                f"leave it out, or allow it on the host with --allow={word}",
                object=settings.fleet,
                reason="not-allowed",
            )


def _leave_others(layout: Layout, desired: DesiredState, fleet: str, owned: Owned) -> None:
    """Refuse a pod or network of a name that somebody else's has."""
    here = set(revisions.names(layout)) - owned.pods
    taken = [f"pod {pod.name}" for pod in desired.pods if pod.name in here]
    if desired.networks:
        others = keep.networks(layout) - owned.networks
        names = [network.name for network in desired.networks]
        taken += [f"network {name}" for name in names if name in others]
    for shown in taken:
        raise UsageError(
            f"{shown} is on this host already, and fleet {fleet} has not put it here",
            "remove it or name the other one differently; --adopt takes it over",
            object=shown,
            reason="not-ours",
        )
