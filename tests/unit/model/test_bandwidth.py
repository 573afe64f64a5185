# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What of a limit of bandwidth can be enforced, and what is refused or reported."""

from __future__ import annotations

from typing import Any

import pytest

from podwright.errors import LaunchError
from podwright.model import bandwidth
from podwright.model.bandwidth import Bandwidth
from podwright.model.image import App
from podwright.model.isolators import parse
from podwright.model.pod import PodApp, PodManifest


def limit(rate: str, **more: Any) -> list[dict[str, Any]]:
    return [{"name": bandwidth.NAME, "value": {"default": True, "limit": rate}, **more}]


def pod(*apps: list[dict[str, Any]], whole: list[dict[str, Any]] | None = None) -> PodManifest:
    made = [
        PodApp(f"app{n}", "x", "", (), App(("/a",), "0", "0", isolators=parse(items, "x")))
        for n, items in enumerate(apps)
    ]
    return PodManifest(tuple(made), isolators=parse(whole or [], "x", pod=True))


def test_no_limit() -> None:
    assert bandwidth.of(pod([], []), "host") == Bandwidth()


def test_the_lowest_of_the_pods_and_its_only_apps_limit_holds() -> None:
    assert bandwidth.of(pod(limit("2M"), whole=limit("1M")), "default") == Bandwidth(10**6)
    assert bandwidth.of(pod(limit("2M"), whole=limit("3M")), "default") == Bandwidth(2 * 10**6)
    assert bandwidth.of(pod([], [], whole=limit("1M", optional=True)), "x") == Bandwidth(
        10**6, True
    )


@pytest.mark.parametrize(
    ("apps", "whole", "net", "said"),
    [
        ([[], limit("1M")], None, "default", "app app1: .* the apps of a pod share its links"),
        ([[]], "1M", "host", "the pod: .* with net host the links are the host's"),
        ([[]], "999", "default", "the pod: .* 999 bytes a second are too few"),
    ],
)
def test_what_cannot_be_enforced_is_refused_or_reported(
    apps: list[Any], whole: str | None, net: str, said: str
) -> None:
    asked = limit(whole) if whole else None
    with pytest.raises(LaunchError, match=said):
        bandwidth.of(pod(*apps, whole=asked), net)
    may = [[{**item, "optional": True} for item in items] for items in (*apps, asked or [])]
    found = bandwidth.of(pod(*may[:-1], whole=may[-1]), net)
    assert (found.rate, len(found.reports)) == (0, 1)
