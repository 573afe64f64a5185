# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Entries of the host's journal, and whose journal gets them."""

from __future__ import annotations

import pytest

from podwright.host.journalexport import Entry, Source, Splitter, Written, believed, copy
from podwright.host.journalservice import matches

ONE, TWO = "00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002"
PODS = {ONE: Source(ONE, "one.service"), TWO: Source(TWO, "two.service")}


def exported(number: int, *fields: bytes, time: int = 5, boot: str = "b") -> bytes:
    """An entry as journalctl writes it."""
    head = f"__CURSOR=s=abc;i={number:x};b={boot};m=1\n__REALTIME_TIMESTAMP=7\n"
    head += f"__MONOTONIC_TIMESTAMP={time}\n_BOOT_ID={boot}\n_MACHINE_ID=host\n"
    return head.encode() + b"".join(field + b"\n" for field in fields) + b"\n"


def of(uuid: str, unit: str) -> tuple[bytes, bytes]:
    return f"PODWRIGHT_UUID={uuid}".encode(), f"_SYSTEMD_UNIT={unit}".encode()


def only(data: bytes) -> Entry:
    (entry,) = Splitter().feed(data)
    return entry


BINARY = b"MESSAGE\n" + (17).to_bytes(8, "little") + b"a\n\nPODWRIGHT_UUID="[:17].ljust(17, b"x")


@pytest.mark.parametrize("size", [1, 2, 7, 64, 10000])
def test_entries_are_whole_whatever_the_pieces(size: int) -> None:
    data = exported(1, *of(ONE, "one.service"), b"MESSAGE=a=b") + exported(2, BINARY, b"A=")
    splitter = Splitter()
    found = [
        entry for at in range(0, len(data), size) for entry in splitter.feed(data[at : at + size])
    ]
    assert [entry.source() for entry in found] == ["s=abc;i=1", "s=abc;i=2"]
    assert found[0].text(b"MESSAGE") == "a=b"
    assert (b"MESSAGE", BINARY + b"\n") in found[1].raw
    assert b"PODWRIGHT_UUID" not in found[1].texts


@pytest.mark.parametrize(
    ("fields", "whose"),
    [
        (of(ONE, "one.service"), ONE),
        (of(TWO, "two.service"), TWO),
        (of(ONE, "two.service"), None),  # another pod says that it is this one
        (of(ONE, "evil.service"), None),
        ((f"PODWRIGHT_UUID={ONE}".encode(),), None),
        ((*of(ONE, "one.service"), f"PODWRIGHT_UUID={TWO}".encode()), None),  # both
        (of("other", "one.service"), None),
        ((b"MESSAGE=x",), None),
    ],
)
def test_an_entry_belongs_to_the_pod_in_whose_unit_it_was_written(
    fields: tuple[bytes, ...], whose: str | None
) -> None:
    assert believed(only(exported(1, *fields)), PODS) == whose


def test_a_copy_has_the_pods_machine_id_and_says_where_it_comes_from() -> None:
    forged = b"PODWRIGHT_SOURCE=s=x;i=9"
    found = only(copy(only(exported(16, *of(ONE, "one.service"), BINARY, forged)), "pod"))
    assert found.text(b"_MACHINE_ID") == "pod"
    assert found.text(b"PODWRIGHT_SOURCE") == "s=abc;i=10"
    assert found.text(b"_SYSTEMD_UNIT") == "one.service"
    assert b"__CURSOR" not in found.texts
    assert found.text(b"__REALTIME_TIMESTAMP") == "7"
    assert (b"MESSAGE", BINARY + b"\n") in found.raw


def test_what_a_journal_has_is_not_written_again() -> None:
    entries = [only(exported(n, time=time)) for n, time in ((1, 4), (2, 5), (3, 5), (4, 5), (5, 6))]
    copies = [only(copy(entry, "pod")) for entry in entries[:3]]
    written = Written(copies[::-1])
    assert [written.take(entry) for entry in entries] == [False, False, False, True, True]
    assert [written.take(entry) for entry in entries] == [False] * 5
    assert written.take(only(exported(6, time=1, boot="next")))


def test_an_empty_journal_gets_everything() -> None:
    assert Written([]).take(only(exported(1)))


def test_journalctl_is_asked_for_each_pod_in_its_unit() -> None:
    assert matches(list(PODS.values())) == [
        f"PODWRIGHT_UUID={ONE}",
        "_SYSTEMD_UNIT=one.service",
        "+",
        f"PODWRIGHT_UUID={TWO}",
        "_SYSTEMD_UNIT=two.service",
    ]
