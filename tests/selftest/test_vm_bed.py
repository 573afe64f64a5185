# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The bed of virtual machines, as far as it goes without one: what a test in a guest counts as, and commands."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.paths import CHECKOUT
from tests.vm import images, machine, reporting, shell, subset
from tests.vm.recipes import PLAIN

INNER = """\
import pytest

def test_good():
    pass

def test_bad():
    assert 1 == 2, "as it should"

@pytest.mark.skip(reason="not here")
def test_skipped():
    pass

@pytest.fixture
def dirty():
    yield
    raise RuntimeError("left something")

def test_left_something(dirty):
    pass
"""


def lines(*entries: tuple[str, str, str, str]) -> str:
    """What the plugin writes: test, phase, outcome, text."""
    keys = ("test", "when", "outcome", "text")
    return "\n".join(
        json.dumps({**dict(zip(keys, entry, strict=True)), "seconds": 1.0}) for entry in entries
    )


def test_what_ran_in_a_guest_is_told_test_by_test(tmp_path: Path) -> None:
    (tmp_path / "test_inner.py").write_text(INNER)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    reports = tmp_path / "reports"
    command = (
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "tests.vm.reporting",
        "-p",
        "no:cacheprovider",
    )
    environment = {
        reporting.VARIABLE: str(reports),
        "PYTHONPATH": str(CHECKOUT),
        "PATH": "/usr/bin:/bin",
    }
    subprocess.run([*command, "test_inner.py"], cwd=tmp_path, env=environment, capture_output=True)
    found = subset.outcomes(reports.read_text())
    assert {test.partition("::")[2]: outcome.how for test, outcome in found.items()} == {
        "test_good": "passed",
        "test_bad": "failed",
        "test_skipped": "skipped",
        "test_left_something": "failed",
    }
    assert "as it should" in found["test_inner.py::test_bad"].text
    assert "not here" in found["test_inner.py::test_skipped"].text
    assert "left something" in found["test_inner.py::test_left_something"].text


def test_one_bad_phase_makes_a_test_bad() -> None:
    for phases in (("passed", "failed"), ("failed", "passed"), ("skipped", "failed")):
        found = subset.outcomes(lines(*(("t", "call", phase, phase) for phase in phases)))
        assert found["t"].how == "failed"
    assert (
        subset.outcomes(lines(("t", "setup", "skipped", ""), ("t", "teardown", "passed", "")))[
            "t"
        ].how
        == "skipped"
    )


def test_marked_tests_are_found_without_running_any() -> None:
    brief, marked = subset.chosen("kernel(brief=True)"), subset.chosen("kernel")
    assert brief and set(brief) < set(marked)
    assert all(test.startswith("tests/agent/test_") for test in marked)


def test_a_changed_recipe_is_another_disk_and_packages_another_installation() -> None:
    more = dataclasses.replace(PLAIN, packages=("hello",))
    assert images.base_key(PLAIN) != images.base_key(more)
    assert images.base_key(PLAIN) == images.base_key(dataclasses.replace(PLAIN, commands=("true",)))


def test_a_hypervisor_is_booted_with_the_kernel_as_its_module(tmp_path: Path) -> None:
    xen = dataclasses.replace(
        PLAIN, hypervisor="boot/xen-*.gz", hypervisor_append="dom0_mem=1G", cpu="Nehalem"
    )
    command = machine.qemu(images.Disk(tmp_path, xen), tmp_path, "more=1", ("-device", "tpm-tis"))
    assert command[command.index("-kernel") + 1] == f"{tmp_path}/xen.elf"
    assert command[command.index("-initrd") + 1].startswith(f"{tmp_path}/vmlinuz root=/dev/vda")
    assert command[command.index("-append") + 1] == "dom0_mem=1G"
    assert command[command.index("-cpu") + 1] == "Nehalem"
    assert command[-2:] == ["-device", "tpm-tis"]


def test_a_machine_that_does_not_run_says_how_to_start_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert shell.main(["run", "nosuchmachine", "--", "true"]) == 1
    assert "start nosuchmachine" in capsys.readouterr().err
