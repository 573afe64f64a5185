# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pod in a virtual machine as a host with all modules: Python takes long in software emulation."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Keys
from tests.modules.pod_inside import Inside, inside_machine
from tests.vm.conftest import Machines
from tools import collection

pytestmark = pytest.mark.vm_full


@pytest.fixture(scope="module")
def inside(
    machines: Machines, tmp_path_factory: pytest.TempPathFactory, lab: Keys
) -> Iterator[Inside]:
    """One machine for all tests; no other one is in its way."""
    machines.close()
    with inside_machine(tmp_path_factory.mktemp("inside"), lab, collection.installed()) as made:
        yield made


def test_modules_of_python_run_in_a_machine_and_files_go_there_and_back(
    inside: Inside, tmp_path: Path
) -> None:
    """A script that is there as a file, with what no shell reads behind it, comes back as it was."""
    script, back = tmp_path / "script", tmp_path / "back"
    script.write_bytes(b'#!/bin/sh\ncp "$0" /tmp/copy\nexit 0\n' + os.urandom(300_000) + b"\0\n\r")
    found = inside.play(
        {"app": {}},
        [
            {"ansible.builtin.ping": {}},
            {"ansible.builtin.script": str(script)},
            {"ansible.builtin.fetch": {"src": "/tmp/copy", "dest": str(back), "flat": True}},
        ],
    )
    ping, copied, fetched = found["app"]
    assert (ping["ping"], copied["rc"], fetched["changed"]) == ("pong", 0, True)
    assert back.read_bytes() == script.read_bytes()
