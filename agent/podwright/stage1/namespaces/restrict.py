# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is enforced on every process of an app, from its isolators: a pure value."""

from __future__ import annotations

from podwright.errors import LaunchError
from podwright.model.pod import PROFILE
from podwright.stage1.namespaces import capabilities, seccomp
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

    from podwright.model.pod import PodApp, PodManifest
    from podwright.stage1.contract import Launch
    from podwright.stage1.namespaces.seccomp import Profile

SYSCTL = "os/unix/sysctl"


@value
class Restrictions:
    """What is enforced on every process of an app.

    capabilities   names, or None: whatever the agent has
    profile        the system call filter, or None for none
    removed        with capabilities None: what is taken from those that the agent has
    ambient        a user other than root has the capabilities too
    rlimits        (name such as NOFILE, soft, hard), -1 for no limit
    optional       names of isolators that are reported when they cannot be enforced
    """

    capabilities: Optional[tuple[str, ...]]
    no_new_privileges: bool
    profile: Optional[Profile]
    oom_score_adj: Optional[int] = None
    removed: tuple[str, ...] = ()
    ambient: bool = False
    rlimits: tuple[tuple[str, int, int], ...] = ()
    optional: frozenset[str] = frozenset()


def restrictions(launch: Launch, app: PodApp) -> Restrictions:
    """The restrictions of an app. Raises LaunchError for what cannot be enforced."""
    isolators = app.app.isolators
    system = PROFILE in dict(launch.manifest.annotations)
    granted = capabilities.granted(app.name, isolators, system)
    said = isolators.no_new_privileges
    no_new = not system if said is None else said
    profile = None
    if "seccomp" not in launch.insecure:
        profile = seccomp.profile(
            app.name, isolators, granted, sets_caps_late=not no_new, system=system
        )
    kept = None if "capabilities" in launch.insecure else granted
    return Restrictions(
        kept,
        no_new,
        profile,
        isolators.oom_score_adj,
        ambient=kept is not None and bool(isolators.caps_retain),
        rlimits=isolators.rlimits,
        optional=isolators.optional,
    )


def sysctls(manifest: PodManifest, net: str) -> tuple[tuple[str, str, bool], ...]:
    """The kernel settings of a pod, its own and those of its apps, which share its namespaces.

    Raises LaunchError for two apps that contradict each other, and for what would be the host's.
    """
    found = dict(manifest.isolators.sysctls)
    of_pod = frozenset(found)
    for app in manifest.apps:
        for key, text in app.app.isolators.sysctls:
            if found.setdefault(key, text) != text and key not in of_pod:
                raise LaunchError(
                    f"app {app.name}: another app of the pod wants {key} to be something else",
                    "set it for the pod, which all of them share",
                    object=app.name,
                )
    required = _required(manifest)
    for key in found:
        if net == "host" and key.startswith("net.") and key in required:
            raise LaunchError(
                f"{key} cannot be set: with net host it is the host's",
                "give the pod a network of its own, or leave the setting out",
                object=key,
            )
    return tuple((key, found[key], key not in required) for key in sorted(found))


def _required(manifest: PodManifest) -> frozenset[str]:
    """The kernel settings that somebody asks for without calling them optional."""
    asked = (manifest.isolators, *(app.app.isolators for app in manifest.apps))
    return frozenset(key for one in asked if SYSCTL not in one.optional for key, _ in one.sysctls)
