# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""No difference between flavours but those that docs/flavours.md names: all facts are compared."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.agent import flavour_bed
from tests.agent.flavour_apps import BETWEEN
from tests.conftest import Keys
from tests.support import cgroups

NUMBERS = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|(?<=:\[)\d+(?=\])")
"""UUIDs and inode numbers of namespaces."""
OTHER_KERNEL = (
    *("mount-/proc/", "mount-/sys/", "uid_map", "gid_map"),
    *("limit-Max processes", "limit-Max pending signals", "limit-Max locked memory"),
)
"""What another kernel has of its own: files below /proc and /sys, no owners of the host, limits by its memory."""
FLAGS = {"ro", "rw", "nosuid", "nodev", "noexec"}

DIFFERENT = {
    "clock": "it was asked at another time",
    "mounts": "another kernel shows other files below /proc and /sys, which are covered in turn",
    "filesystems": "what lies below the same mounts: file systems of the host, or virtiofs of them",
}
"""Facts that differ, and why that is no difference for a user."""
OF_GROUPS = {
    "cgroup": "in a machine it is one of version 2, and seen",
    "hiddendirs": "its directory is there",
}
"""And on a host whose control groups are of version 1."""


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
    known = DIFFERENT if cgroups.alone() else {**DIFFERENT, **OF_GROUPS}
    assert {name: pair for name, pair in found.items() if name not in known} == {}


def test_mounts_are_the_same(both: list[flavour_bed.Told]) -> None:
    """Their targets, and whether they can be written, have devices, and honour set-user-id files."""
    found = []
    for each in both:
        mounts = dict(line.split(" ") for line in each["many"]["facts"]["mounts"].splitlines())
        own = {target: set(options.split(",")) & FLAGS for target, options in mounts.items()}
        found.append({k: v for k, v in own.items() if not k.startswith(("/proc/", "/sys/"))})
    assert found[0] == found[-1]


def lives(told: flavour_bed.Told, pod: str, status: str) -> dict[str, Any]:
    """How each app of a pod lives or has ended."""
    fields = ("state", "exit_code", "exit_reason", "restarts", "ready")
    return {app["name"]: {f: app[f] for f in fields} for app in told[pod][status]["apps"]}


@pytest.mark.parametrize(("pod", "status"), [("many", "status"), ("live", "stopped")])
def test_apps_end_the_same(both: list[flavour_bed.Told], pod: str, status: str) -> None:
    assert lives(both[0], pod, status) == lives(both[-1], pod, status)


def test_what_is_entered_is_the_same(both: list[flavour_bed.Told]) -> None:
    steps = [each["live"]["steps"] for each in both]
    names = [name for name in steps[0] if name not in ("facts", "flaky")]
    for name in names:
        assert [same(str(part)) for part in steps[0][name]] == [
            same(str(part)) for part in steps[-1][name]
        ]


def own_facts(told: flavour_bed.Told) -> set[str]:
    """What was found by who entered, without mounts of a kernel's own, owners on the host, and its limits."""
    lines = told["live"]["steps"]["facts"][1].split(BETWEEN)[0].splitlines()
    return {same(line) for line in lines if not line.startswith(OTHER_KERNEL)}


def test_what_an_entered_process_has_is_the_same(both: list[flavour_bed.Told]) -> None:
    assert own_facts(both[0]) ^ own_facts(both[-1]) == set()


def test_the_status_says_the_same(both: list[flavour_bed.Told]) -> None:
    own = {"name", "stage1", "stage1_image", "machine", "pid", "private_users", "apps"}
    own |= {"created_at", "started_at", "finished_at", "reports"}
    found = [
        {key: value for key, value in each["live"]["stopped"].items() if key not in own}
        for each in both
    ]
    assert found[0] == found[-1]
