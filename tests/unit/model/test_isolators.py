# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Isolators (behaviour.md B3): quantities, ranges, what wins, what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from podwright.errors import UsageError
from podwright.model.build import merge_isolators
from podwright.model.isolators import Isolators, parse, quantity


@pytest.mark.parametrize(
    "text, units",
    [
        ("0", 0),
        ("1", 1),
        (4096, 4096),
        ("64k", 64_000),
        ("64K", 64_000),
        ("1Ki", 1024),
        ("256Mi", 256 * 2**20),
        ("1.5Gi", 3 * 2**29),
        ("1G", 10**9),
        ("0.5M", 500_000),
        ("2Ti", 2**41),
        ("1T", 10**12),
        ("1500m", 1),
        (1.5, 1),
        (2.0, 2),
    ],
)
def test_quantities_in_units(text: object, units: int) -> None:
    assert quantity(text, "x") == units


@pytest.mark.parametrize(
    "text, thousandths",
    [
        ("500m", 500),
        ("0.5", 500),
        (0.5, 500),
        (2, 2000),
        ("1.25", 1250),
        ("0.001", 1),
        ("1k", 10**6),
    ],
)
def test_quantities_in_thousandths(text: object, thousandths: int) -> None:
    assert quantity(text, "x", milli=True) == thousandths


@pytest.mark.parametrize(
    "text",
    [
        *("", "-1", "+1", " 1", "1 ", "1M ", "1\n", "1e3", ".5", "1.", "1,5", "0x10", "1mi"),
        *("1Kib", "1B", "Mi", "1MM", "\u0661", "1" * 16, "9999999999999Ti"),
        *(True, None, [], {}, -0.5, 1e-7, 1e20),
    ],
)
def test_no_quantities(text: object) -> None:
    with pytest.raises(UsageError) as caught:
        quantity(text, "pods[0].x")
    assert caught.value.message.startswith("pods[0].x: ")


def one(name: str, value: object) -> list[dict[str, object]]:
    return [{"name": name, "value": value}]


@pytest.mark.parametrize(
    "items, expected",
    [
        ([], Isolators()),
        (one("resource/memory", {"limit": "1Gi", "request": "1M"}), Isolators(memory=2**30)),
        (one("resource/memory", {"request": "1M"}), Isolators()),
        (one("resource/memory", {"limit": 4096}), Isolators(memory=4096)),
        (one("resource/cpu", {"limit": "500m"}), Isolators(cpu_milli=500)),
        (one("resource/pids", {"limit": "64"}), Isolators(pids=64)),
        (one("os/linux/cpu-shares", 2), Isolators(cpu_shares=2)),
        (one("os/linux/cpu-shares", "262144"), Isolators(cpu_shares=262144)),
        (one("os/linux/oom-score-adj", "-1000"), Isolators(oom_score_adj=-1000)),
        (
            one("os/linux/capabilities-retain-set", {"set": ["CAP_KILL", "CAP_BPF", "CAP_KILL"]}),
            Isolators(caps_retain=("CAP_BPF", "CAP_KILL")),
        ),
        (one("os/linux/capabilities-retain-set", {"set": []}), Isolators(caps_retain=())),
        (
            one("os/linux/capabilities-remove-set", {"set": ["CAP_CHOWN"]}),
            Isolators(caps_remove=("CAP_CHOWN",)),
        ),
        (
            one("os/linux/seccomp-retain-set", {"set": ["read", "@appc.io/all"], "errno": "EPERM"}),
            Isolators(seccomp_retain=("@appc.io/all", "read"), seccomp_errno="EPERM"),
        ),
        (
            one("os/linux/seccomp-remove-set", {"set": ["mount"]}),
            Isolators(seccomp_remove=("mount",)),
        ),
        (one("os/linux/no-new-privileges", False), Isolators(no_new_privileges=False)),
        (
            one("resource/cpu", {"limit": "1"}) + one("resource/cpu", {"limit": "2"}),
            Isolators(cpu_milli=2000),
        ),
    ],
)
def test_parse(items: list[Any], expected: Isolators) -> None:
    assert parse(items, "isolators") == expected


