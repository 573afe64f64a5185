# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures for tests that go through Ansible to the real agent on a throw-away host.

`adhoc`      `adhoc("pod", "name=web image=…")` is `ansible localhost -m podwright.fleet.pod -a '…'` on `private_host`,
             with the directories of `agent`; returns the module's result. Options are strings, as on a command line,
             or a mapping, which is given as JSON. `adhoc.refused(...)` expects a failure.
`trusting`   the same on a host that trusts the lab's key for example.com, so that what `published` serves is accepted.
`tpm`        a TPM in software
`site`       a host on which everything can be installed: see `playbook_site`.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Keys
from tests.modules.playbook_site import OVERLAYS, Site
from tests.support.agent import Agent
from tests.support.paths import CACHE
from tests.support.private_host import PrivateHost
from tests.support.swtpm import Swtpm
from tools import collection

RESULT = re.compile(
    r"^localhost \| (SUCCESS|CHANGED|FAILED!) => (\{.*?^\})$", re.MULTILINE | re.DOTALL
)

LIFTED = "[WARNING]: pod web: checks lifted by insecure options: image"


class AdHoc:
    """`ansible localhost -m podwright.fleet.MODULE`, with the common options from `agent`."""

    def __init__(self, agent: Agent, home: Path, collections: Path) -> None:
        self.agent = agent
        self.env = {
            "ANSIBLE_COLLECTIONS_PATH": str(collections),
            "ANSIBLE_HOME": str(home),
            "ANSIBLE_LOCAL_TEMP": str(home / "local"),
            "ANSIBLE_REMOTE_TEMP": str(home / "remote"),
            "ANSIBLE_INVENTORY_UNPARSED_WARNING": "false",
            "ANSIBLE_DEPRECATION_WARNINGS": "true",
            "PATH": f"{CACHE}/venv/bin:{os.environ['PATH']}",
            "LC_ALL": "C.UTF-8",
        }
        self.common = {
            "agent_path": str(collections / collection.PLACE / "agent/bin/podwright"),
            "data_dir": str(agent.data),
            "local_config": str(agent.local),
        }
        self.output = ""

    def run(self, module: str, options: str | Mapping[str, Any], *flags: str) -> dict[str, Any]:
        """Run a module and return its result, failed or not. `output` keeps all that was printed."""
        text = (
            json.dumps({**self.common, **options})
            if isinstance(options, Mapping)
            else " ".join([*(f"{name}={value}" for name, value in self.common.items()), options])
        )
        command = ["ansible", "localhost", "-m", f"podwright.fleet.{module}", "-a", text]
        done = self.agent.host.run([*command, *flags], env=self.env, timeout=120)
        self.output = done.stdout + done.stderr
        found = RESULT.search(done.stdout)
        assert found, self.output
        result: dict[str, Any] = json.loads(found.group(2))
        assert (found.group(1) == "CHANGED") == bool(result.get("changed") and done.exit == 0)
        return {**result, "failed": found.group(1) == "FAILED!"}

    def __call__(
        self, module: str, options: str | Mapping[str, Any] = "", *flags: str
    ) -> dict[str, Any]:
        """Run a module, which must succeed, without warnings but that of a check lifted by the test."""
        result = self.run(module, options, *flags)
        assert not result.pop("failed"), self.output
        assert "WARNING" not in self.output.replace(LIFTED, ""), self.output
        return result

    def refused(self, module: str, options: str | Mapping[str, Any], *flags: str) -> dict[str, Any]:
        """Run a module, which must fail with one clear sentence, and return its result."""
        result = self.run(module, options, *flags)
        assert result["failed"], self.output
        assert "Traceback" not in self.output
        assert "\n" not in result["msg"]
        return result


@pytest.fixture
def tpm() -> Iterator[Swtpm]:
    """A TPM in software."""
    with (
        tempfile.TemporaryDirectory(prefix="pwtest-", dir="/tmp") as name,
        Swtpm(Path(name)) as tpm,
    ):
        yield tpm


@pytest.fixture
def adhoc(agent: Agent, tmp_path: Path, collections: Path) -> AdHoc:
    """See above."""
    return AdHoc(agent, tmp_path / "ansible", collections)


@pytest.fixture
def trusting(adhoc: AdHoc, lab: Keys) -> AdHoc:
    """See above; the key is trusted by the module `trust`."""
    adhoc(
        "trust",
        {"prefix": "example.com", "fingerprint": lab.key.fingerprint, "key": lab.key.armoured},
    )
    return adhoc


@pytest.fixture(scope="session")
def collections() -> Path:
    """A collections directory with this checkout, built and installed by ansible-galaxy (or live: docs/testing.md)."""
    return collection.installed()


@pytest.fixture
def site(private_host: PrivateHost, collections: Path, tmp_path: Path) -> Site:
    """A host on which everything can be installed."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    private_host.run(["/bin/sh", "-c", OVERLAYS, "sh", str(scratch)]).check()
    return Site(private_host, collections, tmp_path / "ansible")
