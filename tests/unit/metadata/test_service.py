# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a pod is answered, without a network; what is kept, and when it does not count any more."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from podwright.host import clock
from podwright.metadata import http, records, service
from podwright.metadata.key import Key
from podwright.metadata.records import Record, Records
from podwright.values import replace

UUID = "6ba7b810-9dad-41d1-80b4-00c04fd430c8"
OTHER = "6ba7b811-9dad-41d1-80b4-00c04fd430c8"


def pair(name: str, text: str) -> dict[str, str]:
    return {"name": name, "value": text}


RECORD = Record(
    UUID,
    "boot",
    "0" * 64,
    {
        "apps": [
            {"name": "web", "image": {"id": "sha512-1"}, "annotations": [pair("a", "pod")]},
            {"name": "late", "image": {"id": "sha512-2"}},
        ],
    },
    {"web": {"acKind": "ImageManifest", "annotations": [pair("a", "image"), pair("b", "image")]}},
)


def get(key: Key, path: str) -> http.Response:
    return service.answer(http.Request("GET", ("token", *path.split("/"))), RECORD, key)


def test_the_pods_annotations_come_over_the_images(tmp_path: Path) -> None:
    key = Key(str(tmp_path))
    told = json.loads(get(key, "acMetadata/v1/apps/web/annotations").body)
    assert told == [pair("a", "pod"), pair("b", "image")]
    assert get(key, "acMetadata/v1/pod/annotations").body == b"[]"
    with pytest.raises(http.Failure, match="nothing of this name"):
        get(key, "acMetadata/v1/apps/late/image/id")


def test_the_key_is_of_this_boot(tmp_path: Path) -> None:
    first = Key(str(tmp_path)).sign(UUID, b"x")
    assert Key(str(tmp_path)).verify(UUID, b"x", first)
    assert not Key(str(tmp_path)).verify(OTHER, b"x", first)
    file = tmp_path / "key"
    kept = json.loads(file.read_text())
    assert kept["boot"] == clock.boot_id()
    for text in (
        "",
        "[]",
        json.dumps({**kept, "boot": "before"}),
        json.dumps({**kept, "key": "00"}),
    ):
        file.write_text(text)
        assert not Key(str(tmp_path)).verify(UUID, b"x", first), text


def test_where_a_uuid_ends_and_content_begins_is_no_question(tmp_path: Path) -> None:
    key = Key(str(tmp_path))
    assert key.sign(UUID, b"1") != key.sign(UUID, b"")
    assert not key.verify(OTHER, b"", key.sign(UUID, b""))


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"uuid": 1}', "\0"])
def test_what_cannot_be_read_is_forgotten(tmp_path: Path, text: str) -> None:
    (tmp_path / "pods").mkdir()
    (tmp_path / "pods" / UUID).write_text(text)
    known = records.Records(str(tmp_path), str(tmp_path / "net"))
    assert (known.by_uuid, list((tmp_path / "pods").iterdir())) == ({}, [])
    with pytest.raises(records.Refused, match="no registered pod has this address"):
        known.identify("172.16.28.2", "0" * 64)


def test_a_record_of_a_newer_service_is_read_as_far_as_it_is_known(tmp_path: Path) -> None:
    known = Records(str(tmp_path), str(tmp_path / "net"))
    (tmp_path / "pods").mkdir()
    record = replace(RECORD, boot=clock.boot_id())
    text = json.dumps({**record.__dict__, "more": 1})
    (tmp_path / "pods" / UUID).write_text(text)
    assert known._read(UUID) == record
