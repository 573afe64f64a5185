# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A machine of libvirt's that nobody holds any more is ended by gc, or told of as long as it runs; never forgotten."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from podwright.stage1.kvm import libvirtnet, libvirtplace, libvirtrun

UUID = "6f9d1d4c-7f0e-4f6a-9d58-0f6d6f3a1b2c"
OTHER = "0c4b1d7e-2a5f-4f0d-8d0f-9b8c7d6e5f4a"
NAME = f"podwright-{UUID}"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A run directory with what two pods have left."""
    states = tmp_path / "states"
    states.mkdir()
    monkeypatch.setattr(libvirtplace, "STATES", str(states))
    monkeypatch.setattr(libvirtnet, "forget", lambda _: None)
    place = tmp_path / "run"
    for uuid in (UUID, OTHER):
        leave(uuid, str(place))
    return str(place)


def leave(uuid: str, run: str) -> None:
    """A place that nobody holds any more."""
    place = libvirtplace.Place(uuid, run)
    os.close(place.lock)
    for server in place.servers.values():
        server.close()


@pytest.fixture
def machine(run: str) -> Iterator[subprocess.Popen[bytes]]:
    """What libvirt runs for one of them."""
    process = subprocess.Popen(["/bin/sh", "-c", "read x", f"guest={NAME}"], stdin=subprocess.PIPE)
    Path(libvirtplace.STATES, f"{NAME}.pid").write_text(f"{process.pid}\n")
    yield process
    process.communicate()


def test_one_that_libvirt_does_not_end_is_told_and_not_forgotten(
    run: str, machine: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(libvirtrun, "destroy", lambda _: None)
    for _ in range(2):
        problems: list[str] = []
        gone = libvirtplace.sweep(run, problems)
        assert OTHER not in os.listdir(f"{run}/kvm") and UUID not in gone
        (problem,) = problems
        assert problem.startswith(f"domain {NAME} cannot be ended") and "virsh destroy" in problem
        assert os.listdir(f"{run}/kvm") == [f"{UUID}.lock"]

    def destroy(name: str) -> None:
        assert name == NAME
        machine.communicate()

    monkeypatch.setattr(libvirtrun, "destroy", destroy)
    problems = []
    assert (libvirtplace.sweep(run, problems), problems) == ([UUID], [])
    assert os.listdir(f"{run}/kvm") == []


def test_a_number_that_is_another_process_by_now_is_no_machine(
    run: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(libvirtrun, "destroy", lambda _: None)
    for text in (str(os.getpid()), "", "../../x", "9" * 19):
        Path(libvirtplace.STATES, f"{NAME}.pid").write_text(text)
        problems: list[str] = []
        libvirtplace.sweep(run, problems)
        assert problems == []
        leave(UUID, run)
