# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The profile `system`: a pod whose app is an init system such as systemd. Wider, never by default. Pure.

What it gets, and what is refused, is said in docs/security.md.
"""

from __future__ import annotations

from podwright.errors import UsageError
from podwright.model.pod import PROFILE
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

    from podwright.model.pod import PodManifest
    from podwright.model.podspec import PodSpec

SYSTEM = "system"
WIDER = "wider profile system: its app may mount, has set-user-ID programs and control groups of its own"


def check(spec: PodSpec, manifest: PodManifest) -> Optional[str]:
    """The sentence to report about a pod of this profile; None for an ordinary one.

    Raises UsageError for what cannot be had together with it.
    """
    profile = dict(manifest.annotations).get(PROFILE)
    if profile is None:
        return None
    if profile != SYSTEM:  # nor "": that there is one widens a pod
        raise _refused(f"there is no profile {safe(profile, 40)!r}", "the only one is system")
    if spec.stage1 != "namespaces":
        raise _refused(f"with stage1 {spec.stage1}", "choose stage1 namespaces")
    if spec.private_users == "false":
        raise _refused("without a user namespace of the pod's own", "leave private users out")
    if spec.mutable or len(manifest.apps) != 1:
        raise _refused("in a pod of several apps", "give the app with systemd its own pod")
    app = manifest.apps[0]
    if app.app.handlers:
        raise _refused("with hooks: its init starts and ends what there is", "leave the hooks out")
    if app.app.user not in ("0", "root"):
        raise _refused("for an init that is not root of the pod", "leave the user out")
    return WIDER


def needs_users(manifest: PodManifest, asked: str) -> str:
    """What is asked for about private users, which this profile never goes without."""
    return asked or ("true" if PROFILE in dict(manifest.annotations) else "")


def _refused(what: str, hint: str) -> UsageError:
    return UsageError(
        f"profile system cannot be had {what}", hint, object="profile", reason="profile-refused"
    )
