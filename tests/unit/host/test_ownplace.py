# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What lies in the run directory is believed: one that others can write to is refused, and nothing changes."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from podwright.errors import HostError
from podwright.host import mcs, secrets, slots, uidranges
from podwright.host.paths import Layout
from podwright.stage1.kvm import libvirtplace
from podwright.stage1.xen import place as xenplace
from podwright.tpm import eventlog

UUID = "6ba7b810-9dad-41d1-80b4-00c04fd430c8"
USERS: dict[str, tuple[str, Callable[[str], object]]] = {
    "levels": ("mcs", lambda run: mcs.take(run, UUID)),
    "levels that are given back": ("mcs", mcs.reclaim),
    "ranges of users": ("users", lambda run: uidranges.take(f"{run}/users", "/nowhere", UUID)),
    "ranges that are given back": ("users", lambda run: uidranges.reclaim(f"{run}/users")),
    "a machine of libvirt's": ("kvm", lambda run: libvirtplace.Place(UUID, run)),
    "kernels for libvirt": ("kvm", lambda run: libvirtplace.boot(__file__, __file__, run)),
    "machines that are gone": ("kvm", libvirtplace.sweep),
    "a domain of Xen's": ("xen", lambda run: xenplace.Place(UUID, run)),
    "measurements": ("tpm", lambda run: eventlog.make(f"{run}/tpm")),
    "secrets": (
        "secrets",
        lambda run: secrets.keep(Layout(data=f"{run}/data", run=run), "web", ()),
    ),
}
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="gives a directory to another user")
WAYS = ["everybody's", "a group's", "a link", pytest.param("another user's", marks=needs_root)]


def spoil(path: Path, how: str) -> None:
    if how == "a link":
        path.rename(f"{path}.there")
        path.symlink_to(f"{path}.there")
    elif how == "another user's":
        os.chown(path, 1000, -1)
    else:
        path.chmod(0o1777 if how == "everybody's" else 0o770)


def tree(path: Path) -> list[tuple[str, int, int]]:
    found = sorted([path, *path.rglob("*")])
    return [(str(one), one.lstat().st_mode, one.lstat().st_uid) for one in found]


@pytest.mark.parametrize("how", WAYS)
@pytest.mark.parametrize("what", USERS)
@pytest.mark.parametrize("where", ["run", "below"])
def test_who_may_write_to_the_run_directory_could_hand_out_what_pods_are_told_apart_by(
    tmp_path: Path, what: str, how: str, where: str
) -> None:
    name, use = USERS[what]
    run = tmp_path / "run"
    run.mkdir(0o755)
    (run / name).mkdir(0o700)
    spoiled = run if where == "run" else run / name
    spoil(spoiled, how)
    before = tree(tmp_path)
    with pytest.raises(HostError) as refused:
        use(str(run))
    only = f"is not a directory that only its owner {os.geteuid()} can write to"
    assert refused.value.message == f"{spoiled}: {only}"
    assert refused.value.hint == "find out who made it, and remove it"
    assert tree(tmp_path) == before


@pytest.mark.parametrize("what", ["machines that are gone", "levels that are given back"])
def test_nothing_is_made_where_there_is_nothing_to_take_back(tmp_path: Path, what: str) -> None:
    USERS[what][1](str(tmp_path / "run"))
    assert list(tmp_path.iterdir()) == []


def test_a_run_directory_of_our_own_is_made_and_used_again(tmp_path: Path) -> None:
    run = f"{tmp_path}/run"
    for _ in range(2):
        slots.allocate(f"{run}/mcs", range(9), UUID).close()
    assert [os.stat(path).st_mode & 0o7777 for path in (run, f"{run}/mcs")] == [0o755, 0o700]
