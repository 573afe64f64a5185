# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A TPM as the kernel has it, /dev/tpmrm0: a pod is measured, quoted, and judged out here.

swtpm is the TPM of the virtual machine, behind the interface that discrete TPMs have (TIS).
"""

from __future__ import annotations

import datetime
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.podwright.fleet.plugins.plugin_utils import (
    attest_enrol,
    attest_judge,
    tpm_keys,
)
from ansible_collections.podwright.fleet.plugins.plugin_utils.attest_allow import Allowed

from tests.support import tiny_image
from tests.vm import images, machine, recipes
from tests.vm.machine import Machine

pytestmark = pytest.mark.vm_full
PROGRAM = "/checkout/agent/bin/podwright"
SETTINGS = {"rktKind": "tpm", "rktVersion": "v1", "mode": "require", "timeout": 60}
START_TIMEOUT = 120.0


@pytest.fixture(scope="module")
def guest() -> Iterator[Machine]:
    """A virtual machine with a TPM, in which pods must be measured."""
    with tempfile.TemporaryDirectory(prefix="pwtest-", dir="/tmp") as name:
        control = Path(name) / "tpm"
        (Path(name) / "state").mkdir()
        command = ("swtpm", "socket", "--tpm2", "--tpmstate", f"dir={name}/state")
        tpm = subprocess.Popen([*command, "--ctrl", f"type=unixio,path={control}"])
        try:
            deadline = time.monotonic() + START_TIMEOUT
            while not control.exists():
                assert tpm.poll() is None and time.monotonic() < deadline, "swtpm did not start"
                time.sleep(0.05)
            devices: tuple[str, ...] = ("-chardev", f"socket,id=chrtpm,path={control}")
            devices += (
                "-tpmdev",
                "emulator,id=tpm0,chardev=chrtpm",
                "-device",
                "tpm-tis,tpmdev=tpm0",
            )
            state = Path(name) / "vm"
            state.mkdir()
            with machine.start(images.image(recipes.MEASURED), state, devices=devices) as guest:
                place = "/etc/podwright/tpm.d/tpm.json"
                guest.ok(
                    "sh",
                    "-ec",
                    f"mkdir -p $(dirname {place}); cat >{place}",
                    stdin=json.dumps(SETTINGS).encode(),
                )
                guest.unpack({"tiny.aci": tiny_image.build()}, "/root")
                yield guest
        finally:
            tpm.kill()
            tpm.wait()


def agent(guest: Machine, *arguments: str) -> str:
    """Run the agent in the guest, which must succeed."""
    return guest.ok(PROGRAM, *arguments)


def judged(guest: Machine, name: bytes, **more: Any) -> attest_judge.Report:
    """The report about the guest."""
    nonce = os.urandom(32)
    text = agent(guest, "tpm", "quote", f"--nonce={nonce.hex()}", "--format=json")
    now = datetime.datetime.now(datetime.timezone.utc)
    wanted = attest_judge.Wanted(nonce, name, 13, "sha256", Allowed(insecure=("image",)), now)
    return attest_judge.judge(text, wanted._replace(**more))


def test_pods_are_measured_by_the_tpm_of_the_kernel_and_believed(guest: Machine) -> None:
    assert guest.ok("ls", "/dev/tpm0", "/dev/tpmrm0").split() == ["/dev/tpm0", "/dev/tpmrm0"]
    trust = attest_enrol.Trust((), None, True)
    keys = attest_enrol.keys(agent(guest, "tpm", "key", "--format=json"), trust)
    challenge = attest_enrol.challenge(keys)
    credential, secret = challenge.as_options()
    given = (f"--credential={credential}", f"--secret={secret}", "--format=json")
    challenge.check(agent(guest, "tpm", "activate", *given))
    name = tpm_keys.name(keys.attestation)
    run = ("run", "--insecure-options=image", "--net=none", "/root/tiny.aci", "--exec=/bin/true")
    agent(guest, *run)
    report = judged(guest, name)
    assert report.trusted, report.verdicts
    assert report.log is not None
    assert [one.event for one in report.log.records] == ["baseline", "pod-start", "pod-end"]
    value = guest.ok("cat", "/sys/class/tpm/tpm0/pcr-sha256/13").strip().lower()
    assert value == report.log.value, "as the kernel itself reads it"
    (insecure,) = judged(guest, name, rules=Allowed()).verdicts
    assert insecure.reason == "insecure"

    guest.ok("tpm2_pcrextend", f"13:sha256={'ab' * 32}")
    assert [one.reason for one in judged(guest, name).verdicts][:1] == ["log-mismatch"]
    refused = guest.run(PROGRAM, *run)
    assert refused.returncode == 254, "with mode require nothing starts after that"
    assert "PCR 13" in refused.stderr
