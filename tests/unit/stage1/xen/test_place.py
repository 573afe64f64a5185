# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a domain leaves on the host goes once nobody holds it, and the domain with it; what runs is not forgotten."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

from podwright import jsonio
from podwright.errors import HostError
from podwright.host import lock
from podwright.host.lock import OPEN, try_lock
from podwright.kernel import unixsocket
from podwright.stage1.xen import devices, holder, leaving, place, xl
from podwright.stage1.xen.machine import XL, Domain, Settings
from tests.support.patience import until
from tests.unit.stage1.xen import toolstack as stand_in
from tests.unit.stage1.xen.toolstack import Store, Toolstack

UUID = "6f9d1d4c-7f0e-4f6a-9d58-0f6d6f3a1b2c"
OTHER = "0c4b1d7e-2a5f-4f0d-8d0f-9b8c7d6e5f4a"
NAME = f"podwright-{UUID}"


@pytest.fixture
def run(tmp_path: Path) -> str:
    return str(tmp_path / "run")


@pytest.fixture
def toolstack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Toolstack:
    monkeypatch.setattr(xl, "TO_GO", 0.0)
    return stand_in.toolstack(tmp_path / "xl", monkeypatch)


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Store:
    return stand_in.store(monkeypatch)


def names(run: str) -> list[str]:
    return sorted(os.listdir(f"{run}/xen"))


def left(run: str, uuid: str = UUID, domid: int = 7) -> None:
    """A place that nobody holds."""
    found = place.Place(uuid, run)
    found.record(domid)
    os.close(found.lock)


def swept(run: str) -> tuple[list[str], list[str]]:
    """What is gone, and the problems."""
    problems: list[str] = []
    return place.sweep(run, problems), problems


def test_what_is_held_stays(run: str) -> None:
    held = place.Place(UUID, run)
    held.record(7)
    assert swept(run) == ([], [])
    assert names(run) == [UUID, f"{UUID}.lock"]
    os.close(held.lock)


def test_a_domain_that_nobody_holds_is_destroyed(
    run: str, toolstack: Toolstack, store: Store
) -> None:
    toolstack.has(UUID)
    left(run)
    held = place.Place(OTHER, run)
    assert swept(run) == ([UUID], [])
    assert names(run) == [OTHER, f"{OTHER}.lock"]
    assert toolstack.asked() == [f"{verb} {NAME}" for verb in ("list", "destroy", "list")]
    assert store.removed == list(devices.leftovers(7))
    os.close(held.lock)


def test_a_domain_that_has_ended_is_not(run: str, toolstack: Toolstack) -> None:
    left(run, domid=0)
    assert place.end(UUID, run) == ""
    assert names(run) == []
    assert toolstack.asked() == [f"list {NAME}"]


def test_nothing_is_there(run: str) -> None:
    assert swept(run) == ([], [])
    assert place.end(UUID, run) == ""


def test_what_is_not_ours_stays(run: str) -> None:
    os.makedirs(f"{run}/xen", mode=0o755)
    Path(f"{run}/xen/notes.lock").touch()
    assert swept(run) == ([], [])
    assert names(run) == ["notes.lock"]


@pytest.mark.parametrize("state", ["-b----", "---s--"])
def test_the_state_of_a_domain(state: str, toolstack: Toolstack) -> None:
    assert xl.state(NAME) == ""
    toolstack.has(UUID, state)
    assert xl.state(NAME) == state


@pytest.mark.parametrize("fails", ["destroy-fails", "list-fails"])
def test_a_domain_that_could_not_be_destroyed_was_forgotten_and_ran_on(
    run: str, toolstack: Toolstack, store: Store, fails: str
) -> None:
    toolstack.has(UUID)
    toolstack.fails(fails)
    left(run)
    for _ in range(2):
        gone, problems = swept(run)
        assert gone == []
        (said,) = problems
        assert NAME in said
        assert names(run) == [UUID, f"{UUID}.lock"]
    assert NAME in place.end(UUID, run)
    assert (toolstack.domains(), store.removed) == ([NAME], [])
    toolstack.fails(fails, fails=False)
    assert swept(run) == ([UUID], [])
    assert (toolstack.domains(), names(run)) == ([], [])


