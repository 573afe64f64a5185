# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is measured as bytes, and what a log adds up to; numbers made by hand, as docs/tpm.md tells."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from podwright.errors import HostError, UsageError
from podwright.model import measured
from podwright.model.measured import Record

ZERO = "00" * 32
BASE = {"event": "baseline", "value": ZERO}
END = {"event": "pod-end", "uuid": "u", "status": 0, "reason": "exited"}


def log(*contents: dict[str, Any]) -> list[Record]:
    """A log of these events."""
    return [measured.record(number, 13, "sha256", one) for number, one in enumerate(contents)]


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ({"b": 1, "a": [True, None, -5]}, '{"a":[true,null,-5],"b":1}'),
        ({"name": 'a"b\\c/ü\U0001f600'}, '{"name":"a\\"b\\\\c/ü\U0001f600"}'),
        ({"name": "\b\t\n\f\r\x00\x1f\x7f"}, '{"name":"\\b\\t\\n\\f\\r\\u0000\\u001f\x7f"}'),
    ],
)
def test_the_bytes_are_those_of_rfc_8785(content: dict[str, Any], text: str) -> None:
    assert measured.canonical(content) == text.encode()


def test_a_record_is_cel_json_and_comes_back() -> None:
    (record,) = log(BASE)
    raw = measured.to_json(record)
    text = f'{{"event":"baseline","value":"{ZERO}"}}'
    assert raw == {
        "recnum": 0,
        "pcr": 13,
        "digests": [{"hashAlg": "sha256", "digest": hashlib.sha256(text.encode()).hexdigest()}],
        "content_type": "podwright",
        "content": BASE,
    }
    assert measured.from_json(raw, "here") == record


@pytest.mark.parametrize(
    "change",
    [
        {"recnum": "0"},
        {"recnum": True},
        {"pcr": None},
        {"digests": []},
        {"digests": [{"hashAlg": "sha1", "digest": "00"}]},
        {"digests": [{"hashAlg": "sha256", "digest": ZERO}]},
        {"content_type": "cel"},
        {"content": {}},
        {"content": {"event": "baseline"}},
        {"more": 1},
    ],
)
def test_what_is_no_record_is_refused(change: dict[str, Any]) -> None:
    raw = {**measured.to_json(log(BASE)[0]), **change}
    with pytest.raises(UsageError, match="here"):
        measured.from_json(raw, "here")


def test_a_replay_extends_one_after_another() -> None:
    value = bytes(32)
    records = log(BASE, END, END)
    values = []
    for one in records:
        value = hashlib.sha256(value + bytes.fromhex(one.digest)).digest()
        values.append(value.hex())
    assert measured.replay(records, 13, "sha256") == measured.Replay(values[2], values[1])
    late = measured.replay(records[2:], 13, "sha256", 2, values[1])
    assert late == measured.Replay(values[2], values[1])


@pytest.mark.parametrize(
    "records",
    [
        log(END),
        log(BASE, BASE),
        log(BASE, END)[::-1],
        log(BASE, END, END)[::2],
        [measured.record(0, 14, "sha256", BASE)],
        [measured.record(0, 13, "sha384", BASE)],
        log({"event": "baseline"}),
        log({"event": "baseline", "value": "00"}),
        log({"event": "baseline", "value": "ZZ" * 32}),
    ],
)
def test_what_is_no_log_is_refused(records: list[Record]) -> None:
    with pytest.raises(UsageError):
        measured.replay(records, 13, "sha256")


def test_a_history_that_is_not_ours_alone_is_told_by_its_records() -> None:
    strange = {"event": "mismatch", "value": "11" * 32, "expected": ZERO}
    found = measured.replay(log(BASE, strange, END), 13, "sha256")
    assert found.mismatches == (1,)
    began = measured.replay(log({**BASE, "value": "22" * 32}), 13, "sha256")
    assert began.mismatches == (0,) and began.previous == "22" * 32


def test_the_digest_of_a_root_is_that_of_its_lists_in_order() -> None:
    one, two = "ab" * 32, "cd" * 32
    text = f"sha256:{one}\nsha256:{two}\n".encode()
    assert measured.root_digest([one, two], "x") == f"sha256:{hashlib.sha256(text).hexdigest()}"
    assert measured.root_digest([one, two], "x") != measured.root_digest([two, one], "x")


@pytest.mark.parametrize("lists", [[], [""], ["ab" * 32, ""], ["xy" * 32]])
def test_a_root_without_a_digest_is_refused(lists: list[str]) -> None:
    """rkt measured an empty hash in its place."""
    with pytest.raises(HostError, match="x: "):
        measured.root_digest(lists, "x")
