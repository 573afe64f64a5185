# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The manifest of a pod with another app, and without one."""

from __future__ import annotations

import pytest

from podwright.errors import UsageError
from podwright.model.image import App
from podwright.model.pod import MUTABLE, PodApp, PodManifest, dump_pod, parse_pod
from podwright.model.podspec import AppSpec
from podwright.model.volume import EMPTY, Mount, Volume
from podwright.stage0 import changes
from podwright.values import replace

ID = "sha512-" + "0" * 64
CONFIG = {
    "name": "",
    "stage1": "namespaces",
    "net": "none",
    "hostname": "",
    "insecure": ["seccomp"],
    "overlay": True,
}
DATA, OTHER = Volume("data", EMPTY), Volume("other", EMPTY)
EMPTY_POD = PodManifest((), annotations=(MUTABLE,))


def app(name: str, *volumes: str) -> PodApp:
    mounts = tuple(Mount(volume, f"/{volume}") for volume in volumes)
    return PodApp(
        name, ID, "example.com/x", (), App(exec=("/x",), user="0", group="0"), mounts=mounts
    )


def test_a_pod_without_apps_is_one_that_changes() -> None:
    assert parse_pod(dump_pod(EMPTY_POD)) == EMPTY_POD
    assert changes.is_mutable(EMPTY_POD)
    with pytest.raises(UsageError, match="needs at least one app"):
        parse_pod(dump_pod(replace(EMPTY_POD, annotations=())))


def test_apps_and_their_volumes_come_and_go() -> None:
    one = changes.merged(EMPTY_POD, app("one", "data"), (DATA,))
    two = changes.merged(one, app("two", "data", "other"), (DATA, OTHER))
    assert [one.name for one in two.apps] == ["one", "two"]
    assert two.volumes == (DATA, OTHER)
    rest, gone = changes.without(two, "two", {})
    assert (rest, gone) == (one, (OTHER,))
    assert changes.without(rest, "one", {}) == (EMPTY_POD, (DATA,))


def test_names_that_are_taken_are_refused() -> None:
    one = changes.merged(EMPTY_POD, app("one", "data"), (DATA,))
    with pytest.raises(UsageError, match="has an app called one already"):
        changes.merged(one, app("one"), ())
    with pytest.raises(UsageError, match="another volume called data already"):
        changes.merged(one, app("two"), (replace(DATA, mode=0o700),))


def test_only_volumes_that_are_named_are_shared() -> None:
    pod = changes.merged(EMPTY_POD, app("one", "data", "other"), (DATA, OTHER))
    asked = changes.Asked(
        AppSpec("x", mounts=(Mount("data", "/d"),)), insecure=frozenset(["paths"])
    )
    spec = changes.spec_of(asked, pod, dict(CONFIG), own_users=True)
    assert spec.volumes == (DATA,)
    assert (spec.private_users, spec.insecure) == ("true", frozenset(["paths", "seccomp"]))
