# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Volumes as values: what each kind takes, and that writing and reading are inverse (B2)."""

from __future__ import annotations

from typing import Any

import pytest

from podwright.errors import UsageError
from podwright.model.fields import Fields
from podwright.model.volume import Mount, dump_mount, dump_volume, parse_mount, parse_volume

ALL = [
    {"kind": "host", "source": "/srv"},
    {
        "kind": "host",
        "source": "/srv",
        "readOnly": False,
        "recursive": False,
        "propagation": "slave",
        "idmap": False,
        "relabel": "private",
        "noexec": True,
        "followLinks": True,
    },
    {"kind": "empty"},
    {"kind": "empty", "mode": "0700", "uid": 1, "gid": 2, "size": "64Mi", "noexec": True},
    {"kind": "empty", "copyUp": True},
    {"kind": "tmpfs", "size": 8192},
    {"kind": "device", "source": "/dev/fuse", "permissions": "r"},
    {"kind": "device", "source": "/dev/fuse", "readOnly": True},
]


@pytest.mark.parametrize("raw", ALL)
def test_what_is_written_is_read_again(raw: dict[str, Any]) -> None:
    volume = parse_volume(Fields({"name": "v", **raw}, ""))
    assert parse_volume(Fields(dump_volume(volume), "")) == volume


def test_defaults() -> None:
    empty, memory = (parse_volume(Fields({"name": "v", "kind": k}, "")) for k in ("empty", "tmpfs"))
    assert (empty.mode, memory.mode) == (0o755, 0o1777)
    assert dump_volume(empty) == {
        "name": "v",
        "kind": "empty",
        "mode": "0755",
        "uid": 0,
        "gid": 0,
    }
    assert parse_volume(Fields({"name": "v", "kind": "tmpfs", "size": "1Mi"}, "")).size == 2**20


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (
            {"kind": "tmpfs", "source": "/a"},
            "source: is for host and device volumes, not for tmpfs",
        ),
        ({"kind": "host", "source": "/a", "size": 1}, "size: is for empty and tmpfs volumes"),
        ({"kind": "empty", "propagation": "slave"}, "propagation: is for host volumes"),
        ({"kind": "tmpfs", "copyUp": True}, "copyUp: is for empty volumes"),
        ({"kind": "device", "source": "/a", "idmap": False}, "idmap: is for host volumes"),
        ({"kind": "device"}, "source: is missing"),
        ({"kind": "device", "source": "/a", "permissions": "rwm"}, "permissions: 'rwm' is not one"),
        ({"kind": "device", "source": "/a", "permissions": "r", "readOnly": True}, "permissions: "),
        ({"kind": "host", "source": "/a", "propagation": "rshared"}, "propagation: 'rshared' is"),
        ({"kind": "host", "source": "/a", "relabel": "z"}, "relabel: 'z' is not one of"),
        ({"kind": "tmpfs", "size": "lots"}, "size: 'lots' is not a quantity"),
        ({"kind": "tmpfs", "size": "100"}, "size: 100 is less than a page"),
        ({"kind": "tmpfs", "size": "-1"}, "size: '-1' is not a quantity"),
        ({"kind": "empty", "size": "1Mi", "copyUp": True}, "copyUp: "),
    ],
)
def test_what_a_kind_does_not_take_is_refused(raw: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_volume(Fields({"name": "v", **raw}, ""))
    assert caught.value.message.startswith(message)


@pytest.mark.parametrize("read_only", [None, True, False])
def test_mounts_are_read_as_they_are_written(read_only: bool | None) -> None:
    mount = Mount("v", "/v", read_only)
    assert parse_mount(Fields(dump_mount(mount), "")) == mount
    assert ("readOnly" in dump_mount(mount)) == (read_only is not None)
