# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Container images from a real registry, from layouts and archives, all the way to a running app."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support import ocilayout
from tests.support.agent import Agent
from tests.support.ocilayout import OciLayout
from tests.support.registry import PASSWORD, USER, Registry

UNSIGNED = "--insecure-options=image"


@pytest.fixture
def logged_in(agent: Agent, registry: Registry) -> Registry:
    """The registry, whose log-in the agent's configuration has."""
    log_in(agent, registry)
    return registry


def log_in(agent: Agent, registry: Registry, **more: object) -> None:
    """Put the registry's log-in into auth.d."""
    document = {
        "rktKind": "dockerAuth",
        "rktVersion": "v1",
        "registries": [registry.host],
        "credentials": {"user": USER, "password": PASSWORD},
        **more,
    }
    path = agent.local / "auth.d" / "registry.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(document))


def test_an_image_is_fetched_and_runs(agent: Agent, logged_in: Registry, tmp_path: Path) -> None:
    layout = ocilayout.busybox_layout(
        tmp_path / "layout",
        config={"Entrypoint": ["/bin/echo"], "Cmd": ["hello", "there"]},
    )
    logged_in.push_layout(layout.path, "app/web:1.0")
    reference = logged_in.reference("app/web:1.0")
    image_id = agent.ok(UNSIGNED, "fetch", "--full", reference).strip()
    assert image_id.startswith("sha512-")
    assert agent.ok(UNSIGNED, "run", reference).strip() == "hello there"
