# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a hostile host may answer: it is refused in one sentence, and nothing else happens."""

from __future__ import annotations

import datetime
import json
from typing import Any

import pytest
from ansible_collections.podwright.fleet.plugins.plugin_utils import attest_answer, attest_judge
from ansible_collections.podwright.fleet.plugins.plugin_utils.attest_allow import Allowed
from ansible_collections.podwright.fleet.plugins.plugin_utils.tpm_structures import TpmError

from tests.support.attesting import BOOT, encoded, uuid

POD = {
    "uuid": uuid(1),
    "name": "web",
    "flavour": "namespaces",
    "apps": [{"name": "a", "image": "b"}],
}
GOOD: dict[str, Any] = {
    "format": 1, "nonce": "00", "mode": "log", "pcr": 13, "bank": "sha256", "boot_id": BOOT,
    "quote": encoded(b"quote"), "signature": encoded(b"signature"), "value": "", "log": [],
    "ak": {"public": encoded(b"public")}, "ek": {"public": encoded(b"ek"), "certificate": ""},
    "pods": [POD], "problems": [],
}  # fmt: skip
WANTED = attest_judge.Wanted(
    b"", b"", 13, "sha256", Allowed(), datetime.datetime.now(datetime.timezone.utc)
)


def refused(text: str) -> str:
    """The sentence with which an answer is refused."""
    with pytest.raises(TpmError) as error:
        attest_answer.evidence(text)
    said = str(error.value)
    assert error.value.reason == "bad-answer"
    assert said.isprintable() and len(said) < 300
    (verdict,) = attest_judge.judge(text, WANTED).verdicts
    assert verdict.reason == "bad-answer"
    return said


def test_a_good_answer_is_read() -> None:
    found = attest_answer.evidence(json.dumps({**GOOD, "later": {"x": 1}}))
    assert (found.quote, found.signature, found.public) == (b"quote", b"signature", b"public")
    assert found.pods == (attest_answer.Pod(uuid(1), "web", "namespaces", (("a", "b"),)),)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "7",
        '"text"',
        "{}",
        "{",
        "Traceback (most recent call last):",
        "[" * 100_000,
        '{"a":' * 100_000,
        '{"format": 1, "format": 1}',
        '{"format": 1e400}',
        '{"format": NaN}',
        '{"format": 1.0}',
        '{"format": true}',
        '{"format": ' + "9" * 5000 + "}",
        '{"format": 2}',
        '{"\\ud800": 1, "format": 1}',
    ],
    ids=range(18),
)
def test_what_is_no_answer(text: str) -> None:
    refused(text)


WRONG: list[Any] = [None, 7, True, [], {}, "ä", "===", "x" * 100_000, [[]], [{}], {"public": 7}]
FINE: dict[str, list[Any]] = {
    "pods": [[]], "problems": [[], [[]], [{}]], "boot_id": ["ä", "==="],
}  # fmt: skip
FIELDS = ("quote", "signature", "pods", "problems", "boot_id", "mode", "ak")


@pytest.mark.parametrize("name", FIELDS)
@pytest.mark.parametrize("which", range(len(WRONG)))
def test_each_field_must_be_of_its_type(name: str, which: int) -> None:
    wrong = WRONG[which]
    answer = {**GOOD, name: wrong}
    if wrong in FINE.get(name, []):
        attest_answer.evidence(json.dumps(answer))
    else:
        refused(json.dumps(answer))
    del answer[name]
    refused(json.dumps(answer))


@pytest.mark.parametrize(
    "pod",
    [
        7,
        "x",
        [],
        {},
        {"uuid": 1, "name": "", "flavour": ""},
        {**POD, "name": None},
        {**POD, "name": {}},
        {**POD, "apps": None},
        {**POD, "apps": ["a"]},
        {**POD, "apps": [{"name": "a"}]},
    ],
)
def test_pods_that_are_none(pod: Any) -> None:
    refused(json.dumps({**GOOD, "pods": [pod]}))


def test_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    refused(json.dumps({**GOOD, "pods": [POD] * (attest_answer._MOST_PODS + 1)}))
    monkeypatch.setattr(attest_answer, "LIMIT", 1000)
    assert "1000 are the most" in refused(json.dumps({**GOOD, "later": "x" * 1000}))


def test_nesting_is_refused_without_the_interpreter_breaking() -> None:
    refused("[" * 10_000_000)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("a\x1b[2Jb\r\n\x00\u202e", "a\\x1b[2Jb\\r\\n\\x00\\u202e"),
        ("{{ lookup('pipe', 'id') }}", "{{ lookup('pipe', 'id') }}"),
        ("ä" * 300, "ä" * 200 + "…"),
        ("\ud800", "\\ud800"),
    ],
)
def test_text_of_strangers_is_shown_so_that_terminals_do_nothing(text: str, shown: str) -> None:
    assert attest_answer.shown(text) == shown


def test_keys_and_credentials() -> None:
    found = attest_answer.keys(json.dumps(GOOD))
    assert found == attest_answer.Keys(b"public", b"ek", b"")
    assert attest_answer.credential('{"format": 1, "credential": "YWI="}') == b"ab"
    for text in (
        '{"format": 1}',
        '{"format": 1, "credential": 7}',
        '{"format": 1, "ak": {}, "ek": []}',
    ):
        with pytest.raises(TpmError):
            attest_answer.credential(text)
        with pytest.raises(TpmError):
            attest_answer.keys(text)
