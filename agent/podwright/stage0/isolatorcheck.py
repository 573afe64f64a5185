# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be refused of a pod's isolators before anything is made for it."""

from __future__ import annotations

from podwright.model import bandwidth
from podwright.stage1.namespaces import capabilities, restrict, seccomp

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.model.isolators import Isolators
    from podwright.model.pod import PodManifest


def check(manifest: PodManifest, net: str, insecure: frozenset[str] = frozenset()) -> list[str]:
    """Refuse what cannot be enforced whatever the host; sentences about what is optional.

    insecure  checks that are lifted
    Raises LaunchError: unknown capabilities, system calls, groups of them and errnos, settings of
    the host.
    """
    reports = _unknown("the pod", manifest.isolators)
    for app in manifest.apps:
        isolators = app.app.isolators
        granted = capabilities.granted(app.name, isolators)
        profile = seccomp.profile(app.name, isolators, granted)
        if profile is not None and profile.required and "seccomp" not in insecure:
            from podwright.stage1.namespaces import filters

            filters.check(app.name, profile)
        reports += _unknown(f"app {app.name}", isolators)
    restrict.sysctls(manifest, net)
    reports += bandwidth.of(manifest, net).reports
    return reports


def check_links(manifest: PodManifest, net: str, directories: tuple[str, ...]) -> list[str]:
    """Refuse a limit of bandwidth on networks that cannot have one; sentences when it is optional.

    directories  of network configurations
    Raises UsageError or NetworkError.
    """
    limit = bandwidth.of(manifest, net)
    if not limit.rate:
        return []
    from podwright.net import limits, lookup

    reports = []
    for one in lookup.choose(net, directories):
        refusal = limits.refusal(one.conf)
        if refusal is not None and not limit.optional:
            raise refusal
        reports += [refusal.message] if refusal is not None else []
    return reports


def _unknown(whose: str, isolators: Isolators) -> list[str]:
    return [
        f"{whose}: isolator {name} is not enforced by this version" for name in isolators.unknown
    ]
