# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pod manifest (behaviour.md B1): it reads back as it was written; what is wrong is named."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from podwright import jsonio
from podwright.errors import UsageError
from podwright.model.fields import Fields
from podwright.model.image import App
from podwright.model.pod import HostPort, PodApp, PodManifest, dump_pod, parse_pod
from podwright.model.volume import Mount, Volume, dump_volume, parse_volume

ID = "sha512-" + "0a" * 32

VOLUMES = (
    Volume("data", "host", "/srv/data"),
    Volume("conf", "host", "/srv/conf", read_only=True, recursive=False),
    Volume("cache", "empty"),
    Volume("spool", "empty", read_only=False, mode=0o1777, uid=4294967294, gid=7),
)
POD = PodManifest(
    apps=(
        PodApp("a", ID, "example.com/a", (("version", "1"),), App(("/a",), "0", "0")),
        PodApp(
            "b",
            ID,
            "",
            (),
            App(("/b", "", "-x"), "u", "g", environment=(("A", "\u00e9\n"),)),
            True,
            (Mount("data", "/data"), Mount("cache", "/var/cache")),
            (("note", "text"),),
        ),
    ),
    volumes=VOLUMES,
    ports=(HostPort("http", 8080), HostPort("https", 8443, "127.0.0.1", count=2)),
    annotations=(("podwright.io/stage1", "namespaces"),),
    user_annotations=(("by", "me"),),
    user_labels=(("tier", "front"),),
)


def test_a_pod_reads_back_as_it_was_written() -> None:
    assert parse_pod(jsonio.loads(jsonio.dumps(dump_pod(POD)), "pod")) == POD


def test_isolators_of_a_pod_and_its_apps_read_back_as_they_were_written() -> None:
    whole = [
        {"name": "resource/memory", "value": {"limit": "1Gi"}, "optional": True},
        {"name": "os/unix/sysctl", "value": {"net.core.somaxconn": "9"}},
    ]
    own = [{"name": "os/linux/rlimits", "value": {"set": [{"name": "nofile", "soft": 9}]}}]
    raw = dump_pod(POD)
    raw["isolators"], raw["apps"][0]["app"]["isolators"] = whole, own
    read = parse_pod(raw)
    assert read.isolators.memory == 2**30 and read.isolators.optional == {"resource/memory"}
    assert read.apps[0].app.isolators.rlimits == (("NOFILE", 9, 9),)
    assert parse_pod(jsonio.loads(jsonio.dumps(dump_pod(read)), "pod")) == read
    assert dump_pod(read)["isolators"] == whole


@pytest.mark.parametrize("volume", VOLUMES, ids=lambda volume: volume.name)
def test_a_volume_reads_back_as_it_was_written(volume: Volume) -> None:
    assert parse_volume(Fields(dump_volume(volume), "volume")) == volume


def changed(path: str, value: Any) -> dict[str, Any]:
    """The pod as JSON with the field at `path` set, or taken away (...)."""
    raw = copy.deepcopy(dump_pod(POD))
    *parents, last = (int(word) if word.isdigit() else word for word in path.split("."))
    where: Any = raw
    for parent in parents:
        where = where[parent]
    if value is ...:
        del where[last]
    else:
        where[last] = value
    return raw


@pytest.mark.parametrize(
    "path, value, message",
    [
        ("acKind", "ImageManifest", "pod.acKind: is 'ImageManifest', not PodManifest"),
        ("acVersion", "2.0.0", "pod.acVersion: '2.0.0' is not a 0.x version"),
        ("apps", [], "pod.apps: a pod needs at least one app"),
        ("apps.1.name", "a", "pod.apps: names must be unique"),
        ("apps.1.name", "B", "pod.apps[1].name: 'B' is not an AC name"),
        ("apps.1.image", ..., "pod.apps[1].image.id: is missing"),
        ("apps.1.image.id", "sha512-0a", "pod.apps[1].image.id: 'sha512-0a' is not an image ID"),
        ("apps.1.image.id", f"sha512-../{ID[10:]}", "pod.apps[1].image.id: 'sha512-../"),
        ("apps.1.image.name", "A", "pod.apps[1].image.name: 'A' is not an AC identifier"),
        ("apps.1.app", ..., "pod.apps[1].app: is missing"),
        ("apps.1.app.user", "", "pod.apps[1].app: user and group must both be named"),
        ("apps.1.mounts.0.path", "x", "pod.apps[1].mounts[0].path: 'x' is not an absolute path"),
        (
            "apps.1.mounts.0.volume",
            "../x",
            "pod.apps[1].mounts[0].volume: '../x' is not an AC name",
        ),
        ("apps.1.readOnlyRootFS", "true", "pod.apps[1].readOnlyRootFS: must be true or false"),
        ("volumes.0.source", ..., "pod.volumes[0].source: is missing"),
        ("volumes.0.colour", 1, "pod.volumes[0].colour: unknown field"),
        ("volumes.1.name", "data", "pod.volumes: names must be unique"),
        ("volumes.2.mode", "888", "pod.volumes[2].mode: '888' is not an octal mode"),
        ("volumes.2.uid", 2**32 - 1, "pod.volumes[2].uid: 4294967295 is not between"),
        ("ports.0.hostPort", 65536, "pod.ports[0].hostPort: 65536 is not between 1 and 65535"),
        ("isolators", [{}], "pod.isolators[0].name: is missing"),
        ("annotations.0.value", ..., "pod.annotations[0].value: is missing"),
        ("userLabels", {"a": 1}, "pod.userLabels.a: must be a string without NUL"),
    ],
)
def test_a_bad_field_is_named_by_its_path(path: str, value: Any, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_pod(changed(path, value), "pod")
    assert caught.value.message[: len(message)] == message
