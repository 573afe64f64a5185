# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The flags of isolators become what a manifest would hold, and errors name the flag."""

from __future__ import annotations

from typing import Any

import pytest

from podwright.cli import apps, options
from podwright.cli.verbs import find_verb
from podwright.errors import UsageError
from podwright.model.podspec import PodSpec


def spec(*argv: str) -> PodSpec:
    return apps.pod_spec(
        apps.parse(list(argv), find_verb("run"), options.Arguments()),
        frozenset(),
    )


def test_flags_of_an_app() -> None:
    found = spec(
        *("a", "--pids=50", "--io-weight=10", "--block-iops=100", "--block-bandwidth=1M"),
        *("--rlimit=nofile=1024:4096", "--rlimit=core=unlimited", "--no-new-privileges=false"),
        *("--apparmor=tight", "b"),
    )
    assert found.apps[0].isolators == (
        {"name": "resource/pids", "value": {"limit": "50"}},
        {"name": "os/linux/io-weight", "value": "10"},
        {"name": "resource/block-bandwidth", "value": {"limit": "1M"}},
        {"name": "resource/block-iops", "value": {"limit": "100"}},
        {
            "name": "os/linux/rlimits",
            "value": {
                "set": [
                    {"name": "nofile", "soft": "1024", "hard": "4096"},
                    {"name": "core", "soft": "unlimited"},
                ]
            },
        },
        {"name": "os/linux/no-new-privileges", "value": False},
        {"name": "os/linux/apparmor-profile", "value": "tight"},
    )
    assert found.apps[1].isolators == () and found.pod_isolators == ()


def test_settings_of_the_pod() -> None:
    found = spec("--sysctl=net.core.somaxconn=512", "--sysctl", "kernel.sem=1 2 3 4", "a")
    value: Any = {"net.core.somaxconn": "512", "kernel.sem": "1 2 3 4"}
    assert found.pod_isolators == ({"name": "os/unix/sysctl", "value": value},)


@pytest.mark.parametrize(
    "argv, message",
    [
        (("a", "--rlimit=files=1"), "--rlimit: unknown limit 'files'"),
        (("a", "--rlimit=nofile"), "--rlimit: 'nofile' says no value"),
        (
            ("a", "--rlimit=nofile=2:1"),
            "--rlimit: the soft limit of nofile is more than the hard one",
        ),
        (("a", "--io-weight=0"), "--io-weight: 0 is not between 1 and 1000"),
        (("a", "--pids=0"), "--pids: a limit of 0 leaves nothing to run with"),
        (("a", "--apparmor="), "--apparmor: '' is not the name of a profile"),
        (
            ("--sysctl=kernel.core_pattern=x", "a"),
            "--sysctl: kernel.core_pattern: is not a setting",
        ),
        (("--sysctl=net.x", "a"), "--sysctl: 'net.x' says no value"),
        (("a", "--caps-retain=CAP_KILL", "--caps-remove=CAP_KILL"), "cannot be combined"),
    ],
)
def test_errors_name_the_flag(argv: tuple[str, ...], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        spec(*argv)
    assert message in caught.value.message