@pytest.mark.parametrize(
    "said",
    [
        "xl: cannot init xl context",
        "podwright-x is an invalid domain identifier (rc=-5)",
        "",
    ],
)
def test_an_xl_that_could_not_look_is_not_taken_for_a_domain_that_is_gone(
    said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(xl, "_asked", lambda *_: (1, said))
    with pytest.raises(HostError, match="does not tell"):
        xl.state(NAME)


def test_one_that_cannot_be_cleared_away_does_not_keep_the_others(
    run: str, toolstack: Toolstack, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    left(run, OTHER)
    left(run)
    forget = leaving.forget

    def stumble(name: str, domid: int) -> None:
        if name.endswith(OTHER):
            raise OSError(5, "Input/output error")
        forget(name, domid)

    monkeypatch.setattr(leaving, "forget", stumble)
    gone, problems = swept(run)
    assert gone == [UUID]
    assert [OTHER in text for text in problems] == [True]
    assert names(run) == [OTHER, f"{OTHER}.lock"]


def test_a_xenstore_that_goes_away_keeps_nothing(
    run: str, toolstack: Toolstack, store: Store
) -> None:
    store.broken = True
    left(run)
    assert place.end(UUID, run) == ""
    assert names(run) == []


def test_a_number_that_is_none(run: str, toolstack: Toolstack, store: Store) -> None:
    left(run)
    Path(f"{run}/xen/{UUID}/domid").write_text("²")
    assert swept(run) == ([UUID], [])
    assert store.removed == []


def test_the_devices_of_a_domain_that_was_given_the_number_again_stay(
    run: str, toolstack: Toolstack, store: Store
) -> None:
    store.nodes["/local/domain/7/name"] = "somebody-elses"
    left(run)
    assert swept(run) == ([UUID], [])
    assert store.removed == []


def test_a_lock_file_that_gc_removes_meanwhile_is_not_taken_for_a_lock(run: str) -> None:
    first = place.Place(UUID, run)
    found: list[place.Place] = []
    waits = threading.Thread(target=lambda: found.append(place.Place(UUID, run)))
    waits.start()
    first.remove()
    os.close(first.lock)
    waits.join(60)
    (second,) = found
    assert os.fstat(second.lock).st_nlink == 1
    assert names(run) == [UUID, f"{UUID}.lock"]
    assert swept(run) == ([], [])
    os.close(second.lock)


def test_gc_does_not_take_what_has_become_anothers(
    run: str, toolstack: Toolstack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It had opened the lock file of a pod that ended just then, and that was started again."""
    held: list[place.Place] = []
    left(run)

    def late(fd: int) -> bool:
        monkeypatch.setattr(lock, "try_lock", try_lock)
        os.unlink(f"{run}/xen/{UUID}.lock")
        held.append(place.Place(UUID, run))
        return try_lock(fd)

    monkeypatch.setattr(lock, "try_lock", late)
    assert swept(run) == ([], [])
    assert names(run) == [UUID, f"{UUID}.lock"]
    os.close(held[0].lock)


def test_what_a_daemon_may_be_making_still_is_not_forgotten(
    run: str, toolstack: Toolstack, store: Store
) -> None:
    found = place.Place(UUID, run)
    found.begin()
    found.remove()
    os.close(found.lock)
    assert swept(run) == ([], [])
    assert names(run) == [UUID, f"{UUID}.lock"]
    toolstack.has(UUID)
    assert swept(run) == ([UUID], [])
    assert (toolstack.domains(), names(run)) == ([], [])


def test_what_a_daemon_was_asked_for_long_ago_does_not_come_any_more(
    run: str, toolstack: Toolstack
) -> None:
    found = place.Place(UUID, run)
    found.begin()
    os.close(found.lock)
    os.utime(f"{found.path}/{place.MAKING}", (1, 1))
    assert swept(run) == ([UUID], [])


def test_a_domain_that_nothing_is_known_of_is_told(run: str, toolstack: Toolstack) -> None:
    held = place.Place(OTHER, run)
    toolstack.has(OTHER)
    toolstack.has(OTHER, name="podwright-of-somebody")
    assert place.strays(run) == []
    toolstack.has(UUID)
    (said,) = place.strays(run)
    assert f"xl destroy {NAME}" in said
    os.close(held.lock)


def domain() -> Domain:
    """A pod's."""
    return Domain(UUID, NAME, "pv", 256, 1, "/k", "/i", ())


def test_what_was_left_goes_at_the_next_start(run: str, toolstack: Toolstack, store: Store) -> None:
    toolstack.has(OTHER)
    left(run, OTHER)
    held = holder.start(domain(), Settings(runner=XL), "", run)
    assert toolstack.domains() == []
    assert held.end() == ""
    os.waitpid(held.pid, 0) if os.path.exists(f"/proc/{held.pid}") else None
    assert names(run) == []


def test_a_holder_killed_while_xl_makes_the_domain_left_it_for_ever(
    run: str, toolstack: Toolstack, store: Store
) -> None:
    os.mkfifo(toolstack.place / "gate")
    os.mkfifo(toolstack.place / "begun")
    held = holder.start(domain(), Settings(runner=XL), "", run)
    console, theirs = unixsocket.pair()
    net = os.open("/proc/self/ns/net", os.O_RDONLY)
    keeper = unixsocket.adopt(os.dup(held.keeper))
    unixsocket.send(keeper, jsonio.dumps({"disks": []}).encode(), (net, theirs.fileno()))
    (toolstack.place / "begun").read_text()  # xl is at work
    os.kill(held.pid, signal.SIGKILL)
    os.waitid(os.P_PID, held.pid, os.WEXITED | os.WNOWAIT)
    assert swept(run) == ([], []), "xl holds the lock"
    (toolstack.place / "gate").write_text("\n")
    assert held.end() == ""
    assert (toolstack.domains(), names(run)) == ([], [])
    for one in (keeper, console, theirs):
        one.close()
    os.close(net)


def test_an_xl_that_cannot_look_when_another_domain_ends_does_not_end_this_one(
    run: str, toolstack: Toolstack, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(holder, "AGAIN", 0.01)
    toolstack.has(UUID)
    toolstack.fails("list-fails")
    keeper, ours = unixsocket.pair()
    nodes, changes = unixsocket.pair()
    watched = SimpleNamespace(
        events=[("@releaseDomain", holder.ENDED)], watch=lambda *_: None, fileno=nodes.fileno
    )
    mine = place.Place(UUID, run)
    held = holder._Holder(ours, domain(), Settings(runner=XL), "", mine)
    held.store = watched  # type: ignore[assignment]
    holding = threading.Thread(target=held._hold, daemon=True)
    holding.start()
    told = toolstack.place / "told"
    until(
        lambda: not holding.is_alive() or (told.exists() and len(toolstack.asked()) > 1),
        "xl is not asked again",
    )
    assert holding.is_alive()
    os.unlink(toolstack.place / "domains" / NAME)
    toolstack.fails("list-fails", fails=False)
    until(lambda: not holding.is_alive(), "the domain that is gone is held")
    for one in (keeper, ours, nodes, changes):
        one.close()
    os.close(mine.lock)


def test_a_domain_that_does_not_end_is_told(run: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place, "PATIENCE", 0.0)
    os.makedirs(f"{run}/xen", mode=0o755)
    fd = os.open(f"{run}/xen/{UUID}.lock", OPEN, 0o600)
    assert try_lock(fd)
    assert f"domain {NAME} has not ended" in place.end(UUID, run)
    os.close(fd)
