# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Secrets as values: where they come from, and that nothing shows what is in them (T93)."""

from __future__ import annotations

import base64
import traceback
from typing import Any

import pytest

from podwright import jsonio
from podwright.errors import UsageError
from podwright.model.fields import Fields
from podwright.model.secret import check_all, dump_secret, parse_given, parse_secret
from podwright.values_json import to_json

CANARY = "c4nary-of-the-secret"


@pytest.mark.parametrize(
    "raw",
    [
        {"name": "a", "digest": "0" * 32},
        {"name": "a", "file": "/etc/key", "target": "/etc/app/key", "mode": "0440", "uid": 5},
        {"name": "a", "credential": "/etc/credstore/db", "gid": 0, "apps": ["web", "db"]},
    ],
)
def test_what_is_written_is_read_again(raw: dict[str, Any]) -> None:
    secret = parse_secret(Fields(raw, ""))
    assert parse_secret(Fields(dump_secret(secret), "")) == secret


def test_the_default_is_a_file_of_the_apps_user_below_run_secrets() -> None:
    secret = parse_secret(Fields({"name": "a"}, ""))
    assert (secret.target, secret.mode, secret.uid, secret.gid) == (
        "/run/secrets/a",
        0o400,
        None,
        None,
    )


def given(**fields: Any) -> Any:
    return parse_given(Fields({"name": "a", **fields}, "s"))


def test_contents_are_bytes_in_either_encoding() -> None:
    assert given(content="ä\n").content.data == "ä\n".encode()
    text = base64.encodebytes(bytes(range(256))).decode()
    assert given(content=text, encoding="base64").content.data == bytes(range(256))


def test_a_content_is_never_shown_nor_written() -> None:
    one = given(content=CANARY)
    assert CANARY not in repr(one)
    with pytest.raises(TypeError):
        jsonio.dumps(to_json(one))
    assert CANARY not in jsonio.dumps(dump_secret(one.secret))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "s: needs one of content, file, credential and stored"),
        ({"content": CANARY, "file": "/x"}, "s: needs one of content, file, credential and stored"),
        ({"content": [CANARY]}, "s.content: must be a string"),
        ({"content": {CANARY: CANARY}}, "s.content: must be a string"),
        ({"content": CANARY + "!", "encoding": "base64"}, "s.content: is not base64"),
        ({"content": CANARY, "encoding": "rot13"}, "s.encoding: 'rot13' is not one of"),
        ({"content": "x" * (2**20 + 1)}, "s.content: is larger than"),
        ({"file": "x"}, "s.file: 'x' is not an absolute path"),
        ({"file": ""}, "s.file: is empty"),
        ({"file": "/x", "encoding": "text"}, "s.encoding: is for content"),
        ({"credential": "a b"}, "s.credential: 'a b' is not the name of a credential"),
        ({"credential": "/a/../b"}, "s.credential: "),
        ({"credential": "/a%i/b"}, "s.credential: '/a%i/b' is not the name"),
        ({"content": CANARY, "target": "relative"}, "s.target: 'relative' is not an absolute"),
        ({"content": CANARY, "target": "/proc/x"}, "s.target: a secret cannot be at /proc/x"),
        ({"content": CANARY, "target": "/./dev/x"}, "s.target: a secret cannot be at"),
        ({"content": CANARY, "target": "/"}, "s.target: a secret cannot be at /"),
        ({"content": CANARY, "mode": "4755"}, "s.mode: a secret is no program"),
        ({"content": CANARY, "digest": "0" * 32}, "s.digest: unknown field"),
        ({"content": CANARY, "colour": CANARY}, "s.colour: unknown field"),
    ],
)
def test_what_cannot_be_is_refused_without_telling_the_content(
    fields: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError) as caught:
        given(**fields)
    assert caught.value.message.startswith(message)
    shown = "".join(traceback.format_exception(caught.value))
    assert CANARY not in shown.replace("CANARY", "")
    assert CANARY not in caught.value.sentence()


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        ({"name": "a"}, {"name": "a", "target": "/x"}, "a appears twice"),
        ({"name": "a", "target": "/x"}, {"name": "b", "target": "/x"}, "are both at /x"),
        ({"name": "a", "target": "/x", "apps": ["w"]}, {"name": "b", "target": "/x"}, "both at"),
    ],
)
def test_two_at_one_place_are_refused(first: Any, second: Any, message: str) -> None:
    both = tuple(parse_secret(Fields(raw, "")) for raw in (first, second))
    with pytest.raises(UsageError, match=message):
        check_all(both, "secrets")


def test_apps_of_their_own_can_have_different_secrets_at_one_place() -> None:
    both = [{"name": n, "target": "/x", "apps": [a]} for n, a in (("a", "w"), ("b", "d"))]
    check_all(tuple(parse_secret(Fields(raw, "")) for raw in both), "secrets")
