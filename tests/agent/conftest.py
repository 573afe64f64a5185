# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fixtures of behaviour tests that run across flavours. Lazy, as all fixtures here."""

from __future__ import annotations

from typing import Any

import pytest

from tests.agent import flavour_bed
from tests.conftest import Keys


@pytest.fixture(scope="session", params=flavour_bed.FLAVOURS)
def told(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, lab: Keys
) -> flavour_bed.Told:
    """All that the pods of `flavour_bed` told about a flavour."""
    shared = flavour_bed.shared_directory(tmp_path_factory.getbasetemp())
    flavour: str = request.param
    return flavour_bed.told(flavour, shared, lab.key)


@pytest.fixture
def flavour(told: flavour_bed.Told, request: pytest.FixtureRequest) -> str:
    """Its name."""
    name: str = request.node.callspec.params["told"]
    return name


@pytest.fixture
def facts(told: flavour_bed.Told) -> dict[str, str]:
    """What each app of the first pod wrote down."""
    found: dict[str, str] = told["many"]["facts"]
    return found


@pytest.fixture
def steps(told: flavour_bed.Told) -> dict[str, Any]:
    """How each step at the second pod ended: status, output, errors."""
    found: dict[str, Any] = told["live"]["steps"]
    return found
