# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""`bundle push` and `pull oci://...`: a fleet's state in a registry, with its signature in the same artifact."""

from __future__ import annotations

import json
from pathlib import Path

from tests.agent.pull_bed import DAY, FLEET, Fleet, when
from tests.agent.test_push import log_in
from tests.conftest import Keys
from tests.support.agent import Agent
from tests.support.registry import Registry
from tests.support.webserver import ImageServer


def test_a_bundle_is_published_followed_and_not_fetched_again(
    agent: Agent, https_server: ImageServer, registry: Registry, lab: Keys, tmp_path: Path
) -> None:
    log_in(agent, registry)
    fleet = Fleet(agent, https_server, lab)
    url = f"oci://{registry.host}/fleet/shop:stable"
    fleet.publish(1)
    told = json.loads(agent.ok("bundle", "push", "--format=json", fleet.file, url))
    assert told["changed"] is True
    again = json.loads(agent.ok("bundle", "push", "--format=json", fleet.file, url))
    assert again == {**told, "changed": False}
    assert fleet.pull(url=url)["serial"] == 1
    before = len(registry.log())
    assert fleet.pull(url=url)["state"] == "unchanged"
    asked = [line for line in registry.log()[before:] if "/v2/fleet/shop/" in line]
    assert asked and not [line for line in asked if "/blobs/" in line]
    fleet.publish(2, expires=when(2 * DAY))
    assert json.loads(agent.ok("bundle", "push", "--check", "--format=json", fleet.file, url))[
        "changed"
    ]
    assert fleet.pull(url=url)["serial"] == 1
    agent.ok("bundle", "push", fleet.file, url)
    assert fleet.pull(url=url)["serial"] == 2
    fleet.serve(fleet.document(3), lab.key)
    agent.ok("bundle", "push", fleet.file, url)
    error = fleet.refused(url=url)
    assert error["reason"] == "not-trusted" and f"pull:{FLEET}" in error["hint"]
    assert "there is no bundle" in agent.refused("bundle", "push", tmp_path / "none", url)
