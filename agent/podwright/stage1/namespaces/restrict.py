# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is enforced on every process of an app, from its isolators: a pure value."""

from __future__ import annotations

from podwright.stage1.namespaces import capabilities, seccomp
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

    from podwright.model.pod import PodApp
    from podwright.stage1.contract import Launch
    from podwright.stage1.namespaces.seccomp import Profile


@value
class Restrictions:
    """What is enforced on every process of an app.

    capabilities   names, or None: whatever the agent has
    profile        the system call filter, or None for none
    removed        with capabilities None: what is taken from those that the agent has
    """

    capabilities: Optional[tuple[str, ...]]
    no_new_privileges: bool
    profile: Optional[Profile]
    oom_score_adj: Optional[int] = None
    removed: tuple[str, ...] = ()


def restrictions(launch: Launch, app: PodApp) -> Restrictions:
    """The restrictions of an app. Raises LaunchError for what cannot be enforced."""
    isolators = app.app.isolators
    granted = capabilities.granted(app.name, isolators)
    no_new = isolators.no_new_privileges is not False
    profile = None
    if "seccomp" not in launch.insecure:
        profile = seccomp.profile(app.name, isolators, granted, sets_caps_late=not no_new)
    kept = None if "capabilities" in launch.insecure else granted
    return Restrictions(kept, no_new, profile, isolators.oom_score_adj)
