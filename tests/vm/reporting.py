# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A plugin of pytest: writes how each test ended to a file as it happens, one JSON object a line (tests.vm.subset)."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

VARIABLE = "PODWRIGHT_REPORTS"
"""The environment variable that names the file."""


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Write one phase of one test: set-up, call or tear-down."""
    entry = {
        "test": report.nodeid,
        "when": report.when,
        "outcome": report.outcome,
        "seconds": round(report.duration, 1),
        "text": _text(report),
    }
    # With workers, the process that hands out the tests hears it all; a worker writes nothing.
    if "PYTEST_XDIST_WORKER" not in os.environ:
        with Path(os.environ[VARIABLE]).open("a") as file:
            file.write(json.dumps(entry) + "\n")


def _text(report: pytest.TestReport) -> str:
    if report.skipped and isinstance(report.longrepr, tuple):
        return str(report.longrepr[2])
    if not report.failed:
        return ""
    return "\n".join([report.longreprtext, *(f"{name}:\n{text}" for name, text in report.sections)])
