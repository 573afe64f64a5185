# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A private host with a TPM in software, and what a verifier makes of its event log by itself.

`replayed(log)` follows docs/tpm.md with nothing of the agent's code.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.support.agent import Agent
from tests.support.swtpm import Swtpm

PCR = 13
LOG = "/run/podwright/tpm/log"
DRIVER = Path(__file__).with_name("tpm_driver.py")


def canonical(content: dict[str, Any]) -> bytes:
    """The bytes that are measured."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def replayed(log: Iterable[dict[str, Any]], bank: str = "sha256") -> str:
    """What a log adds up to, each record checked."""
    value = bytes(hashlib.new(bank).digest_size)
    for number, record in enumerate(log):
        content = record["content"]
        assert (record["recnum"], record["pcr"]) == (number, PCR)
        assert record["content_type"] == "podwright"
        assert (content["event"] == "baseline") == (number == 0)
        digest = hashlib.new(bank, canonical(content))
        assert record["digests"] == [{"hashAlg": bank, "digest": digest.hexdigest()}]
        value = hashlib.new(bank, value + digest.digest()).digest()
    return value.hex()


class Measured:
    """An agent on a host that measures."""

    def __init__(self, agent: Agent, tpm: Swtpm) -> None:
        self.agent = agent
        self.tpm = tpm
        self.settings = agent.local / "tpm.d"
        self.settings.mkdir()
        self.set()

    def set(self, mode: str = "require", **more: Any) -> None:
        """Write the settings."""
        own = {"tcti": self.tpm.tcti, "timeout": 60, **more}  # machines of tests are busy
        said = {"rktKind": "tpm", "rktVersion": "v1", "mode": mode, **own}
        (self.settings / "tpm.json").write_text(json.dumps(said))

    def pcr(self, bank: str = "sha256") -> str:
        """The PCR, read by somebody else."""
        text = self.tpm.tool("pcrread", f"{bank}:{PCR}")
        return text.rpartition("0x")[2].strip().lower()

    def log(self) -> list[dict[str, Any]]:
        """The event log."""
        found: list[dict[str, Any]] = json.loads(self.agent.ok("tpm", "log", "--format=json"))
        return found

    def events(self) -> list[dict[str, Any]]:
        """What was measured, in order, after it was replayed and compared with the PCR."""
        log = self.log()
        assert replayed(log) == self.pcr()
        return [record["content"] for record in log]

    def kinds(self) -> list[str]:
        """The words of the events, without the baseline."""
        return [one["event"] for one in self.events()][1:]

    def shell(self, script: str) -> str:
        """The output of a script on the host, which must succeed."""
        return self.agent.host.run(["sh", "-ec", script]).check().stdout

    def append(self, number: int, *, fault: str = "", large: int = 0) -> int:
        """Measure something by the agent's own code, with a fault at one of its steps; the exit status."""
        env = {"PODWRIGHT_FAULT": fault} if fault else {}
        command = ["/usr/bin/python3", "-IS", str(DRIVER), str(self.agent.local)]
        command += [str(number), str(large)]
        return self.agent.host.run(command, env=env).exit
