# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Isolators that a flavour cannot enforce: refused when somebody asked for them, else reported. Pure."""

from __future__ import annotations

from podwright.errors import UsageError
from podwright.model import isolators
from podwright.values import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from podwright.model.pod import PodApp, PodManifest
    from podwright.model.podspec import PodSpec

OTHER = "leave it out, or choose another stage1"


def without(
    spec: PodSpec, manifest: PodManifest, missing: Mapping[str, str], stage1: str
) -> tuple[PodManifest, list[str]]:
    """The manifest without the isolators of `missing` (name -> why, or ""), and sentences about that.

    Raises UsageError naming one that the operator has written and that is not optional.
    """
    reports: list[str] = []
    apps = []
    for app, asked in zip(manifest.apps, _asked(spec)):
        whose = f"app {app.name}"
        kept = _reduce(app.app.isolators_json, asked, whose, missing, stage1, reports)
        apps.append(_with(app, kept))
    kept = _reduce(manifest.isolators_json, spec.pod_isolators, "the pod", missing, stage1, reports)
    whole = isolators.parse(list(kept), "pod isolators", pod=True)
    return replace(manifest, apps=tuple(apps), isolators=whole, isolators_json=kept), reports


def _asked(spec: PodSpec) -> list[tuple[Any, ...]]:
    """The isolators of each app that the operator has written."""
    if spec.manifest is None:
        return [app.isolators for app in spec.apps]
    apps = spec.manifest["apps"]
    return [tuple((app.get("app") or {}).get("isolators") or ()) for app in apps]


def _reduce(
    found: Iterable[Any],
    asked: Iterable[Any],
    whose: str,
    missing: Mapping[str, str],
    stage1: str,
    reports: list[str],
) -> tuple[Any, ...]:
    """`found` without what cannot be enforced; refused when asked for and not optional."""
    said = {item["name"] for item in asked}
    kept = []
    for item in found:
        name = item["name"]
        why = f": {missing[name]}" if missing.get(name) else ""
        if name not in missing:
            kept.append(item)
        elif name in said and not item.get("optional"):
            raise UsageError(
                f"{whose}: isolator {name} cannot be enforced by stage1 {stage1}{why}",
                f'{OTHER}; only a desired state or pod manifest can make it "optional": true',
                object=name,
                reason=f"not-in-{stage1}",
            )
        else:
            reports.append(f"{whose}: isolator {name} is not enforced by stage1 {stage1}{why}")
    return tuple(kept)


def _with(app: PodApp, kept: tuple[Any, ...]) -> PodApp:
    read = isolators.parse(list(kept), f"app {app.name}: isolators")
    return replace(app, app=replace(app.app, isolators=read, isolators_json=kept))
