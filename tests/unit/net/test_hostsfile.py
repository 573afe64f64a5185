# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A hosts file that changes while it is read: at no moment does it say what was not asked for."""

from __future__ import annotations

import random
from collections.abc import Iterable

import pytest

from podwright.net.hostsedit import BLOCK, CROWDED, LIMIT, Edit, edits
from podwright.net.hostsfile import LONGEST, MARK, lines_of, own

OWN = b"127.0.0.1 localhost web\n" + MARK


def apply(old: bytes, done: list[Edit]) -> bytes:
    """The file after these edits."""
    for edit in done:
        if edit.data is None:
            old = old[: edit.offset]
        else:
            assert edit.offset <= len(old)
            old = old[: edit.offset] + edit.data + old[edit.offset + len(edit.data) :]
    return old


def changed(old: bytes, wanted: Iterable[bytes]) -> bytes:
    """The file after one change."""
    return apply(old, edits(old, frozenset(wanted)))


def said(text: bytes) -> set[bytes]:
    """The lines that count, without comments."""
    return {line.partition(b"#")[0].strip() for line in text.split(b"\n")} - {b""}


def states(old: bytes, done: list[Edit]) -> list[bytes]:
    """The file before the first edit, after each of them, and while each is half made, its bytes in any order."""
    out = [old]
    for edit in done:
        new = apply(out[-1], [edit])
        if edit.data is not None:
            mixed = bytearray(out[-1])
            for index in random.sample(range(len(edit.data)), len(edit.data) // 2):
                if edit.offset + index < len(mixed):
                    mixed[edit.offset + index] = edit.data[index]
            out.append(bytes(mixed))
            if len(new) > len(mixed):
                out.append(new[: random.randrange(len(mixed), len(new))])
        out.append(new)
    return out


def copied(moments: list[bytes]) -> bytes:
    """What a reader has copied from the first byte to the last while the file went through these states."""
    out = b""
    size = max(map(len, moments))
    cuts = sorted(random.randrange(size + 1) for _ in moments[1:])
    for moment, begin, end in zip(moments, [0, *cuts], [*cuts, size]):
        piece = moment[begin:end]
        out += piece
        if len(piece) < end - begin:
            break
    return out


def lines(*numbers: int) -> list[bytes]:
    """Lines of several lengths."""
    return [b"172.16.28.%d pod%d" % (n, n) + b" app" * (n % 3) for n in numbers]


def test_lines_come_and_go_and_keep_their_place() -> None:
    one, two, three = lines(3, 6, 9)
    text = changed(OWN, [one, two, three])
    assert text == OWN + b"\n".join([one, two, three]) + b"\n"
    text = changed(text, [one, three])
    assert text == OWN + one + b"\n#" + two[1:] + b"\n" + three + b"\n"
    text = changed(text, [one, three])
    assert text == OWN + one + b"\n#" + b" " * (len(two) - 1) + b"\n" + three + b"\n"
    text = changed(text, [one, three, two])
    assert text == OWN + b"\n".join([one, two, three]) + b"\n", "its place was free"
    text = changed(text, [one])
    assert said(text) == said(OWN) | {one}
    assert changed(text, [one]) == OWN + one + b"\n", "what is at the end is cut off"
    assert changed(changed(text, []), []) == OWN


def test_what_may_still_be_read_is_not_overwritten() -> None:
    one, two, three = lines(3, 6, 9)
    text = changed(changed(OWN, [one, two]), [two])
    before = OWN + b"#" + one[1:] + b"\n" + two + b"\n"
    assert text == before
    assert (
        apply(text, edits(text, frozenset([two, three]), settled=False)) == before + three + b"\n"
    )
    back = edits(text, frozenset([one, two]), settled=False)
    assert back == [Edit(len(OWN), one[:1])], "the same line again"
    cut = text + b"#172.16.28."
    assert apply(cut, edits(cut, frozenset([two, three]), settled=False)) == before + three + b"\n"


def test_what_is_as_wanted_is_left_alone() -> None:
    text = changed(OWN, lines(2, 3))
    assert edits(text, frozenset(lines(3, 2))) == []


def test_a_shorter_line_leaves_a_comment_and_two_neighbours_make_room_for_a_longer_one() -> None:
    text = changed(OWN, [b"1.1.1.1 aaaa", b"1.1.1.2 bbbb", b"1.1.1.3 c"])
    shorter = changed(
        changed(text, [b"1.1.1.2 bbbb", b"1.1.1.3 c"]),
        [b"1.1.1.2 bbbb", b"1.1.1.3 c", b"1.1.1.4 d"],
    )
    assert shorter == OWN + b"1.1.1.4 d\n# \n1.1.1.2 bbbb\n1.1.1.3 c\n"
    room = changed(changed(text, [b"1.1.1.3 c"]), [b"1.1.1.3 c"])
    longer = changed(room, [b"1.1.1.5 eeeeeeeeee", b"1.1.1.3 c"])
    assert longer == OWN + b"1.1.1.5 eeeeeeeeee\n#     \n1.1.1.3 c\n"


@pytest.mark.parametrize("seed", range(20))
def test_a_reader_that_copies_while_the_file_changes_never_sees_half_a_line(seed: int) -> None:
    random.seed(seed)
    text = OWN
    for number in range(30):
        wanted = lines(*random.sample(range(1, 60), random.randrange(25)))
        done = edits(text, frozenset(wanted), settled=bool(number % 4))
        moments = states(text, done)
        allowed = said(text) | set(wanted)
        for _ in range(20):
            seen = copied(moments)
            assert said(seen) <= allowed
            assert said(seen) >= said(text) & set(wanted)
        text = apply(text, done)
        assert said(text) - said(OWN) == set(wanted)
        assert len(text) < 4096


@pytest.mark.parametrize("seed", range(20))
def test_a_reader_with_a_small_buffer_sees_whole_lines_whatever_happens_between_its_reads(
    seed: int,
) -> None:
    random.seed(seed)
    history, allowed = [OWN], said(OWN)
    for _ in range(30):
        wanted = lines(*random.sample(range(1, 200), random.randrange(150)))
        history.append(changed(history[-1], wanted))
        allowed |= set(wanted)
    for _ in range(300):
        seen = b""
        when = 0
        while True:
            when = random.randrange(when, min(when + 5, len(history)))
            piece = history[when][len(seen) : len(seen) + BLOCK]
            seen += piece
            if len(piece) < BLOCK:
                break
        assert said(seen) <= allowed


@pytest.mark.parametrize("seed", range(5))
def test_a_writer_that_is_killed_is_followed_by_one_that_is_not(seed: int) -> None:
    random.seed(seed)
    text = changed(changed(OWN, lines(*range(1, 9))), lines(1, 2, 5, 7, 8))
    wanted = lines(2, 5, 20, 21, 22)
    for begun in states(text, edits(text, frozenset(wanted))):
        assert said(changed(begun, wanted)) - said(OWN) == set(wanted)


def test_a_file_that_is_not_ours_stays_as_it_is() -> None:
    assert edits(b"127.0.0.1 localhost\n", frozenset(lines(2))) == []
    assert edits(b"", frozenset(lines(2))) == []


def test_a_file_does_not_grow_without_end() -> None:
    text = OWN
    for number in range(200):
        line = b"172.16.28.2 %s%d" % (b"x" * 500, number)
        text = apply(text, edits(text, frozenset([line]), settled=False))
    assert len(text) < CROWDED + 2 * BLOCK
    many = [b"172.16.28.2 %s%d" % (b"x" * 800, n) for n in range(2000)]
    text = changed(OWN, many)
    assert LIMIT - 2 * BLOCK < len(text) <= LIMIT
    assert said(text) < said(OWN) | set(many)


def test_what_a_pod_says_of_itself() -> None:
    assert own("web", ("web", "redis", "redis.web"), (), peers=False) == (
        b"127.0.0.1 localhost web redis redis.web\n::1 localhost web\n"
    )
    entries = (("192.0.2.7", ("db", "Redis")), ("2001:db8::1", ("web", "localhost")))
    assert own("web", ("web", "redis"), entries, peers=True) == (
        b"127.0.0.1 localhost\n::1 localhost\n192.0.2.7 db Redis\n2001:db8::1 web localhost\n"
        + MARK
    )


def test_long_lines_are_broken() -> None:
    names = tuple(f"{'n' * 60}{i}" for i in range(100))
    found = list(lines_of((("192.0.2.7", names),)))
    assert max(map(len, found)) < LONGEST
    assert [name for line in found for name in line.decode().split()[1:]] == list(names)
    assert {line.split()[0] for line in found} == {b"192.0.2.7"}
