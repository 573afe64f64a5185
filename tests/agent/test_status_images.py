# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""`podwright status` tells what a pod is of: its apps' images, and its name's revision."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

from tests.conftest import Keys
from tests.support.agent import Agent


def test_status_tells_images_and_the_revision(
    agent: Agent, lab: Keys, published: Callable[..., Path]
) -> None:
    agent.trust(lab.key, "example.com")
    published("1.0")
    pod = {"name": "web", "image": "example.com/tiny:1.0", "net": "none"}
    for revision, more in ((1, {}), (2, {"environment": {"A": "b"}})):
        agent.apply({"pods": [{**pod, **more}]})
        lines = agent.ok("status", "web").splitlines()
        assert f"revision={revision}" in lines, lines
        (image,) = [line for line in lines if ".image=" in line]
        assert re.fullmatch(r"app-\S+\.image=example\.com/tiny:1\.0 \(sha512-[0-9a-f]{12}\)", image)
        told = json.loads(agent.ok("status", "web", "--format=json"))
        assert [one["revision"] for one in told["history"] if one["current"]] == [revision]
    agent.apply({"pods": [{"name": "web", "state": "absent"}]})
    agent.ok("prepare", "example.com/tiny:1.0")
    uuid = json.loads(agent.ok("list", "--format=json"))[-1]["name"]
    assert not any(line.startswith("revision=") for line in agent.ok("status", uuid).splitlines())
