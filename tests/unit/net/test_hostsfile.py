# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A hosts file that changes while it is read: at no moment does it say what was not asked for."""

from __future__ import annotations

import random

import pytest

from podwright.net.hostsfile import LONGEST, MARK, Edit, edits, lines_of, own

OWN = b"127.0.0.1 localhost web\n" + MARK


def apply(old: bytes, done: list[Edit]) -> bytes:
    """The file after these edits."""
    for edit in done:
        end = edit.offset if edit.data is None else max(len(old), edit.offset + len(edit.data))
        old = (
            old[: edit.offset] + (edit.data or b"") + old[edit.offset + len(edit.data or b"") : end]
        )
    return old


def said(text: bytes) -> set[bytes]:
    """The lines that count, without comments."""
    return {line.partition(b"#")[0].strip() for line in text.split(b"\n")} - {b""}


def moments(old: bytes, edit: Edit) -> list[bytes]:
    """What a reader may find while one edit is made, its bytes in any order."""
    if edit.data is None:
        return [old, old[: edit.offset]]
    size = len(edit.data)
    grown = len(old) < edit.offset + size
    out = [old, apply(old, [edit])]
    for _ in range(8):
        mixed = bytearray(old)
        for index in random.sample(range(size), random.randrange(size + 1)):
            if edit.offset + index < len(mixed):
                mixed[edit.offset + index] = edit.data[index]
        out.append(bytes(mixed))
    if grown:
        out += [apply(old, [edit])[: len(old) + cut] for cut in range(size)]
    return out


def lines(*numbers: int) -> list[bytes]:
    """Lines of several lengths."""
    return [b"172.16.28.%d pod%d" % (n, n) + b" app" * (n % 3) for n in numbers]


def test_lines_come_and_go_and_keep_their_place() -> None:
    one, two, three = lines(3, 6, 9)
    text = apply(OWN, edits(OWN, [one, two, three]))
    assert text == OWN + b"\n".join([one, two, three]) + b"\n"
    text = apply(text, edits(text, [one, three]))
    assert text == OWN + one + b"\n#" + b" " * (len(two) - 1) + b"\n" + three + b"\n"
    text = apply(text, edits(text, [one, three, two]))
    assert text == OWN + b"\n".join([one, two, three]) + b"\n", "its place was free"
    text = apply(text, edits(text, [one]))
    assert text == OWN + one + b"\n", "what is at the end is cut off"
    assert apply(text, edits(text, [])) == OWN


def test_what_is_as_wanted_is_left_alone() -> None:
    text = apply(OWN, edits(OWN, lines(2, 3)))
    assert edits(text, lines(3, 2)) == []
    assert edits(text, lines(3, 2, 2)) == []


def test_a_shorter_line_leaves_a_comment_and_two_neighbours_make_room_for_a_longer_one() -> None:
    text = apply(OWN, edits(OWN, [b"1.1.1.1 aaaa", b"1.1.1.2 bbbb", b"1.1.1.3 c"]))
    shorter = apply(text, edits(text, [b"1.1.1.4 d", b"1.1.1.2 bbbb", b"1.1.1.3 c"]))
    assert shorter == OWN + b"1.1.1.4 d\n# \n1.1.1.2 bbbb\n1.1.1.3 c\n"
    longer = apply(text, edits(text, [b"1.1.1.5 eeeeeeeeee", b"1.1.1.3 c"]))
    assert longer == OWN + b"1.1.1.5 eeeeeeeeee\n#     \n1.1.1.3 c\n"


@pytest.mark.parametrize("seed", range(20))
def test_a_reader_never_sees_half_a_line(seed: int) -> None:
    random.seed(seed)
    text = OWN
    for _ in range(30):
        wanted = lines(*random.sample(range(1, 30), random.randrange(12)))
        allowed = said(text) | set(wanted)
        for edit in edits(text, wanted):
            for moment in moments(text, edit):
                assert moment.startswith(OWN)
                assert said(moment) <= allowed
                assert said(moment) >= said(text) & set(wanted)
            text = apply(text, [edit])
        assert said(text) - said(OWN) == set(wanted)
        assert len(text) < len(OWN) + 1500


@pytest.mark.parametrize("seed", range(5))
def test_a_writer_that_is_killed_is_followed_by_one_that_is_not(seed: int) -> None:
    random.seed(seed)
    text = apply(OWN, edits(OWN, lines(*range(1, 9))))
    wanted = lines(2, 5, 20, 21, 22)
    done = edits(text, wanted)
    for stop in range(len(done)):
        for begun in moments(apply(text, done[:stop]), done[stop]):
            assert said(apply(begun, edits(begun, wanted))) - said(OWN) == set(wanted)


def test_a_file_that_is_not_ours_stays_as_it_is() -> None:
    assert edits(b"127.0.0.1 localhost\n", lines(2)) == []
    assert edits(b"", lines(2)) == []


def test_a_file_does_not_grow_without_end() -> None:
    many = [b"172.16.28.2 %s%d" % (b"x" * 800, n) for n in range(2000)]
    assert edits(OWN, many) == []


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
