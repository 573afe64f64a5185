# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Isolators (behaviour.md B3): quantities, ranges, what wins, what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from podwright.errors import UsageError
from podwright.model.build import merge_isolators
from podwright.model.isolators import ROWS, Isolators, SelinuxContext, parse, quantity


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


def test_capabilities_to_remove_and_to_revoke_took_each_others_place() -> None:
    names = ("remove", "revoke", "remove")
    caps = ("CAP_SETUID", "CAP_KILL", "CAP_CHOWN")
    items = [
        {"name": f"os/linux/capabilities-{name}-set", "value": {"set": [cap]}}
        for name, cap in zip(names, caps)
    ]
    assert parse(items, "x").caps_remove == ("CAP_CHOWN", "CAP_KILL")


CONTEXT = {"user": "system_u", "role": "system_r", "type": "container_t", "level": "s0:c1,c2"}
NOFILE = {"name": "RLIMIT_NOFILE", "soft": 1024, "hard": "4096"}
SMALL = {"name": "resource/memory", "value": {"limit": "64Mi"}}
NEVER = ("resource/gpu", "resource/other")


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
        (one("os/linux/io-weight", 10), Isolators(io_weight=10)),
        (one("resource/block-iops", {"default": True, "limit": 100}), Isolators(block_iops=100)),
        (one("resource/block-bandwidth", {"limit": "1M"}), Isolators(block_bandwidth=10**6)),
        (one("resource/network-bandwidth", {"limit": "1G"}), Isolators(network_bandwidth=10**9)),
        (
            one("os/linux/rlimits", {"set": [NOFILE, {"name": "core", "soft": "unlimited"}]}),
            Isolators(rlimits=(("CORE", -1, -1), ("NOFILE", 1024, 4096))),
        ),
        (one("os/linux/apparmor-profile", "tight"), Isolators(apparmor="tight")),
        (one("os/linux/apparmor-profile", {"profile": "tight"}), Isolators(apparmor="tight")),
        (
            one("os/linux/selinux-context", CONTEXT),
            Isolators(selinux=SelinuxContext("system_u", "system_r", "container_t", "s0:c1,c2")),
        ),
        (
            one("os/unix/sysctl", {"net.core.somaxconn": "512", "kernel.sem": "1\t2\t3\t4"}),
            Isolators(sysctls=(("kernel.sem", "1\t2\t3\t4"), ("net.core.somaxconn", "512"))),
        ),
        (
            one("os/unix/sysctl", {"net.core.somaxconn": 512}),
            Isolators(sysctls=(("net.core.somaxconn", "512"),)),
        ),
        (
            [{**SMALL, "optional": True}],
            Isolators(memory=2**26, optional=frozenset(("resource/memory",))),
        ),
        ([{**SMALL, "optional": True}, SMALL], Isolators(memory=2**26)),
        (
            [{"name": name, "value": 1, "optional": True} for name in NEVER],
            Isolators(unknown=NEVER),
        ),
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
        (
            one("resource/memory", {"limit": "1M", "request": "2M"}),
            "isolators[0].value.request: 2M is more than the limit 1M",
        ),
        (one("resource/block-iops", {"default": False, "limit": 5}), "value.default: must be true"),
        (one("resource/block-iops", {"limit": 0}), "a limit of 0 leaves nothing"),
        (one("os/linux/io-weight", 1001), "1001 is not between 1 and 1000"),
        (
            one("os/linux/rlimits", {"set": [{"name": "x", "soft": 1}]}),
            "set[0].name: unknown limit",
        ),
        (one("os/linux/rlimits", {"set": [{"name": "nofile"}]}), "set[0].soft: is missing"),
        (
            one("os/linux/rlimits", {"set": [{"name": "core", "soft": "unlimited", "hard": 1}]}),
            "isolators[0].value.set[0].soft: the soft limit of core is more than the hard one",
        ),
        (
            one("os/linux/rlimits", {"set": [{"name": "core", "soft": -2}]}),
            "set[0].soft: '-2' is not a quantity",
        ),
        (one("os/linux/apparmor-profile", "a b"), "'a b' is not the name of a profile"),
        (one("os/linux/apparmor-profile", ""), "'' is not the name of a profile"),
        (one("os/linux/apparmor-profile", 1), "must be the name of a profile, not a whole number"),
        (
            one("os/linux/selinux-context", {**CONTEXT, "role": "a:b"}),
            "isolators[0].value.role: 'a:b' cannot be in a context",
        ),
        (one("os/linux/selinux-context", {**CONTEXT, "user": ""}), "value.user: '' cannot be"),
        (one("os/unix/sysctl", {"net.core.somaxconn": True}), "value.net.core.somaxconn: must be"),
        (one("os/unix/sysctl", {"net.core.somaxconn": 1.5}), "value.net.core.somaxconn: must be"),
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


