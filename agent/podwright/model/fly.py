# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a pod of flavour fly cannot have (C5): refused when somebody asked for it, else reported. Pure."""

from __future__ import annotations

from podwright.errors import UsageError
from podwright.model import isolators
from podwright.text import safe
from podwright.values import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from podwright.model.pod import PodApp, PodManifest
    from podwright.model.podspec import PodSpec

UNENFORCEABLE = frozenset(("os/unix/sysctl", "resource/network-bandwidth"))
"""Isolators that need a namespace of the pod's own."""
OTHER = "leave it out, or choose another stage1"
KEEPS = (
    "stage1 fly: the app has the host's network, processes, IPC, host name, control groups, /dev,"
    " /proc and /sys, and no capability limit or system call filter unless one is asked for"
)


def admit(spec: PodSpec, manifest: PodManifest) -> tuple[PodManifest, list[str]]:
    """The manifest without what fly cannot enforce and need not, and sentences about that.

    Raises UsageError naming what was asked for and cannot be had.
    """
    _check(spec)
    reports = [KEEPS]
    apps = []
    for app, asked in zip(manifest.apps, _asked(spec)):
        kept = _reduce(app.app.isolators_json, asked, f"app {app.name}", reports)
        apps.append(_with(app, kept))
    kept = _reduce(manifest.isolators_json, spec.pod_isolators, "the pod", reports)
    whole = isolators.parse(list(kept), "pod isolators", pod=True)
    return (
        replace(manifest, apps=tuple(apps), isolators=whole, isolators_json=kept),
        reports,
    )


def check_start(net: str, hostname: str) -> None:
    """Refuse what is said about the start of a fly pod; "" = nothing."""
    if net not in ("", "host"):
        raise _refused(f"net {net}", "leave it out: a fly pod keeps the host's network")
    if hostname:
        raise _refused(f"host name {hostname}", "leave it out: a fly pod keeps the host's name")


def _check(spec: PodSpec) -> None:
    check_start(spec.net, spec.hostname)
    if len(spec.apps) != 1:
        raise _refused(f"a pod of {len(spec.apps)} apps", "give each its own pod")
    if spec.ports:
        raise _refused(
            f"publishing port {spec.ports[0].name}",
            "leave it out: the app listens on the host's own network",
        )


def _refused(what: str, hint: str = OTHER) -> UsageError:
    return UsageError(f"stage1 fly cannot have {safe(what, 120)}", hint, reason="not-in-fly")


def _asked(spec: PodSpec) -> list[tuple[Any, ...]]:
    """The isolators of each app that the operator has written."""
    if spec.manifest is None:
        return [app.isolators for app in spec.apps]
    apps = spec.manifest["apps"]
    return [tuple((app.get("app") or {}).get("isolators") or ()) for app in apps]


def _reduce(
    found: Iterable[Any], asked: Iterable[Any], whose: str, reports: list[str]
) -> tuple[Any, ...]:
    """`found` without what cannot be enforced; refused when asked for and not optional."""
    said = {item["name"] for item in asked}
    kept = []
    for item in found:
        name = item["name"]
        if name not in UNENFORCEABLE:
            kept.append(item)
        elif name in said and not item.get("optional"):
            raise UsageError(
                f"{whose}: isolator {name} cannot be enforced by stage1 fly",
                f'{OTHER}; only a desired state or pod manifest can make it "optional": true',
                object=name,
                reason="not-in-fly",
            )
        else:
            reports.append(f"{whose}: isolator {name} is not enforced by stage1 fly")
    return tuple(kept)


def _with(app: PodApp, kept: tuple[Any, ...]) -> PodApp:
    read = isolators.parse(list(kept), f"app {app.name}: isolators")
    return replace(app, app=replace(app.app, isolators=read, isolators_json=kept))
