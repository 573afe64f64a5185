# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module config_info: what is in force is told, and for what there are log-ins, but never which."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.modules.conftest import AdHoc
from tests.modules.script import Script

CANARY = "canary-of-a-log-in"
LOGIN = {"user": CANARY, "password": CANARY}
AUTH = {
    "rktKind": "auth",
    "rktVersion": "v1",
    "domains": ["example.com"],
    "type": "basic",
    "credentials": LOGIN,
}
DOCKER = {
    "rktKind": "dockerAuth",
    "rktVersion": "v1",
    "registries": ["a.example", "b.example"],
    "credentials": LOGIN,
}


@pytest.mark.threat("T93")
def test_what_is_configured_is_told_without_log_ins(adhoc: AdHoc, tmp_path: Path) -> None:
    place = adhoc.agent.local / "auth.d"
    place.mkdir(parents=True)
    for name, document in (("aci", AUTH), ("oci", DOCKER)):
        (place / f"{name}.json").write_text(json.dumps(document))
        (place / f"{name}.json").chmod(0o600)
    script = Script(adhoc, tmp_path)
    every, some = script(("config_info", {}), ("config_info", {"kind": ["paths", "dockerAuth"]}))
    assert CANARY in adhoc.agent.ok("config"), "there is something to keep"
    assert CANARY not in json.dumps([every, some]) + script.output
    by_kind = {one["rktKind"]: one for one in every["config"]}
    assert by_kind["paths"]["data"] == str(adhoc.agent.data)
    assert by_kind["auth"] == {key: one for key, one in AUTH.items() if key != "credentials"}
    found = [one.get("registries") for one in some["config"]]
    assert found == [None, ["a.example"], ["b.example"]]
    assert every["directories"]["local"] == str(adhoc.agent.local) and not every["changed"]
