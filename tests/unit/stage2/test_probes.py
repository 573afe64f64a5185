# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is counted of probes, and what is understood of an answer over HTTP."""

from __future__ import annotations

import random

import pytest

from podwright.model.probe import Probe
from podwright.stage2 import probesocket
from podwright.stage2.asker import Count


@pytest.mark.parametrize(
    ("failures", "successes", "tries", "states"),
    [
        (1, 1, "+", "+"),
        (1, 1, "+-+-", "+-+-"),
        (3, 1, "+--+---+", "++++++-+"),
        (3, 1, "---", "..-"),
        (3, 2, "--+-+--+++", "." * 8 + "++"),
        (2, 2, "--+-++", ".----+"),
    ],
)
def test_a_state_changes_after_so_many_tries_in_a_row(
    failures: int, successes: int, tries: str, states: str
) -> None:
    count = Count(Probe("tcp", failure_threshold=failures, success_threshold=successes))
    found = ""
    for one in tries:
        before = count.good
        assert count.took(one == "+") is (count.good is not before)
        found += {None: ".", True: "+", False: "-"}[count.good]
    assert found == states


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", ""),
        (b"HTTP/1.0 200\r\n", ""),
        (b"HTTP/1.1 399 x\n", ""),
        (b"HTTP/1.1 199 x\r\n", "HTTP 199 x"),
        (b"HTTP/1.1 400 Bad\r\nX: y\r\n\r\n", "HTTP 400 Bad"),
        (b"HTTP/1.1 500 \xff\x1b]0;x\x07\r\n", r"HTTP 500 \xff\x1b]0;x\x07"),
        (b"", "the connection was closed without an answer"),
        (b"HTTP/2 200\r\n", "the answer is not HTTP: HTTP/2 200"),
        (b"HTTP/1.1 2x0 OK\r\n", "the answer is not HTTP: HTTP/1.1 2x0 OK"),
        (b"HTTP/1.1  200\r\n", "the answer is not HTTP: HTTP/1.1  200"),
        (b"x" * 5000, "the answer is not HTTP: " + "x" * 60 + "..."),
    ],
)
def test_what_an_answer_says(answer: bytes, expected: str) -> None:
    found = probesocket.verdict(answer)
    assert found == expected
    assert found.isprintable()


@pytest.mark.parametrize(
    ("answer", "whole"),
    [
        (b"HTTP/1.1 200 OK\r\n", False),
        (b"HTTP/1.1 200 OK\r\n\r\n", False),
        (b"HTTP/1.1 204 No\r\n\r\n", True),
        (b"HTTP/1.1 304 No\r\n\r\n", True),
        (b"HTTP/1.1 200 OK\r\ncontent-LENGTH: 2\r\n\r\nx", False),
        (b"HTTP/1.1 200 OK\r\ncontent-LENGTH : 2\r\n\r\nxy", True),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", True),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nxy", False),
        (b"x" * 1025, True),
        (b"HTTP/1.1 200 OK\r\n" + b"x" * 10240, True),
    ],
)
def test_when_nothing_more_is_read(answer: bytes, whole: bool) -> None:
    assert probesocket.complete(answer) is whole


@pytest.mark.parametrize("seed", range(50))
def test_any_bytes_are_an_answer_or_none(seed: int) -> None:
    chance = random.Random(seed)
    parts = [b"HTTP/1.1 ", b"200", b" ", b"\r\n", b"\n", b"Content-Length:", b"9" * 30, b"\0\xff"]
    answer = b"".join(chance.choice(parts) for _ in range(chance.randint(0, 40)))
    assert probesocket.verdict(answer).isprintable()
    assert probesocket.complete(answer) in (True, False)


def test_the_request() -> None:
    probe = Probe("http", port="8080", path="/a?b", headers=(("accept", "x/y"), ("X", "1")))
    assert probesocket.request(probe, "::1") == (
        b"GET /a?b HTTP/1.1\r\nHost: [::1]:8080\r\nConnection: close\r\n"
        b"User-Agent: podwright-probe\r\naccept: x/y\r\nX: 1\r\n\r\n"
    )
    assert b"\r\nHost: 10.0.0.1\r\n" in probesocket.request(Probe("http", port="80"), "10.0.0.1")
    named = Probe("http", port="80", host="example.com")
    assert b"\r\nHost: example.com\r\n" in probesocket.request(named, "10.0.0.1")