@pytest.mark.parametrize(
    "items, message",
    [
        ({}, "isolators: must be a list, not an object"),
        (["x"], "isolators[0]: must be an object, not a string"),
        ([{"value": 1}], "isolators[0].name: is missing"),
        ([{"name": "resource/cpu"}], "isolators[0].value: is missing"),
        (
            [{"name": "resource/cpu", "value": {}, "extra": 1}],
            "isolators[0].extra: unknown field",
        ),
        (one("resource/gpu", {}), "isolators[0].name: unknown isolator 'resource/gpu'"),
        (one("os/unix/sysctl", {}), "isolators[0].name: unknown isolator 'os/unix/sysctl'"),
        (one("resource/block-iops", {}), "unknown isolator 'resource/block-iops'"),
        (one("resource/memory", "1G"), "isolators[0].value: must be an object, not a string"),
        (one("resource/memory", {"limit": "4095"}), "4095 bytes are less than one page (4096)"),
        (
            one("resource/memory", {"limit": "1X"}),
            "isolators[0].value.limit: '1X' is not a quantity",
        ),
        (
            one("resource/memory", {"request": "1X"}),
            "isolators[0].value.request: '1X' is not a quantity",
        ),
        (one("resource/memory", {"max": "1"}), "isolators[0].value.max: unknown field"),
        (one("resource/cpu", {"limit": "0"}), "isolators[0].value.limit: a limit of 0"),
        (one("resource/cpu", {"limit": "0.0001"}), "isolators[0].value.limit: a limit of 0"),
        (one("resource/pids", {"limit": "0"}), "isolators[0].value.limit: a limit of 0"),
        (one("os/linux/cpu-shares", 1), "isolators[0].value: 1 is not between 2 and 262144"),
        (one("os/linux/cpu-shares", 262145), "262145 is not between 2 and 262144"),
        (one("os/linux/oom-score-adj", -1001), "-1001 is not between -1000 and 1000"),
        (one("os/linux/oom-score-adj", True), "must be a whole number, not true or false"),
        (one("os/linux/oom-score-adj", "1.5"), "must be a whole number, not a string"),
        (
            one("os/linux/capabilities-retain-set", {"set": ["KILL"]}),
            "isolators[0].value.set: 'KILL' is not a capability name",
        ),
        (
            one("os/linux/capabilities-retain-set", {"set": "CAP_KILL"}),
            "isolators[0].value.set: must be a list, not a string",
        ),
        (one("os/linux/no-new-privileges", "true"), "must be true or false, not a string"),
        (
            one("os/linux/capabilities-retain-set", {"set": []})
            + one("os/linux/capabilities-remove-set", {"set": []}),
            "isolators: retain and remove sets of caps cannot be combined",
        ),
        (
            one("os/linux/seccomp-retain-set", {"set": ["read"]})
            + one("os/linux/seccomp-remove-set", {"set": ["read"]}),
            "isolators: retain and remove sets of seccomp cannot be combined",
        ),
    ],
)
def test_refused_by_path(items: Any, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(items, "isolators")
    assert message in caught.value.message


RETAIN = {"name": "os/linux/capabilities-retain-set", "value": {"set": ["CAP_KILL"]}}
REMOVE = {"name": "os/linux/capabilities-remove-set", "value": {"set": ["CAP_CHOWN"]}}
REVOKE = {"name": "os/linux/capabilities-revoke-set", "value": {"set": ["CAP_FOWNER"]}}
FILTER = {"name": "os/linux/seccomp-retain-set", "value": {"set": ["read"], "errno": "EPERM"}}
BLOCK = {"name": "os/linux/seccomp-remove-set", "value": {"set": ["mount"]}}
SMALL = {"name": "resource/memory", "value": {"limit": "64Mi"}}
LARGE = {"name": "resource/memory", "value": {"limit": "1Gi"}}
SHARES = {"name": "os/linux/cpu-shares", "value": 100}
MORE_SHARES = {"name": "os/linux/cpu-shares", "value": 200}


@pytest.mark.parametrize(
    "image, asked, merged",
    [
        ([SMALL], [], [SMALL]),
        ([], [SMALL], [SMALL]),
        ([SMALL, SHARES], [LARGE], [SHARES, LARGE]),
        ([SHARES, SMALL], [MORE_SHARES], [SMALL, MORE_SHARES]),
        ([RETAIN], [REMOVE], [REMOVE]),
        ([REMOVE, REVOKE], [RETAIN], [RETAIN]),
        ([FILTER, RETAIN], [BLOCK], [RETAIN, BLOCK]),
        ([BLOCK], [FILTER], [FILTER]),
    ],
)
def test_what_is_asked_for_replaces_the_images_of_its_kind(
    image: list[Any], asked: list[Any], merged: list[Any]
) -> None:
    assert merge_isolators(image, asked) == merged
    parse(merged, "isolators")


def test_an_errno_does_not_outlive_the_filter_it_was_said_for() -> None:
    merged = merge_isolators([FILTER], [BLOCK])
    assert parse(merged, "x") == Isolators(seccomp_remove=("mount",))