@pytest.mark.threat("T67")
@pytest.mark.parametrize(
    "key, text",
    [
        ("kernel.core_pattern", "|/bin/evil"),
        ("kernel.shm_rmid_forced+kernel.core_pattern", "x"),
        ("net..ipv4", "1"),
        ("net.", "1"),
        (".net.core", "1"),
        ("net/../kernel/core_pattern", "x"),
        ("net.ipv4/../../kernel/core_pattern", "x"),
        ("net.core.somaxconn\n", "1"),
        ("netx.core", "1"),
        ("kernel.hostname", "x"),
        ("kernel.domainname", "x"),
        ("kernel.modprobe", "/tmp/x"),
        ("kernel.semx", "1"),
        ("fs.mqueue", "1"),
        ("fs.protected_symlinks", "0"),
        ("vm.overcommit_memory", "1"),
        ("", "1"),
        ("net.core.somaxconn", "1\n2"),
        ("net.core.somaxconn", "1\x1b"),
        ("net.core.somaxconn", "1" * 1025),
    ],
)
def test_only_settings_of_the_pods_own_namespaces_can_be_asked_for(key: str, text: str) -> None:
    control = parse(
        one("os/unix/sysctl", {"net.core.somaxconn": "1", "fs.mqueue.msg_max": "9"}), "x"
    )
    assert len(control.sysctls) == 2
    with pytest.raises(UsageError) as caught:
        parse(one("os/unix/sysctl", {key: text}), "isolators")
    assert (
        caught.value.message.startswith("isolators[0].value.") and "\n" not in caught.value.message
    )


@pytest.mark.parametrize("name", sorted(set(ROWS) - set(NEVER)))
def test_a_pod_takes_those_that_make_sense_for_it_as_a_whole(name: str) -> None:
    samples = {
        "os/linux/apparmor-profile": "x",
        "os/linux/selinux-context": CONTEXT,
        "os/linux/no-new-privileges": True,
    }
    amounts = name.startswith("resource/") or name.endswith(("-set", "rlimits", "sysctl"))
    items = one(name, samples.get(name, {} if amounts else 100))
    parse(items, "isolators")
    if name in FOR_PODS:
        assert parse(items, "pod", pod=True) == parse(items, "isolators")
    else:
        with pytest.raises(UsageError, match="is for an app, not for a pod as a whole"):
            parse(items, "pod", pod=True)


FOR_PODS = (
    *("resource/memory", "resource/cpu", "resource/pids", "os/linux/cpu-shares"),
    *("resource/block-bandwidth", "resource/block-iops", "os/linux/io-weight", "os/unix/sysctl"),
    "resource/network-bandwidth",
)
RETAIN = {"name": "os/linux/capabilities-retain-set", "value": {"set": ["CAP_KILL"]}}
REMOVE = {"name": "os/linux/capabilities-remove-set", "value": {"set": ["CAP_CHOWN"]}}
REVOKE = {"name": "os/linux/capabilities-revoke-set", "value": {"set": ["CAP_FOWNER"]}}
FILTER = {"name": "os/linux/seccomp-retain-set", "value": {"set": ["read"], "errno": "EPERM"}}
BLOCK = {"name": "os/linux/seccomp-remove-set", "value": {"set": ["mount"]}}
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
