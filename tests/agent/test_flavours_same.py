# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""No difference between flavours but those that docs/flavours.md names: all facts are compared."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.agent import flavour_bed
from tests.conftest import Keys

NUMBERS = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|(?<=:\[)\d+(?=\])")
"""UUIDs and inode numbers of namespaces."""

DIFFERENT = {
    "clock": "it was asked at another time",
    "mounts": "what lies below the same mounts: overlays and bind mounts of the host, or virtiofs",
    "filesystems": "as for mounts",
}
"""Facts that differ, and why that is no difference for a user."""


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory, lab: Keys) -> list[flavour_bed.Told]:
    """What was told about each flavour."""
    shared = flavour_bed.shared_directory(tmp_path_factory.getbasetemp())
    return [flavour_bed.told(flavour, shared, lab.key) for flavour in flavour_bed.FLAVOURS]


def same(text: str) -> str:
    """A text without what is another number in every pod."""
    return NUMBERS.sub("#", text)


def differences(one: dict[str, str], other: dict[str, str]) -> dict[str, tuple[str, str]]:
    """The facts that differ: name -> both."""
    found = {}
    for name in one.keys() | other.keys():
        mine, theirs = same(one.get(name, "-")), same(other.get(name, "-"))
        if mine != theirs:
            found[name] = (mine, theirs)
    return found


def test_every_fact_is_the_same(both: list[flavour_bed.Told]) -> None:
    found = differences(both[0]["many"]["facts"], both[-1]["many"]["facts"])
    assert {name: pair for name, pair in found.items() if name not in DIFFERENT} == {}


def test_mount_points_are_the_same(both: list[flavour_bed.Told]) -> None:
    targets = [
        {line.split(" ")[0] for line in each["many"]["facts"]["mounts"].splitlines()}
        for each in both
    ]
    assert targets[0] ^ targets[-1] == set()


def lives(told: flavour_bed.Told, pod: str, status: str) -> dict[str, Any]:
    """How each app of a pod lives or has ended."""
    fields = ("state", "exit_code", "exit_reason", "restarts", "ready")
    return {app["name"]: {f: app[f] for f in fields} for app in told[pod][status]["apps"]}


@pytest.mark.parametrize(("pod", "status"), [("many", "status"), ("live", "stopped")])
def test_apps_end_the_same(both: list[flavour_bed.Told], pod: str, status: str) -> None:
    assert lives(both[0], pod, status) == lives(both[-1], pod, status)


def test_what_is_entered_is_the_same(both: list[flavour_bed.Told]) -> None:
    steps = [each["live"]["steps"] for each in both]
    names = [name for name in steps[0] if not name.startswith("facts")]
    assert [steps[0][n] for n in names if n != "no such app"] == [
        steps[-1][n] for n in names if n != "no such app"
    ]


def test_the_status_says_the_same(both: list[flavour_bed.Told]) -> None:
    own = {
        "name",
        "stage1",
        "stage1_image",
        "machine",
        "pid",
        "private_users",
        "apps",
        "created_at",
    }
    own |= {"started_at", "finished_at"}
    found = [
        {key: value for key, value in each["live"]["stopped"].items() if key not in own}
        for each in both
    ]
    assert found[0] == found[-1]
