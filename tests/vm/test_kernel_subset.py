# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent's behaviour tests that are marked `kernel`, on another kernel and cgroup v2: each is a test here, too."""

from __future__ import annotations

from typing import Any

import pytest

from tests.vm import subset
from tests.vm.machine import Machine
from tests.vm.subset import Outcome

BRIEF = "kernel(brief=True)"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test for each that is marked."""
    if "inner" in metafunc.fixturenames:
        brief = set(subset.chosen(BRIEF))
        tests = [
            pytest.param(test, id=test.removeprefix("tests/agent/"), marks=_marks(test in brief))
            for test in subset.chosen("kernel")
        ]
        metafunc.parametrize("inner", tests)


def _marks(brief: bool) -> list[Any]:
    return [] if brief else [pytest.mark.vm_full]


@pytest.fixture(scope="module")
def outcomes(plain: Machine, request: pytest.FixtureRequest) -> dict[str, Outcome]:
    """All that were asked for run at once, by one pytest in the guest."""
    asked = [
        str(item.callspec.params["inner"])
        for item in request.session.items
        if isinstance(item, pytest.Function)
        and item.path == request.path
        and hasattr(item, "callspec")
    ]
    found, text = subset.run(plain, asked)
    print(text[-6000:])
    return found


def test_in_the_machine(outcomes: dict[str, Outcome], inner: str) -> None:
    outcome = outcomes.get(inner)
    if outcome is None:
        pytest.fail("pytest in the guest has not run it: see what it printed at the first of these")
    elif outcome.how == "skipped":
        pytest.skip(outcome.text)
    elif outcome.how != "passed":
        pytest.fail(outcome.text, pytrace=False)
